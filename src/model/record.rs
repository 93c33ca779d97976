//! Ledger records as the contract exports them. What is sealed and what a page shows are these.

use super::{Action, FlowId, MemberId, Outcome, Party, Timestamp, VendorId};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One edit as it is recorded: everything but the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRecord {
    /// `e1`, `e2`, …: unique within the flow.
    pub id: String,
    /// As [`super::Place`] prints.
    pub place: String,
    /// First and past-the-last byte within the container.
    pub span: [u64; 2],
    /// As [`super::Action`] prints.
    pub action: Cow<'static, str>,
    /// The slot, where one is concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot: Option<String>,
    /// The DPV category.
    pub category: Cow<'static, str>,
    /// The rule.
    pub rule: Cow<'static, str>,
    /// For the owner.
    pub reason: Cow<'static, str>,
    /// Salted digest of the original bytes: base64url SHA-256(salt ‖ value); the salt is derived from the member's
    /// digest key, the flow and the edit id, so the owner can open it and nobody can guess it.
    pub digest: String,
}

impl EditRecord {
    /// Whether it changed anything.
    pub fn stands(&self) -> bool {
        self.action != Action::WouldHave.as_str()
    }
}

/// How the note begins that names the rule by which nobody looked into a flow that was sent.
pub const NOT_INSPECTED: &str = "not inspected: ";

/// What was said to the vendor about terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsRecord {
    /// `none`, `offered`, `accepted`, …
    pub state: Cow<'static, str>,
    /// The agreement ids offered.
    pub offer: Vec<String>,
    /// Whether `Sec-GPC: 1` went along.
    pub gpc: bool,
}

impl Default for TermsRecord {
    /// Nothing was said.
    fn default() -> Self {
        Self { state: Cow::Borrowed("none"), offer: Vec::new(), gpc: false }
    }
}

/// What happened. `time`, `member` and `vendor` stand beside it in [`Record`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// A request is about to be sent. Durable before its first byte leaves.
    Open {
        /// The flow.
        flow: FlowId,
        /// The device, where known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        device: Option<String>,
        /// Host asked for.
        host: String,
        /// Whose request.
        party: Party,
        /// `user` for a request a client made, `gateway` for its own.
        source: String,
        /// Method.
        method: String,
        /// What was sent, values as the `detail` setting says.
        url: String,
        /// Terms.
        terms: TermsRecord,
        /// Every edit known before sending.
        edits: Vec<EditRecord>,
        /// What could not be inspected or had to pass, in plain words.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        notes: Vec<String>,
    },
    /// A flow that was opened by `open` or `tunnel` has ended.
    Close {
        /// The flow.
        flow: FlowId,
        /// Status of the response, where one came.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<u16>,
        /// Body bytes sent to the vendor.
        sent: u64,
        /// Body bytes received.
        received: u64,
        /// Milliseconds from OPEN to the end.
        ms: u64,
        /// How often it was sent (2 after a stale connection).
        attempts: u32,
        /// Edits made while it flowed, and to the response.
        edits: Vec<EditRecord>,
        /// The vendor's answer about terms, as received.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        answer: Option<String>,
        /// How it ended.
        outcome: Outcome,
    },
    /// More edits of a long flow.
    Edits {
        /// The flow.
        flow: FlowId,
        /// The edits.
        edits: Vec<EditRecord>,
    },
    /// A pseudonym was made for a vendor. In the same commit as the OPEN that first carries it.
    Issue {
        /// The slot.
        slot: String,
        /// The identity's number at this vendor.
        epoch: u32,
        /// Version of the format that made it.
        format: u32,
        /// `derived`, `random` or `adopted`.
        how: String,
        /// The pseudonym. Sealed like all of the record.
        value: String,
    },
    /// Nothing was sent: answered here.
    Blocked {
        /// The flow.
        flow: FlowId,
        /// Host asked for.
        host: String,
        /// Whose request.
        party: Party,
        /// Method.
        method: String,
        /// What was asked for, values as the `detail` setting says.
        url: String,
        /// `blocked` or `redirected`.
        verdict: String,
        /// The rule.
        rule: String,
        /// For the owner.
        reason: String,
    },
    /// Bytes go through unread. Durable before the first of them; a CLOSE with their number ends it.
    Tunnel {
        /// The flow.
        flow: FlowId,
        /// Host asked for; a guest's is left out, and a guest's cleartext is recorded as a tunnel, too.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// Why it is not inspected.
        reason: String,
    },
    /// Turned away.
    Refused {
        /// The flow.
        flow: FlowId,
        /// Host asked for, where the request named one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        host: Option<String>,
        /// Status of the answer.
        status: u16,
        /// The RFC 9209 error type or another fixed word.
        code: String,
        /// For the owner.
        reason: String,
    },
    /// Something that would have been recorded was not, or the log was picked up again.
    Gap {
        /// Why.
        reason: String,
        /// How many entries, where known.
        count: u64,
    },
    /// The configuration in force changed.
    Config {
        /// SHA-256 of the file in force, hex.
        digest: String,
        /// What happened: `started`, `reloaded`, `reset shop`, ….
        reason: String,
    },
    /// Entries were made unreadable.
    Erase {
        /// What.
        scope: String,
        /// How many keys went.
        keys: u64,
    },
    /// A checkpoint's text, so that the log itself tells where it was signed.
    Checkpoint {
        /// The signed note (C2SP).
        note: String,
    },
}

impl Event {
    /// The word of the contract.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Close { .. } => "close",
            Self::Edits { .. } => "edits",
            Self::Issue { .. } => "issue",
            Self::Blocked { .. } => "blocked",
            Self::Tunnel { .. } => "tunnel",
            Self::Refused { .. } => "refused",
            Self::Gap { .. } => "gap",
            Self::Config { .. } => "config",
            Self::Erase { .. } => "erase",
            Self::Checkpoint { .. } => "checkpoint",
        }
    }

    /// The flow it belongs to.
    pub fn flow(&self) -> Option<FlowId> {
        match self {
            Self::Open { flow, .. }
            | Self::Close { flow, .. }
            | Self::Edits { flow, .. }
            | Self::Blocked { flow, .. }
            | Self::Tunnel { flow, .. }
            | Self::Refused { flow, .. } => Some(*flow),
            _ => None,
        }
    }
}

/// An event with whom it is about. `member` names the person whose key seals it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub time: Timestamp,
    /// Whom it is about.
    pub member: MemberId,
    /// With whom; `None` for the gateway's own records and refusals without a vendor.
    pub vendor: Option<VendorId>,
    /// What happened.
    pub event: Event,
}
