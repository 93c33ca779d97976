//! A stream that goes on with another protocol (RFC 8441), as bytes in both directions.

use super::pulse::Beat;
use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No more than this is copied for one write, whatever room the vendor gives.
const PIECE: usize = 16 * 1024;

/// The two directions of an accepted extended CONNECT.
#[derive(Debug)]
pub struct Tunnel {
    sending: SendStream<Bytes>,
    receiving: RecvStream,
    /// Came and was not read yet.
    came: Bytes,
    is_shut: bool,
    beat: Beat,
}

impl Tunnel {
    pub(super) fn new(sending: SendStream<Bytes>, receiving: RecvStream, beat: Beat) -> Self {
        Self { sending, receiving, came: Bytes::new(), is_shut: false, beat }
    }
}

/// RFC 8441 section 5: "a stream error ... with the CANCEL error code" stands for a connection that was reset.
fn broken(_: h2::Error) -> io::Error {
    ErrorKind::ConnectionReset.into()
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.came.is_empty() {
            match ready!(self.receiving.poll_data(cx)) {
                Some(data) => {
                    self.came = data.map_err(broken)?;
                    self.beat.heard();
                }
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = self.came.len().min(buf.remaining());
        if let Some(data) = self.came.get(..length) {
            buf.put_slice(data);
        }
        self.came.advance(length);
        // Fails only where the stream has ended meanwhile, and its window with it.
        let _ = self.receiving.flow_control().release_capacity(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.sending.reserve_capacity(bytes.len().min(PIECE));
        while self.sending.capacity() == 0 {
            match ready!(self.sending.poll_capacity(cx)) {
                Some(room) => {
                    room.map_err(broken)?;
                }
                None => return Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
            }
        }
        let length = bytes.len().min(PIECE).min(self.sending.capacity());
        let data = Bytes::copy_from_slice(bytes.get(..length).unwrap_or_default());
        self.sending.send_data(data, false).map_err(broken)?;
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_shut {
            self.is_shut = true;
            self.sending.send_data(Bytes::new(), true).map_err(broken)?;
        }
        Poll::Ready(Ok(()))
    }
}
