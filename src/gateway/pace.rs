//! How long a client connection may be silent, and how long one head may take.
//!
//! hyper's own head timer also runs while a kept connection waits for its next request, so the two bounds of
//! `[limits]`, `idle` and `head`, are told apart here: by the bytes that come and by the exchanges under way. A head that
//! began before the exchange in front of it was over cannot be told from a body, and has as long as a silence may last.

use super::linger::Linger;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Set in [`Clock::mark`] while a head is arriving; the rest of the mark is a time.
const HEAD: u64 = 1 << 63;

/// One connection's pace; a clone is the same connection's.
#[derive(Clone, Debug)]
pub struct Pace(Arc<Clock>);

#[derive(Debug)]
struct Clock {
    began: Instant,
    /// Exchanges under way.
    busy: AtomicUsize,
    /// Since when it is quiet, or since when a head has been arriving (milliseconds from `began`).
    mark: AtomicU64,
    /// Whether it may end without waiting for what the client still sends.
    ends_at_once: AtomicBool,
    /// Answers of more than one part.
    answers: Mutex<Vec<Weak<Handed>>>,
}

/// When a part of an answer was handed over to be sent; 0 while the next one has still to come (milliseconds from the
/// beginning of the connection, and one).
type Handed = AtomicU64;

/// An exchange under way; ends when dropped.
#[derive(Debug)]
pub struct Busy {
    pace: Pace,
    /// Of an answer of more than one part.
    handed: Option<Arc<Handed>>,
}

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing came for too long.
    Idle,
    /// A head began and did not end in time.
    Head,
    /// Of an answer that goes on nothing was taken for too long.
    Untaken,
}

impl Pace {
    /// Of a connection that begins now.
    pub fn new() -> Self {
        Self(Arc::new(Clock {
            began: Instant::now(),
            busy: AtomicUsize::new(0),
            mark: AtomicU64::new(0),
            ends_at_once: AtomicBool::new(false),
            answers: Mutex::default(),
        }))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(HEAD - 1)
    }

    /// No further request is answered. With nothing under way, nobody has anything to wait for.
    pub fn stops(&self) {
        if self.is_quiet() {
            self.0.ends_at_once.store(true, Ordering::Release);
        }
    }

    /// A whole head has arrived.
    pub fn begin(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::AcqRel);
        Busy { pace: self.clone(), handed: None }
    }

    fn answers(&self) -> MutexGuard<'_, Vec<Weak<Handed>>> {
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the client has taken nothing of an answer that is there for it; of the one where that is the longest.
    fn untaken(&self) -> Duration {
        let now = self.now() + 1;
        let answers = self.answers();
        let handed = answers.iter().filter_map(Weak::upgrade).map(|handed| handed.load(Ordering::Acquire));
        let since = handed.filter(|handed| *handed > 0).min().unwrap_or(now);
        Duration::from_millis(now.saturating_sub(since))
    }

    fn is_quiet(&self) -> bool {
        self.0.busy.load(Ordering::Acquire) == 0 && self.0.mark.load(Ordering::Acquire) & HEAD == 0
    }

    /// Resolves once the connection has been silent for `idle`, or taken nothing of an answer for as long, or a head has
    /// been arriving for `head`.
    pub async fn overdue(&self, idle: Duration, head: Duration) -> Overdue {
        loop {
            let mark = self.0.mark.load(Ordering::Acquire);
            let (bound, overdue) =
                if mark & HEAD == 0 { (idle, Overdue::Idle) } else { (head, Overdue::Head) };
            let until = self.0.began + Duration::from_millis(mark & !HEAD) + bound;
            if self.0.busy.load(Ordering::Acquire) > 0 {
                if self.untaken() >= idle {
                    return Overdue::Untaken;
                }
                // The exchange has bounds of its own. Looked at again no later than the next bound could pass.
                tokio::time::sleep(idle.min(head)).await;
            } else if Instant::now() < until {
                // A head that begins while this sleeps may be due before it wakes.
                tokio::time::sleep_until(until.min(Instant::now() + head)).await;
            } else {
                return overdue;
            }
        }
    }
}

impl Busy {
    /// What comes from now on is not HTTP, and not ours to throw away.
    pub fn becomes_a_stream(&self) {
        self.pace.0.ends_at_once.store(true, Ordering::Release);
    }

    /// A part of the answer is handed over to be sent, behind which more may come.
    pub fn hands_over(&mut self) {
        let handed = self.handed.get_or_insert_with(|| {
            let handed = Arc::default();
            let mut answers = self.pace.answers();
            answers.retain(|answer| answer.strong_count() > 0);
            answers.push(Arc::downgrade(&handed));
            handed
        });
        handed.store(self.pace.now() + 1, Ordering::Release);
    }

    /// The next part has still to come from the vendor.
    pub fn waits(&self) {
        if let Some(handed) = &self.handed {
            handed.store(0, Ordering::Release);
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let Pace(clock) = &self.pace;
        // Set first: with nothing under way, an old mark would look like a long silence.
        clock.mark.store(self.pace.now(), Ordering::Release);
        clock.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A stream of HTTP/1: bytes that come while nothing is under way begin a head, and its end comes in stages.
#[derive(Debug)]
pub struct Paced<T> {
    stream: T,
    pace: Pace,
    /// The client has said all it had to say.
    heard_out: bool,
    linger: Option<Linger>,
}

impl<T> Paced<T> {
    /// Reads set `pace`.
    pub fn new(stream: T, pace: &Pace) -> Self {
        Self { stream, pace: pace.clone(), heard_out: false, linger: None }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() == before {
            self.heard_out = buf.remaining() > 0;
        } else if self.pace.is_quiet() {
            self.pace.0.mark.store(self.pace.now() | HEAD, Ordering::Release);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        if this.heard_out || this.pace.0.ends_at_once.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        this.linger.get_or_insert_with(Linger::new).poll(&mut this.stream, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(600);

    #[tokio::test]
    async fn a_silent_connection_and_a_slow_head_have_bounds_of_their_own() {
        let pace = Pace::new();
        assert_eq!(pace.overdue(SHORT, LONG).await, Overdue::Idle);

        let pace = Pace::new();
        let (mut client, server) = tokio::io::duplex(64);
        let mut server = Paced::new(server, &pace);
        client.write_all(b"GET").await.unwrap();
        server.read_exact(&mut [0; 3]).await.unwrap();
        assert_eq!(pace.overdue(LONG, SHORT).await, Overdue::Head);
    }

    #[tokio::test]
    async fn an_exchange_under_way_is_no_silence() {
        let pace = Pace::new();
        let busy = pace.begin();
        assert!(tokio::time::timeout(SHORT * 10, pace.overdue(SHORT, SHORT)).await.is_err());
        drop(busy);
        assert_eq!(pace.overdue(SHORT, LONG).await, Overdue::Idle);
    }
}
