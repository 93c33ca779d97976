//! A clock that a test sets, for the gateway and for clients.

use doorward::gateway::Seams;
use doorward::model::{Clock, SystemClock, Timestamp};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

const DAY: i64 = 24 * 3600 * 1000;

/// The machine's clock, so many milliseconds off.
#[derive(Clone, Debug, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Shows so many days from the real time.
    pub fn days(&self, days: i64) {
        self.0.store(days * DAY, Ordering::SeqCst);
    }

    /// Shows so many minutes from the real time.
    pub fn minutes(&self, minutes: i64) {
        self.0.store(minutes * 60 * 1000, Ordering::SeqCst);
    }

    /// The machine as it is but for the time.
    pub fn seams(&self) -> Seams {
        Seams { clock: Arc::new(self.clone()), ..Seams::default() }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(SystemClock.now().0.saturating_add_signed(self.0.load(Ordering::SeqCst)))
    }
}

impl TimeProvider for TestClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.now().0)))
    }
}
