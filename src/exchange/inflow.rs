//! A vendor's body, of which a part may be taken in before it goes on.

use super::tally::Tally;
use crate::upstream::{Answer, TransportError};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The body as it comes, behind what was taken in.
pub struct Inflow {
    incoming: Answer,
    ahead: VecDeque<Frame<Bytes>>,
    /// Whether nothing comes behind that.
    ended: bool,
}

impl Inflow {
    /// Nothing of it was taken in.
    pub(super) fn new(incoming: Answer) -> Self {
        Self { incoming, ahead: VecDeque::new(), ended: false }
    }

    /// Whether what comes next was taken in, and counted, before.
    pub(super) fn is_ahead(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Takes all of it in, and has `tally` count it. `None` where it is longer than `most` bytes or takes longer than
    /// `patience`: then it goes on as it comes.
    pub(super) async fn take_in(
        &mut self,
        most: usize,
        patience: Duration,
        tally: &Tally,
    ) -> Result<Option<Bytes>, TransportError> {
        let deadline = Instant::now() + patience;
        let mut taken = BytesMut::new();
        while taken.len() <= most {
            let next = poll_fn(|cx| Pin::new(&mut self.incoming).poll_frame(cx));
            let Ok(next) = timeout_at(deadline, next).await else { return Ok(None) };
            let Some(frame) = next.transpose()? else {
                self.ended = true;
                return Ok(Some(taken.freeze()));
            };
            if let Some(data) = frame.data_ref() {
                tally.received(data.len() as u64);
                taken.extend_from_slice(data);
            }
            self.ahead.push_back(frame);
        }
        Ok(None)
    }

    /// Puts `body` in the place of what was taken in; trailers stay behind it.
    pub(super) fn replace(&mut self, body: Bytes) {
        self.ahead.retain(|frame| !frame.is_data());
        self.ahead.push_front(Frame::data(body));
    }
}

impl Body for Inflow {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match self.ahead.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.ended => Poll::Ready(None),
            None => Pin::new(&mut self.incoming).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && (self.ended || self.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let data = self.ahead.iter().filter_map(Frame::data_ref);
        let ahead: u64 = data.map(|data| data.len() as u64).sum();
        // A body that is sent with a length has no trailers.
        let has_trailers = self.ahead.iter().any(Frame::is_trailers);
        let rest = if self.ended { SizeHint::with_exact(0) } else { self.incoming.size_hint() };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + ahead);
        if let Some(upper) = rest.upper().filter(|_| !has_trailers) {
            hint.set_upper(upper + ahead);
        }
        hint
    }
}
