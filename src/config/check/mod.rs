//! What types alone cannot say: whether the parts of a file fit together.

mod home;
mod next_hop;
mod vendors;

use super::finding::{Finding, Severity};
use super::inactive;
use super::origins::{Origins, join};
use super::schema::{SCHEMA, Settings};
use super::value::{ListSource, ListenAddr, OfferId};
use crate::model::{Host, MemberKind};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

/// No name of a member is longer, in bytes: as in the home.
const MEMBER_NAME: usize = 32;
/// No name of a vendor is longer, in bytes.
const VENDOR_NAME: usize = 64;

/// Gathers findings with their places.
pub(super) struct Findings<'a> {
    origins: &'a Origins,
    list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(origins: &'a Origins) -> Self {
        Self { origins, list: Vec::new() }
    }

    pub(super) fn written(&self, key: &str) -> bool {
        self.origins.get(key).is_some()
    }

    pub(super) fn error(&mut self, key: &str, message: String, help: impl Into<Option<&'static str>>) {
        self.add(Severity::Error, key, message, help.into().map(str::to_owned));
    }

    pub(super) fn warn(&mut self, key: &str, message: String, help: Option<String>) {
        self.add(Severity::Warning, key, message, help);
    }

    pub(super) fn into_list(self) -> Vec<Finding> {
        self.list
    }

    pub(super) fn add(&mut self, severity: Severity, key: &str, message: String, help: Option<String>) {
        let location = self.origins.nearest(key).cloned();
        self.list.push(Finding { severity, key: Some(key.to_owned()), location, message, help });
    }
}

/// Everything that can be said about settings without knowing the home.
pub(super) fn settings(settings: &Settings, origins: &Origins) -> Vec<Finding> {
    let mut findings = Findings::new(origins);
    if settings.schema != SCHEMA {
        let message = format!("schema {} is not known here", settings.schema);
        findings.error("schema", message, "this version reads `schema = 1`");
    }
    listen(settings, &mut findings);
    bounds(settings, &mut findings);
    upstream(settings, &mut findings);
    files(settings, &mut findings);
    vendors::vendors(settings, &mut findings);
    members(settings, &mut findings);
    tests(settings, &mut findings);
    inactive::check(settings, &mut findings);
    findings.into_list()
}

fn listen(settings: &Settings, findings: &mut Findings<'_>) {
    let listen = &settings.listen;
    let mut seen: HashMap<ListenAddr, &str> = HashMap::new();
    let addresses = [
        ("listen.proxy", Some(listen.proxy)),
        ("listen.console", Some(listen.console)),
        ("listen.metrics", listen.metrics),
        ("listen.transparent", listen.transparent),
    ];
    for (key, address) in addresses {
        let Some(address) = address.filter(|address| address.0.port() != 0) else { continue };
        if let Some(other) = seen.insert(address, key) {
            findings.error(
                key,
                format!("{address} is taken by `{other}`"),
                "each listener needs its own port",
            );
        }
    }
    if listen.metrics.is_some_and(|address| !address.is_loopback()) {
        findings.warn(
            "listen.metrics",
            "metrics are readable from the network".to_owned(),
            Some("they name no person and no vendor, but say when somebody is at home".to_owned()),
        );
    }
    for network in &listen.trust_network {
        if network.prefix() < 8 {
            let message = format!("{network} would let nearly everybody in without a credential");
            findings.error("listen.trust_network", message, "name the networks of the house");
        }
    }
    for name in &listen.names {
        if Host::parse(name).is_none() {
            findings.error("listen.names", format!("`{name}` is not a host"), "write \"doorward.home.arpa\"");
        }
    }
}

fn bounds(settings: &Settings, findings: &mut Findings<'_>) {
    let limits = &settings.limits;
    let ranges = [
        ("limits.connections_per_member", limits.connections_per_member, 1, 1 << 20),
        ("limits.connections", limits.connections, 1, 1 << 20),
        ("limits.requests", limits.requests, 1, 1 << 20),
        ("limits.head_bytes", limits.head_bytes, 8 << 10, 1 << 20),
        ("limits.uri_bytes", limits.uri_bytes, 1 << 10, 1 << 18),
        ("limits.streams", limits.streams, 1, 4096),
        ("ledger.keep_days", settings.ledger.keep_days, 1, 3660),
    ];
    for (key, value, least, most) in ranges {
        if !(least..=most).contains(&value) {
            findings.error(key, format!("`{key}` lies between {least} and {most}, this is {value}"), None);
        }
    }
}

fn upstream(settings: &Settings, findings: &mut Findings<'_>) {
    let upstream = &settings.upstream;
    if upstream.ports.contains(&25) {
        findings.error(
            "upstream.ports",
            "port 25 is never opened: mail does not leave through a proxy".to_owned(),
            "take 25 out",
        );
    }
    if upstream.ports.is_empty() || upstream.ports.contains(&0) {
        findings.error(
            "upstream.ports",
            "ports lie between 1 and 65535".to_owned(),
            "the usual are [80, 443]",
        );
    }
    for (name, address) in &upstream.hosts {
        let key = join("upstream.hosts", name);
        if !matches!(Host::parse(name), Some(Host::Name(_))) {
            findings.error(&key, format!("`{name}` is not the name of a host"), "write \"shop.test\"");
        }
        if address.port() == 0 {
            findings.error(&key, format!("the address of `{name}` needs a port"), None);
        }
        let allowed = upstream.allow_private.iter().any(|network| network.contains(address.ip()));
        if private(address.ip()) && !allowed {
            let message = format!("`{name}` goes to {}, which is refused as private", address.ip());
            let help = format!("add \"{}\" to `upstream.allow_private`", address.ip());
            findings.warn(&key, message, Some(help));
        }
    }
    next_hop::next_hop(settings, findings);
}

fn private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

fn files(settings: &Settings, findings: &mut Findings<'_>) {
    let missing = |findings: &mut Findings<'_>, key: &str, path: &Path| {
        if !path.is_file() {
            findings.warn(key, format!("{} is not there", path.display()), None);
        }
    };
    for (index, path) in settings.upstream.extra_ca.iter().enumerate() {
        missing(findings, &format!("upstream.extra_ca[{index}]"), path);
    }
    for (index, list) in settings.trackers.lists.iter().enumerate() {
        if let ListSource::File(path) = list {
            missing(findings, &format!("trackers.lists[{index}]"), path);
        }
    }
}

fn members(settings: &Settings, findings: &mut Findings<'_>) {
    let mut owners = HashMap::new();
    for (name, member) in &settings.member {
        let at = join("member", name);
        if !plain_name(name, MEMBER_NAME) || matches!(name.as_str(), "guest" | "gateway") {
            let message = format!("`{name}` is no name for a member");
            findings.error(&at, message, "use up to 32 of a-z, 0-9, - and _; guest and gateway are taken");
        }
        for (index, device) in member.devices.iter().enumerate() {
            let key = format!("{at}.devices[{index}]");
            if !device.is_static {
                let message = format!("{} is not marked `static = true`", device.address);
                let help = "an address that others can get says nothing about who asks; it is not used";
                findings.warn(&key, message, Some(help.to_owned()));
            } else if let Some(other) = owners.insert(device.address.to_canonical(), name) {
                let message = format!("{} already belongs to `{other}`", device.address);
                findings.error(&key, message, "an address belongs to one member");
            }
        }
        not_offered(&at, member.terms.as_deref(), settings, findings);
        if member.guardian.is_some() && member.kind != Some(MemberKind::Child) {
            findings.warn(&format!("{at}.guardian"), "only a child has a guardian".to_owned(), None);
        }
    }
}

/// Says which agreements nobody may choose.
fn not_offered(at: &str, terms: Option<&[OfferId]>, settings: &Settings, findings: &mut Findings<'_>) {
    for id in terms.unwrap_or_default().iter().filter(|id| !settings.terms.offer.contains(id)) {
        let message = format!("`{id}` is not among `terms.offer`, so it is not offered");
        findings.warn(&format!("{at}.terms"), message, None);
    }
}

fn tests(settings: &Settings, findings: &mut Findings<'_>) {
    for (index, test) in settings.test.iter().enumerate() {
        let web = url::Url::parse(&test.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !web {
            let message = format!("`{}` is not an http or https URL", test.url);
            findings.error(&format!("test[{index}].url"), message, None);
        }
    }
}

fn plain_name(name: &str, most: usize) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    (1..=most).contains(&name.len()) && name.bytes().all(plain)
}
