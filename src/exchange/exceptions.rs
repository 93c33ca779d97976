//! What members have let by, and what of it bears on one exchange.

use super::error::ExchangeError;
use super::layers::Who;
use crate::model::exception::{Excepted, Exception};
use crate::model::{MemberId, Slot, Timestamp, VendorId};
use crate::store::{Store, StoreError};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exceptions of one member at the most: nobody oversees more.
const MOST: usize = 256;

/// What the record says of a request that found things paused.
pub(super) const PAUSED: &str = "paused by you: trackers and terms step aside";

/// Every exception in force.
pub struct Exceptions {
    live: ArcSwap<Vec<Arc<Live>>>,
    store: Store,
}

#[derive(Debug)]
struct Live {
    exception: Exception,
    /// One that holds once was needed.
    spent: AtomicBool,
}

impl Exceptions {
    /// Those in the store.
    pub fn new(store: Store) -> Self {
        Self { live: ArcSwap::default(), store }
    }

    /// Takes up what is in the store now.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn renew(&self, now: Timestamp) -> Result<(), StoreError> {
        let (before, stored) = (self.live.load(), self.store.exceptions(now)?);
        let live = stored.into_iter().map(|exception| {
            let same = before.iter().find(|live| live.exception.id == exception.id);
            same.cloned().unwrap_or_else(|| Arc::new(Live { exception, spent: AtomicBool::new(false) }))
        });
        self.live.store(Arc::new(live.collect()));
        Ok(())
    }

    /// Keeps one and gives its number; `None` where the member has too many.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn add(&self, exception: &Exception) -> Result<Option<i64>, StoreError> {
        let id = self.store.add_exception(exception, MOST)?;
        self.renew(exception.since)?;
        Ok(id)
    }

    /// Lets go of one.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove(&self, id: i64, now: Timestamp) -> Result<(), StoreError> {
        self.store.remove_exception(id)?;
        self.renew(now)
    }

    /// A member's own, in the order they were made.
    pub fn of_member(&self, member: MemberId, now: Timestamp) -> Vec<Exception> {
        let live = self.live.load();
        let own = live.iter().filter(|live| live.exception.member == member && live.holds(now));
        own.map(|live| live.exception.clone()).collect()
    }

    /// Whether there is nothing to ask for.
    pub fn is_empty(&self) -> bool {
        self.live.load().is_empty()
    }

    /// What bears on a request of `who` to `vendor`, from a page of `page`.
    pub fn bearing_on(
        &self,
        who: &Who,
        vendor: &VendorId,
        page: Option<&VendorId>,
        now: Timestamp,
    ) -> Option<Arc<Relief>> {
        let bears = |live: &&Arc<Live>| {
            let exception = &live.exception;
            let there = |named: &VendorId| {
                named == vendor || (exception.what.pauses() && page.is_some_and(|page| named == page))
            };
            exception.member == who.member
                && exception.device.as_deref().is_none_or(|device| who.device.as_deref() == Some(device))
                && exception.vendor.as_ref().is_none_or(there)
                && live.holds(now)
        };
        let live = self.live.load();
        let found = live.iter().filter(bears).map(|live| Needed::new(Arc::clone(live), vendor));
        let found: Vec<_> = found.collect();
        (!found.is_empty()).then(|| Arc::new(Relief { found }))
    }

    /// Lets go, in the store too, of what held once and was needed: before anything is sent by it, so that it never
    /// serves twice.
    pub(super) async fn settle(
        self: &Arc<Self>,
        relief: &Relief,
        now: Timestamp,
    ) -> Result<(), ExchangeError> {
        for id in relief.newly_taken() {
            let this = Arc::clone(self);
            let removed = tokio::task::spawn_blocking(move || this.remove(id, now)).await;
            if !matches!(removed, Ok(Ok(()))) {
                return Err(ExchangeError::Internal("an exception that holds once could not be used up"));
            }
        }
        Ok(())
    }
}

impl Live {
    fn holds(&self, now: Timestamp) -> bool {
        !self.exception.is_over(now) && !self.spent.load(Ordering::Relaxed)
    }
}

/// What bears on one exchange.
#[derive(Debug)]
pub struct Relief {
    found: Vec<Needed>,
}

#[derive(Debug)]
struct Needed {
    live: Arc<Live>,
    /// Made for the vendor that is asked, not for the page it is asked from.
    is_direct: bool,
    taken: AtomicBool,
    settled: AtomicBool,
}

impl Needed {
    fn new(live: Arc<Live>, vendor: &VendorId) -> Self {
        let is_direct = live.exception.vendor.as_ref() == Some(vendor);
        Self { live, is_direct, taken: AtomicBool::new(false), settled: AtomicBool::new(false) }
    }

    /// Whether it serves here. One that holds once serves the first that needs it; a rehearsal needs nothing.
    fn serves(&self, rehearsal: bool) -> bool {
        if !self.live.exception.once || self.taken.load(Ordering::Relaxed) {
            return true;
        }
        if rehearsal {
            return !self.live.spent.load(Ordering::Relaxed);
        }
        let is_first = !self.live.spent.swap(true, Ordering::Relaxed);
        self.taken.store(is_first, Ordering::Relaxed);
        is_first
    }
}

impl Relief {
    /// Whether trackers and terms step aside.
    pub fn is_paused(&self) -> bool {
        self.found.iter().any(|needed| needed.live.exception.what.pauses())
    }

    /// The number of the exception that lets `rule` by.
    pub(super) fn lets_by(&self, rule: &str, rehearsal: bool) -> Option<i64> {
        let found = self.found.iter().find(|needed| {
            matches!(&needed.live.exception.what, Excepted::Rule(excepted) if &**excepted == rule)
                && needed.serves(rehearsal)
        })?;
        Some(found.live.exception.id)
    }

    /// Whether the vendor gets everything as it is typed.
    pub(super) fn shows_all(&self) -> bool {
        self.found.iter().any(|needed| needed.is_direct && needed.live.exception.what == Excepted::Identity)
    }

    /// The slots that the vendor gets as they are typed. What holds once is taken for one of `needed` alone.
    pub(super) fn shown<'a>(
        &'a self,
        rehearsal: bool,
        is_needed: impl Fn(&Slot) -> bool + 'a,
    ) -> impl Iterator<Item = Slot> + 'a {
        self.found.iter().filter_map(move |needed| match &needed.live.exception.what {
            Excepted::Slot(slot)
                if needed.is_direct
                    && (!needed.live.exception.once || is_needed(slot))
                    && needed.serves(rehearsal) =>
            {
                Some(slot.clone())
            }
            _ => None,
        })
    }

    fn newly_taken(&self) -> impl Iterator<Item = i64> {
        let is_new = |needed: &&Needed| {
            needed.taken.load(Ordering::Relaxed) && !needed.settled.swap(true, Ordering::Relaxed)
        };
        self.found.iter().filter(is_new).map(|needed| needed.live.exception.id)
    }
}
