//! Hits become edits in the plan: find in the head, issue what is needed, then apply.
//!
//! 1. [`find_in_head`] looks at target and header fields, [`crate::rewrite::BodyFinder`] at a whole body.
//! 2. [`Gathered::needs`] names the slots to issue, once for all of them; [`super::Wardrobe::issue`] is blocking.
//! 3. [`Gathered::apply`] writes the edits into the plan.
//!
//! A body that flows is decided hit by hit with [`Mask::judge`].

use super::policy::Treatment;
use super::verdict::{noun, refusal};
use super::wardrobe::Worn;
use super::withhold::Surroundings;
use super::{Mask, MemberIdentity, Verdict};
use crate::model::{Action, Answer, Container, Edit, Plan, RequestView, SignedParts, Slot};
use crate::rewrite::{
    Hit, Identifiers, Selection, find_in_header, find_in_target, is_clean_head, select_in_header,
    select_in_target,
};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Fields that say where the request goes; what stands in them is the client's choice of server.
const LEFT_ALONE: &[&str] = &["host"];

/// The hits in a request's target and header fields.
pub fn find_in_head(view: &RequestView<'_>, identifiers: &Identifiers) -> Vec<Hit> {
    if identifiers.is_empty() {
        return Vec::new();
    }
    let values = view.headers.values().map(http::HeaderValue::as_bytes);
    if is_clean_head(identifiers, view.target, values) {
        return Vec::new();
    }
    let mut hits = find_in_target(identifiers, view.target);
    for name in view.headers.keys().filter(|name| !LEFT_ALONE.contains(&name.as_str())) {
        for (nth, value) in view.headers.get_all(name).iter().enumerate() {
            hits.extend(find_in_header(identifiers, name.as_str(), nth, value.as_bytes()));
        }
    }
    hits
}

/// The same, and the values of the fields that are `selected`, each before what else is found in it.
pub fn select_in_head(
    view: &RequestView<'_>,
    identifiers: &Identifiers,
    selected: &Arc<Selection>,
) -> Vec<Hit> {
    if selected.is_empty() {
        return find_in_head(view, identifiers);
    }
    let mut hits = select_in_target(identifiers, selected, view.target);
    for name in view.headers.keys().filter(|name| !LEFT_ALONE.contains(&name.as_str())) {
        for (nth, value) in view.headers.get_all(name).iter().enumerate() {
            hits.extend(select_in_header(identifiers, selected, name.as_str(), nth, value.as_bytes()));
        }
    }
    hits
}

/// The hits of one request that are still to be decided.
#[derive(Debug)]
pub struct Gathered<'a> {
    view: RequestView<'a>,
    hits: Vec<Hit>,
    notes: Vec<String>,
}

impl<'a> Gathered<'a> {
    /// Sorts hits out: those a signature covers cannot be rewritten. They pass with a note, or settle the plan with a
    /// refusal where the configuration is strict or a third party would get them.
    pub fn new(
        view: RequestView<'a>,
        identity: &MemberIdentity,
        mask: &Mask,
        mut hits: Vec<Hit>,
        plan: &mut Plan,
    ) -> Self {
        let mut notes = Vec::new();
        hits.retain(|hit| {
            let Some(scheme) = signed(view.signed, &hit.container) else { return true };
            let slot = identity.identifiers().get(hit.identifier).map(|identifier| &identifier.slot);
            let Some((slot, ruling)) = slot.and_then(|slot| Some((slot, mask.ruling(slot)?))) else {
                return true;
            };
            if ruling.treatment == Treatment::Real || covered(plan, hit) {
                return true;
            }
            notes.push(format!("{}: {}: real, signed ({scheme})", hit.place, slot));
            if let Some(answer) = mask.watch().objection_to_real(slot) {
                plan.settle(answer);
            } else if mask.refuses_signed() {
                plan.settle(signed_refusal(slot, scheme));
            }
            false
        });
        // Target, fields as they come, body; longest first where two begin together: what covers another settles it.
        let mut containers: Vec<Container> = Vec::new();
        hits.sort_by_cached_key(|hit| {
            let rank = containers.iter().position(|container| *container == hit.container);
            let rank = rank.unwrap_or_else(|| {
                containers.push(hit.container.clone());
                containers.len() - 1
            });
            (rank, hit.span.start, Reverse(hit.span.end))
        });
        Self { view, hits, notes }
    }

    /// The slots that have to be issued before [`Self::apply`]. Hits that the plan already takes away need none.
    pub fn needs(&self, identity: &MemberIdentity, mask: &Mask, worn: &Worn, plan: &Plan) -> BTreeSet<Slot> {
        mask.needs(identity, worn, self.hits.iter().filter(|hit| !covered(plan, hit)))
    }

    /// The slots about which their owner has to be asked before [`Self::apply`].
    pub fn asks(&self, identity: &MemberIdentity, mask: &Mask, worn: &Worn, plan: &Plan) -> BTreeSet<Slot> {
        let open = self.hits.iter().filter(|hit| !covered(plan, hit));
        open.filter_map(|hit| mask.asks(identity, worn, hit)).collect()
    }

    /// Writes the edits into the plan and gives the notes for the record. Settles the plan with a refusal where a value
    /// could be neither replaced nor taken out: rather that than a leak.
    pub fn apply(self, identity: &MemberIdentity, mask: &Mask, worn: &Worn, plan: &mut Plan) -> Vec<String> {
        for hit in &self.hits {
            let around = self.around(&hit.container);
            match mask.judge(identity, worn, hit, around) {
                Verdict::Edit(edit) if edit.action == Action::WouldHave => plan.add(edit),
                Verdict::Edit(edit) => enter(identity, hit, edit, plan),
                Verdict::Refuse(_) if covered(plan, hit) && clean(identity, hit, plan) => {}
                Verdict::Refuse(answer) => plan.settle(answer),
                Verdict::Issue(_) if covered(plan, hit) && clean(identity, hit, plan) => {}
                Verdict::Issue(_) => plan.settle(refusal("identity", "no pseudonym could be made in time")),
            }
        }
        self.notes
    }

    fn around(&self, container: &Container) -> Surroundings<'a> {
        match container {
            Container::Target => Surroundings::Head(self.view.target.as_bytes()),
            Container::Header { name, nth } => {
                let line = self.view.headers.get_all(&**name).iter().nth(*nth);
                Surroundings::Head(line.map_or(b"", |value| value.as_bytes()))
            }
            _ => Surroundings::Body,
        }
    }
}

/// Adds an edit so that the identifier is gone whatever other layers planned for the same bytes.
fn enter(identity: &MemberIdentity, hit: &Hit, mut edit: Edit, plan: &mut Plan) {
    if covered(plan, hit) && clean(identity, hit, plan) {
        edit.action = Action::WouldHave;
        plan.add(edit);
        return;
    }
    if edit.action == Action::Removed && plan.touches(&edit.container, &edit.span) {
        // Somebody else edits a part of what would go: then only the identifier itself goes.
        edit.span = hit.span.clone();
    }
    let must_stand = edit.action;
    plan.add(edit);
    if plan.edits().last().is_some_and(|last| last.action != must_stand) {
        plan.settle(refusal(
            "identity",
            "a protected value overlaps another edit and cannot be taken out safely",
        ));
    }
}

/// Whether an edit that stands takes all bytes of the hit away.
fn covered(plan: &Plan, hit: &Hit) -> bool {
    covering(plan, hit).next().is_some()
}

fn covering<'a>(plan: &'a Plan, hit: &'a Hit) -> impl Iterator<Item = &'a Edit> {
    plan.covering(&hit.container, &hit.span).filter(|edit| !edit.is_beside(hit.within.as_ref()))
}

/// Whether what the covering edit leaves there is free of identifiers.
fn clean(identity: &MemberIdentity, hit: &Hit, plan: &Plan) -> bool {
    covering(plan, hit)
        .all(|edit| find_in_header(identity.identifiers(), "x", 0, edit.value.expose()).is_empty())
}

fn signed(signed: &SignedParts, container: &Container) -> Option<&'static str> {
    let covers = match container {
        Container::Target => signed.target,
        Container::Header { name, .. } => signed.covers_header(name),
        Container::Body => signed.body,
        Container::NewHeader { .. } | Container::Message => false,
    };
    signed.scheme.filter(|_| covers)
}

fn signed_refusal(slot: &Slot, scheme: &'static str) -> Answer {
    let reason = format!(
        "your {} stands in a part that is signed ({scheme}) and cannot be changed",
        noun(slot.kind())
    );
    Answer::Refuse { rule: "signed".into(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
