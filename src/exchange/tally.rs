//! What both directions of a flow count while they run, and the edits that wait for its end.

use super::error::ExchangeError;
use super::line::Line;
use crate::model::Timestamp;
use crate::model::record::EditRecord;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// What both directions of a flow count while they run.
#[derive(Debug, Default)]
pub struct Tally {
    sent: AtomicU64,
    received: AtomicU64,
    edits: Mutex<Vec<EditRecord>>,
    numbered: AtomicU64,
    line: OnceLock<Weak<Line>>,
}

/// Most edits of a flowing body that wait in memory for the flow's end.
const MOST_WAITING: usize = 256;

impl Tally {
    /// Body bytes that went to the vendor.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A body of so many bytes went to the vendor whole; where it goes a second time it is still the one.
    pub fn sent_whole(&self, bytes: u64) {
        self.sent.store(bytes, Ordering::Relaxed);
    }

    /// Body bytes that came from the vendor.
    pub fn received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Body bytes that went to the vendor, and that came from it.
    pub fn bytes(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.received.load(Ordering::Relaxed))
    }

    /// Body bytes in both directions.
    pub fn moved(&self) -> u64 {
        let (sent, received) = self.bytes();
        sent + received
    }

    /// Edits that are too many to wait go to this line of the log from now on.
    pub(super) fn goes_to(&self, line: &Arc<Line>) {
        // Said once, when the flow is opened.
        let _ = self.line.set(Arc::downgrade(line));
    }

    /// The next edit's number, from 1.
    pub fn number(&self) -> u64 {
        self.numbered.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Edits made while the body flowed.
    pub fn edited(&self, edits: Vec<EditRecord>) {
        self.edits.lock().unwrap_or_else(PoisonError::into_inner).extend(edits);
    }

    /// Makes edits durable where many wait. The body that made them pauses for so long.
    pub async fn relieve(&self, now: Timestamp) -> Result<(), ExchangeError> {
        if self.edits.lock().unwrap_or_else(PoisonError::into_inner).len() < MOST_WAITING {
            return Ok(());
        }
        // From here on the flow's end waits. Where it has ended already, nobody asks for its edits any more.
        let line = self.line.get().and_then(Weak::upgrade);
        let edits = self.take_edits();
        match line {
            Some(line) => line.edits(edits, now).await,
            None => Ok(()),
        }
    }

    pub(super) fn take_edits(&self) -> Vec<EditRecord> {
        std::mem::take(&mut *self.edits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
