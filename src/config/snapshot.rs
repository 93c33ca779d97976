//! The configuration in force: settings, and the tables that requests are looked up in.

use super::categories::category_of;
use super::finding::Finding;
use super::groups;
use super::host_map::HostMap;
use super::origins::Origins;
use super::schema::{Detail, InterceptMode, MemberConfig, Settings, VendorConfig};
use super::value::{HostCategory, NeverEntry, OfferId};
use crate::model::{Host, VendorId};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// One configuration, checked. Lookups that every request makes are hash look-ups and allocate nothing, but for
/// [`Config::vendor_of`] where no `[vendor]` matches and the host is not its own site.
#[derive(Clone, Debug)]
pub struct Config {
    /// All values, with the profile's defaults filled in and paths absolute.
    pub settings: Settings,
    pub(super) file: Option<Arc<Path>>,
    pub(super) origins: Origins,
    findings: Vec<Finding>,
    vendors: Vec<(VendorId, VendorConfig)>,
    vendor_hosts: HostMap<usize>,
    never_hosts: HostMap<Arc<str>>,
    never_categories: HashMap<HostCategory, Arc<str>>,
    devices: HashMap<IpAddr, Device>,
    static_hosts: HashMap<Box<str>, SocketAddr>,
}

/// A device that is its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Whose it is.
    pub member: String,
    /// What people call it, else its address.
    pub name: Arc<str>,
}

/// A vendor, and what is written about it.
#[derive(Clone, Debug)]
pub struct VendorRef<'a> {
    /// Its name.
    pub id: VendorId,
    /// Its `[vendor.NAME]`, where there is one.
    pub configured: Option<&'a VendorConfig>,
}

/// Whether a connection is decrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Intercept,
    /// No; its bytes pass unread.
    Tunnel {
        /// Why.
        reason: TunnelReason,
    },
}

/// Why the configuration wants a connection left unread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TunnelReason {
    /// `intercept.mode` is `off`.
    Off,
    /// `intercept.mode` is `chosen`, and this vendor is not listed.
    NotChosen,
    /// This entry of `intercept.never` names the host.
    Never(Arc<str>),
}

impl TunnelReason {
    /// The rule that decided, as it is written.
    pub fn rule(&self) -> String {
        match self {
            Self::Off => "intercept.mode=off".to_owned(),
            Self::NotChosen => "intercept.mode=chosen".to_owned(),
            Self::Never(entry) => format!("intercept.never={entry}"),
        }
    }
}

impl Config {
    pub(super) fn resolve(
        settings: Settings,
        file: Option<Arc<Path>>,
        origins: Origins,
        findings: Vec<Finding>,
    ) -> Self {
        let vendors: Vec<_> = settings
            .vendor
            .iter()
            .map(|(name, vendor)| (VendorId::from(name.as_str()), vendor.clone()))
            .collect();
        let mut vendor_hosts = HostMap::default();
        for (index, (_, vendor)) in vendors.iter().enumerate() {
            for pattern in &vendor.hosts {
                vendor_hosts.insert(pattern, index);
            }
        }
        let mut never_hosts = HostMap::default();
        let mut never_categories = HashMap::new();
        for entry in &settings.intercept.never {
            let text: Arc<str> = entry.to_string().into();
            match entry {
                NeverEntry::Hosts(pattern) => drop(never_hosts.insert(pattern, text)),
                NeverEntry::Category(category) => drop(never_categories.insert(*category, text)),
            }
        }
        let devices = settings.member.iter().flat_map(|(name, member)| {
            let own = member.devices.iter().filter(|device| device.is_static);
            own.map(move |device| {
                let address = device.address.to_canonical();
                let called = device.name.clone().unwrap_or_else(|| address.to_string());
                (address, Device { member: name.clone(), name: called.into() })
            })
        });
        let devices = devices.collect();
        let named = |(name, address): (&String, &SocketAddr)| Some((Host::parse(name)?, *address));
        let static_hosts = settings.upstream.hosts.iter().filter_map(named);
        let static_hosts =
            static_hosts.filter_map(|(host, address)| Some((host.name()?.into(), address))).collect();
        Self {
            settings,
            file,
            origins,
            findings,
            vendors,
            vendor_hosts,
            never_hosts,
            never_categories,
            devices,
            static_hosts,
        }
    }

    /// The same with `change` applied, for what is no owner's file: the demonstration.
    pub fn adjusted(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.settings.clone();
        change(&mut settings);
        Self::resolve(settings, self.file.clone(), self.origins.clone(), self.findings.clone())
    }

    /// The file it came from; `None` for the defaults.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Warnings and notes about the file.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The vendor a host belongs to: the `[vendor]` with the longest matching host, else a built-in group of domains
    /// that share one login, else the registrable domain (an address is its own vendor).
    pub fn vendor_of(&self, host: &Host) -> VendorRef<'_> {
        let index = self.vendor_hosts.get(host);
        if let Some((id, vendor)) = index.and_then(|index| self.vendors.get(*index)) {
            return VendorRef { id: id.clone(), configured: Some(vendor) };
        }
        let site = host.name().map(|name| psl::domain_str(name).unwrap_or(name));
        let id = match (host, site, site.and_then(groups::vendor_of)) {
            (_, _, Some(group)) => group.clone(),
            (Host::Name(name), Some(site), None) if site.len() == name.len() => VendorId(name.clone()),
            (_, Some(site), None) => VendorId::from(site),
            (host, None, None) => VendorId::from(host.to_string().as_str()),
        };
        VendorRef { id, configured: None }
    }

    /// What is written about a vendor, by its name.
    pub fn vendor(&self, id: &VendorId) -> Option<&VendorConfig> {
        self.settings.vendor.get(id.as_str())
    }

    /// Whether connections to `host` are decrypted, for a member whose devices are inspected at all.
    pub fn intercept_for(&self, host: &Host, vendor: &VendorRef<'_>) -> Decision {
        let tunnel = |reason| Decision::Tunnel { reason };
        match self.settings.intercept.mode {
            InterceptMode::Off => return tunnel(TunnelReason::Off),
            InterceptMode::Chosen if vendor.configured.is_none() => return tunnel(TunnelReason::NotChosen),
            InterceptMode::Chosen | InterceptMode::All => {}
        }
        match self.never(host) {
            Some(entry) => tunnel(TunnelReason::Never(entry.clone())),
            None => Decision::Intercept,
        }
    }

    fn never(&self, host: &Host) -> Option<&Arc<str>> {
        let named = self.never_hosts.get(host);
        named.or_else(|| {
            let category = (!self.never_categories.is_empty()).then(|| category_of(host)).flatten()?;
            self.never_categories.get(&category)
        })
    }

    /// Whether `upstream.allow_private` opens this address.
    pub fn allow_private(&self, address: IpAddr) -> bool {
        self.settings.upstream.allow_private.iter().any(|network| network.contains(address))
    }

    /// Whether CONNECT and URLs may name this port.
    pub fn port_allowed(&self, port: u16) -> bool {
        port != 25 && self.settings.upstream.ports.contains(&port)
    }

    /// The static address of a host, as names are compared (lower case, no final dot).
    pub fn static_host(&self, host: &str) -> Option<SocketAddr> {
        self.static_hosts.get(host).copied()
    }

    /// What is written about a member, by name.
    pub fn member(&self, name: &str) -> Option<&MemberConfig> {
        self.settings.member.get(name)
    }

    /// The agreements a member chose, in the order preferred, of those that people may choose from.
    pub fn terms_of(&self, member: &str) -> impl Iterator<Item = &OfferId> {
        let own = self.member(member).and_then(|member| member.terms.as_deref()).unwrap_or_default();
        own.iter().filter(|id| self.settings.terms.offer.contains(id))
    }

    /// The device that has this address as its own.
    pub fn device_at(&self, address: IpAddr) -> Option<&Device> {
        self.devices.get(&address.to_canonical())
    }

    /// Whether clients of this address need no credential (`listen.trust_network`).
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.settings.listen.trust_network.iter().any(|network| network.contains(address))
    }

    /// How much of a member's flows the log keeps: their own entry, else `ledger.detail`.
    pub fn detail_for(&self, member: &str) -> Detail {
        let own = self.member(member).and_then(|member| member.detail);
        own.unwrap_or(self.settings.ledger.detail)
    }
}
