//! `[vendor.NAME]`: names, hosts and rules.

use super::{Findings, VENDOR_NAME, plain_name};
use crate::config::category_of;
use crate::config::host_map::HostMap;
use crate::config::origins::join;
use crate::config::schema::{InterceptMode, Select, Settings, VendorConfig};
use crate::config::value::{HostPattern, NeverEntry};
use crate::model::Host;
use http::HeaderName;
use serde_json_path::JsonPath;

pub(super) fn vendors(settings: &Settings, findings: &mut Findings<'_>) {
    if settings.intercept.mode == InterceptMode::Chosen && settings.vendor.is_empty() {
        findings.warn(
            "intercept.mode",
            "nothing is decrypted: the mode is \"chosen\" and there is no [vendor]".to_owned(),
            Some("add a [vendor.NAME] with its hosts".to_owned()),
        );
    }
    let mut owners: HostMap<&str> = HostMap::default();
    for (name, vendor) in &settings.vendor {
        let at = join("vendor", name);
        vendor_name(&at, name, vendor, findings);
        if vendor.hosts.is_empty() {
            findings.error(&format!("{at}.hosts"), format!("[{at}] names no host"), None);
        }
        for (index, pattern) in vendor.hosts.iter().enumerate() {
            let key = format!("{at}.hosts[{index}]");
            match owners.insert(pattern, name) {
                Some(other) if other == name => {
                    findings.warn(&key, format!("`{pattern}` is there twice"), None);
                }
                Some(other) => {
                    let message = format!("`{pattern}` already belongs to [{}]", join("vendor", other));
                    findings.error(&key, message, "a host belongs to one vendor");
                }
                None => {}
            }
            if let HostPattern::Below(domain) = pattern
                && psl::suffix_str(domain) == Some(domain)
                && psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known())
            {
                let message = format!("`{pattern}` takes in everybody who registers below `{domain}`");
                findings.error(&key, message, "name the vendor's own domain");
            }
            if settings.intercept.never.iter().any(|never| never_names(never, pattern)) {
                let message =
                    format!("`{pattern}` is in `intercept.never`, so nothing of [{at}] happens there");
                findings.warn(&key, message, None);
            }
        }
        super::not_offered(&at, vendor.terms.as_deref(), settings, findings);
        rules(&at, vendor, findings);
    }
}

fn never_names(never: &NeverEntry, pattern: &HostPattern) -> bool {
    match (never, pattern) {
        (NeverEntry::Hosts(never), HostPattern::Exact(host)) => never.matches(host),
        (NeverEntry::Hosts(never), pattern) => never == pattern,
        (NeverEntry::Category(category), HostPattern::Exact(host)) => category_of(host) == Some(*category),
        (NeverEntry::Category(category), HostPattern::Below(name)) => {
            category_of(&Host::Name(name.clone())) == Some(*category)
        }
    }
}

fn vendor_name(at: &str, name: &str, vendor: &VendorConfig, findings: &mut Findings<'_>) {
    // A name with a dot would pass for the site of another vendor.
    let own_site = vendor.hosts.iter().any(|pattern| match pattern {
        HostPattern::Exact(host) => host.site() == name,
        HostPattern::Below(domain) => Host::Name(domain.clone()).site() == name,
    });
    if !plain_name(name, VENDOR_NAME) && !own_site {
        findings.error(
            at,
            format!("`{name}` is no name for a vendor"),
            "use a-z, 0-9, - and _, or the registrable domain of one of its hosts",
        );
    }
}

/// Fields that say how a message is framed, coded or led, and the one that has a selector of its own.
const NO_FIELD: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn rules(at: &str, vendor: &VendorConfig, findings: &mut Findings<'_>) {
    for (index, rule) in vendor.rule.iter().enumerate() {
        let key = format!("{at}.rule[{index}]");
        if let Some((message, help)) = amiss(&rule.select) {
            findings.error(&format!("{key}.select"), message, help);
        }
        if rule.when.path.as_deref().is_some_and(|path| !path.starts_with('/')) {
            findings.error(&format!("{key}.when"), "a path begins with /".to_owned(), None);
        }
        if rule.when.method.as_deref().is_some_and(|m| m.is_empty() || m != m.to_ascii_uppercase()) {
            findings.error(&format!("{key}.when"), "a method is upper case, as in \"POST\"".to_owned(), None);
        }
    }
}

/// Why a selector selects nothing, and what to write instead.
fn amiss(select: &Select) -> Option<(String, Option<&'static str>)> {
    let is_empty = |kind: &str| Some((format!("`select.{kind}` is empty"), None));
    match select {
        Select::Json(path) => {
            let error = JsonPath::parse(path).err()?;
            let message = format!("`{path}` is not a JSONPath: {}", error.message());
            Some((message, Some("it begins with $, as in \"$.user.email\"")))
        }
        Select::Header(name) if name.is_empty() => is_empty("header"),
        Select::Header(name) => {
            let is_led = NO_FIELD.iter().any(|no| name.eq_ignore_ascii_case(no));
            let message = format!("`{name}` is no header field that holds somebody's value");
            let help = Some("for a cookie write select = { cookie = \"NAME\" }");
            (is_led || HeaderName::from_bytes(name.as_bytes()).is_err()).then_some((message, help))
        }
        Select::Form(name) if name.is_empty() => is_empty("form"),
        Select::Query(name) if name.is_empty() => is_empty("query"),
        Select::Cookie(name) if name.is_empty() => is_empty("cookie"),
        Select::Multipart(name) if name.is_empty() => is_empty("multipart"),
        _ => None,
    }
}
