//! `[member.NAME]` and `[[test]]`.

use super::Detail;
use crate::config::value::OfferId;
use crate::model::{MemberKind, Verdict};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is written about a person; kept and noted where nobody of that name is a member yet.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemberConfig {
    /// Adult, child or a device that several share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MemberKind>,
    /// The language and country that made-up values look like (BCP 47), as in `de-DE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// How much of their flows the log keeps; else `ledger.detail`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// Their devices.
    pub devices: Vec<MemberDevice>,
    /// The agreements they choose, in the order preferred, of those in `terms.offer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<Vec<OfferId>>,
    /// For a child: the member who sees counts, blocks and alarms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardian: Option<String>,
    /// How much of the child's log the guardian sees; the child's page shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardian_sees: Option<Detail>,
}

/// A device of a member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberDevice {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address it asks from.
    pub address: IpAddr,
    /// Says that the address is its own and nobody else gets it; without that, it proves nothing.
    #[serde(default, rename = "static")]
    pub is_static: bool,
}

/// What must come out for a request, or the file is not taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// Who asks; else the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The absolute URL.
    pub url: String,
    /// `GET` where nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The verdict.
    #[schemars(schema_with = "verdicts")]
    pub want: Verdict,
}

fn verdicts(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "enum": ["passed", "changed", "blocked", "redirected", "not-inspected", "refused"]
    })
}
