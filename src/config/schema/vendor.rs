//! `[vendor.NAME]`: one relationship, its rules.

use super::Policies;
use crate::config::value::{HostPattern, OfferId, Quota};
use crate::model::{FederatedLogin, Level, Reveal, Slot};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;

/// One relationship; its hosts form one vendor. What is written here is obeyed as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorConfig {
    /// Hosts, or `*.` and a name for every host below it.
    pub hosts: Vec<HostPattern>,
    /// How far it is trusted; else `identity.new_vendor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Policies that win over the level.
    #[serde(default)]
    pub identity: Policies,
    /// What becomes of signing in here by way of somebody else; else `identity.federated_login`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federated_login: Option<FederatedLogin>,
    /// Where its pseudonyms become real again on the way back; else nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reveal: Option<Reveal>,
    /// What is offered to it, in the order preferred, of what the member chose; else all of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Vec<OfferId>>,
    /// Requests of one member to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Quota>,
    /// Fields that are typed by hand.
    #[serde(default)]
    pub rule: Vec<Rule>,
}

/// Says which field of which request holds a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which requests; all where nothing is written.
    #[serde(default)]
    pub when: When,
    /// Which field.
    pub select: Select,
    /// What it holds.
    #[serde(deserialize_with = "slot", serialize_with = "slot_name")]
    #[schemars(with = "String")]
    pub slot: Slot,
}

/// Conditions of a rule; all that are written must hold.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The method, such as `POST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path, whole; `*` stands for anything within a segment, `**` for any rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The state of the vendor's terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<TermsState>,
}

/// The state of terms between a member and a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TermsState {
    /// Sent, no answer yet.
    Offered,
    /// The vendor agreed.
    Accepted,
    /// The vendor named another agreement.
    Countered,
    /// The vendor refused.
    Refused,
    /// Over.
    Ended,
}

/// A field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Select {
    /// A JSONPath (RFC 9535), as in `$.user.email`.
    Json(String),
    /// A field of an urlencoded form.
    Form(String),
    /// A parameter of the URL.
    Query(String),
    /// A segment of the path, by its number from 0, as the log counts them.
    Segment(usize),
    /// A header field.
    Header(String),
    /// A cookie.
    Cookie(String),
    /// A part of a multipart body.
    Multipart(String),
}

fn slot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Slot, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    Slot::parse(&text).ok_or_else(|| {
        de::Error::custom(format!(
            "there is no slot `{text}`\nwrite a whole slot, as in \"email.primary\", \"name.full\" or \"custom.club\""
        ))
    })
}

fn slot_name<S: Serializer>(slot: &Slot, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(slot.as_str())
}
