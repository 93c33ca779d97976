//! The thread named `ledger`: commits whatever queued while the last sync ran.

use super::error::LedgerError;
use super::log::Log;
use super::options::{Observer, Options};
use super::queue::{Shared, Work};
use crate::model::Clock;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The thread's own state.
pub(crate) struct Writer {
    log: Log,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    observer: Option<Arc<dyn Observer>>,
    checkpoint_every: Duration,
    checkpoint_records: u64,
    heartbeat: Duration,
    signed: Instant,
}

impl Writer {
    pub fn new(log: Log, shared: Arc<Shared>, options: &Options) -> Self {
        Self {
            log,
            shared,
            clock: options.clock.clone(),
            observer: options.observer.clone(),
            checkpoint_every: options.checkpoint_every,
            checkpoint_records: options.checkpoint_records.max(1),
            heartbeat: options.heartbeat,
            signed: Instant::now(),
        }
    }

    /// Starts the thread.
    pub fn spawn(self) -> Result<(), LedgerError> {
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || self.run())
            .map(drop)
            .map_err(LedgerError::disk("starting the ledger's thread"))
    }

    fn run(mut self) {
        let mut spare = Vec::new();
        loop {
            let mut work = self.shared.take(self.signed + self.pause(), spare);
            if let Err(error) = self.turn(&work) {
                // Never a second sync of a file whose first failed: closed until the next start reads what is there.
                tracing::error!(%error, "the ledger is closed");
                self.shared.close(&error.to_string());
                return;
            }
            if work.last {
                return;
            }
            spare = std::mem::take(&mut work.bytes);
        }
    }

    /// How long after the last checkpoint the next is due.
    fn pause(&self) -> Duration {
        if self.log.unsigned() > 0 { self.checkpoint_every } else { self.heartbeat }
    }

    fn turn(&mut self, work: &Work) -> Result<(), LedgerError> {
        if work.count > 0 {
            let start = Instant::now();
            self.log.commit(&work.bytes, self.clock.now())?;
            self.shared.finish(work, self.log.tree.size());
            if let Some(observer) = &self.observer {
                observer.committed(work.count, start.elapsed());
            }
        }
        let unsigned = self.log.unsigned();
        let due = self.signed.elapsed() >= self.pause() || unsigned >= self.checkpoint_records;
        if due || (work.last && unsigned > 0) {
            self.log.checkpoint(self.clock.now())?;
            self.signed = Instant::now();
        }
        Ok(())
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody is left waiting.
    fn drop(&mut self) {
        self.shared.close("its thread has ended");
        self.shared.ended.finish(true);
    }
}
