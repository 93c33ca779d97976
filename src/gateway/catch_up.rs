//! At start, the map of pseudonyms takes up what the log has and the store does not: a crash came between the two, or
//! the store was put back from a copy.

use super::house::HouseError;
use crate::exchange::Rooms;
use crate::ledger::LedgerError;
use crate::model::record::{EditRecord, Event, Record};
use crate::model::{Action, Host, VendorId};
use crate::persona::IssueError;
use crate::store::Store;
use std::ops::ControlFlow;

/// Up to which record the map is known to have everything, little-endian.
const MARK: &str = "pseudonyms-from";

/// Reads the log from the mark on. Reads the disk: never on a worker.
pub(super) fn catch_up(rooms: &Rooms, store: &Store) -> Result<(), HouseError> {
    let mark = store.meta(MARK)?.and_then(|bytes| Some(u64::from_le_bytes(bytes.try_into().ok()?)));
    let mut failed: Option<IssueError> = None;
    let mut taken = 0_usize;
    let walked = rooms.ledger.reader().walk(mark.unwrap_or(0), |stored, _| {
        match stored.record.as_ref().map_or(Ok(false), |record| take(rooms, record)) {
            Ok(new) => taken += usize::from(new),
            Err(error) => failed = Some(error),
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(error) = failed {
        return Err(error.into());
    }
    match walked {
        Ok(()) if taken > 0 => tracing::info!(taken, "pseudonyms were taken up from the log"),
        Ok(()) => {}
        // What is damaged is for `ledger verify` to say; it must not keep a household offline.
        Err(error @ LedgerError::Corrupt { .. }) => tracing::warn!(%error, "the log could not be read whole"),
        Err(error) => return Err(error.into()),
    }
    mark_now(rooms, store)
}

/// Notes that the map has everything that is in the log now.
pub(super) fn mark_now(rooms: &Rooms, store: &Store) -> Result<(), HouseError> {
    Ok(store.set_meta(MARK, &rooms.ledger.size().to_le_bytes())?)
}

fn take(rooms: &Rooms, record: &Record) -> Result<bool, IssueError> {
    let Some(persona) = rooms.personas.of(record.member) else { return Ok(false) };
    let Event::Open { host, edits, .. } = &record.event else { return persona.wardrobe.restore(record) };
    if let Some(vendor) = record.vendor.as_ref().filter(|_| edits.iter().any(is_pseudonym)) {
        let config = &rooms.generation.load().config;
        let label =
            Host::parse(host).map_or_else(|| VendorId::from(&**host), |host| config.vendor_of(&host).id);
        persona.wardrobe.bind(host, &label, vendor, record.time)?;
    }
    Ok(false)
}

fn is_pseudonym(edit: &EditRecord) -> bool {
    edit.slot.is_some() && edit.action == Action::Replaced.as_str()
}
