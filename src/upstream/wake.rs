//! Whether the machine has slept: the clock on the wall went on, the one that only counts waking time did not. What a
//! router between here and a vendor knew of a connection is forgotten by then, and nobody says so.

use crate::model::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// Both clocks run apart by more than this only over a sleep, or where the time was set (milliseconds).
const APART: i64 = 10_000;

/// Compares two clocks.
pub(super) struct Wake {
    wall: Arc<dyn Clock>,
    started: Instant,
    /// How far the wall clock is ahead (milliseconds).
    ahead: AtomicI64,
}

impl Wake {
    pub(super) fn new(wall: Arc<dyn Clock>) -> Self {
        let wake = Self { wall, started: Instant::now(), ahead: AtomicI64::new(0) };
        wake.ahead.store(wake.now_ahead(), Ordering::Relaxed);
        wake
    }

    /// Whether the machine has slept, or its time was set, since the last call.
    pub(super) fn has_slept(&self) -> bool {
        let now = self.now_ahead();
        if (now - self.ahead.load(Ordering::Relaxed)).abs() < APART {
            return false;
        }
        (self.ahead.swap(now, Ordering::Relaxed) - now).abs() >= APART
    }

    fn now_ahead(&self) -> i64 {
        let awake = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        i64::try_from(self.wall.now().0).unwrap_or(i64::MAX) - awake
    }
}
