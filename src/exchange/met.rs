//! Whether a vendor knows the member already, under what is real (`[identity] first = "learn"`).

use super::error::ExchangeError;
use super::layers::Exchange;
use super::rooms::Rooms;
use crate::model::Party;
use crate::persona::{Mask, Persona, is_login};
use http::header::COOKIE;
use std::sync::Arc;

/// Notes the first time that the member deals with the vendor, and whether its cookies came along. Nothing waits for the
/// store.
pub(super) fn meet(rooms: &Arc<Rooms>, exchange: &Exchange, persona: &Persona) -> Result<(), ExchangeError> {
    let context = exchange.context()?;
    let wardrobe = &persona.wardrobe;
    if exchange.rehearsal || context.party != Party::First || wardrobe.has_met(&context.vendor) {
        return Ok(());
    }
    if wardrobe.meet(&context.vendor, exchange.headers.contains_key(COOKIE)) {
        let (wardrobe, vendor) = (Arc::clone(wardrobe), context.vendor.clone());
        let now = rooms.clock.now();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = wardrobe.keep_meeting(&vendor, now) {
                tracing::warn!(%error, "a vendor will be met once more after a restart");
            }
        });
    }
    Ok(())
}

/// Whether the vendor has an account of the member's under what is real: its cookies came along when they first met, or
/// this is a login. Not once the owner has started a new identity.
pub(super) fn has_account(
    exchange: &Exchange,
    persona: &Persona,
    mask: &Mask,
) -> Result<bool, ExchangeError> {
    let context = exchange.context()?;
    if !mask.learns() || context.epoch > 1 {
        return Ok(false);
    }
    let wardrobe = &persona.wardrobe;
    // A rehearsal has not noted the first time.
    let first = exchange.rehearsal && !wardrobe.has_met(&context.vendor) && !context.relationship;
    Ok(wardrobe.knew_before(&context.vendor)
        || first && exchange.headers.contains_key(COOKIE)
        || exchange.body.decoded().is_some_and(|body| is_login(&exchange.target, body)))
}
