//! What the rest of the gateway holds of the log.

use super::disk::Disk;
use super::entry::Kind;
use super::error::LedgerError;
use super::indexing::Indexing;
use super::options::Options;
use super::queue::{Commit, Shared};
use super::read::Reader;
use super::recovery::{self, Recovery};
use super::seal::{Keys, Sealed};
use super::verify::{Against, Report, verify_dir};
use super::writer::{Desk, Writer};
use crate::model::record::{Event, Record};
use crate::model::{Clock, FlowId, MemberId, MonthKey, Outcome, Timestamp, VendorId};
use crate::store::LogIndex;
use arc_swap::ArcSwap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Semaphore, TryAcquireError};

/// A handle on the log; cheap to clone. The thread ends after [`Ledger::shutdown`], or when the last handle, room
/// and open flow are gone.
#[derive(Clone)]
pub struct Ledger(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    keys: Arc<dyn Keys>,
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    index: Option<Arc<LogIndex>>,
    /// Seals what no other key can be had for.
    gateway: MonthKey,
    patience: Duration,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.desk.queue.load().stop();
    }
}

impl Inner {
    async fn acquire(&self, queue: &Shared, semaphore: &Semaphore, count: u32) -> Result<(), LedgerError> {
        // The usual case costs no timer.
        match semaphore.try_acquire_many(count) {
            Ok(permit) => {
                permit.forget();
                return Ok(());
            }
            Err(TryAcquireError::Closed) => return Err(queue.closed()),
            Err(TryAcquireError::NoPermits) => {}
        }
        match tokio::time::timeout(self.patience, semaphore.acquire_many(count)).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(())
            }
            Ok(Err(_)) => Err(queue.closed()),
            Err(_) => Err(LedgerError::Busy),
        }
    }

    fn key(&self, record: &Record) -> Result<MonthKey, LedgerError> {
        Ok(self.keys.month_key(record.member, record.vendor.as_ref(), record.time.month())?)
    }

    /// Seals the record that opens a flow, and what goes before it.
    fn seal_open(&self, issues: Vec<Record>, open: Record) -> Result<(Sealed, Begun), LedgerError> {
        let flow =
            open.event.flow().filter(|_| Kind::of(&open.event).opens()).ok_or(LedgerError::Misplaced)?;
        let key = self.key(&open)?;
        let mut sealed = Sealed::default();
        for issue in issues {
            if issue.event.flow().is_some() {
                return Err(LedgerError::Misplaced);
            }
            if issue.member == open.member && issue.vendor == open.vendor {
                sealed.push(issue, &key)?;
            } else {
                let own = self.key(&issue)?;
                sealed.push(issue, &own)?;
            }
        }
        let begun = Begun { key, flow, member: open.member, vendor: open.vendor.clone(), time: open.time };
        sealed.push(open, &begun.key)?;
        Ok((sealed, begun))
    }

    /// Queues sealed records once there is room for them.
    async fn enqueue(&self, queue: &Shared, sealed: &Sealed) -> Result<Arc<Commit>, LedgerError> {
        let bytes = u32::try_from(sealed.bytes.len()).unwrap_or(u32::MAX);
        if bytes > queue.budget_bytes {
            return Err(LedgerError::TooLarge);
        }
        self.acquire(queue, &queue.budget, bytes).await?;
        queue.push(sealed, bytes as usize)
    }

    /// Queues sealed records and returns when they are durable.
    async fn write(&self, queue: &Shared, sealed: &Sealed) -> Result<(), LedgerError> {
        if sealed.count == 0 {
            return Ok(());
        }
        let commit = self.enqueue(queue, sealed).await?;
        durable(queue, &commit).await
    }

    /// Queues an end record; what cannot be sealed under its own key is at least counted.
    fn push_end(&self, queue: &Shared, record: Record, key: Option<&MonthKey>) {
        let mut sealed = Sealed::default();
        let time = record.time;
        let done = match key {
            Some(key) => sealed.push(record, key),
            None => self.key(&record).and_then(|key| sealed.push(record, &key)),
        };
        if let Err(error) = done {
            tracing::error!(%error, "an end record could not be sealed");
            sealed = Sealed::default();
            let event = Event::Gap { reason: "an end record could not be sealed".to_owned(), count: 1 };
            let gap = Record { time, member: MemberId::GATEWAY, vendor: None, event };
            if sealed.push(gap, &self.gateway).is_err() {
                queue.close("a record could not be sealed");
            }
        }
        queue.push_end(&sealed);
    }
}

fn reader(desk: &Arc<Desk>, dir: &Path, disk: &Arc<dyn Disk>, keys: &Arc<dyn Keys>) -> Reader {
    let desk = Arc::clone(desk);
    let durable = move || desk.queue.load().durable.load(Ordering::Acquire);
    Reader::new(dir.to_owned(), Arc::clone(disk), Arc::clone(keys), Arc::new(durable))
}

async fn durable(queue: &Shared, commit: &Commit) -> Result<(), LedgerError> {
    if commit.wait().await { Ok(()) } else { Err(queue.closed()) }
}

impl Ledger {
    /// Recovers the log in the folder, or begins one, and starts the thread that writes it. Reads files: not for an
    /// async worker.
    pub fn start(options: Options) -> Result<(Self, Recovery), LedgerError> {
        let month = options.clock.now().month();
        let gateway = options.keys.month_key(MemberId::GATEWAY, None, month)?;
        let (log, recovery) = recovery::open(&options, &gateway, None)?;
        let queue = Shared::new(&options, log.tree.size());
        let desk = Arc::new(Desk { queue: ArcSwap::from_pointee(queue), ended: Commit::default() });
        let reader = reader(&desk, &options.dir, &options.disk, &options.keys);
        let indexing = options.index.clone().map(|index| Indexing::start(index, reader, log.tree.size()));
        Writer::new(log, Arc::clone(&desk), options.clone(), indexing.transpose()?).spawn()?;
        let inner = Inner {
            index: options.index,
            desk,
            keys: options.keys,
            clock: options.clock,
            disk: options.disk,
            dir: options.dir,
            gateway,
            patience: options.patience,
        };
        Ok((Self(Arc::new(inner)), recovery))
    }

    /// Keeps room for one flow: its first record and its end. Waits while as many flows are open as may be; fails at
    /// once when the log cannot be written.
    pub async fn reserve(&self) -> Result<Reservation, LedgerError> {
        let queue = self.0.desk.queue.load_full();
        if let Err(error) = self.0.acquire(&queue, &queue.slots, 1).await {
            queue.miss();
            return Err(error);
        }
        Ok(Reservation(Slot { inner: self.0.clone(), queue, held: true }))
    }

    /// Writes records that belong to no flow (`config`, `issue`, `erase`, …); returns when they are durable.
    pub async fn append(&self, records: Vec<Record>) -> Result<(), LedgerError> {
        let mut sealed = Sealed::default();
        for record in records {
            if record.event.flow().is_some() {
                return Err(LedgerError::Misplaced);
            }
            let key = self.0.key(&record)?;
            sealed.push(record, &key)?;
        }
        self.0.write(&self.0.desk.queue.load_full(), &sealed).await
    }

    /// Checks the log from its first record to its last while it is written: see [`verify_dir`]. Reads everything: not
    /// for an async worker.
    pub fn verify(&self, against: &Against) -> Result<Report, LedgerError> {
        let against = Against { live: true, ..against.clone() };
        verify_dir(&self.0.dir, &*self.0.disk, &against)
    }

    /// How many records wait for the disk.
    pub fn backlog(&self) -> usize {
        self.0.desk.queue.load().backlog()
    }

    /// Whether the log can be written now.
    pub fn healthy(&self) -> bool {
        self.0.desk.queue.load().healthy()
    }

    /// How many records are durable.
    pub fn size(&self) -> u64 {
        self.0.desk.queue.load().durable.load(Ordering::Acquire)
    }

    /// Reads the log while it is written: sees what is durable now, and more on each call.
    pub fn reader(&self) -> Reader {
        reader(&self.0.desk, &self.0.dir, &self.0.disk, &self.0.keys).indexed(self.0.index.clone())
    }

    /// Writes what waits, signs a last checkpoint, and ends the thread. Ends of flows that come later are dropped;
    /// the next start gives those flows an unknown outcome.
    pub async fn shutdown(&self) {
        self.0.desk.queue.load().stop();
        self.0.desk.ended.wait().await;
    }
}

/// A flow's room in the queue; goes back unless an end record takes it along.
struct Slot {
    inner: Arc<Inner>,
    /// The queue the room is in: a flow that outlives a failure of the disk was ended when the log was taken up again.
    queue: Arc<Shared>,
    held: bool,
}

impl Slot {
    fn end(&mut self, record: Record, key: Option<&MonthKey>) {
        self.held = false;
        self.inner.push_end(&self.queue, record, key);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.held {
            self.queue.slots.add_permits(1);
        }
    }
}

/// Room for a flow's records.
pub struct Reservation(Slot);

/// A flow that was not opened. Nothing may be sent.
#[derive(thiserror::Error)]
#[error("{error}")]
pub struct NotOpened {
    /// Why.
    pub error: LedgerError,
    /// The room, where no record came of it: a `refused` may still take it.
    pub room: Option<Reservation>,
}

impl fmt::Debug for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotOpened").field("error", &self.error).finish_non_exhaustive()
    }
}

impl Reservation {
    /// Writes the record that opens the flow (`open`, `tunnel`), `issues` before it in the same commit; returns when
    /// all are durable. Where the returned future is dropped before, nothing may be sent; the record may stand all the
    /// same, and gets a CLOSE with outcome `failed`.
    pub async fn open(self, issues: Vec<Record>, open: Record) -> Result<Opened, NotOpened> {
        let begun = match self.0.inner.seal_open(issues, open) {
            Ok((sealed, begun)) => {
                self.0.inner.enqueue(&self.0.queue, &sealed).await.map(|commit| (commit, begun))
            }
            Err(error) => Err(error),
        };
        let (commit, begun) = match begun {
            Ok(begun) => begun,
            Err(error) => return Err(NotOpened { error, room: Some(self) }),
        };
        // From here on the record may become durable, so the flow needs an end whatever happens.
        let mut opened = Opened { slot: self.0, begun, outcome: Outcome::Failed };
        match durable(&opened.slot.queue, &commit).await {
            Ok(()) => {
                opened.outcome = Outcome::Unknown;
                Ok(opened)
            }
            Err(error) => Err(NotOpened { error, room: None }),
        }
    }

    /// Writes the one record of a flow of which nothing was sent (`blocked`, `refused`); never waits.
    pub fn end(mut self, record: Record) {
        self.0.end(record, None);
    }
}

/// A flow that is open, durably. Dropped without [`Opened::close`], it is closed with outcome `unknown`.
pub struct Opened {
    slot: Slot,
    begun: Begun,
    /// What a drop says.
    outcome: Outcome,
}

/// How a flow began, for its later records.
struct Begun {
    /// The key of the first record also seals the rest: through the end of the month, and so that a flow is read or
    /// erased as a whole.
    key: MonthKey,
    flow: FlowId,
    member: MemberId,
    vendor: Option<VendorId>,
    time: Timestamp,
}

impl Opened {
    /// Writes more of a flow that goes on (`edits`, `issue`); returns when it is durable.
    pub async fn more(&self, records: Vec<Record>) -> Result<(), LedgerError> {
        let mut sealed = Sealed::default();
        for record in records {
            let belongs = match &record.event {
                Event::Edits { flow, .. } => *flow == self.begun.flow,
                event => event.flow().is_none(),
            };
            if !belongs {
                return Err(LedgerError::Misplaced);
            }
            sealed.push(record, &self.begun.key)?;
        }
        self.slot.inner.write(&self.slot.queue, &sealed).await
    }

    /// Writes the flow's end; never waits.
    pub fn close(mut self, record: Record) {
        self.slot.end(record, Some(&self.begun.key));
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if !self.slot.held {
            return;
        }
        let now = self.slot.inner.clock.now();
        let begun = &mut self.begun;
        let event = Event::Close {
            flow: begun.flow,
            status: None,
            sent: 0,
            received: 0,
            ms: now.0.saturating_sub(begun.time.0),
            attempts: 0,
            edits: Vec::new(),
            answer: None,
            outcome: self.outcome,
        };
        let record = Record { time: now, member: begun.member, vendor: begun.vendor.take(), event };
        self.slot.end(record, Some(&begun.key));
    }
}
