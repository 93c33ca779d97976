//! A request's body on its way into its stream.

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Sends a body to its end. Dropped before, it cancels the stream.
pub(super) struct Upload<B> {
    body: B,
    stream: SendStream<Bytes>,
    /// Came from the body and waits for room.
    waiting: Option<Bytes>,
}

/// The vendor wants no more of it: how the exchange ended its answer tells.
struct Unwanted;

impl From<h2::Error> for Unwanted {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    pub(super) fn new(body: B, stream: SendStream<Bytes>) -> Self {
        Self { body, stream, waiting: None }
    }

    fn send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>> {
        loop {
            // RFC 9113 section 8.1: a server may ask "that the client abort transmission of a request without error".
            if self.stream.poll_reset(cx)?.is_ready() {
                return Poll::Ready(Err(Unwanted));
            }
            if self.waiting.is_some() {
                ready!(self.poll_room(cx))?;
                if let Some(data) = self.waiting.take() {
                    let ends = self.body.is_end_stream();
                    self.stream.send_data(data, ends)?;
                    if ends {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => {}
                    Ok(data) => {
                        // No more than a claim: what waits must not take from the connection what others could use.
                        self.stream.reserve_capacity(1);
                        self.waiting = Some(data);
                    }
                    Err(other) => {
                        if let Ok(trailers) = other.into_trailers() {
                            self.stream.send_trailers(trailers)?;
                            return Poll::Ready(Ok(()));
                        }
                    }
                },
                Some(Err(_)) => {
                    self.stream.send_reset(Reason::INTERNAL_ERROR);
                    return Poll::Ready(Ok(()));
                }
                None => {
                    self.stream.send_data(Bytes::new(), true)?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Ready once the stream takes at least a byte; it takes all of a piece then.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>> {
        while self.stream.capacity() == 0 {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(room) => {
                    room?;
                }
                None => return Poll::Ready(Err(Unwanted)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<B: Body<Data = Bytes> + Unpin> Future for Upload<B> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.send(cx).map(|_| ())
    }
}
