//! `[ledger]` and `[store]`.

use crate::config::value::StoreUrl;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// How much of a flow it keeps.
    pub detail: Detail,
    /// Days until a record's key is destroyed.
    pub keep_days: u32,
    /// What happens to requests while it cannot be written.
    pub on_failure: OnFailure,
    /// When a record counts as written.
    pub write: WriteMode,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            detail: Detail::default(),
            keep_days: 30,
            on_failure: OnFailure::default(),
            write: WriteMode::default(),
        }
    }
}

/// How much of a flow the log keeps.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// That there was one, and what became of it.
    Counts,
    /// Host, path, names of parameters, edits; no values.
    #[default]
    Metadata,
    /// Values and bodies too.
    Bodies,
}

impl Detail {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Metadata => "metadata",
            Self::Bodies => "bodies",
        }
    }
}

/// What happens to requests while the log cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// 503; nothing is sent.
    #[default]
    Refuse,
    /// Records wait in memory, within bounds.
    Spool,
}

/// When a record counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// When the disk has it.
    #[default]
    Safe,
    /// When the system has it: spares SD cards, may lose the last records with the power.
    Batched,
}

/// State.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// Where it lives.
    pub url: StoreUrl,
}
