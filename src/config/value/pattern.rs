//! Host patterns: `shop.test`, `*.shop.test`, `@banking`.

use super::{ValueError, string_value};
use crate::model::Host;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// One host, or everything below a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host alone.
    Exact(Host),
    /// `*.NAME`: every host below NAME, at any depth, not NAME itself.
    Below(Arc<str>),
}

impl HostPattern {
    /// Whether `host` is meant.
    pub fn matches(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Exact(exact), host) => exact == host,
            (Self::Below(name), Host::Name(host)) => {
                host.strip_suffix(&**name).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            (Self::Below(_), Host::Address(_)) => false,
        }
    }
}

impl FromStr for HostPattern {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |help: &'static str| ValueError::new(format!("`{text}` is not a host"), help);
        if text.contains("://") || text.contains('/') {
            return Err(wrong("write the host alone, without scheme and path: \"shop.example\""));
        }
        let (below, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            return Err(wrong(
                "a star stands only at the beginning and for whole labels: \"*.shop.example\"",
            ));
        }
        let host = Host::parse(name)
            .ok_or_else(|| wrong("write a name without port, \"shop.example\" or \"*.shop.example\""))?;
        match (below, host) {
            (true, Host::Name(name)) => Ok(Self::Below(name)),
            (true, Host::Address(_)) => Err(wrong("nothing lies below an address")),
            (false, host) => Ok(Self::Exact(host)),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => host.fmt(f),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

string_value!(
    HostPattern,
    "HostPattern",
    "A host, or `*.` and a name for every host below it.",
    "shop.example",
    "*.shop.example"
);

/// Built-in groups of hosts, named with an `@`. Their lists lie in `config/categories/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostCategory {
    /// Banks and brokers.
    Banking,
    /// Health insurers, portals and records.
    Health,
    /// Authorities, tax, electronic identity.
    Government,
    /// What operating systems update themselves from.
    OsUpdates,
    /// Webmail, chat, documents, code hosting.
    Correspondence,
    /// Payment services.
    Payment,
    /// Airlines, railways, bookings: the name must be the passport's.
    Travel,
    /// Parcel services: the address must be right.
    Shipping,
    /// Password managers, browser sync, end-to-end encrypted mail.
    Login,
}

impl HostCategory {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Banking,
        Self::Health,
        Self::Government,
        Self::OsUpdates,
        Self::Correspondence,
        Self::Payment,
        Self::Travel,
        Self::Shipping,
        Self::Login,
    ];

    /// As it is written, with its `@`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Banking => "@banking",
            Self::Health => "@health",
            Self::Government => "@government",
            Self::OsUpdates => "@os-updates",
            Self::Correspondence => "@correspondence",
            Self::Payment => "@payment",
            Self::Travel => "@travel",
            Self::Shipping => "@shipping",
            Self::Login => "@login",
        }
    }

    /// Reads the word with its `@`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == text)
    }
}

/// An entry of `intercept.never`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NeverEntry {
    /// Hosts by name.
    Hosts(HostPattern),
    /// A built-in group.
    Category(HostCategory),
}

impl FromStr for NeverEntry {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if !text.starts_with('@') {
            return text.parse().map(Self::Hosts);
        }
        let words = HostCategory::ALL.map(HostCategory::as_str);
        HostCategory::parse(text).map(Self::Category).ok_or_else(|| {
            let help = match crate::config::suggest::closest(text, &words) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("there are {}", words.join(", ")),
            };
            ValueError::new(format!("there is no category `{text}`"), help)
        })
    }
}

impl fmt::Display for NeverEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(pattern) => pattern.fmt(f),
            Self::Category(category) => f.write_str(category.as_str()),
        }
    }
}

string_value!(
    NeverEntry,
    "NeverEntry",
    "A host, `*.` and a name, or a built-in category with its `@`.",
    "*.mybank.example",
    "@banking"
);
