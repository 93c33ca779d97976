//! The last answer on a connection, heard by a client that is still sending.
//!
//! RFC 9112 section 9.6: "If a server performs an immediate close of a TCP connection, there is a significant risk that the
//! client will not be able to read the last HTTP response", because what still arrives is answered with a reset, which
//! discards what the client has not read. So a connection is closed in stages: no more is written, what comes is read and
//! thrown away, and only then it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// A client that has heard its answer and sends nothing more is waited for this long to end the connection.
const SILENCE: Duration = Duration::from_secs(2);
/// One that goes on sending has this long, and may send this much.
const IN_ALL: Duration = Duration::from_secs(30);
const MOST: usize = 64 * 1024 * 1024;
/// Read at a time.
const PIECE: usize = 8 * 1024;

/// Reads what a client still sends.
#[derive(Debug)]
pub(super) struct Linger {
    over: Pin<Box<Sleep>>,
    last: Instant,
    left: usize,
}

impl Linger {
    /// Of a connection on which nothing more is written from now on.
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { over: Box::pin(sleep_until(now + SILENCE)), last: now + IN_ALL, left: MOST }
    }

    /// Ready when the client has ended `stream`, or has had its time.
    pub(super) fn poll<T: AsyncRead + Unpin>(&mut self, stream: &mut T, cx: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE];
        let mut heard = false;
        while self.left > 0 {
            let mut piece = ReadBuf::new(&mut piece);
            match Pin::new(&mut *stream).poll_read(cx, &mut piece) {
                Poll::Ready(Ok(())) if !piece.filled().is_empty() => {
                    self.left = self.left.saturating_sub(piece.filled().len());
                    heard = true;
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    if heard {
                        self.over.as_mut().reset(self.last.min(Instant::now() + SILENCE));
                    }
                    return self.over.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    /// How long `linger` takes, in seconds.
    async fn time_of(mut server: DuplexStream) -> u64 {
        let (began, mut linger) = (Instant::now(), Linger::new());
        std::future::poll_fn(|cx| linger.poll(&mut server, cx)).await;
        began.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn ends_with_the_client_or_after_a_silence() {
        let (client, server) = duplex(64);
        drop(client);
        assert_eq!(time_of(server).await, 0);

        let (_client, server) = duplex(64);
        assert_eq!(time_of(server).await, 2);

        let (mut client, server) = duplex(64);
        let sending = async {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.write_all(b"more").await.unwrap();
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            seconds = time_of(server) => assert_eq!(seconds, 7),
            () = sending => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_ends_is_left_in_the_end() {
        let (mut client, server) = duplex(64);
        let trickle = async {
            while client.write_all(b"more").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            std::future::pending::<()>().await
        };
        tokio::select! {
            seconds = time_of(server) => assert_eq!(seconds, 30),
            () = trickle => {}
        }

        let (mut client, server) = duplex(1024 * 1024);
        let pour = tokio::spawn(async move {
            let mut sent = 0;
            while client.write_all(&[0; 64 * 1024]).await.is_ok() {
                sent += 64 * 1024;
            }
            sent
        });
        assert_eq!(time_of(server).await, 0);
        assert!((MOST..=MOST + 2 * 1024 * 1024).contains(&pour.await.unwrap()));
    }
}
