//! A flow: one exchange as its owner sees it.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A flow's id: UUID version 7 (RFC 9562), so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub Uuid);

impl FlowId {
    /// A fresh id of this moment.
    pub fn now() -> Self {
        Self(Uuid::now_v7())
    }

    /// Reads a hyphenated or plain UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }
}

impl fmt::Debug for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow {}", self.0)
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What became of a flow, in the words of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Went through untouched.
    Passed,
    /// Went through with edits.
    Changed,
    /// Answered here; nothing was sent.
    Blocked,
    /// The client was sent to a cleaner address.
    Redirected,
    /// Tunnelled.
    NotInspected,
    /// Turned away.
    Refused,
}

impl Verdict {
    /// The verdict on a flow that was sent: the same in the log, the metrics and `explain`. `unread` tells whether nobody
    /// looked into it, `changes` how many edits stand on what passed either way.
    pub fn of_sent(unread: bool, changes: usize) -> Self {
        match (unread, changes) {
            (true, _) => Self::NotInspected,
            (false, 0) => Self::Passed,
            (false, _) => Self::Changed,
        }
    }

    /// [`Self::of_sent`], and why in one sentence. `unread` is the rule by which nobody looked into it, `notes` what else
    /// there is to say.
    pub fn and_why(unread: Option<&str>, changes: usize, notes: &[String]) -> (Self, String) {
        let why = match (unread, changes, notes.first()) {
            (Some(rule), _, _) => rule.to_owned(),
            (None, 0, Some(note)) => note.clone(),
            (None, 0, None) => "nothing is changed".to_owned(),
            (None, 1, _) => "one change".to_owned(),
            (None, count, _) => format!("{count} changes"),
        };
        (Self::of_sent(unread.is_some(), changes), why)
    }

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Changed => "changed",
            Self::Blocked => "blocked",
            Self::Redirected => "redirected",
            Self::NotInspected => "not-inspected",
            Self::Refused => "refused",
        }
    }
}

/// How a flow that was sent came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Both messages went through whole.
    Complete,
    /// The client left before the end.
    CutByClient,
    /// The vendor broke off.
    CutByVendor,
    /// No response came.
    Failed,
    /// The gateway stopped in between; it may have been sent.
    Unknown,
}
