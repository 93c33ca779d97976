//! `[trackers]` and `[terms]`.

use crate::config::value::{FieldName, ListSource, OfferId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Filter lists.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Trackers {
    /// https URLs, or paths from this file; the built-in list always holds.
    pub lists: Vec<ListSource>,
    /// Whether pages are edited too.
    pub html: bool,
}

/// The person's own terms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// To whom terms are sent.
    pub send: SendTerms,
    /// What people may choose from; none chosen, none offered.
    pub offer: Vec<OfferId>,
    /// The header field they travel in.
    pub field: FieldName,
    /// Whether `Sec-GPC: 1` goes with every request.
    pub gpc: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            send: SendTerms::default(),
            offer: vec![OfferId::base()],
            field: FieldName::personal_terms(),
            gpc: true,
        }
    }
}

/// To whom terms are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SendTerms {
    /// To vendors with a relationship.
    #[default]
    Relationship,
    /// With every first-party request.
    FirstParty,
    /// To nobody.
    Off,
}
