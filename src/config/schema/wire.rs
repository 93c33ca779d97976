//! `[intercept]` and `[upstream]`.

use super::next_hop::NextHop;
use crate::config::value::{HostCategory, Network, NeverEntry, RevocationSource, ValueError, string_value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What is decrypted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Intercept {
    /// Whose traffic is decrypted.
    pub mode: InterceptMode,
    /// Hosts that are tunnelled whatever else is written.
    pub never: Vec<NeverEntry>,
    /// What happens to an application that accepts only its vendor's own certificate.
    pub on_pinned: OnPinned,
    /// What happens at a vendor that refuses whoever is inspected, or wants a certificate of the device's.
    pub on_refused: OnRefused,
}

impl Default for Intercept {
    fn default() -> Self {
        let never =
            [HostCategory::Banking, HostCategory::Health, HostCategory::Government, HostCategory::OsUpdates];
        Self {
            mode: InterceptMode::default(),
            never: never.map(NeverEntry::Category).into(),
            on_pinned: OnPinned::default(),
            on_refused: OnRefused::default(),
        }
    }
}

/// Whose traffic is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InterceptMode {
    /// Every vendor's, but for `never`.
    #[default]
    All,
    /// Only the `[vendor]`s'; the CA is constrained to them.
    Chosen,
    /// Nobody's: only names are seen.
    Off,
}

/// What happens to an application that accepts only its vendor's own certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnPinned {
    /// Its next connections are tunnelled, and the log says so.
    #[default]
    PassThrough,
    /// It stays out.
    Block,
}

/// What happens at a vendor that refuses whoever is inspected, or wants a certificate of the device's. A vendor can do either
/// to be met uninspected, so it does not pass by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnRefused {
    /// The log says which host to add to `never`.
    #[default]
    Ask,
    /// As with a pinned application: what the device opens there next is tunnelled, and the log says so.
    PassThrough,
}

/// The way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// PEM files of certificates trusted beside the public roots; paths from this file.
    pub extra_ca: Vec<PathBuf>,
    /// Private ranges that may be reached; all others are refused.
    pub allow_private: Vec<Network>,
    /// Static addresses, like a hosts file with ports; any port asked for goes there.
    pub hosts: BTreeMap<String, SocketAddr>,
    /// The ports that CONNECT and URLs may name; never 25.
    pub ports: Vec<u16>,
    /// Who turns names into addresses.
    pub resolver: Resolver,
    /// Who publishes which certificates were revoked; downloaded four times a day.
    pub revocations: RevocationSource,
    /// The proxy that every connection leaves through: its URL, or a table with the user and password it wants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<NextHop>,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            extra_ca: Vec::new(),
            allow_private: Vec::new(),
            hosts: BTreeMap::new(),
            ports: vec![80, 443],
            resolver: Resolver::System,
            revocations: RevocationSource::Off,
            proxy: None,
        }
    }
}

/// Who turns names into addresses.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Resolver {
    /// The machine's own resolver.
    #[default]
    System,
    /// A resolver by address (DNS over UDP and TCP).
    Address(SocketAddr),
    /// DNS over HTTPS (RFC 8484).
    Https(url::Url),
}

impl FromStr for Resolver {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "system" {
            return Ok(Self::System);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(SocketAddr::new(address, 53)));
        }
        match url::Url::parse(text) {
            Ok(url) if url.scheme() == "https" => Ok(Self::Https(url)),
            _ => Err(ValueError::new(
                format!("`{text}` is not a resolver"),
                "write \"system\", an address, or the https URL of a DNS-over-HTTPS service",
            )),
        }
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Address(address) => address.fmt(f),
            Self::Https(url) => url.fmt(f),
        }
    }
}

string_value!(Resolver, "Resolver", "`system`, an address, or an https URL.", "system");
