//! Flows: what happened, exchange by exchange.

use super::error::ApiError;
use super::read::Wanted;
use super::span::milliseconds;
use super::who::{Asker, name_of};
use super::{Api, off_worker};
use crate::exchange::Who;
use crate::gateway::House;
use crate::ledger::{Filter, Listed, Stored};
use crate::model::record::{Event, NOT_INSPECTED, Record};
use crate::model::{FlowId, Host, MemberId, Timestamp, VendorId, Verdict};
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Flows of one listing at most.
const MOST: usize = 10_000;
/// Where nothing is said.
const USUAL: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Narrowed {
    member: Option<String>,
    vendor: Option<String>,
    since: Option<String>,
    limit: Option<usize>,
}

pub async fn list(
    State(api): State<Api>,
    asker: Asker,
    Wanted(wanted): Wanted<Narrowed>,
) -> Result<Json<Value>, ApiError> {
    let who = match wanted.member.as_deref() {
        Some("gateway") if asker.owner => Who { member: MemberId::GATEWAY, ..asker.who.clone() },
        Some("guest") if asker.owner => Who::guest(),
        name => asker.sees(&api.house, name)?,
    };
    let now = api.house.rooms().clock.now();
    let filter = Filter {
        member: Some(who.member),
        vendor: wanted.vendor.as_deref().map(|name| vendor(&api.house, &who, name)),
        since: wanted.since.as_deref().map(|text| moment(text, now)).transpose()?,
        limit: wanted.limit.unwrap_or(USUAL).min(MOST),
    };
    off_worker(move || {
        let listed = api.house.rooms().ledger.reader().list(&filter)?;
        let flows: Vec<_> = listed.iter().filter_map(|flow| row(&api.house, flow)).collect();
        Ok(Json(json!({ "flows": flows })))
    })
    .await
}

pub async fn show(
    State(api): State<Api>,
    asker: Asker,
    Path(flow): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let unknown = || ApiError::not_found("the log has no such flow");
    let flow = FlowId::parse(&flow).ok_or_else(unknown)?;
    off_worker(move || {
        let records = api.house.rooms().ledger.reader().flow(flow)?;
        // Another's flow is not there for whoever asks: not even its existence is told.
        let shown: Vec<_> = records
            .iter()
            .filter_map(|stored| Some((stored, stored.record.as_ref()?)))
            .filter(|(_, record)| asker.reads(&api.house, record))
            .map(|(stored, record)| Shown::new(&api.house, stored, record))
            .collect();
        if shown.is_empty() { Err(unknown()) } else { Ok(Json(json!({ "flow": flow, "records": shown }))) }
    })
    .await
}

/// A vendor by its name, or by one of its hosts: as the log names it, by the name it knew the member under first.
fn vendor(house: &House, who: &Who, name: &str) -> VendorId {
    let generation = house.rooms().generation.load();
    let named = VendorId::from(name);
    let label = match Host::parse(name) {
        Some(host) if generation.config.vendor(&named).is_none() && name.contains('.') => {
            generation.config.vendor_of(&host).id
        }
        _ => named,
    };
    house.sector_of(who.member, &label)
}

/// `2026-11-22T10:00:00Z`, or how long ago: `90s`, `15m`, `3h`, `2d`.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    if let Some(time) = Timestamp::parse(text) {
        return Ok(time);
    }
    let ago = milliseconds(text).map(|ago| Timestamp(now.0.saturating_sub(ago)));
    ago.ok_or_else(|| {
        ApiError::usage("a time is written 2026-11-22T10:00:00Z, or 15m, 3h or 2d for so long ago")
    })
}

/// A record in the contract's shape.
#[derive(Serialize)]
struct Shown<'a> {
    seq: u64,
    #[serde(flatten)]
    event: &'a Event,
    time: Timestamp,
    member: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a VendorId>,
}

impl<'a> Shown<'a> {
    fn new(house: &Arc<House>, stored: &Stored, record: &'a Record) -> Self {
        Self {
            seq: stored.seq,
            event: &record.event,
            time: record.time,
            member: name_of(house, record.member),
            vendor: record.vendor.as_ref(),
        }
    }
}

/// One line of a listing.
fn row(house: &Arc<House>, listed: &Listed) -> Option<Value> {
    let record = listed.head.record.as_ref()?;
    let every = listed.head.edits().iter().chain(listed.end.iter().flat_map(Stored::edits));
    let edits = every.filter(|edit| edit.stands()).count();
    let (verdict, reason) = verdict(&record.event, edits);
    let (method, host, url) = match &record.event {
        Event::Open { method, host, url, .. } | Event::Blocked { method, host, url, .. } => {
            (Some(method.as_str()), Some(host.as_str()), Some(url.as_str()))
        }
        Event::Tunnel { host, .. } | Event::Refused { host, .. } => (None, host.as_deref(), None),
        _ => (None, None, None),
    };
    let (mut status, mut outcome, mut ms) = (None, None, None);
    if let Some(Event::Close { status: code, outcome: end, ms: took, .. }) =
        listed.end.as_ref().and_then(|end| end.record.as_ref()).map(|record| &record.event)
    {
        (status, outcome, ms) = (*code, Some(*end), Some(*took));
    }
    if let Event::Refused { status: code, .. } = &record.event {
        status = Some(*code);
    }
    Some(json!({
        "flow": record.event.flow(),
        "time": record.time,
        "member": name_of(house, record.member),
        "vendor": record.vendor,
        "verdict": verdict,
        "reason": reason,
        "method": method,
        "host": host,
        "url": url,
        "status": status,
        "edits": edits,
        "outcome": outcome,
        "ms": ms,
    }))
}

/// In the contract's words, with why.
fn verdict(event: &Event, edits: usize) -> (Option<Verdict>, String) {
    match event {
        Event::Open { notes, .. } => {
            let unread = notes.iter().find_map(|note| note.strip_prefix(NOT_INSPECTED));
            let (verdict, reason) = Verdict::and_why(unread, edits, notes);
            (Some(verdict), reason)
        }
        Event::Blocked { verdict, reason, .. } if verdict == "redirected" => {
            (Some(Verdict::Redirected), reason.clone())
        }
        Event::Blocked { reason, .. } => (Some(Verdict::Blocked), reason.clone()),
        Event::Tunnel { reason, .. } => (Some(Verdict::NotInspected), reason.clone()),
        Event::Refused { reason, .. } => (Some(Verdict::Refused), reason.clone()),
        _ => (None, String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_so_long_ago() {
        let now = Timestamp(1_000_000_000);
        assert_eq!(moment("15m", now).unwrap(), Timestamp(1_000_000_000 - 900_000));
        assert_eq!(moment("2d", now).unwrap(), Timestamp(1_000_000_000 - 172_800_000));
        assert_eq!(moment("1970-01-02T00:00:00Z", now).unwrap(), Timestamp(86_400_000));
        for text in ["", "m", "yesterday", "-1h", "5y", "99999999999999999999d", "ä"] {
            assert!(moment(text, now).is_err(), "{text}");
        }
    }
}
