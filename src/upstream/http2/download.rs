//! An answer's body as it comes out of its stream.

use super::super::transport::TransportError;
use super::pulse::Beat;
use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// An answer's body. Dropped before its end, it cancels the stream.
#[derive(Debug)]
pub struct Download {
    stream: RecvStream,
    /// Bytes that are still to come, where the head says.
    left: Option<u64>,
    data_ended: bool,
    beat: Beat,
}

impl Download {
    pub(super) fn new(stream: RecvStream, headers: &HeaderMap, beat: Beat) -> Self {
        // h2 has checked that there is one, and holds the vendor to it.
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let left = announced.or(stream.is_end_stream().then_some(0));
        Self { stream, left, data_ended: false, beat }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        // RFC 9113 section 8.1: a response is complete with END_STREAM. A reset before it, whatever its code, cuts it off.
        while !self.data_ended {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    self.beat.heard();
                    // Fails only where the stream has ended meanwhile, and its window with it.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
                    if !data.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(data))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.beat.blame(error)))),
                None => self.data_ended = true,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|fields| Ok(Frame::trailers(fields))),
            Err(error) => Some(Err(self.beat.blame(error))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
