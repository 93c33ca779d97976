//! What a vendor knows of a member, and what the member does about it.

use super::error::ApiError;
use super::members::NO_SLOT;
use super::vendors::{About, find};
use super::who::Asker;
use super::{Api, off_worker};
use crate::exchange::Who;
use crate::gateway::House;
use crate::model::{Party, Slot, VendorId};
use crate::persona::{Issued, Mask, Order, Persona, Sources};
use crate::vault::VaultError;
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    slot: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    slot: String,
    value: String,
}

pub async fn show(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Query(about): Query<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let persona = persona(&api.house, &who)?;
    let standing = persona.wardrobe.standing(&vendor);
    let worn = persona.wardrobe.worn(&vendor, standing.epoch);
    let pseudonyms: Vec<_> = worn.iter().map(|(slot, issued)| describe(slot, issued)).collect();
    Ok(Json(json!({
        "vendor": vendor.as_str(),
        "member": &*who.name,
        "epoch": standing.epoch,
        "pseudonyms": pseudonyms,
    })))
}

pub async fn issue(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Query(about): Query<About>,
    Json(issue): Json<Issue>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let slot = Slot::parse(&issue.slot).ok_or_else(|| ApiError::usage(NO_SLOT))?;
    let persona = persona(&api.house, &who)?;
    let epoch = persona.wardrobe.standing(&vendor).epoch;
    let (house, made, to, wanted) =
        (Arc::clone(&api.house), persona.clone(), vendor.clone(), BTreeSet::from([slot.clone()]));
    let issuance = off_worker(move || {
        let rooms = house.rooms();
        let generation = rooms.generation.load_full();
        let own = rooms.vendor_settings(&generation, who.member, &to);
        let settings = &generation.identity;
        let sources = Sources { vendor: &to, party: Party::First, settings, own: own.as_deref() };
        let mask = Mask::new(&made.identity, &sources);
        let derivation = settings.derivation;
        let order = Order { mask: &mask, identity: &made.identity, epoch, derivation };
        Ok(made.wardrobe.issue(&order, &wanted, rooms.clock.now())?)
    })
    .await?;
    if !issuance.records.is_empty() {
        api.house.rooms().ledger.append(issuance.records).await?;
        persona.wardrobe.confirm(&vendor, epoch, [&slot]);
    }
    let issued = issuance.worn.get(&slot).ok_or_else(|| ApiError::failed("nothing was issued"))?;
    Ok(Json(describe(&slot, issued)))
}

pub async fn reset(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Query(about): Query<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let persona = persona(&api.house, &who)?;
    let to = vendor.clone();
    let epoch = off_worker(move || Ok(persona.wardrobe.reset(&to)?)).await?;
    api.house.record_change(who.member, Some(vendor.clone()), format!("reset {vendor}")).await?;
    Ok(Json(json!({ "vendor": vendor.as_str(), "member": &*who.name, "epoch": epoch })))
}

pub async fn adopt(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Query(about): Query<About>,
    Json(adopt): Json<Adopt>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let slot = Slot::parse(&adopt.slot).ok_or_else(|| ApiError::usage(NO_SLOT))?;
    let persona = persona(&api.house, &who)?;
    let epoch = persona.wardrobe.standing(&vendor).epoch;
    let (house, made, to, put) = (Arc::clone(&api.house), persona.clone(), vendor.clone(), slot.clone());
    let record = off_worker(move || {
        Ok(made.wardrobe.adopt(&to, epoch, &put, &adopt.value, house.rooms().clock.now())?)
    })
    .await?;
    api.house.rooms().ledger.append(vec![record]).await?;
    persona.wardrobe.confirm(&vendor, epoch, [&slot]);
    let issued = persona.wardrobe.issued(&vendor, epoch, &slot);
    let issued = issued.ok_or_else(|| ApiError::failed("nothing was adopted"))?;
    Ok(Json(describe(&slot, &issued)))
}

/// The pseudonym is the vendor's to know and the member's to see.
fn describe(slot: &Slot, issued: &Issued) -> Value {
    json!({
        "slot": slot.as_str(),
        "value": issued.value.expose(),
        "how": issued.how,
        "since": issued.created,
    })
}

fn persona(house: &House, who: &Who) -> Result<Persona, ApiError> {
    Ok(house.rooms().personas.of(who.member).ok_or(VaultError::NoMember)?)
}

/// Kept beside the handlers that need it: how many values a vendor knows.
pub fn count(house: &House, who: &Who, vendor: &VendorId) -> usize {
    let persona = house.rooms().personas.of(who.member);
    persona.map_or(0, |persona| {
        let epoch = persona.wardrobe.standing(vendor).epoch;
        persona.wardrobe.worn(vendor, epoch).len()
    })
}
