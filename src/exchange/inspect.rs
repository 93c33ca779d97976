//! Looks into a request's body: as a whole where it is there, else it says how to read it as it flows.

use super::error::ExchangeError;
use super::layers::Exchange;
use super::request_body::{MOST_WHOLE, RequestBody, UNREAD_PART};
use super::rooms::Generation;
use super::rules::{Chosen, Lost};
use super::unknown;
use crate::model::{Part, Party, Place};
use crate::persona::Persona;
use crate::rewrite::codec::Coding;
use crate::rewrite::{
    Field, Findings, Hit, Identifiers, Selection, Syntax, TooMany, begins_wide, has_known_charset, read_body,
    read_selected_body, syntax_of,
};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use std::sync::Arc;
use std::time::Instant;

/// Most protected values in a whole body.
const MOST_HITS: usize = 8 << 10;
/// Most parts of a body that are named because they could not be inspected.
const NOTED: usize = 16;

/// Of a field that a rule names, and that is not found as it says.
const UNREACHED: &str = "could not inspect: a rule's JSONPath does not lead to one text in this body";

/// Of letters that are not written as ASCII writes them.
const CHARSET: &str = "could not inspect: a charset this gateway does not read";

/// Of an upload that came with a length.
const HELD: &str = "the body is edited as it comes; over HTTP/1.1 it waits until its new length is known";
const WITHOUT_LENGTH: &str = "the body is edited as it flows and leaves without its length";

/// What became of the body on its way to the plan.
#[derive(Default)]
pub(super) struct Inspected {
    /// What was found in a whole one.
    pub(super) hits: Vec<Hit>,
    /// One that flows.
    pub(super) flows: Option<Flowing>,
}

/// How a body that flows is read.
pub(super) struct Flowing {
    pub(super) syntax: Syntax,
    pub(super) codings: Vec<Coding>,
    /// Fields that hold a value by the owner's word.
    pub(super) selection: Arc<Selection>,
}

/// Whether any rule is written for the vendor.
pub(super) fn is_ruled(exchange: &Exchange) -> Result<bool, ExchangeError> {
    let context = exchange.context()?;
    Ok(context.party == Party::First && exchange.generation.rules.has(&context.label))
}

/// The fields of this request that hold a value of the member's by the owner's word.
pub(super) fn chosen<'r>(
    generation: &'r Generation,
    exchange: &Exchange,
    persona: &Persona,
) -> Result<Chosen<'r>, ExchangeError> {
    if !is_ruled(exchange)? {
        return Ok(Chosen::default());
    }
    let context = exchange.context()?;
    let path = exchange.target.split('?').next().unwrap_or_default();
    let terms = || persona.wardrobe.terms(&context.vendor);
    let rules = generation.rules.bearing_on(&context.label, exchange.method.as_str(), path, terms);
    Ok(Chosen::of(&rules, |slot| persona.identity.identifier_of(slot)))
}

/// Looks into a body that can hold text. What cannot be looked into is noted, and refused under `strict`.
pub(super) async fn inspect_body(
    exchange: &mut Exchange,
    persona: &Persona,
    chosen: &Chosen<'_>,
) -> Result<Inspected, ExchangeError> {
    if matches!(exchange.body, RequestBody::Empty) {
        return Ok(Inspected::default());
    }
    let Some(syntax) = syntax_of(exchange.headers.get(CONTENT_TYPE)) else {
        opaque(exchange, "could not inspect: the body is not text")?;
        return Ok(Inspected::default());
    };
    let Ok(codings) = Coding::of(&exchange.headers) else {
        opaque(exchange, "could not inspect: a content coding this gateway does not know")?;
        return Ok(Inspected::default());
    };
    let asked = Instant::now();
    let gathered = exchange.body.gather(&codings).await;
    exchange.flow.waited(asked.elapsed());
    if let Some(note) = gathered? {
        opaque(exchange, note)?;
    }
    check_width(exchange, persona)?;
    // It may say what is not so: what can be found in it is found all the same.
    if exchange.body.wide_bytes().is_none() && !has_known_charset(exchange.headers.get(CONTENT_TYPE)) {
        opaque(exchange, CHARSET)?;
    }
    if exchange.body.flows() {
        if exchange.context()?.signed.body {
            opaque(exchange, "real, signed: the body flows as it is")?;
            return Ok(Inspected::default());
        }
        // Before its end nobody knows whether anything in it will change.
        if exchange.body.has_length() {
            let note = if exchange.body.is_holdable() { HELD } else { WITHOUT_LENGTH };
            exchange.notes.push(note.to_owned());
        }
        if !codings.is_empty() {
            exchange.notes.push("the body is decoded and coded again as it flows".to_owned());
        }
    }
    match exchange.body.decoded_bytes() {
        Some(decoded) => {
            let identifiers = persona.identity.identifiers();
            if begins_wide(&decoded) && has_known_charset(exchange.headers.get(CONTENT_TYPE)) {
                opaque(exchange, CHARSET)?;
            }
            let (selection, pointers) = match syntax {
                Syntax::Json => in_json(exchange, chosen, &decoded)?,
                _ => (chosen.named(), Vec::new()),
            };
            let found = find_in_whole(identifiers, syntax, decoded, selection).await?;
            let Findings { hits, unread, noticed } = found;
            let reached = |pointer: &String| hits.iter().any(|hit| is_at(&hit.place, pointer));
            if !pointers.iter().all(reached) {
                opaque(exchange, UNREACHED)?;
            }
            if !unread.is_empty() {
                opaque(exchange, UNREAD_PART)?;
            }
            let places = unread.iter().take(NOTED).map(|place| format!("could not inspect: {place}"));
            exchange.notes.extend(places);
            unknown::note(exchange, persona, noticed)?;
            Ok(Inspected { hits, flows: None })
        }
        None => {
            if syntax == Syntax::Json && chosen.needs_whole_body() {
                opaque(exchange, UNREACHED)?;
            }
            let flows = Some(Flowing { syntax, codings, selection: chosen.named() });
            Ok(Inspected { hits: Vec::new(), flows })
        }
    }
}

/// What looks like UTF-16 may be bytes of another kind with text among them: then that is looked into. Where both hold
/// something, nothing is sent.
fn check_width(exchange: &mut Exchange, persona: &Persona) -> Result<(), ExchangeError> {
    let Some(bytes) = exchange.body.wide_bytes() else { return Ok(()) };
    let holds =
        |text: &[u8]| read_body(persona.identity.identifiers(), Syntax::Text, text, 0, false).is_err();
    if holds(&bytes) {
        if exchange.body.decoded().is_some_and(holds) {
            return Err(ExchangeError::unread(CHARSET));
        }
        exchange.body.take_as_bytes();
    }
    Ok(())
}

/// What a rule's JSONPath leads to in a whole body, with the pointers.
fn in_json(
    exchange: &mut Exchange,
    chosen: &Chosen<'_>,
    body: &[u8],
) -> Result<(Arc<Selection>, Vec<String>), ExchangeError> {
    if !chosen.needs_whole_body() {
        return Ok((Arc::default(), Vec::new()));
    }
    // A longer one was compressed: it is not read twice on a worker.
    let found = if body.len() as u64 <= MOST_WHOLE { chosen.in_json(body) } else { Err(Lost::NoValue) };
    let found = match found {
        Ok(found) => found,
        Err(Lost::NotJson | Lost::NoValue) => {
            opaque(exchange, UNREACHED)?;
            Vec::new()
        }
    };
    let pointers = found.iter().map(|(pointer, _)| pointer.clone()).collect();
    let fields = found.into_iter().map(|(pointer, identifier)| (Field::Json(pointer), identifier));
    Ok((Arc::new(Selection::new(fields.collect())), pointers))
}

fn is_at(place: &Place, pointer: &str) -> bool {
    matches!(&place.part, Part::BodyJson(there) if **there == *pointer)
}

/// What a short compressed body unfolds to may take too long for a worker. More hits than anybody types are refused.
async fn find_in_whole(
    identifiers: &Arc<Identifiers>,
    syntax: Syntax,
    decoded: Bytes,
    selection: Arc<Selection>,
) -> Result<Findings, ExchangeError> {
    let selects = !selection.is_empty();
    let found = if decoded.len() as u64 <= MOST_WHOLE {
        let selection = selects.then_some(&selection);
        read_selected_body(identifiers, syntax, &decoded, MOST_HITS, true, selection)
    } else {
        let identifiers = Arc::clone(identifiers);
        let reading = tokio::task::spawn_blocking(move || {
            let selection = selects.then_some(&selection);
            read_selected_body(&identifiers, syntax, &decoded, MOST_HITS, false, selection)
        });
        reading.await.map_err(|_| ExchangeError::Internal("a body could not be looked into"))?
    };
    found.map_err(|TooMany| ExchangeError::BodyTooLarge)
}

fn opaque(exchange: &mut Exchange, note: &'static str) -> Result<(), ExchangeError> {
    if exchange.generation.identity.strict {
        return Err(ExchangeError::unread(note));
    }
    exchange.notes.push(note.to_owned());
    Ok(())
}
