//! What becomes of a hit, in the words of the record and of a refusal.

use super::policy::Ruling;
use crate::model::{Action, Answer, Edit, Secret, Slot, SlotKind, Stage};
use crate::rewrite::Hit;
use std::ops::Range;

/// What becomes of a hit.
#[derive(Debug)]
pub enum Verdict {
    /// This edit. With [`Action::WouldHave`] the bytes go as they are and the record says why.
    Edit(Edit),
    /// The slot has no pseudonym here that is in the log: have one issued, then ask again.
    Issue(Slot),
    /// Nothing may be sent: an [`Answer::Refuse`].
    Refuse(Answer),
}

pub(super) fn edit(
    hit: &Hit,
    slot: &Slot,
    ruling: &Ruling,
    action: Action,
    span: Range<usize>,
    value: Vec<u8>,
) -> Edit {
    let written: Vec<&str> = match &hit.within {
        Some(within) => within.alphabets().chain(hit.spelling.digest()).collect(),
        None => Vec::new(),
    };
    let reason = match written.as_slice() {
        [] => ruling.reason.clone(),
        written => format!("{}; as {}", ruling.reason, written.join(" in ")).into(),
    };
    Edit {
        place: hit.place.clone(),
        container: hit.container.clone(),
        span: span.clone(),
        action,
        stage: Stage::Persona,
        slot: Some(slot.clone()),
        category: slot.category(),
        rule: ruling.rule.clone(),
        reason,
        // What is withheld goes with all of the text it stands in.
        within: hit.within.clone().filter(|_| action != Action::Removed && span == hit.span),
        value: Secret::new(value),
    }
}

pub(super) fn refusal_of(slot: &Slot, ruling: &Ruling) -> Answer {
    let what = noun(slot.kind());
    let reason =
        format!("your {what} stands where it cannot be left out, and it must not go: {}", ruling.reason);
    Answer::Refuse { rule: ruling.rule.clone(), reason: reason.into() }
}

pub(super) fn refusal(rule: &'static str, reason: &'static str) -> Answer {
    Answer::Refuse { rule: rule.into(), reason: reason.into() }
}

/// What people call the kind.
pub fn noun(kind: SlotKind) -> &'static str {
    match kind {
        SlotKind::Email => "e-mail address",
        SlotKind::Name => "name",
        SlotKind::Phone => "phone number",
        SlotKind::Address => "address",
        SlotKind::Birthdate => "date of birth",
        SlotKind::Username => "user name",
        SlotKind::Device => "device id",
        SlotKind::Ad => "advertising id",
        SlotKind::Account => "account number",
        SlotKind::Geo => "position",
        SlotKind::Ip => "IP address",
        SlotKind::Custom => "private id",
    }
}
