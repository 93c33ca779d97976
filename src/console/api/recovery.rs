//! What brings identities back. The phrase itself never comes this way.

use super::error::ApiError;
use super::who::Asker;
use super::{Api, off_worker};
use crate::gateway::House;
use crate::model::Timestamp;
use crate::persona::recovery::gather;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// When the last manifest was made: the mark of the home that says so (milliseconds, UTC, eight bytes, the first the largest).
const MADE: &str = "recovery.manifest";

/// Makes a manifest, of everybody in the home: nobody can read it without the phrase.
pub async fn manifest(State(api): State<Api>, asker: Asker) -> Result<Json<Value>, ApiError> {
    asker.must_own()?;
    off_worker(move || {
        let (house, rooms) = (&api.house, api.house.rooms());
        let now = rooms.clock.now();
        let gathered = gather(&rooms.vault, &house.store, now)?;
        house.store.set_meta(MADE, &now.0.to_be_bytes())?;
        Ok(Json(json!({
            "manifest": gathered.text,
            "made": now.to_string(),
            "values": gathered.values,
            "left_out": gathered.left_out,
        })))
    })
    .await
}

/// When the last one was made, and how many values have come since: of everybody, so for the owner alone. Waits for the
/// disk.
pub fn standing(house: &House, asker: &Asker) -> Result<Value, ApiError> {
    if !asker.owner {
        return Ok(Value::Null);
    }
    let made = house.store.meta(MADE)?.and_then(|mark| mark.try_into().ok());
    let made = made.map(|mark| Timestamp(u64::from_be_bytes(mark)));
    let since = house.store.recoverable_since(made.unwrap_or_default())?;
    Ok(json!({ "manifest": made.map(|made| made.to_string()), "since": since }))
}
