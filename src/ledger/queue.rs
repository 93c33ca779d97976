//! What waits for the ledger's thread, and who waits for it.
//!
//! All records queued while one sync runs share one [`Commit`], so a sync wakes exactly those it made durable.

use super::error::LedgerError;
use super::options::Options;
use super::seal::Sealed;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const PENDING: u8 = 0;
const DURABLE: u8 = 1;
const FAILED: u8 = 2;
/// A buffer that grew beyond this is given back after its commit.
const KEEP_BYTES: usize = 1 << 20;

/// One group of records that become durable together, or not.
#[derive(Default)]
pub(crate) struct Commit {
    state: AtomicU8,
    waiting: Mutex<Vec<Waker>>,
}

impl Commit {
    /// Waits for the outcome: true once the records are durable.
    ///
    /// Whoever stops waiting is woken all the same: there are as many wakers as were queued at the most.
    pub async fn wait(&self) -> bool {
        let mut known: Option<Waker> = None;
        poll_fn(|cx| {
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(outcome);
            }
            if known.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            known = Some(cx.waker().clone());
            let mut waiting = self.waiting();
            // Under the lock, which the end takes after it is decided: no wake-up is missed in between.
            if let Some(outcome) = self.outcome() {
                return Poll::Ready(outcome);
            }
            waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    pub fn finish(&self, durable: bool) {
        self.state.store(if durable { DURABLE } else { FAILED }, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(Waker::wake);
    }

    fn outcome(&self) -> Option<bool> {
        match self.state.load(Ordering::Acquire) {
            PENDING => None,
            state => Some(state == DURABLE),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread sleeps for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    /// Anything new is to wake it.
    Idle,
    /// It wakes by itself for the records nobody waits for.
    Lazy,
}

#[derive(Default)]
struct Pending {
    work: Work,
    /// When the first record nobody waits for came.
    lazy_since: Option<Instant>,
    sleep: Sleep,
    stopping: bool,
    /// Set for good once this queue's log cannot be written.
    closed: Option<String>,
}

/// What the thread takes at once.
#[derive(Default)]
pub(crate) struct Work {
    pub bytes: Vec<u8>,
    pub count: usize,
    /// How many wait for them.
    pub waiting: usize,
    /// Bytes of the queue's budget to give back.
    budget: usize,
    /// Flows' room to give back.
    slots: usize,
    pub commit: Arc<Commit>,
    /// Nothing comes after this.
    pub last: bool,
}

impl Drop for Work {
    /// Whatever was not made durable has failed, also where the thread panics.
    fn drop(&mut self) {
        if self.commit.state.load(Ordering::Acquire) == PENDING {
            self.commit.finish(false);
        }
    }
}

/// What handles and thread share.
pub(crate) struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    /// Room for flows.
    pub slots: Semaphore,
    /// Room for bytes.
    pub budget: Semaphore,
    pub budget_bytes: u32,
    pub lazy: Duration,
    healthy: AtomicBool,
    backlog: AtomicUsize,
    /// How many records are durable.
    pub durable: AtomicU64,
    /// Flows and ends of flows that found the log closed.
    missed: AtomicU64,
}

impl Shared {
    pub fn new(options: &Options, durable: u64) -> Self {
        let budget_bytes = options.queue_bytes;
        Self {
            pending: Mutex::default(),
            wake: Condvar::new(),
            slots: Semaphore::new(options.flows.min(Semaphore::MAX_PERMITS)),
            budget: Semaphore::new(budget_bytes as usize),
            budget_bytes,
            lazy: options.lazy,
            healthy: AtomicBool::new(true),
            backlog: AtomicUsize::new(0),
            durable: AtomicU64::new(durable),
            missed: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn healthy(&self) -> bool {
        self.healthy.load(Ordering::Acquire)
    }

    pub fn backlog(&self) -> usize {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Why nothing can be written any more.
    pub fn closed(&self) -> LedgerError {
        let reason = self.lock().closed.clone();
        LedgerError::Closed(reason.unwrap_or_else(|| "it was shut down".to_owned()))
    }

    /// Queues records that somebody waits for. `budget` bytes were taken from the budget.
    pub fn push(&self, sealed: &Sealed, budget: usize) -> Result<Arc<Commit>, LedgerError> {
        let mut pending = self.lock();
        if pending.closed.is_some() || pending.stopping {
            drop(pending);
            return Err(self.closed());
        }
        pending.work.bytes.extend_from_slice(&sealed.bytes);
        pending.work.count += sealed.count;
        pending.work.budget += budget;
        pending.work.waiting += 1;
        self.backlog.fetch_add(sealed.count, Ordering::Relaxed);
        let commit = pending.work.commit.clone();
        let wake = std::mem::take(&mut pending.sleep) != Sleep::Awake;
        drop(pending);
        if wake {
            self.wake.notify_one();
        }
        Ok(commit)
    }

    /// Queues an end record; nobody waits for it. Gives back the flow's room once it is durable.
    pub fn push_end(&self, sealed: &Sealed) {
        let mut pending = self.lock();
        if pending.closed.is_some() || pending.stopping {
            self.miss();
            return;
        }
        pending.work.bytes.extend_from_slice(&sealed.bytes);
        pending.work.count += sealed.count;
        pending.work.slots += 1;
        pending.lazy_since.get_or_insert_with(Instant::now);
        self.backlog.fetch_add(sealed.count, Ordering::Relaxed);
        let wake = pending.sleep == Sleep::Idle;
        if wake {
            pending.sleep = Sleep::Awake;
        }
        drop(pending);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Asks the thread to write what waits and end.
    pub fn stop(&self) {
        let mut pending = self.lock();
        pending.stopping = true;
        pending.sleep = Sleep::Awake;
        drop(pending);
        self.healthy.store(false, Ordering::Release);
        self.slots.close();
        self.budget.close();
        self.wake.notify_all();
    }

    /// Counts a flow that found the log closed.
    pub fn miss(&self) {
        self.missed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many flows and ends of flows found the log closed.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Whether it was asked to stop, or is within `patience`.
    pub fn stops_within(&self, patience: Duration) -> bool {
        let waited = self.wake.wait_timeout_while(self.lock(), patience, |pending| !pending.stopping);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopping
    }

    /// Closes this queue for good: whoever waits fails now, whoever comes fails at once.
    pub fn close(&self, reason: &str) {
        let mut pending = self.lock();
        pending.closed.get_or_insert_with(|| reason.to_owned());
        let work = std::mem::take(&mut pending.work);
        drop(pending);
        self.healthy.store(false, Ordering::Release);
        self.slots.close();
        self.budget.close();
        self.backlog.store(0, Ordering::Relaxed);
        drop(work);
    }

    /// The thread's side: waits for records, at the latest until `until`, and then for more of them until `not_before`.
    /// `spare` becomes the next buffer.
    pub fn take(&self, until: Instant, not_before: Instant, mut spare: Vec<u8>) -> Work {
        spare.clear();
        spare.shrink_to(KEEP_BYTES);
        let mut pending = self.lock();
        loop {
            let now = Instant::now();
            let due = pending.lazy_since.map(|since| since + self.lazy);
            if pending.work.waiting > 0
                || pending.stopping
                || now >= until
                || due.is_some_and(|due| now >= due)
            {
                break;
            }
            let (sleep, wake_at) = match due {
                Some(due) => (Sleep::Lazy, due.min(until)),
                None => (Sleep::Idle, until),
            };
            pending.sleep = sleep;
            let slept = self.wake.wait_timeout(pending, wake_at.saturating_duration_since(now));
            pending = slept.unwrap_or_else(PoisonError::into_inner).0;
            pending.sleep = Sleep::Awake;
        }
        let mut pending = self.gather(pending, not_before);
        pending.lazy_since = None;
        let mut work = std::mem::take(&mut pending.work);
        pending.work.bytes = spare;
        work.last = pending.stopping;
        work
    }

    /// Lets more records come until `not_before`; nothing wakes the thread meanwhile but the wish that it ends.
    fn gather<'q>(
        &self,
        mut pending: MutexGuard<'q, Pending>,
        not_before: Instant,
    ) -> MutexGuard<'q, Pending> {
        while !pending.stopping {
            let left = not_before.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let slept = self.wake.wait_timeout(pending, left);
            pending = slept.unwrap_or_else(PoisonError::into_inner).0;
        }
        pending
    }

    /// The thread's side: these records are durable.
    pub fn finish(&self, work: &Work, durable: u64) {
        self.durable.store(durable, Ordering::Release);
        self.backlog.fetch_sub(work.count, Ordering::Relaxed);
        self.budget.add_permits(work.budget);
        self.slots.add_permits(work.slots);
        work.commit.finish(true);
    }
}
