//! The vendors a member deals with, and how each is treated.

use super::error::ApiError;
use super::read::{Given, Wanted};
use super::who::Asker;
use super::{Api, off_worker};
use crate::config::value::PolicyKey;
use crate::exchange::{Generation, Who};
use crate::gateway::House;
use crate::model::{FederatedLogin, Host, Level, Policy, Reveal, VendorId};
use crate::store::Relationship;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::str::FromStr;
use std::sync::Arc;

/// About whom a question is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The member; the asker where nobody is named.
    #[serde(default)]
    pub member: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Key to value; `null` or an empty value takes a setting back.
    set: BTreeMap<String, Option<String>>,
}

pub async fn list(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    off_worker(move || {
        let house = &api.house;
        let configured = &house.rooms().generation.load_full().config;
        let mut labels: BTreeSet<VendorId> =
            configured.settings.vendor.keys().map(|name| VendorId::from(name.as_str())).collect();
        let named: BTreeSet<_> = labels.iter().map(|label| house.sector_of(who.member, label)).collect();
        let stored = house.store.relationships(who.member)?;
        let sectors = stored.iter().map(|row| &row.vendor);
        labels.extend(sectors.filter(|sector| !named.contains(sector)).cloned());
        let stored: HashMap<_, _> = stored.iter().map(|row| (&row.vendor, row)).collect();
        let row = |label: &VendorId| {
            let sector = house.sector_of(who.member, label);
            let stored = stored.get(&sector).copied();
            describe(house, &who, label, &sector, stored)
        };
        let vendors: Result<Vec<_>, ApiError> = labels.iter().map(row).collect();
        Ok(Json(json!({ "member": &*who.name, "vendors": vendors? })))
    })
    .await
}

pub async fn show(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    off_worker(move || Ok(Json(describe_one(&api.house, &who, &vendor)?))).await
}

pub async fn set(
    State(api): State<Api>,
    asker: Asker,
    Path(vendor): Path<String>,
    Wanted(about): Wanted<About>,
    Given(set): Given<Set>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let vendor = find(&api.house, &who, &vendor)?;
    let changes: BTreeMap<_, _> =
        set.set.into_iter().map(|(key, value)| (key, value.filter(|value| !value.is_empty()))).collect();
    for (key, value) in &changes {
        check(key, value.as_deref())?;
        written(&api.house, &vendor, key)?;
    }
    keep(&api.house, &who, &vendor, changes).await?;
    off_worker(move || Ok(Json(describe_one(&api.house, &who, &vendor)?))).await
}

/// Keeps what a member set for a vendor, and has it recorded; `None` takes a setting back.
pub async fn keep(
    house: &Arc<House>,
    who: &Who,
    vendor: &VendorId,
    changes: BTreeMap<String, Option<String>>,
) -> Result<(), ApiError> {
    let said = changes.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or_default()));
    let reason = format!("vendor {vendor}: {}", said.collect::<Vec<_>>().join(", "));
    let (member, sector) = (who.member, house.sector_of(who.member, vendor));
    let (at, of) = (Arc::clone(house), sector.clone());
    off_worker(move || {
        for (key, value) in &changes {
            at.store.set_vendor(member, &of, key, value.as_deref())?;
        }
        Ok(at.renew_members()?)
    })
    .await?;
    Ok(house.record_change(member, Some(sector), reason).await?)
}

/// The vendor of that name: a `[vendor]`, one the member knows, or whoever a host belongs to.
pub fn find(house: &House, who: &Who, name: &str) -> Result<VendorId, ApiError> {
    let generation = house.rooms().generation.load();
    let named = VendorId::from(name);
    let personas = &house.rooms().personas;
    if generation.config.vendor(&named).is_some()
        || personas.standing(who.member, &house.sector_of(who.member, &named)).known
    {
        return Ok(named);
    }
    match Host::parse(name) {
        Some(host) if host.name().is_none_or(|name| name.contains('.')) => {
            Ok(generation.config.vendor_of(&host).id)
        }
        _ => Err(ApiError::not_found(
            "there is no vendor of that name; a host such as shop.example names its vendor, too",
        )),
    }
}

/// One vendor. What is stored stands under the name the vendor knew the member by first.
fn describe_one(house: &House, who: &Who, label: &VendorId) -> Result<Value, ApiError> {
    let sector = house.sector_of(who.member, label);
    let relationships = house.store.relationships(who.member)?;
    let stored = relationships.iter().find(|row| row.vendor == sector);
    describe(house, who, label, &sector, stored)
}

fn describe(
    house: &House,
    who: &Who,
    label: &VendorId,
    sector: &VendorId,
    stored: Option<&Relationship>,
) -> Result<Value, ApiError> {
    let rooms = house.rooms();
    let generation = rooms.generation.load_full();
    let configured = generation.config.vendor(label);
    let (level, origin) = level(&generation, label, stored);
    let own: Map<String, Value> = house
        .store
        .vendor_settings(who.member, sector)?
        .into_iter()
        .map(|(key, value)| (key, Value::String(value)))
        .collect();
    let settings = rooms.vendor_settings(&generation, who.member, label, sector);
    let identity: Map<String, Value> = settings
        .iter()
        .flat_map(|settings| &settings.slots)
        .map(|(key, policy)| (key.clone(), policy.as_str().into()))
        .collect();
    let hosts = configured.map(|vendor| vendor.hosts.iter().map(ToString::to_string).collect::<Vec<_>>());
    let epoch = rooms.personas.standing(who.member, sector).epoch;
    let persona = rooms.personas.of(who.member);
    let sign_ins = house.store.sign_ins(who.member)?.into_iter().filter(|row| row.vendor == *sector);
    let sign_ins: Vec<_> = sign_ins
        .map(|row| {
            let scopes: Vec<_> = row.scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
            json!({ "provider": row.provider.as_str(), "scopes": scopes, "asked": row.asked, "went": row.went })
        })
        .collect();
    Ok(json!({
        "vendor": label.as_str(),
        "member": &*who.name,
        "level": level.as_str(),
        "level_from": origin,
        "identity": identity,
        "own": own,
        "hosts": hosts,
        "since": stored.map(|row| row.since),
        "epoch": epoch,
        "pseudonyms": persona.map_or(0, |persona| persona.wardrobe.worn(sector, epoch).len()),
        "federated_login": rooms.federated_login(&generation, who.member, label, sector).as_str(),
        "sign_ins": sign_ins,
        "reveal": rooms.reveal(&generation, who.member, label, sector).as_str(),
        "terms": stored.map(|row| row.terms.as_str()),
        "answer": stored.and_then(|row| row.answer.as_deref()),
    }))
}

/// The file wins over the member's own choice, that over what holds for every new vendor.
fn level(generation: &Generation, vendor: &VendorId, stored: Option<&Relationship>) -> (Level, &'static str) {
    let file = generation.config.vendor(vendor).and_then(|vendor| vendor.level);
    let own = stored.and_then(|row| row.level);
    match (file, own) {
        (Some(level), _) => (level, "file"),
        (None, Some(level)) => (level, "own"),
        (None, None) => (generation.config.settings.identity.new_vendor, "new_vendor"),
    }
}

/// Only keys that are acted on are taken.
fn check(key: &str, value: Option<&str>) -> Result<(), ApiError> {
    if key == "level" {
        return match value {
            Some(level) if Level::parse(level).is_none() => {
                Err(ApiError::usage("a level is known, alias or stranger"))
            }
            _ => Ok(()),
        };
    }
    if key == "federated_login" {
        return match value {
            Some(policy) if FederatedLogin::parse(policy).is_none() => {
                Err(ApiError::usage("federated_login is allow or block"))
            }
            _ => Ok(()),
        };
    }
    if key == "reveal" {
        return match value {
            Some(reveal) if Reveal::parse(reveal).is_none() => Err(ApiError::usage("reveal is none or api")),
            _ => Ok(()),
        };
    }
    let slot = key.strip_prefix("identity.").ok_or_else(|| {
        ApiError::usage(
            "a key is level, federated_login, reveal or identity.SLOT, as in level=stranger or identity.email=real",
        )
    })?;
    PolicyKey::from_str(slot).map_err(|error| ApiError::usage(error.to_string().replace('\n', "; ")))?;
    match value.map(Policy::parse) {
        None | Some(Some(_)) => Ok(()),
        Some(None) => Err(ApiError::usage("a policy is real, pseudonym, coarse, withhold or ask")),
    }
}

/// A choice that the file overrides would look as if it held.
pub fn written(house: &House, vendor: &VendorId, key: &str) -> Result<(), ApiError> {
    let generation = house.rooms().generation.load();
    let Some(configured) = generation.config.vendor(vendor) else { return Ok(()) };
    let slot = key.strip_prefix("identity.").unwrap_or_default();
    let there = match key {
        "level" => configured.level.is_some(),
        "federated_login" => configured.federated_login.is_some(),
        "reveal" => configured.reveal.is_some(),
        // A question of the file's may be answered for good.
        _ => configured
            .identity
            .0
            .iter()
            .any(|(written, policy)| written.to_string() == slot && *policy != Policy::Ask),
    };
    if there {
        return Err(ApiError::configuration(format!(
            "[vendor.{vendor}] {key} is written in the configuration file, which wins: change it there"
        )));
    }
    Ok(())
}
