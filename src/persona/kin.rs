//! What the others of a household have: nobody's to replace here, but a member may want to know where it went by their hand.

use super::MemberIdentity;
use crate::model::{Plan, RequestView};
use crate::rewrite::{CompileError, Guard, Hit, Identifier, Identifiers, Strength, Syntax, read_body};
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
    /// What `others` have and `own` has not; `None` where that is nothing. Values beyond [`Identifiers::MAX`] are left out.
    ///
    /// # Errors
    /// The matcher would be too large.
    pub fn compile(
        own: &MemberIdentity,
        others: &[Arc<MemberIdentity>],
    ) -> Result<Option<Self>, CompileError> {
        let mut list: Vec<Identifier> = own.identifiers().iter().cloned().collect();
        let first = list.len();
        let values = others.iter().flat_map(|other| other.identifiers().iter());
        let is_theirs =
            |one: &&Identifier| one.strength == Strength::Strong && !own.reveals(one.value.expose());
        list.extend(values.filter(is_theirs).cloned());
        list.truncate(Identifiers::MAX);
        if list.len() == first {
            return Ok(None);
        }
        let identifiers = Arc::new(Identifiers::compile(list)?);
        Ok(Some(Self { identifiers, own: first }))
    }

    /// The same, as a vendor meets the member.
    pub(super) fn guarding(&self, guard: Guard) -> Self {
        Self { identifiers: Arc::new(self.identifiers.guarding(guard)), own: self.own }
    }

    /// Everybody's values. Where none of these stands, none of the member's does.
    pub fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    /// What of the others' a request holds that leaves as it is, at most so many times as are told.
    pub fn find(&self, view: &RequestView<'_>, body: Option<(Syntax, &[u8])>, plan: &Plan) -> Vec<Hit> {
        let mut hits = super::find_in_head(view, &self.identifiers);
        if let Some((syntax, body)) = body
            && let Ok(found) = read_body(&self.identifiers, syntax, body, MOST, false)
        {
            hits.extend(found.hits);
        }
        hits.retain(|hit| {
            let is_theirs = hit.identifier >= self.own && !self.identifiers.is_guarded(hit.identifier);
            is_theirs && plan.covering(&hit.container, &hit.span).next().is_none()
        });
        hits.truncate(MOST);
        hits
    }
}

impl std::fmt::Debug for Kin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kin(…)")
    }
}
