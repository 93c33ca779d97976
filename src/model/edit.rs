//! The one currency: a change to a message, with its reason.

use super::{Category, Container, Place, Secret, Slot, Within};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;

/// What an edit does to the bytes of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Other bytes stand there.
    Replaced,
    /// Nothing stands there any more.
    Removed,
    /// Less precise bytes stand there.
    Coarsened,
    /// Bytes that the client did not send.
    Injected,
    /// The whole request was answered here.
    Blocked,
    /// The client was sent to the address inside the address.
    Unwrapped,
    /// A pseudonym became the real value again, for the client.
    Revealed,
    /// Would have been done, had a stronger edit or a switch not stood in the way; changes nothing.
    WouldHave,
}

impl Action {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Coarsened => "coarsened",
            Self::Injected => "injected",
            Self::Blocked => "blocked",
            Self::Unwrapped => "unwrapped",
            Self::Revealed => "revealed",
            Self::WouldHave => "would-have",
        }
    }

    /// Which of two overlapping edits stands: the higher. block > unwrap > removed > replaced > coarsened > injected.
    pub fn precedence(self) -> u8 {
        match self {
            Self::Blocked => 7,
            Self::Unwrapped => 6,
            Self::Removed => 5,
            Self::Replaced | Self::Revealed => 4,
            Self::Coarsened => 3,
            Self::Injected => 2,
            Self::WouldHave => 0,
        }
    }
}

/// The layer an edit comes from; a metrics label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Tracker rules.
    Trackers,
    /// Pseudonyms.
    Persona,
    /// Terms and signals.
    Terms,
}

impl Stage {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trackers => "trackers",
            Self::Persona => "persona",
            Self::Terms => "terms",
        }
    }
}

/// One change. Spans count in the frozen original, never in another layer's output.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The name a person reads.
    pub place: Place,
    /// What the span counts in.
    pub container: Container,
    /// Bytes of the container.
    pub span: Range<usize>,
    /// What is done.
    pub action: Action,
    /// The layer it comes from.
    pub stage: Stage,
    /// The protected slot, where one is concerned.
    pub slot: Option<Slot>,
    /// The kind of personal data.
    pub category: Category,
    /// Which rule says so: `builtin/params:utm_source`, `identity.email=pseudonym`, or a filter rule's text.
    pub rule: Cow<'static, str>,
    /// One plain sentence part for the owner.
    pub reason: Cow<'static, str>,
    /// Where in the bytes of the span `value` stands, when they are text in another alphabet. Several edits may have such a
    /// span, and are written together.
    pub within: Option<Within>,
    /// The bytes that stand there afterwards. In memory only.
    pub value: Secret<Vec<u8>>,
}

impl Edit {
    /// Whether it leaves alone what stands `within` a text of another alphabet, because it stands beside it in there.
    pub fn is_beside(&self, within: Option<&Within>) -> bool {
        self.within.as_ref().zip(within).is_some_and(|(one, other)| one.is_beside(other))
    }
}
