//! Waiting, beside busy work, for what seldom happens.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future only when it was woken itself.
///
/// A connection is polled several times for each request, and with it everything that is waited for beside it: that the
/// gateway stops, that members change, that time is over. Each such look takes a lock that all connections share. Here it
/// is taken when something has happened.
#[derive(Debug)]
pub(super) struct Seldom<F> {
    inner: Pin<Box<F>>,
    bell: Arc<Bell>,
    /// The bell as the future knows it.
    waker: Waker,
    /// Whom the bell calls.
    task: Option<Waker>,
}

#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl<F: Future> Seldom<F> {
    /// Around what is waited for.
    pub(super) fn new(inner: F) -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
        Self { inner: Box::pin(inner), waker: Arc::clone(&bell).into(), bell, task: None }
    }
}

impl<F: Future> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            // Before the look at whether it was rung: who rings later finds this task.
            *this.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        }
        if !this.bell.rung.load(Ordering::Acquire) || !this.bell.rung.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        this.inner.as_mut().poll(&mut Context::from_waker(&this.waker))
    }
}

/// What came first of busy `work` and what seldom happens.
pub(super) enum First<T, E> {
    /// The work is done.
    Done(T),
    /// It has happened.
    Happened(E),
}

/// Does `work` until it is done or `event` happens.
pub(super) async fn until<T, E>(
    work: impl Future<Output = T>,
    event: Seldom<impl Future<Output = E>>,
) -> First<T, E> {
    let (mut work, mut event) = (pin!(work), event);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(First::Done(done));
        }
        Pin::new(&mut event).poll(cx).map(First::Happened)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn work_is_polled_often_and_the_event_when_it_was_woken() {
        let (looks, bell) = (AtomicUsize::new(0), Notify::new());
        let event = Seldom::new(async {
            let mut waiting = pin!(bell.notified());
            std::future::poll_fn(|cx| {
                looks.fetch_add(1, Ordering::Relaxed);
                waiting.as_mut().poll(cx)
            })
            .await;
        });
        let work = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert_eq!(looks.load(Ordering::Relaxed), 1);
            bell.notify_one();
            std::future::pending::<()>().await;
        };
        assert!(matches!(until(work, event).await, First::Happened(())));
        assert_eq!(looks.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_event_is_missed_whenever_it_comes_and_whatever_task_waits() {
        for round in 0..2_000 {
            let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
            let mut event = Seldom::new(receiver);
            // Waited for by one task first, and then by another.
            if round % 2 == 0 {
                assert!(tokio::time::timeout(std::time::Duration::ZERO, &mut event).await.is_err());
            }
            let waiting = tokio::spawn(async move { until(std::future::pending::<()>(), event).await });
            tokio::spawn(async move { sender.send(()) });
            let ended = tokio::time::timeout(std::time::Duration::from_secs(20), waiting).await;
            assert!(matches!(ended.expect("it is woken").unwrap(), First::Happened(Ok(()))));
        }
    }
}
