//! What was revealed of late must not come back out: neither as it is by the hand of a program that was shown it, nor in
//! another alphabet by anybody's, where a vendor is not to have it.

use super::MemberIdentity;
use super::verdict::{Verdict, noun};
use crate::model::{Action, Answer, Part, Slot};
use crate::rewrite::Hit;
use std::collections::BTreeSet;

/// The rule of what is refused after a value was revealed.
const RULE: &str = "reveal";

/// An eye on what a member's programs were shown of late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Whose values.
    pub slots: BTreeSet<Slot>,
    /// Whether one of those programs is asking.
    pub is_agent: bool,
}

impl Watch {
    /// Why a hit must not go that `verdict` would let go on. Best effort: what a program makes of a value that is neither
    /// an alphabet nor a digest is not found.
    pub(super) fn objection(
        &self,
        identity: &MemberIdentity,
        hit: &Hit,
        verdict: &Verdict,
    ) -> Option<Answer> {
        if self.slots.is_empty() || identity.is_foreign(hit.identifier) {
            return None;
        }
        let slot = &identity.identifiers().get(hit.identifier)?.slot;
        if matches!(verdict, Verdict::Edit(edit) if edit.action == Action::WouldHave) {
            return self.objection_to_real(slot);
        }
        (self.slots.contains(slot) && is_disguised(hit)).then(|| {
            let what = noun(slot.kind());
            let reason = format!(
                "your {what} was shown to a program of yours a short while ago, and here it is disguised"
            );
            Answer::Refuse { rule: RULE.into(), reason: reason.into() }
        })
    }

    /// Why the slot's value must not go as it is.
    pub(super) fn objection_to_real(&self, slot: &Slot) -> Option<Answer> {
        let is_watched = self.is_agent && self.slots.contains(slot);
        is_watched.then(|| {
            let what = noun(slot.kind());
            let reason = format!(
                "your {what} was shown to a program of yours a short while ago, and here it would go as it is"
            );
            Answer::Refuse { rule: RULE.into(), reason: reason.into() }
        })
    }
}

/// Whether the value is written as no form or interface asks for it. RFC 7617: user name and password go in base64.
fn is_disguised(hit: &Hit) -> bool {
    let is_login = matches!(&hit.place.part, Part::Header(name) if **name == *"authorization");
    (hit.within.is_some() || hit.spelling.digest().is_some()) && !is_login
}
