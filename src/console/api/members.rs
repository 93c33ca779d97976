//! The people and their real attributes. Values go in; only the names of slots come out.

use super::error::ApiError;
use super::read::{Given, Wanted};
use super::who::{self, Asker};
use super::{Api, Created, off_worker};
use crate::gateway::House;
use crate::model::{MemberId, MemberKind, Secret, Slot};
use crate::vault::{Holder, Member, check_attribute};
use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Slot to value; `null` or an empty value takes one away.
type Values = BTreeMap<String, Option<String>>;
/// The same, read.
type Attributes = Vec<(Slot, Option<Secret<String>>)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Add {
    name: String,
    #[serde(default)]
    kind: MemberKind,
    #[serde(default)]
    values: Values,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    values: Values,
}

/// Who is to hold a credential.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// A program, which reads vendors' answers itself.
    #[serde(default)]
    agent: bool,
}

pub async fn list(State(api): State<Api>, asker: Asker) -> Result<Json<Value>, ApiError> {
    off_worker(move || {
        let members = api.house.rooms().vault.members()?;
        let owner = members.first().map(|member| member.id);
        let shown = members.iter().filter(|member| asker.owner || member.id == asker.who.member);
        let members: Vec<_> = shown.map(|member| describe(&api.house, member, owner)).collect();
        Ok(Json(json!({ "members": members })))
    })
    .await
}

pub async fn add(
    State(api): State<Api>,
    asker: Asker,
    Given(new): Given<Add>,
) -> Result<Created<Value>, ApiError> {
    asker.must_own()?;
    let house = Arc::clone(&api.house);
    let (member, named) = off_worker(move || {
        let vault = &house.rooms().vault;
        let region = region(&house, &new.name);
        let values = read(new.values, region.as_deref())?;
        let named = vault.members()?.iter().any(|member| member.placeholder);
        let member = vault.add_member(&new.name, new.kind)?;
        put(&house, member.id, &values, region.as_deref())?;
        Ok((member, named))
    })
    .await?;
    api.house.record_change(member.id, None, format!("member {} added", member.name)).await?;
    let owner = api.house.front.roster.load().owner().map(|who| who.member);
    let mut described = describe(&api.house, &member, owner);
    if let Some(fields) = described.as_object_mut() {
        fields.insert("named_placeholder".to_owned(), named.into());
    }
    Ok((StatusCode::CREATED, Json(described)))
}

pub async fn set(
    State(api): State<Api>,
    asker: Asker,
    Path(name): Path<String>,
    Given(set): Given<Set>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.manages(&api.house, &name)?;
    let (house, member, name) = (Arc::clone(&api.house), who.member, who.name.clone());
    let slots = off_worker(move || {
        let region = region(&house, &name);
        let values = read(set.values, region.as_deref())?;
        put(&house, member, &values, region.as_deref())?;
        Ok(values.iter().map(|(slot, _)| slot.to_string()).collect::<Vec<_>>())
    })
    .await?;
    let reason = format!("values changed: {}", slots.join(", "));
    api.house.record_change(member, None, reason).await?;
    let member = api.house.rooms().vault.member(&who.name)?.ok_or(crate::vault::VaultError::NoMember)?;
    let owner = api.house.front.roster.load().owner().map(|who| who.member);
    Ok(Json(describe(&api.house, &member, owner)))
}

pub async fn token(
    State(api): State<Api>,
    asker: Asker,
    Path(name): Path<String>,
    Wanted(held): Wanted<Held>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.manages(&api.house, &name)?;
    let house = Arc::clone(&api.house);
    let (holder, made) = match held.agent {
        true => (Holder::Agent, "a credential for a program was made"),
        false => (Holder::Device, "a credential was made"),
    };
    let token = off_worker(move || Ok(house.rooms().vault.new_token(who.member, holder)?)).await?;
    // The oldest credential may have had to go.
    api.house.front.look_again();
    // The member sees in their own log that somebody else may now speak for them.
    api.house.record_change(who.member, None, made.to_owned()).await?;
    let listen = api.house.rooms().generation.load().config.settings.listen.proxy.0;
    let address = api.house.doors().map_or(listen, |doors| doors.proxy);
    let proxy = format!("http://{}:{}@{address}", who.name, token.expose());
    Ok(Json(json!({ "member": &*who.name, "agent": held.agent, "token": token.expose(), "proxy": proxy })))
}

pub async fn remove(
    State(api): State<Api>,
    asker: Asker,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    asker.must_own()?;
    let who = who::member(&api.house, &name)?;
    let was_owner = asker.who.member == who.member;
    let house = Arc::clone(&api.house);
    off_worker(move || {
        let vault = &house.rooms().vault;
        vault.remove_member(who.member)?;
        house.rooms().personas.remove(who.member);
        // A home always has somebody: loopback must not become a guest.
        vault.ensure_member()?;
        Ok(house.renew_members()?)
    })
    .await?;
    api.house.record_change(MemberId::GATEWAY, None, "a member was removed".to_owned()).await?;
    let owner = api.house.front.roster.load().owner().map(|who| who.name.to_string());
    Ok(Json(json!({ "removed": &*who.name, "was_owner": was_owner, "owner": owner })))
}

fn describe(house: &House, member: &Member, owner: Option<MemberId>) -> Value {
    let persona = house.rooms().personas.of(member.id);
    let (slots, left_out) = persona.map_or_else(Default::default, |persona| {
        let names = |slot: &Slot| slot.to_string();
        let slots: Vec<_> = persona.identity.slots().map(names).collect();
        (slots, persona.identity.left_out().iter().map(names).collect::<Vec<_>>())
    });
    json!({
        "name": member.name,
        "kind": member.kind.as_str(),
        "owner": owner == Some(member.id),
        "placeholder": member.placeholder,
        "since": member.created,
        "slots": slots,
        "not_protected": left_out,
    })
}

/// Where a phone number without a country code belongs.
fn region(house: &House, name: &str) -> Option<String> {
    let generation = house.rooms().generation.load();
    generation.config.member(&name.to_ascii_lowercase())?.locale.clone()
}

/// All values or none: each is checked before one is set. No message ever holds a value.
fn read(values: Values, region: Option<&str>) -> Result<Attributes, ApiError> {
    let mut read = Attributes::new();
    for (name, value) in values {
        let slot = Slot::parse(&name).ok_or_else(|| ApiError::usage(NO_SLOT))?;
        let value = value.filter(|value| !value.trim().is_empty()).map(Secret::new);
        if let Some(value) = &value {
            check_attribute(&slot, value, region).map_err(ApiError::usage)?;
        }
        read.push((slot, value));
    }
    Ok(read)
}

/// What was written in a slot's place may be a value, so it is not repeated.
pub const NO_SLOT: &str = "there is no such slot; slots are email.primary, email.NAME, name.full, name.given, name.family, \
     phone.primary, address.street, address.postcode, address.city, birthdate, username, device.id, device.mac, ad.id, \
     account.NAME, geo.home, ip.home, custom.NAME";

fn put(house: &House, member: MemberId, values: &Attributes, region: Option<&str>) -> Result<(), ApiError> {
    let vault = &house.rooms().vault;
    for (slot, value) in values {
        vault.set_attribute_in(member, slot, value.as_ref(), region)?;
    }
    Ok(house.renew_members()?)
}
