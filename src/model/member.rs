//! People.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A member's lasting identity inside this home: random, never shown to a vendor, survives a rename.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemberId(pub Uuid);

impl MemberId {
    /// The member that stands for everybody unknown: tunnelled, counted, never inspected.
    pub const GUEST: Self = Self(Uuid::nil());
    /// The gateway itself, as the party of list downloads and of its own records.
    pub const GATEWAY: Self = Self(Uuid::max());

    /// A fresh random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {}", self.0)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What kind of member this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// Chooses for themself.
    #[default]
    Adult,
    /// Offers no terms; a guardian named in the configuration sees counts.
    Child,
    /// A device that several people use.
    Shared,
}

impl MemberKind {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Child => "child",
            Self::Shared => "shared",
        }
    }

    /// Reads the word of the contract.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Adult, Self::Child, Self::Shared].into_iter().find(|kind| kind.as_str() == text)
    }
}
