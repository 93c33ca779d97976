//! What a vendor knows of a member, and what the member does about it.

use super::Api;
use super::error::ApiError;
use super::members::NO_SLOT;
use super::read::{Given, Wanted};
use super::vendors::{About, find};
use super::who::Asker;
use crate::model::{Slot, SlotKind};
use crate::persona::Issued;
use crate::vault::VaultError;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

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
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let persona = api.house.rooms().personas.of(who.member).ok_or(VaultError::NoMember)?;
    let sector = api.house.sector_of(who.member, &vendor);
    let epoch = persona.wardrobe.standing(&sector).epoch;
    let worn = persona.wardrobe.worn(&sector, epoch);
    let pseudonyms: Vec<_> = worn.iter().map(|(slot, issued)| describe(slot, issued)).collect();
    let is_real = |slot: &Slot, issued: &Issued| {
        issued.is_adopted() && persona.identity.is_real(slot, issued.value.expose())
    };
    let real = worn.iter().find(|(slot, issued)| slot.kind() == SlotKind::Email && is_real(slot, issued));
    let mail = api.house.rooms().generation.load().identity.domain.is_some();
    Ok(Json(json!({
        "vendor": vendor.as_str(),
        "member": &*who.name,
        "epoch": epoch,
        "pseudonyms": pseudonyms,
        "change": real.map(|(slot, _)| steps(vendor.as_str(), slot, mail)),
    })))
}

/// How an account under a real address becomes one under an alias.
fn steps(vendor: &str, slot: &Slot, mail: bool) -> Vec<String> {
    let domain = "write a domain whose mail reaches you under [identity] domain in the configuration";
    let rest = [
        format!("log in to {vendor} as you do now"),
        format!("doorward persona reset {vendor}"),
        format!("doorward persona issue {vendor} {slot}, which prints an address"),
        "enter that address in the account's settings, and confirm it from your mailbox".to_owned(),
    ];
    (!mail).then(|| domain.to_owned()).into_iter().chain(rest).collect()
}

pub async fn issue(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Wanted(about): Wanted<About>,
    Given(issue): Given<Issue>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let slot = Slot::parse(&issue.slot).ok_or_else(|| ApiError::usage(NO_SLOT))?;
    let issued = api.house.issue(who.member, &vendor, &slot).await?;
    Ok(Json(describe(&slot, &issued)))
}

pub async fn reset(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let epoch = api.house.reset(who.member, &vendor).await?;
    Ok(Json(json!({ "vendor": vendor.as_str(), "member": &*who.name, "epoch": epoch })))
}

pub async fn adopt(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Wanted(about): Wanted<About>,
    Given(adopt): Given<Adopt>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let slot = Slot::parse(&adopt.slot).ok_or_else(|| ApiError::usage(NO_SLOT))?;
    let issued = api.house.adopt_pseudonym(who.member, &vendor, &slot, &adopt.value).await?;
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
