//! The thread named `ledger`: commits whatever queued while the last sync ran.
//!
//! When the disk fails, everybody who waits or comes is refused, and nothing that was written since is trusted: a sync
//! that failed once may report success the next time without having written. The log is then taken up like after a
//! crash, again and again until that works: read back, cut where it does not hold, written anew and synced.

use super::error::LedgerError;
use super::indexing::Indexing;
use super::log::Log;
use super::options::Options;
use super::pace::Pace;
use super::queue::{Commit, Shared, Work};
use super::recovery::{self, Outage};
use crate::model::MemberId;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Attempts to take the log up again become rarer up to this many times the first pause.
const MOST_RETRY: u32 = 40;

/// What handles and thread share: the queue of now, another one after each failure of the disk, and when all is over.
pub(crate) struct Desk {
    pub queue: ArcSwap<Shared>,
    pub ended: Commit,
}

/// The thread's own state.
pub(crate) struct Writer {
    /// Gone while the disk fails.
    log: Option<Log>,
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    options: Options,
    indexing: Option<Indexing>,
    signed: Instant,
}

impl Writer {
    pub fn new(log: Log, desk: Arc<Desk>, options: Options, indexing: Option<Indexing>) -> Self {
        let shared = desk.queue.load_full();
        Self { log: Some(log), shared, desk, options, indexing, signed: Instant::now() }
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
        while let Err(error) = self.serve() {
            tracing::error!(%error, "the ledger is closed until the disk works");
            self.log = None;
            if !self.mend(&error) {
                return;
            }
            tracing::warn!("the ledger is open again");
        }
    }

    /// Commits until told to stop, or until the disk fails.
    fn serve(&mut self) -> Result<(), LedgerError> {
        let mut spare = Vec::new();
        let mut not_before = Instant::now();
        let mut pace = Pace::new(not_before);
        while let Some(log) = &mut self.log {
            let pause =
                if log.unsigned() > 0 { self.options.checkpoint_every } else { self.options.heartbeat };
            let due = self.signed + pause;
            let mut work = self.shared.take(due, not_before, spare);
            let taken = Instant::now();
            match turn(log, &self.shared, &self.options, &work, due) {
                Ok(signed) => {
                    if signed {
                        self.signed = Instant::now();
                    }
                    if let Some(indexing) = self.indexing.as_mut().filter(|_| work.count > 0) {
                        let ended = log.placed.iter().filter_map(|placed| indexing.blocks.add(*placed));
                        let ended: Vec<_> = ended.collect();
                        ended.into_iter().for_each(|block| indexing.tell(block));
                    }
                }
                Err(error) => {
                    // Before the work is dropped, so that whoever waits for it finds out why.
                    self.shared.close(&error.to_string());
                    return Err(error);
                }
            }
            if work.last {
                break;
            }
            not_before = pace.next(taken, work.waiting);
            spare = std::mem::take(&mut work.bytes);
        }
        Ok(())
    }

    /// Takes the log up again once the disk works; false where it is told to stop before. Flows that were open get an
    /// end then, so what their old queue is still told of them is dropped.
    fn mend(&mut self, error: &LedgerError) -> bool {
        let mut patience = self.options.retry;
        while !self.shared.stops_within(patience) {
            patience = (patience * 2).min(self.options.retry * MOST_RETRY);
            let outage = Outage { reason: error.to_string(), missed: self.shared.missed() };
            match self.take_up(&outage) {
                Ok(log) => {
                    let next = Arc::new(Shared::new(&self.options, log.tree.size()));
                    let old = std::mem::replace(&mut self.shared, Arc::clone(&next));
                    if let Some(indexing) = &mut self.indexing {
                        indexing.cut(log.tree.size());
                    }
                    self.log = Some(log);
                    self.signed = Instant::now();
                    self.desk.queue.store(next);
                    // Whoever asked the old queue to stop did not see the new one.
                    if old.stops_within(Duration::ZERO) {
                        self.shared.stop();
                    }
                    return true;
                }
                Err(error) => tracing::debug!(%error, "the disk does not work yet"),
            }
        }
        false
    }

    fn take_up(&self, outage: &Outage) -> Result<Log, LedgerError> {
        let month = self.options.clock.now().month();
        let gateway = self.options.keys.month_key(MemberId::GATEWAY, None, month)?;
        Ok(recovery::open(&self.options, &gateway, Some(outage))?.0)
    }
}

/// Commits the work, and signs what is unsigned when that is due; tells whether it signed.
fn turn(
    log: &mut Log,
    shared: &Shared,
    options: &Options,
    work: &Work,
    due: Instant,
) -> Result<bool, LedgerError> {
    if work.count > 0 {
        let start = Instant::now();
        log.commit(&work.bytes, options.clock.now())?;
        shared.finish(work, log.tree.size());
        if let Some(observer) = &options.observer {
            observer.committed(work.count, start.elapsed());
        }
    }
    let unsigned = log.unsigned();
    let due = Instant::now() >= due || unsigned >= options.checkpoint_records.max(1);
    let signs = due || (work.last && unsigned > 0);
    if signs {
        log.checkpoint(options.clock.now())?;
    }
    if work.last {
        log.finish()?;
    }
    Ok(signs)
}

impl Drop for Writer {
    /// However the thread ends, nobody is left waiting.
    fn drop(&mut self) {
        self.shared.close("its thread has ended");
        self.desk.ended.finish(true);
    }
}
