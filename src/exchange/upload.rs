//! How the sending of a body goes, and when it is over: the vendor may have answered long before.

use super::error::ExchangeError;
use super::request_body::UNREAD_PART;
use super::tally::Tally;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How the sending of a body goes.
#[derive(Debug, Default)]
pub struct Course {
    /// What went wrong; 0 as long as nothing did.
    failure: AtomicU8,
    answered: CancellationToken,
    over: AtomicBool,
    ended: Notify,
}

impl Course {
    /// The vendor has begun to answer, whether or not the body is over.
    pub(super) fn answer(&self) {
        self.answered.cancel();
    }

    /// Ends when the vendor begins to answer.
    pub(super) fn answered(&self) -> WaitForCancellationFutureOwned {
        self.answered.clone().cancelled_owned()
    }

    /// Whether the vendor has begun to answer: from then on both sides may wait for each other.
    pub(super) fn is_answered(&self) -> bool {
        self.answered.is_cancelled()
    }

    pub(super) fn broke(&self) {
        self.failure.store(1, Ordering::Relaxed);
    }

    pub(super) fn was_silent(&self) {
        self.failure.store(2, Ordering::Relaxed);
    }

    /// The body unfolds too far.
    pub(super) fn was_a_bomb(&self) {
        self.failure.store(4, Ordering::Relaxed);
    }

    /// It was not the client: something here refused to go on.
    pub(super) fn refused(&self) {
        self.failure.store(3, Ordering::Relaxed);
    }

    /// A part of it could not be looked into, and must not leave unread.
    pub(super) fn was_unreadable(&self) {
        self.failure.store(5, Ordering::Relaxed);
    }

    /// It was held here, and could not be read.
    pub(super) fn was_lost(&self) {
        self.failure.store(6, Ordering::Relaxed);
    }

    /// Whether nothing more of the body will be sent.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Waits until nothing more of it will be sent: `true`, or until nothing has moved either way for `patience`: `false`.
    pub(super) async fn ends(&self, tally: &Tally, patience: Duration) -> bool {
        loop {
            let (ended, moved) = (self.ended.notified(), tally.moved());
            if self.is_over() || timeout(patience, ended).await.is_ok() {
                return true;
            }
            if tally.moved() == moved {
                return false;
            }
        }
    }

    /// What went wrong.
    pub(super) fn error(&self) -> Option<ExchangeError> {
        match self.failure.load(Ordering::Relaxed) {
            1 => Some(ExchangeError::RequestBody),
            2 => Some(ExchangeError::RequestBodyTimeout),
            3 => Some(ExchangeError::Forbidden {
                rule: "identity".into(),
                reason: "a protected value stands where it cannot be left out".into(),
            }),
            4 => Some(ExchangeError::BodyTooLarge),
            5 => Some(ExchangeError::unread(UNREAD_PART)),
            6 => Some(ExchangeError::Spool),
            _ => None,
        }
    }
}

/// Goes along with a body that is being sent; where it ends, however it ends, nothing more will be.
pub struct Underway(pub(super) Arc<Course>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.ended.notify_waiters();
    }
}

/// Ends when the vendor has taken too long to answer. Its time for the first byte begins when it has the whole body; until
/// then something must move within `idle`, which is also the client's time, and the client is asked first.
pub(super) async fn overdue(
    upload: Option<Arc<Course>>,
    tally: Arc<Tally>,
    first_byte: Duration,
    idle: Duration,
) {
    if let Some(course) = upload
        && !course.ends(&tally, idle + first_byte).await
    {
        return;
    }
    sleep(first_byte).await;
}
