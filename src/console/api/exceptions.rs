//! What a member lets by: one rule of an edit they saw, one value at one vendor, or everything for a while.

use super::error::ApiError;
use super::read::{Given, Wanted};
use super::span::milliseconds;
use super::vendors::{About, find, written};
use super::who::Asker;
use super::{Api, off_worker};
use crate::exchange::Who;
use crate::gateway::House;
use crate::model::exception::{Excepted, Exception};
use crate::model::record::{EditRecord, Event};
use crate::model::{FlowId, Host, MemberKind, Slot, Timestamp, VendorId};
use crate::terms;
use crate::trackers::steps_aside;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// What holds until it is taken back.
const ALWAYS: &str = "always";
/// What is over as soon as it was needed.
const ONCE: &str = "once";
/// A pause where nothing is said.
const USUAL_PAUSE: &str = "10m";
/// Longest pause (milliseconds): it must not be forgotten.
const LONGEST_PAUSE: u64 = 24 * 60 * 60 * 1000;
/// Longest name of a device (bytes).
const LONGEST_NAME: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The edit that is not to happen here again, as `FLOW/e1`, or a flow that was blocked. Without it: a pause.
    edit: Option<String>,
    /// A pause at this vendor alone.
    vendor: Option<String>,
    /// A pause in which real values go as they are typed, too.
    #[serde(default)]
    identity: bool,
    /// That an edit of a value is meant: the vendor will see the real one.
    #[serde(default)]
    real: bool,
    /// On this device alone.
    device: Option<String>,
    /// `once`, `always`, or a time such as `5m`, `1h`, `2d`.
    #[serde(rename = "for")]
    span: Option<String>,
    /// Only say what it would mean.
    #[serde(default)]
    preview: bool,
}

pub async fn list(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let rooms = api.house.rooms();
    let own = rooms.exceptions.of_member(who.member, rooms.clock.now());
    let own: Vec<_> = own.iter().map(describe).collect();
    let uninspected = api.house.uninspected(who.member);
    let uninspected: Vec<_> = uninspected
        .iter()
        .map(|one| json!({ "host": one.host, "device": one.device, "why": one.why, "until": one.until }))
        .collect();
    Ok(Json(json!({ "member": &*who.name, "exceptions": own, "uninspected": uninspected })))
}

pub async fn add(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
    Given(asked): Given<Asked>,
) -> Result<Json<Value>, ApiError> {
    let who = of_own(&asker, &api.house, about.member.as_deref())?;
    let house = Arc::clone(&api.house);
    let (name, preview) = (Arc::clone(&who.name), asked.preview);
    let (exception, shows) = off_worker(move || {
        let (what, vendor) = subject(&house, &asker, &who, &asked)?;
        let exception = exception(&house, &who, asked, what, vendor)?;
        let shows = shows(&house, &exception);
        Ok((exception, shows))
    })
    .await?;
    let kept = match preview {
        true => exception,
        false => keep(&api.house, exception).await?,
    };
    let mut said = describe(&kept);
    if let Some(said) = said.as_object_mut() {
        said.insert("member".to_owned(), json!(&*name));
        said.insert("shows".to_owned(), json!(shows));
    }
    Ok(Json(said))
}

pub async fn remove(
    State(api): State<Api>,
    asker: Asker,
    Path(id): Path<i64>,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = of_own(&asker, &api.house, about.member.as_deref())?;
    let removed = end(&api.house, &who, |exception| exception.id == id).await?;
    match removed {
        0 => Err(ApiError::not_found("there is no such exception")),
        removed => Ok(Json(json!({ "member": &*who.name, "removed": removed }))),
    }
}

/// Looks again into what passes uninspected at a host because that did not work there.
pub async fn inspect(
    State(api): State<Api>,
    asker: Asker,
    Path(host): Path<String>,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = of_own(&asker, &api.house, about.member.as_deref())?;
    let host = Host::parse(&host).ok_or_else(|| ApiError::usage("that is no host"))?;
    let (house, named, member) = (Arc::clone(&api.house), host.clone(), who.member);
    let removed = off_worker(move || Ok(house.inspect_again(member, &named)?)).await?;
    if removed == 0 {
        return Err(ApiError::not_found("nothing was learned of that host"));
    }
    api.house.record_change(member, None, format!("{host} is inspected again")).await?;
    Ok(Json(json!({ "member": &*who.name, "removed": removed })))
}

/// Ends every pause.
pub async fn resume(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = of_own(&asker, &api.house, about.member.as_deref())?;
    let removed = end(&api.house, &who, |exception| exception.what.pauses()).await?;
    Ok(Json(json!({ "member": &*who.name, "removed": removed })))
}

/// Whose exceptions whoever asks may make: what protects a child is not the child's to take away.
fn of_own(asker: &Asker, house: &House, name: Option<&str>) -> Result<Who, ApiError> {
    let who = asker.sees(house, name)?;
    if who.kind == MemberKind::Child && !asker.owner {
        return Err(ApiError::forbidden("a child's protection is not theirs to take away"));
    }
    Ok(who)
}

/// What steps aside, and at which vendor.
fn subject(
    house: &House,
    asker: &Asker,
    who: &Who,
    asked: &Asked,
) -> Result<(Excepted, Option<VendorId>), ApiError> {
    let Some(edit) = &asked.edit else {
        let vendor = asked.vendor.as_deref().map(|name| find(house, who, name)).transpose()?;
        let vendor = vendor.map(|label| house.sector_of(who.member, &label));
        return match (asked.identity, &vendor) {
            (true, None) => Err(ApiError::usage("real values go to one vendor at a time: name it")),
            (true, Some(_)) => Ok((Excepted::Identity, vendor)),
            (false, _) => Ok((Excepted::Pause, vendor)),
        };
    };
    if asked.vendor.is_some() || asked.identity {
        return Err(ApiError::usage("an edit says itself which vendor it is about"));
    }
    let (flow, id) = edit.split_once('/').map_or((edit.as_str(), None), |(flow, id)| (flow, Some(id)));
    let unknown = || ApiError::not_found("the log has no such edit; `ledger show FLOW` lists a flow's");
    let flow = FlowId::parse(flow).ok_or_else(unknown)?;
    let records = house.rooms().ledger.reader().flow(flow)?;
    let own = records.iter().filter_map(|stored| Some((stored, stored.record.as_ref()?)));
    for (stored, record) in
        own.filter(|(_, record)| record.member == who.member && asker.reads(house, record))
    {
        let vendor = record.vendor.clone();
        match (&record.event, id) {
            (Event::Blocked { rule, .. }, None | Some("e1")) => {
                return Ok((Excepted::Rule(rule.as_str().into()), vendor));
            }
            (_, Some(id)) => {
                if let Some(edit) = stored.edits().iter().find(|edit| edit.id == id) {
                    return Ok((of_edit(house, &records, edit, asked.real)?, vendor));
                }
            }
            _ => {}
        }
    }
    Err(unknown())
}

/// What would keep this edit from happening again.
fn of_edit(
    house: &House,
    records: &[crate::ledger::Stored],
    edit: &EditRecord,
    real: bool,
) -> Result<Excepted, ApiError> {
    if !edit.stands() {
        return Err(ApiError::usage("that edit changed nothing"));
    }
    match edit.slot.as_deref().map(Slot::parse) {
        Some(Some(slot)) if real => {
            let host = records.iter().find_map(|stored| host_of(&stored.record.as_ref()?.event));
            let generation = house.rooms().generation.load();
            if let Some(host) = host.and_then(Host::parse) {
                let label = generation.config.vendor_of(&host).id;
                for key in [slot.as_str(), slot.kind().as_str()] {
                    written(house, &label, &format!("identity.{key}"))?;
                }
            }
            Ok(Excepted::Slot(slot))
        }
        Some(Some(_)) => {
            Err(ApiError::usage("the vendor would see the real value: say --real where that is meant"))
        }
        None if !terms::RULES.contains(&&*edit.rule) && steps_aside(&edit.rule) => {
            Ok(Excepted::Rule(edit.rule.as_ref().into()))
        }
        _ => Err(ApiError::usage("that edit is none of the trackers' that can be let by")),
    }
}

fn host_of(event: &Event) -> Option<&str> {
    match event {
        Event::Open { host, .. } => Some(host),
        _ => None,
    }
}

fn exception(
    house: &House,
    who: &Who,
    asked: Asked,
    what: Excepted,
    vendor: Option<VendorId>,
) -> Result<Exception, ApiError> {
    let since = house.rooms().clock.now();
    let usual = match &what {
        Excepted::Pause | Excepted::Identity => USUAL_PAUSE,
        Excepted::Rule(_) => ALWAYS,
        // What was shown cannot be taken back.
        Excepted::Slot(_) => ONCE,
    };
    let span = asked.span.as_deref().unwrap_or(usual);
    let (until, once) = match span {
        ONCE => (None, true),
        ALWAYS => (None, false),
        span => {
            let span = milliseconds(span).filter(|span| *span > 0);
            let span = span.ok_or_else(|| ApiError::usage("it holds once, always, or 5m, 1h or 2d"))?;
            (Some(Timestamp(since.0.saturating_add(span))), false)
        }
    };
    if what.pauses() && until.is_none_or(|until| until.0 - since.0 > LONGEST_PAUSE) {
        return Err(ApiError::usage("a pause has an end: 24h at the most"));
    }
    if asked.device.as_ref().is_some_and(|device| device.is_empty() || device.len() > LONGEST_NAME) {
        return Err(ApiError::usage("that is no device's name"));
    }
    let device = asked.device.map(Into::into);
    Ok(Exception { id: 0, member: who.member, device, vendor, what, since, until, once })
}

/// The slots that the vendor will see as they are.
fn shows(house: &House, exception: &Exception) -> Vec<String> {
    match &exception.what {
        Excepted::Slot(slot) => vec![slot.to_string()],
        Excepted::Identity => {
            let persona = house.rooms().personas.of(exception.member);
            let slots = persona.iter().flat_map(|persona| persona.identity.slots());
            slots.map(ToString::to_string).collect()
        }
        Excepted::Pause | Excepted::Rule(_) => Vec::new(),
    }
}

/// Keeps it, and has it recorded.
async fn keep(house: &Arc<House>, exception: Exception) -> Result<Exception, ApiError> {
    let at = Arc::clone(house);
    let kept = off_worker(move || {
        let id = at.rooms().exceptions.add(&exception)?;
        let id = id.ok_or_else(|| ApiError::conflict("too many exceptions: take some back first"))?;
        Ok(Exception { id, ..exception })
    })
    .await?;
    record(house, &kept, "made").await?;
    Ok(kept)
}

/// Takes back what a member has made, where it is `meant`; gives how many.
async fn end(house: &Arc<House>, who: &Who, meant: impl Fn(&Exception) -> bool) -> Result<usize, ApiError> {
    let rooms = house.rooms();
    let now = rooms.clock.now();
    let own = rooms.exceptions.of_member(who.member, now);
    let meant: Vec<_> = own.into_iter().filter(meant).collect();
    for exception in &meant {
        let (at, id) = (Arc::clone(rooms), exception.id);
        off_worker(move || Ok(at.exceptions.remove(id, now)?)).await?;
        record(house, exception, "taken back").await?;
    }
    Ok(meant.len())
}

async fn record(house: &House, exception: &Exception, done: &str) -> Result<(), ApiError> {
    let (kind, what) = exception.what.written();
    let until = match (exception.once, exception.until) {
        (true, _) => ONCE.to_owned(),
        (false, None) => ALWAYS.to_owned(),
        (false, Some(until)) => format!("until {until}"),
    };
    let what = what.map(|what| format!(" {what}")).unwrap_or_default();
    let reason = format!("exception {} {done}: {kind}{what}, {until}", exception.id);
    Ok(house.record_change(exception.member, exception.vendor.clone(), reason).await?)
}

fn describe(exception: &Exception) -> Value {
    let (kind, what) = exception.what.written();
    json!({
        "exception": (exception.id != 0).then_some(exception.id),
        "kind": kind,
        "what": what,
        "vendor": exception.vendor.as_ref().map(VendorId::as_str),
        "device": exception.device.as_deref(),
        "since": exception.since,
        "until": exception.until,
        "once": exception.once,
    })
}
