//! What the others of a household have: nobody's to replace here, but a member may want to know where it went by their hand.

use super::MemberIdentity;
use crate::model::{Plan, RequestView};
use crate::rewrite::{
    CompileError, Guard, Hit, Identifier, Identifiers, Strength, Syntax, find_in_header, read_body,
};
use std::sync::Arc;

/// Most of it that is noted of one request.
const MOST: usize = 64;

/// One member's values and, behind them, the strong ones of the others.
#[derive(Clone)]
pub struct Kin {
    identifiers: Arc<Identifiers>,
    own: usize,
}

impl Kin {
    /// What `others` have and `own` has not; `None` where that is nothing. Where they have more than can be looked for at a
    /// glance, those are left out that come last among the kinds of slots.
    ///
    /// # Errors
    /// The matcher would be too large.
    pub fn compile(
        own: &MemberIdentity,
        others: &[Arc<MemberIdentity>],
    ) -> Result<Option<Self>, CompileError> {
        let own_values: Vec<Identifier> = own.identifiers().iter().cloned().collect();
        let values = others.iter().flat_map(|other| other.identifiers().iter());
        let is_theirs =
            |one: &&Identifier| one.strength == Strength::Strong && !own.reveals(one.value.expose());
        let mut theirs: Vec<Identifier> = values.filter(is_theirs).cloned().collect();
        theirs.sort_by_key(|one| one.slot.kind());
        theirs.truncate(Identifiers::MAX.saturating_sub(own_values.len()));
        while !theirs.is_empty() {
            let list = own_values.iter().chain(&theirs).cloned().collect();
            let identifiers = Identifiers::compile(list)?;
            if !identifiers.walks_everything() || own.identifiers().walks_everything() {
                return Ok(Some(Self { identifiers: Arc::new(identifiers), own: own_values.len() }));
            }
            theirs.truncate(theirs.len() / 2);
        }
        Ok(None)
    }

    /// The same, as a vendor meets the member.
    pub(super) fn guarding(&self, guard: Guard) -> Self {
        Self { identifiers: Arc::new(self.identifiers.guarding(guard)), own: self.own }
    }

    /// Everybody's values. Where none of these stands, none of the member's does.
    pub fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    /// Whether `text` has a value of the others' in it.
    pub fn holds(&self, text: &str) -> bool {
        let hits = find_in_header(&self.identifiers, "x", 0, text.as_bytes());
        hits.iter().any(|hit| self.is_theirs(hit))
    }

    fn is_theirs(&self, hit: &Hit) -> bool {
        hit.identifier >= self.own && !self.identifiers.is_guarded(hit.identifier)
    }

    /// What of the others' a request holds that leaves as it is, at most so many times as are told.
    pub fn find(&self, view: &RequestView<'_>, body: Option<(Syntax, &[u8])>, plan: &Plan) -> Vec<Hit> {
        let mut hits = super::find_in_head(view, &self.identifiers);
        if let Some((syntax, body)) = body
            && let Ok(found) = read_body(&self.identifiers, syntax, body, MOST, false)
        {
            hits.extend(found.hits);
        }
        hits.retain(|hit| self.is_theirs(hit) && plan.covering(&hit.container, &hit.span).next().is_none());
        hits.truncate(MOST);
        hits
    }
}

impl std::fmt::Debug for Kin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Secret, Slot, SlotKind};
    use crate::persona::Locale;

    fn person(number: usize) -> Arc<MemberIdentity> {
        let values = [
            ("username", format!("user{number}name77")),
            ("email.primary", format!("person{number}@home{number}.example")),
            ("name.given", format!("Given{number}")),
        ];
        let values = values.map(|(slot, value)| (Slot::parse(slot).unwrap(), Secret::new(value)));
        Arc::new(MemberIdentity::compile(values.into(), Locale::EnUs).unwrap())
    }

    #[test]
    fn a_large_family_is_looked_for_at_a_glance_addresses_first() {
        let own = person(0);
        assert!(Kin::compile(&own, &[]).unwrap().is_none());
        assert!(Kin::compile(&own, &[Arc::clone(&own)]).unwrap().is_none(), "nothing that is not her own");
        for (others, least) in [(3, 6), (100, 20)] {
            let others: Vec<_> = (1..=others).map(person).collect();
            let kin = Kin::compile(&own, &others).unwrap().unwrap();
            assert!(!kin.identifiers().walks_everything());
            let theirs: Vec<_> = kin.identifiers().iter().skip(kin.own).map(|one| one.slot.kind()).collect();
            assert!(theirs.len() >= least, "{}", theirs.len());
            assert!(theirs.is_sorted() && theirs.first() == Some(&SlotKind::Email), "{theirs:?}");
        }
    }
}
