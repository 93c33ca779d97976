//! The way back of layer 8: to a program of the member's, and to nobody else, a vendor's answer shows the real value where
//! the program itself sent it.
//!
//! Whatever a browser may read stays as it came, because the vendor's own script could send it on. So a program proves
//! itself by a credential of its own, asks over TLS, and bears no sign of a browser; the answer is JSON that was taken in
//! whole; and how much is shown is bounded ([`Revealed`]).

mod answer;
mod of_late;

pub use of_late::Revealed;

use super::apply;
use super::body::ReplyBody;
use super::error::ExchangeError;
use super::layers::{Exchange, Reply};
use super::rooms::Rooms;
use crate::model::{MemberKind, Party, Reveal, Scheme, VendorId};
use crate::persona::{Persona, SentPlace, find_revealable, is_revealable, told};
use crate::rewrite::Hit;
use crate::rewrite::codec::Coding;
use crate::vault::Holder;
use answer::Taken;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderValue, ORIGIN, REFERER, UPGRADE_INSECURE_REQUESTS, USER_AGENT};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest answer that is shown anything in (bytes, coded and decoded).
const LONGEST: usize = 256 << 10;
/// Longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a program of the member's asks that may be shown something by this vendor.
pub(super) fn is_for_program(rooms: &Rooms, exchange: &Exchange) -> Result<bool, ExchangeError> {
    // On a device of several people nobody knows whose value it was.
    let is_agent = is_agent(exchange) && exchange.who.kind != MemberKind::Shared && !exchange.rehearsal;
    if !is_agent || exchange.websocket.is_some() || !is_no_browser(&exchange.headers) {
        return Ok(false);
    }
    let (context, origin) = (exchange.context()?, exchange.origin()?);
    let (member, label, sector) = (exchange.who.member, &context.label, &context.vendor);
    Ok(origin.scheme == Scheme::Https
        && context.party == Party::First
        && rooms.reveal(&exchange.generation, member, label, sector) == Reveal::Api)
}

/// Whether who asks has shown a program's credential.
pub(super) fn is_agent(exchange: &Exchange) -> bool {
    exchange.who.credential.as_ref().is_some_and(|credential| credential.holder == Holder::Agent)
}

/// Whether nothing speaks for a browser: W3C Fetch Metadata and Client Hints, the fields of scripts and of navigations, the
/// name that every browser goes by.
fn is_no_browser(headers: &HeaderMap) -> bool {
    let is_named = headers.get_all(USER_AGENT).iter().any(|value| value.as_bytes().starts_with(b"Mozilla/"));
    let tells = [ORIGIN, REFERER, UPGRADE_INSECURE_REQUESTS].iter().any(|name| headers.contains_key(name));
    !is_named && !tells && !headers.keys().any(|name| name.as_str().starts_with("sec-"))
}

/// The places where a program sends values, from the hits in its request's body.
pub(super) fn sent_in(hits: &[Hit], persona: &Persona) -> Vec<SentPlace> {
    hits.iter().filter_map(|hit| SentPlace::of(hit, &persona.identity)).collect()
}

/// Shows a program what it may see of `reply`. What it sent to a vendor that took it is remembered.
pub(super) async fn show(
    rooms: &Arc<Rooms>,
    exchange: &mut Exchange,
    persona: &Persona,
    reply: &mut Reply,
) -> Result<(), ExchangeError> {
    let context = exchange.context()?;
    let (vendor, epoch) = (context.vendor.clone(), context.epoch);
    let sent = std::mem::take(&mut exchange.sent_places);
    if reply.status().is_success() && persona.wardrobe.note_sent(&vendor, epoch, &sent) {
        remember(persona, vendor.clone(), epoch);
    }
    let worn = persona.wardrobe.worn(&vendor, epoch);
    let places = persona.wardrobe.sent_places(&vendor, epoch);
    let knows =
        |place: &SentPlace| worn.get(&place.slot).is_some_and(|issued| is_revealable(&place.slot, issued));
    if !places.iter().any(knows) || !answer::is_plain_json(reply) {
        return Ok(());
    }
    let Some((coded, codings)) = take_in(exchange, reply).await? else { return Ok(()) };
    let identity = Arc::clone(&persona.identity);
    let looked = off_worker(move || {
        let taken = Taken::undo(coded, &codings, LONGEST)?;
        let found = find_revealable(taken.decoded(), &places, &worn, &identity);
        Some((taken, found))
    });
    let Some((mut taken, mut found)) = looked.await? else { return Ok(()) };
    if !found.edits.is_empty() {
        let now = rooms.clock.now();
        let most = rooms.revealed.grant(exchange.who.member, &vendor, found.edits.len(), now);
        let slots = found.let_through(most);
        // Watched from before the first byte is shown.
        rooms.revealed.shown(exchange.who.member, slots, now);
    }
    let suspicion = found.suspicion();
    for edit in found.edits.into_iter().chain(suspicion) {
        exchange.reply_plan.add(edit);
    }
    let Some(edited) = apply::body(taken.decoded(), &exchange.reply_plan) else { return Ok(()) };
    let coded = off_worker(move || taken.code(edited)).await??;
    answer::plan_head(reply.headers(), &mut exchange.reply_plan);
    if reply.headers().contains_key(CONTENT_LENGTH) {
        reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(coded.len()));
    }
    if let ReplyBody::Vendor(body) = reply.body_mut() {
        body.inflow.replace(coded);
    }
    Ok(())
}

/// Undoing and doing codings may take too long for a worker.
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ExchangeError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| ExchangeError::Internal("an answer could not be looked into"))
}

/// The answer as it came and its codings, where it is short and quick enough and these are known.
async fn take_in(
    exchange: &mut Exchange,
    reply: &mut Reply,
) -> Result<Option<(Bytes, Vec<Coding>)>, ExchangeError> {
    let Ok(codings) = Coding::of(reply.headers()) else { return Ok(None) };
    let ReplyBody::Vendor(body) = reply.body_mut() else { return Ok(None) };
    let asked = Instant::now();
    let taken = body.inflow.take_in(LONGEST, PATIENCE, exchange.flow.tally()).await;
    exchange.flow.waited(asked.elapsed());
    let broke = |_| ExchangeError::BadResponse {
        error: "http_response_incomplete",
        reason: "the vendor's answer broke off",
    };
    let Some(coded) = taken.map_err(broke)? else {
        exchange.reply_plan.add(told("nothing is shown: the answer is too long or too slow"));
        return Ok(None);
    };
    Ok(Some((coded, codings)))
}

/// Keeps the places over a restart, off the workers. Nothing waits for it.
fn remember(persona: &Persona, vendor: VendorId, epoch: u32) {
    let wardrobe = Arc::clone(&persona.wardrobe);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = wardrobe.keep_sent(&vendor, epoch) {
            tracing::warn!(%error, "where a program sent values could not be kept");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_browser_sends_of_itself_tells_it() {
        let of = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        for (name, value) in [
            ("origin", "null"),
            ("referer", "https://shop.test/"),
            ("sec-fetch-mode", "cors"),
            ("sec-ch-ua", "x"),
            ("sec-purpose", "prefetch"),
            ("upgrade-insecure-requests", "1"),
            ("user-agent", "Mozilla/5.0 (X11)"),
        ] {
            assert!(!is_no_browser(&of(name, value)), "{name}");
        }
        assert!(is_no_browser(&of("user-agent", "curl/8.0")));
        assert!(is_no_browser(&of("accept", "application/json")));
    }
}
