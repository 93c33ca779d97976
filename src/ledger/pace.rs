//! How close commits follow each other.
//!
//! A sync costs the same however many records it makes durable. While so many wait that a pause fills the next commit,
//! commits keep a pause between their beginnings; otherwise each begins as soon as the last has ended.

use std::time::{Duration, Instant};

/// Commits begin at least this far apart while many wait.
pub(super) const PAUSE: Duration = Duration::from_micros(1_500);
/// Many is when at least so many come in a pause: 2,700 a second, beyond what a household asks for.
const MANY: u32 = 4;
/// The rate is counted anew after this.
const WINDOW: Duration = Duration::from_millis(6);

/// The rate at which records come that somebody waits for.
pub(super) struct Pace {
    since: Instant,
    waiting: u32,
    busy: bool,
}

impl Pace {
    /// Nothing has come yet.
    pub fn new(now: Instant) -> Self {
        Self { since: now, waiting: 0, busy: false }
    }

    /// Counts a commit that began at `began`, for which `waiting` waited; gives the moment before which the next one
    /// should not begin.
    pub fn next(&mut self, began: Instant, waiting: usize) -> Instant {
        self.waiting = self.waiting.saturating_add(u32::try_from(waiting).unwrap_or(u32::MAX));
        let window = began.saturating_duration_since(self.since);
        if window >= WINDOW {
            self.busy = PAUSE.saturating_mul(self.waiting) >= window.saturating_mul(MANY);
            (self.since, self.waiting) = (began, 0);
        }
        if self.busy { began + PAUSE } else { began }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commits every `apart`, each with `waiting`; whether the last one wanted a pause behind it.
    fn pauses(apart: Duration, waiting: usize) -> bool {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let mut next = now;
        for _ in 0..100 {
            now += apart;
            next = pace.next(now, waiting);
        }
        next > now
    }

    #[test]
    fn only_a_rate_that_fills_a_commit_brings_a_pause() {
        let (half, one) = (PAUSE / 2, PAUSE);
        for (apart, waiting, want) in [
            (half, 1, false),
            (half, 2, true),
            (one, 3, false),
            (one, 4, true),
            (20 * one, 64, false),
            (20 * one, 80, true),
        ] {
            assert_eq!(pauses(apart, waiting), want, "{waiting} every {apart:?}");
        }
    }

    #[test]
    fn a_quiet_log_pauses_no_more() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..100 {
            now += PAUSE;
            pace.next(now, 64);
        }
        now += Duration::from_secs(1);
        assert_eq!(pace.next(now, 1), now);
    }
}
