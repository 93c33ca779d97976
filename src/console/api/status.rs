//! What is on, and for whom.

use super::super::tls::console_url;
use super::error::ApiError;
use super::off_worker;
use super::who::Asker;
use super::{Api, recovery};
use crate::config::Config;
use crate::config::schema::{InterceptMode, SendTerms};
use crate::config::value::OfferId;
use crate::exchange::Who;
use crate::gateway::House;
use crate::model::{MemberKind, SlotKind};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;

pub async fn status(State(api): State<Api>, asker: Asker) -> Result<Json<Value>, ApiError> {
    let house = api.house;
    off_worker(move || Ok(Json(describe(&house, &asker)?))).await
}

fn describe(house: &Arc<House>, asker: &Asker) -> Result<Value, ApiError> {
    house.measure();
    let rooms = house.rooms();
    let generation = rooms.generation.load_full();
    let config = &generation.config;
    let listen = &config.settings.listen;
    let doors = house.doors();
    let readiness = house.readiness.report();
    let line = [
        format!("Trackers {}", paused(house, &asker.who).unwrap_or_else(|| trackers(config).to_owned())),
        format!("Terms: {}", terms(config, &asker.who)),
        format!("Identity: {}", identity(house, config, &asker.who)),
    ]
    .join(" · ");
    let owner = house.front.roster.load().owner().map(|who| who.name.to_string());
    Ok(json!({
        "line": line,
        "loopback": owner,
        "running": doors.is_some(),
        "ready": doors.is_some() && readiness.ready,
        "conditions": readiness.conditions,
        "proxy": doors.map_or(listen.proxy.0, |doors| doors.proxy),
        "console": doors.map_or(Some(listen.console.0), |doors| doors.console).map(console_url),
        "metrics": doors.map_or(listen.metrics.map(|address| address.0), |doors| doors.metrics),
        "transparent": doors.map_or(listen.transparent.map(|address| address.0), |doors| doors.transparent),
        "home": house.home.dir(),
        "config": config.file(),
        "profile": config.settings.profile.as_str(),
        "members": rooms.vault.members()?.len(),
        "records": rooms.ledger.size(),
        "revocations": rooms.upstream.revocations().as_of().map(|published| published.to_string()),
        "recovery": recovery::standing(house, asker)?,
        "questions": rooms.questions.of(asker.who.member).len(),
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

/// Where, and until when, whoever asks has trackers step aside.
fn paused(house: &House, who: &Who) -> Option<String> {
    let rooms = house.rooms();
    let own = rooms.exceptions.of_member(who.member, rooms.clock.now());
    let pauses: Vec<_> = own.iter().filter(|exception| exception.what.pauses()).collect();
    let last = pauses.iter().filter_map(|pause| pause.until).max_by_key(|until| until.0)?;
    let vendors: Option<Vec<_>> = pauses.iter().map(|pause| Some(pause.vendor.as_ref()?.as_str())).collect();
    let place = vendors.map(|vendors| format!(" at {}", vendors.join(", "))).unwrap_or_default();
    Some(format!("paused{place} until {last}"))
}

/// Trackers step aside where nothing is decrypted, but for the names of their hosts.
fn trackers(config: &Config) -> &'static str {
    match config.settings.intercept.mode {
        InterceptMode::Off => "by host name only",
        InterceptMode::Chosen => "on for chosen vendors",
        InterceptMode::All => "on",
    }
}

fn terms(config: &Config, who: &Who) -> String {
    let chosen: Vec<_> = config.terms_of(&who.name).map(OfferId::as_str).collect();
    if config.settings.terms.send == SendTerms::Off {
        "off".to_owned()
    } else if who.kind == MemberKind::Child {
        "none for a child".to_owned()
    } else if chosen.is_empty() {
        "not chosen".to_owned()
    } else {
        chosen.join(", ")
    }
}

fn identity(house: &House, config: &Config, who: &Who) -> String {
    let Some(persona) = house.rooms().personas.of(who.member) else {
        return "nothing to protect yet, add your e-mail".to_owned();
    };
    let left_out = persona.identity.left_out();
    let slots: Vec<_> = persona.identity.slots().filter(|slot| !left_out.contains(slot)).collect();
    let protected = match slots.len() {
        0 => return "nothing to protect yet, add your e-mail".to_owned(),
        1 => "one value protected".to_owned(),
        count => format!("{count} values protected"),
    };
    let mail = slots.iter().any(|slot| slot.kind() == SlotKind::Email);
    match (mail, &config.settings.identity.domain) {
        (true, None) => format!("{protected}, but e-mail goes as typed: no mail route"),
        _ => protected,
    }
}
