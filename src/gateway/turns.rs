//! Takes turns with the other connections, however much a client sends.
//!
//! A connection is read as long as bytes are there. Frames that cost their sender nothing but bytes (PING, SETTINGS,
//! WINDOW_UPDATE) would keep a worker for as long as the runtime lets one task go on, which is some megabytes of them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of one turn.
const TURN: usize = 64 * 1024;

/// A stream that lets others come in after [`TURN`] bytes.
#[derive(Debug)]
pub struct Turns<T> {
    stream: T,
    /// Bytes of this turn so far.
    taken: usize,
}

impl<T> Turns<T> {
    /// Of a connection that begins now.
    pub fn new(stream: T) -> Self {
        Self { stream, taken: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Turns<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken >= TURN {
            self.taken = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if polled.is_pending() {
            self.taken = 0;
        }
        ready!(polled)?;
        self.taken += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Turns<T> {
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
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn another_task_comes_in_after_each_turn() {
        let bytes = vec![7; 4 * TURN];
        let mut stream = Turns::new(tokio::io::join(bytes.as_slice(), tokio::io::sink()));
        let (turns, reads) = (std::cell::Cell::new(0), std::cell::Cell::new(false));
        let reading = async {
            let mut read = Vec::new();
            stream.read_to_end(&mut read).await.unwrap();
            reads.set(true);
            read.len()
        };
        let others = async {
            while !reads.get() {
                turns.set(turns.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        let (read, ()) = tokio::join!(reading, others);
        assert_eq!(read, 4 * TURN);
        assert!(turns.get() >= 3, "{}", turns.get());
    }
}
