//! What an owner has let by: the gateway does not do it here, for a while or for good.

use super::{MemberId, Slot, Timestamp, VendorId};
use std::sync::Arc;

/// What steps aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Excepted {
    /// Trackers and terms. Whom the vendor meets stays as it is.
    Pause,
    /// The same, and real values go as they are typed.
    Identity,
    /// One rule of the trackers, as the log names it.
    Rule(Arc<str>),
    /// The replacement of one slot's value.
    Slot(Slot),
}

impl Excepted {
    /// As it is stored and told: `pause`, `identity`, `rule` or `slot`, and what of it.
    pub fn written(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Pause => ("pause", None),
            Self::Identity => ("identity", None),
            Self::Rule(rule) => ("rule", Some(rule)),
            Self::Slot(slot) => ("slot", Some(slot.as_str())),
        }
    }

    /// Reads what [`Self::written`] gives; `None` for anything else.
    pub fn read(kind: &str, what: Option<&str>) -> Option<Self> {
        match (kind, what) {
            ("pause", None) => Some(Self::Pause),
            ("identity", None) => Some(Self::Identity),
            ("rule", Some(rule)) => Some(Self::Rule(rule.into())),
            ("slot", Some(slot)) => Slot::parse(slot).map(Self::Slot),
            _ => None,
        }
    }

    /// Whether trackers and terms step aside as a whole.
    pub fn pauses(&self) -> bool {
        matches!(self, Self::Pause | Self::Identity)
    }
}

/// One exception that a member has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Its number; 0 until it is kept.
    pub id: i64,
    /// Whose requests it is about.
    pub member: MemberId,
    /// Those of this device alone, by its name.
    pub device: Option<Arc<str>>,
    /// Those to this vendor alone, by the name under which it knows the member; a pause also holds on its pages.
    pub vendor: Option<VendorId>,
    /// What steps aside.
    pub what: Excepted,
    /// Since when.
    pub since: Timestamp,
    /// Until when; `None` for good.
    pub until: Option<Timestamp>,
    /// Over as soon as it was needed.
    pub once: bool,
}

impl Exception {
    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let slot = Slot::parse("email.primary").unwrap();
        for what in
            [Excepted::Pause, Excepted::Identity, Excepted::Rule("||a.test^".into()), Excepted::Slot(slot)]
        {
            let (kind, of) = what.written();
            assert_eq!(Excepted::read(kind, of).as_ref(), Some(&what));
        }
        for (kind, of) in [("pause", Some("x")), ("rule", None), ("slot", Some("no slot")), ("all", None)] {
            assert_eq!(Excepted::read(kind, of), None);
        }
    }
}
