//! Vendors and how a request relates to them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A vendor's name: the key of its `[vendor.NAME]`, else the registrable domain of its hosts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VendorId(pub Arc<str>);

impl VendorId {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for VendorId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for VendorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a vendor is trusted with who the person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Gets what was typed.
    Known,
    /// Own e-mail address, username and device ids; the rest as typed.
    #[default]
    Alias,
    /// Everything made up or withheld.
    Stranger,
}

impl Level {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Alias => "alias",
            Self::Stranger => "stranger",
        }
    }

    /// Reads the word of the contract.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Known, Self::Alias, Self::Stranger].into_iter().find(|level| level.as_str() == text)
    }
}

/// What becomes of signing in at a vendor by way of somebody else, who tells it things that the gateway does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FederatedLogin {
    /// The person is told the first time, and it goes on.
    #[default]
    Allow,
    /// It is refused.
    Block,
}

impl FederatedLogin {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }

    /// Reads the word of the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Allow, Self::Block].into_iter().find(|policy| policy.as_str() == text)
    }
}

/// Where a vendor's pseudonyms become real values again on the way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reveal {
    /// Nowhere.
    #[default]
    None,
    /// In JSON answers to the member's own programs, which run no script of the vendor.
    Api,
}

impl Reveal {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Api => "api",
        }
    }

    /// Reads the word of the configuration.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Api].into_iter().find(|reveal| reveal.as_str() == text)
    }
}

/// The request's place in what the person is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Party {
    /// The site the person is on, or an app talking to its own vendor.
    First,
    /// Somebody else, called by that site.
    Third,
    /// The gateway's own request.
    Gateway,
}
