//! Fewer and larger writes on a connection that many exchanges share.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls a connection's future one turn of the scheduler after it was woken.
///
/// The runtime runs a task that another one wakes right after it. A shared connection would so write one frame for each
/// exchange that hands it something. A turn later all exchanges that are ready have handed over what they have, and one
/// write takes it along. Where nothing else is ready, the turn costs nothing but itself. Toward a client this must not be:
/// a body that breaks off resets its stream, and with it would go what had not been written.
#[derive(Debug)]
pub(super) struct Gather<F> {
    inner: F,
    woken: bool,
}

impl<F> Gather<F> {
    /// Around a connection's future.
    pub fn new(inner: F) -> Self {
        Self { inner, woken: false }
    }
}

impl<F: Future + Unpin> Future for Gather<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.woken = !self.woken;
        if self.woken {
            // A task that wakes itself goes to the end of the queue.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::sync::{Arc, Mutex};
    use std::task::Waker;

    const EXCHANGES: usize = 8;

    /// Where exchanges hand over what is to be written.
    #[derive(Default)]
    struct Mailbox {
        waiting: usize,
        connection: Option<Waker>,
    }

    /// Ends once it has written for every exchange, with how much each write took along.
    fn connection(mailbox: &Arc<Mutex<Mailbox>>) -> impl Future<Output = Vec<usize>> + Send + Unpin + use<> {
        let mailbox = Arc::clone(mailbox);
        let mut writes = Vec::new();
        poll_fn(move |cx| {
            let mut mailbox = mailbox.lock().unwrap();
            mailbox.connection = Some(cx.waker().clone());
            match std::mem::take(&mut mailbox.waiting) {
                0 => {}
                taken => writes.push(taken),
            }
            let written: usize = writes.iter().sum();
            if written == EXCHANGES { Poll::Ready(std::mem::take(&mut writes)) } else { Poll::Pending }
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn one_write_takes_along_what_all_exchanges_have_ready() {
        let all = tokio::spawn(async {
            let mailbox = Arc::new(Mutex::new(Mailbox::default()));
            let writes = tokio::spawn(Gather::new(connection(&mailbox)));
            while mailbox.lock().unwrap().connection.is_none() {
                tokio::task::yield_now().await;
            }
            for _ in 0..EXCHANGES {
                let mailbox = Arc::clone(&mailbox);
                tokio::spawn(async move {
                    let mut mailbox = mailbox.lock().unwrap();
                    mailbox.waiting += 1;
                    mailbox.connection.as_ref().unwrap().wake_by_ref();
                });
            }
            writes.await.unwrap()
        });
        assert_eq!(all.await.unwrap(), [EXCHANGES]);
    }
}
