//! What the layers work with: the rooms below, and one generation of policy.

use super::exceptions::Exceptions;
use super::limits::{Admission, Limits};
use super::questions::Questions;
use super::reveal::Revealed;
use super::rules::Rules;
use super::send_body::SendBody;
use super::spool::Spools;
use crate::config::Config;
use crate::config::schema::{Carriers, Derivation, First, Policies};
use crate::ledger::Ledger;
use crate::model::{Clock, FederatedLogin, Host, MemberId, Origin, Policy, Reveal, VendorId};
use crate::persona::{self, Personas, VendorSettings};
use crate::telemetry::Metrics;
use crate::trackers::Trackers;
use crate::upstream::{Bounds, NextHop, Reach, Upstream};
use crate::vault::Vault;
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The rooms below the corridor.
pub struct Rooms {
    /// Members, their values and keys.
    pub vault: Vault,
    /// The log.
    pub ledger: Ledger,
    /// The way out.
    pub upstream: Upstream<SendBody>,
    /// Who members are to vendors.
    pub personas: Personas,
    /// The policy in force; each exchange keeps the one it began with.
    pub generation: ArcSwap<Generation>,
    /// Counters.
    pub metrics: Metrics,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The gateway's own bound.
    pub admission: Admission,
    /// Where uploads wait for their length.
    pub spools: Spools,
    /// What members are asked while requests wait.
    pub questions: Questions,
    /// What members have let by.
    pub exceptions: Arc<Exceptions>,
    /// What members' own programs were shown of late.
    pub revealed: Revealed,
    /// What members set for vendors themselves, from the store.
    pub own_settings: ArcSwap<OwnSettings>,
}

/// What members set for vendors, by member and vendor.
pub type OwnSettings = HashMap<(MemberId, VendorId), VendorSettings>;

impl Rooms {
    /// What bears on a member's identity at a vendor: written in the file under what it is called now (`label`), set by
    /// the member for whom it knows (`vendor`). Value by value, the file wins.
    pub fn vendor_settings(
        &self,
        generation: &Generation,
        member: MemberId,
        label: &VendorId,
        vendor: &VendorId,
    ) -> Option<Arc<VendorSettings>> {
        let file = generation.vendors.get(label);
        let own_settings = self.own_settings.load();
        let Some(own) = own_settings.get(&(member, vendor.clone())) else { return file.cloned() };
        let mut merged = own.clone();
        if let Some(file) = file {
            merged.level = file.level.or(own.level);
            merged.federated_login = file.federated_login.or(own.federated_login);
            merged.reveal = file.reveal.or(own.reveal);
            // To a question of the file's the member may have given the answer.
            let stands = |key: &str, policy: Policy| policy != Policy::Ask || !own.slots.contains_key(key);
            let file = file.slots.iter().filter(|(key, policy)| stands(key, **policy));
            merged.slots.extend(file.map(|(key, policy)| (key.clone(), *policy)));
        }
        Some(Arc::new(merged))
    }

    /// What becomes of the member's signing in at a vendor by way of somebody else.
    pub fn federated_login(
        &self,
        generation: &Generation,
        member: MemberId,
        label: &VendorId,
        vendor: &VendorId,
    ) -> FederatedLogin {
        let own = self.vendor_settings(generation, member, label, vendor);
        own.and_then(|own| own.federated_login).unwrap_or(generation.identity.federated_login)
    }

    /// Where the pseudonyms that a vendor knows a member by become real values again on the way back.
    pub fn reveal(
        &self,
        generation: &Generation,
        member: MemberId,
        label: &VendorId,
        vendor: &VendorId,
    ) -> Reveal {
        let own = self.vendor_settings(generation, member, label, vendor);
        own.and_then(|own| own.reveal).unwrap_or_default()
    }
}

fn written(policies: &Policies) -> BTreeMap<String, Policy> {
    policies.0.iter().map(|(key, policy)| (key.to_string(), *policy)).collect()
}

/// One generation of policy: configuration, compiled lists and quotas, swapped whole on reload. A clone counts in the same
/// quotas.
#[derive(Clone)]
pub struct Generation {
    /// What the owner wrote.
    pub config: Arc<Config>,
    /// The lists.
    pub trackers: Arc<Trackers>,
    /// The quotas.
    pub limits: Arc<Limits>,
    /// What `[identity]` says.
    pub identity: persona::Settings,
    /// What the fields of vendors hold by the owner's word.
    pub rules: Arc<Rules>,
    vendors: HashMap<VendorId, Arc<VendorSettings>>,
    own: Vec<SocketAddr>,
    next_hop: Option<Arc<NextHop>>,
}

impl Generation {
    /// A generation whose gateway listens on `own`.
    pub fn new(config: Arc<Config>, trackers: Arc<Trackers>, own: Vec<SocketAddr>) -> Self {
        let limits = Arc::new(Limits::of(&config.settings));
        let identity = &config.settings.identity;
        let identity = persona::Settings {
            new_vendor: identity.new_vendor,
            slots: written(&identity.policies),
            domain: identity.domain.as_ref().map(ToString::to_string),
            strict: identity.strict,
            block_carriers: identity.carriers == Carriers::Block,
            learn: identity.first == First::Learn,
            ask_first: identity.first == First::Ask,
            federated_login: identity.federated_login,
            derivation: match identity.derivation {
                Derivation::Seed => persona::Derivation::Seed,
                Derivation::Random => persona::Derivation::Random,
            },
        };
        let vendors = config.settings.vendor.iter().map(|(name, vendor)| {
            let settings = VendorSettings {
                level: vendor.level,
                federated_login: vendor.federated_login,
                reveal: vendor.reveal,
                slots: written(&vendor.identity),
            };
            (VendorId::from(name.as_str()), Arc::new(settings))
        });
        let next_hop = config.settings.upstream.proxy.as_ref().map(|written| Arc::new(NextHop::of(written)));
        let rules = Arc::new(Rules::of(&config.settings));
        Self { limits, identity, rules, vendors: vendors.collect(), own, next_hop, trackers, config }
    }

    /// The same policy, whose quotas go on where those of `before` are written alike.
    pub fn after(mut self, before: &Self) -> Self {
        self.limits = Arc::new(before.limits.after(&self.config.settings));
        self
    }

    /// The same policy with newly compiled lists.
    pub fn with_trackers(&self, trackers: Arc<Trackers>) -> Self {
        Self { trackers, ..self.clone() }
    }

    /// The same policy for a gateway that listens on `own`.
    pub fn listening_on(&self, own: Vec<SocketAddr>) -> Self {
        Self { own, ..self.clone() }
    }

    /// The addresses the gateway listens on.
    pub fn own(&self) -> &[SocketAddr] {
        &self.own
    }

    /// Whether the port of `origin` is one that may be named; a host with a fixed address may be named with any, because
    /// that address is where it goes.
    pub fn may_reach(&self, origin: &Origin) -> bool {
        self.config.port_allowed(origin.port)
            || matches!(&origin.host, Host::Name(name) if origin.port != 25 && self.config.static_host(name).is_some())
    }
}

impl Reach for Generation {
    fn bounds(&self) -> Bounds {
        let limits = &self.config.settings.limits;
        Bounds { connect: limits.connect.get(), idle: limits.idle.get(), head_bytes: limits.head_bytes }
    }

    fn next_hop(&self) -> Option<&Arc<NextHop>> {
        self.next_hop.as_ref()
    }

    fn static_address(&self, host: &str) -> Option<SocketAddr> {
        self.config.static_host(host)
    }

    fn allows_private(&self, address: IpAddr) -> bool {
        self.config.allow_private(address)
    }

    fn is_own_listener(&self, address: SocketAddr) -> bool {
        self.own.iter().any(|own| {
            own.port() == address.port()
                && (own.ip() == address.ip() || own.ip().is_unspecified() || address.ip().is_unspecified())
        })
    }
}
