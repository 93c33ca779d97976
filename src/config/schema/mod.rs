//! The file as it is written: one struct per table, strict keys, every value typed.
//!
//! A table or key that is not written has its default here; what differs between profiles is overlaid from
//! [`Profile::overlay`] before the file is.

mod doors;
mod identity;
mod mail;
mod next_hop;
mod people;
mod records;
mod signals;
mod vendor;
mod wire;

pub use doors::{Limits, Listen};
pub use identity::{Carriers, Derivation, First, Identity, Policies};
pub use mail::{Dkim, Mail, MailProvider, ProviderKind, Smarthost};
pub use next_hop::NextHop;
pub use people::{MemberConfig, MemberDevice, TestCase};
pub use records::{Detail, Ledger, OnFailure, Store, WriteMode};
pub use signals::{SendTerms, Terms, Trackers};
pub use vendor::{Rule, Select, TermsState, VendorConfig, When};
pub use wire::{Intercept, InterceptMode, OnPinned, OnRefused, Resolver, Upstream};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the file's format that this build reads.
pub const SCHEMA: u32 = 1;

/// The whole of `doorward.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "doorward.toml")]
pub struct Settings {
    /// The version of the file's format: 1.
    pub schema: u32,
    /// Defaults for all that is not written.
    pub profile: Profile,
    /// Addresses the gateway listens on.
    pub listen: Listen,
    /// Bounds and quotas.
    pub limits: Limits,
    /// What is decrypted.
    pub intercept: Intercept,
    /// The way out.
    pub upstream: Upstream,
    /// What vendors get to know of a person.
    pub identity: Identity,
    /// Filter lists.
    pub trackers: Trackers,
    /// The person's own terms.
    pub terms: Terms,
    /// The log.
    pub ledger: Ledger,
    /// State.
    pub store: Store,
    /// The letter box; off unless a listener is named.
    pub mail: Mail,
    /// One relationship each.
    pub vendor: BTreeMap<String, VendorConfig>,
    /// What is written about people, by name.
    pub member: BTreeMap<String, MemberConfig>,
    /// Checks that run before a configuration is taken.
    pub test: Vec<TestCase>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            profile: Profile::default(),
            listen: Listen::default(),
            limits: Limits::default(),
            intercept: Intercept::default(),
            upstream: Upstream::default(),
            identity: Identity::default(),
            trackers: Trackers::default(),
            terms: Terms::default(),
            ledger: Ledger::default(),
            store: Store::default(),
            mail: Mail::default(),
            vendor: BTreeMap::new(),
            member: BTreeMap::new(),
            test: Vec::new(),
        }
    }
}

/// For whom the gateway stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A home: enrolled devices are inspected, others are guests.
    #[default]
    Household,
    /// An association or firm for its members: only listed vendors are decrypted.
    Organisation,
    /// One person: every vendor is a stranger.
    Personal,
}

/// What becomes of a client that is no member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownDevice {
    /// Tunnelled, tracker hosts refused, counts only.
    Guest,
    /// 407.
    Refuse,
}

impl Profile {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Organisation => "organisation",
            Self::Personal => "personal",
        }
    }

    /// The profile's own defaults, as TOML that a file is laid over.
    pub fn overlay(self) -> &'static str {
        match self {
            Self::Household => include_str!("../../../config/profiles/household.toml"),
            Self::Organisation => include_str!("../../../config/profiles/organisation.toml"),
            Self::Personal => include_str!("../../../config/profiles/personal.toml"),
        }
    }

    /// What becomes of a client that is no member's.
    pub fn unknown_device(self) -> UnknownDevice {
        match self {
            Self::Household => UnknownDevice::Guest,
            Self::Organisation | Self::Personal => UnknownDevice::Refuse,
        }
    }
}
