//! What others of the household have, on its way to a vendor by a member's hand: a note in that member's log, by kind and
//! place. It goes as it is.

use super::error::ExchangeError;
use super::layers::Exchange;
use super::request_body::MOST_WHOLE;
use crate::model::{Action, Edit, Secret, Stage};
use crate::persona::{Persona, noun};
use crate::rewrite::codec::Coding;
use crate::rewrite::syntax_of;
use http::header::CONTENT_TYPE;
use std::time::Instant;

/// Its rule.
const RULE: &str = "household";

/// Does so for a member who has nothing to protect, whose body nobody else looks into.
pub(super) async fn look(exchange: &mut Exchange, persona: &Persona) -> Result<(), ExchangeError> {
    let is_text = syntax_of(exchange.headers.get(CONTENT_TYPE)).is_some();
    if let Some(codings) = Coding::of(&exchange.headers).ok().filter(|_| is_text) {
        let asked = Instant::now();
        // What cannot be decoded goes as it is, like everything of theirs.
        exchange.body.gather(&codings).await?;
        exchange.flow.waited(asked.elapsed());
    }
    note(exchange, persona)
}

/// Enters the notes into the plan. A body that flows is not looked into for them.
pub(super) fn note(exchange: &mut Exchange, persona: &Persona) -> Result<(), ExchangeError> {
    let Some(kin) = &persona.kin else { return Ok(()) };
    let body = exchange.body.decoded_bytes().filter(|body| body.len() as u64 <= MOST_WHOLE);
    let syntax = syntax_of(exchange.headers.get(CONTENT_TYPE));
    let (view, plan) = exchange.view_and_plan()?;
    let hits = kin.find(&view, syntax.zip(body.as_deref()), plan);
    for hit in hits {
        let Some(theirs) = kin.identifiers().get(hit.identifier) else { continue };
        let what = noun(theirs.slot.kind());
        plan.add(Edit {
            place: hit.place,
            container: hit.container,
            span: hit.span,
            action: Action::WouldHave,
            stage: Stage::Persona,
            slot: None,
            category: theirs.slot.category(),
            rule: RULE.into(),
            reason: format!("the {what} of somebody else of your household; it goes as it is").into(),
            within: None,
            value: Secret::default(),
        });
    }
    Ok(())
}
