//! What the rest of the gateway holds of the log.

use super::error::LedgerError;
use super::options::Options;
use super::recovery::Recovery;
use crate::model::record::Record;

/// A handle on the log; cheap to clone.
#[derive(Clone)]
pub struct Ledger;

impl Ledger {
    /// Recovers the log in the folder, or begins one, and starts the thread that writes it.
    pub fn start(_options: Options) -> Result<(Self, Recovery), LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Keeps room for one flow: its OPEN and its end record.
    pub async fn reserve(&self) -> Result<Reservation, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Writes records that belong to no open flow; returns when they are durable.
    pub async fn append(&self, _records: Vec<Record>) -> Result<(), LedgerError> {
        Err(LedgerError::Busy)
    }

    /// How many records wait for the disk.
    pub fn backlog(&self) -> usize {
        0
    }

    /// Whether the log can be written.
    pub fn healthy(&self) -> bool {
        false
    }

    /// Writes what waits, signs a last checkpoint, and ends the thread.
    pub async fn shutdown(&self) {}
}

/// Room for a flow's OPEN and its end.
pub struct Reservation;

impl Reservation {
    /// Writes the flow's OPEN, `issues` before it in the same commit; returns when all are durable.
    pub async fn open(self, _issues: Vec<Record>, _open: Record) -> Result<Opened, LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Writes the one record of a flow of which nothing was sent; never waits.
    pub fn end(self, _record: Record) {}
}

/// A flow whose OPEN is durable.
pub struct Opened;

impl Opened {
    /// Writes more of a flow that goes on; returns when it is durable.
    pub async fn more(&self, _records: Vec<Record>) -> Result<(), LedgerError> {
        Err(LedgerError::Busy)
    }

    /// Writes the flow's end; never waits.
    pub fn close(self, _record: Record) {}
}
