//! The open line of a flow to the ledger, which a body uses while it flows.

use super::error::ExchangeError;
use crate::ledger::Opened;
use crate::model::record::{EditRecord, Event, Record};
use crate::model::{FlowId, MemberId, Timestamp, VendorId};
use std::sync::{Mutex, PoisonError};

/// A flow that is open. Its end is written when the last who holds the line lets it go, so that nothing comes after it.
pub(super) struct Line {
    /// `None` once the end is written.
    opened: Option<Opened>,
    end: Mutex<Option<Record>>,
    flow: FlowId,
    member: MemberId,
    vendor: Option<VendorId>,
    /// The log keeps no edits of it.
    counted: bool,
}

impl Line {
    /// The line of `flow`: about whom and with whom.
    pub(super) fn new(
        opened: Opened,
        flow: FlowId,
        (member, vendor): (MemberId, Option<VendorId>),
        counted: bool,
    ) -> Self {
        Self { opened: Some(opened), end: Mutex::default(), flow, member, vendor, counted }
    }

    /// Makes edits durable in the middle of the flow.
    pub(super) async fn edits(&self, edits: Vec<EditRecord>, time: Timestamp) -> Result<(), ExchangeError> {
        let Some(opened) = self.opened.as_ref().filter(|_| !self.counted && self.member != MemberId::GUEST)
        else {
            return Ok(());
        };
        let event = Event::Edits { flow: self.flow, edits };
        let record = Record { time, member: self.member, vendor: self.vendor.clone(), event };
        opened.more(vec![record]).await.map_err(|_| ExchangeError::Ledger)
    }

    /// The flow ends with this record.
    pub(super) fn ends(&self, end: Record) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let end = self.end.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(opened), Some(end)) = (self.opened.take(), end) {
            opened.close(end);
        }
    }
}
