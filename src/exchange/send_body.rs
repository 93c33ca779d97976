//! The client's body as the sender takes it: what hyper polls.

use super::body::{BodyError, Quiet};
use super::expect::Expecting;
use super::hop_by_hop::without_head_fields;
use super::spool::SpooledBody;
use super::streamed::EditedBody;
use super::tally::Tally;
use super::trailers::TrailerGuard;
use super::upload::{Course, Underway};
use super::upstream::Length;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A body as the sender takes it.
pub enum SendBody {
    /// None.
    Empty,
    /// In memory.
    Whole {
        /// What is left to send.
        bytes: Option<Bytes>,
        /// Whether its length is another than announced.
        edited: bool,
        /// Whether it would leave without one.
        chunked: bool,
        /// Where it is counted.
        tally: Arc<Tally>,
    },
    /// From the client as it comes.
    Untouched(Box<Untouched>),
    /// From the client through the editor.
    Edited(Box<Edited>),
    /// Gathered and edited before.
    Spooled(Box<SpooledBody>),
    /// One that comes from the client, once the vendor wants it.
    Expecting(Box<Expecting>),
}

impl SendBody {
    /// How the sending goes, of a body that is sent as it comes.
    pub(super) fn course(&self) -> Option<&Arc<Course>> {
        match self {
            Self::Untouched(body) => Some(&body.course),
            Self::Edited(body) => Some(&body.underway.0),
            Self::Spooled(body) => Some(body.course()),
            Self::Expecting(body) => body.body().course(),
            Self::Empty | Self::Whole { .. } => None,
        }
    }

    /// What became of its length.
    pub(super) fn edited_length(&self) -> Length {
        match self {
            Self::Expecting(body) => body.body().edited_length(),
            Self::Edited(_) | Self::Whole { chunked: true, .. } => Length::Unknown,
            Self::Spooled(body) => body.length().map_or(Length::Unknown, Length::Exactly),
            Self::Empty | Self::Untouched(_) | Self::Whole { edited: false, .. } => Length::Unchanged,
            Self::Whole { bytes, .. } => {
                Length::Exactly(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
        }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole { bytes, tally, .. } => Poll::Ready(bytes.take().map(|bytes| {
                tally.sent_whole(bytes.len() as u64);
                Ok(Frame::data(bytes))
            })),
            Self::Untouched(body) => body.poll(cx),
            Self::Edited(body) => body.poll(cx),
            Self::Spooled(body) => body.poll(cx),
            Self::Expecting(body) => body.poll(cx),
        };
        polled.map_ok(without_head_fields)
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole { bytes, .. } => bytes.is_none(),
            Self::Untouched(body) => body.is_over(),
            Self::Edited(_) => false,
            Self::Spooled(body) => body.is_over(),
            Self::Expecting(body) => body.body().is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole { bytes, .. } => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Untouched(body) => body.incoming.size_hint(),
            Self::Edited(_) => SizeHint::default(),
            Self::Spooled(body) => body.size_hint(),
            Self::Expecting(body) => body.body().size_hint(),
        }
    }
}

/// A body that is edited as it comes.
pub struct Edited {
    pub(super) body: EditedBody,
    pub(super) tally: Arc<Tally>,
    pub(super) underway: Underway,
}

impl Edited {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.body.poll(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.tally.sent(data.len() as u64);
        }
        polled
    }
}

/// A body that leaves as it comes.
pub struct Untouched {
    pub(super) incoming: Incoming,
    pub(super) tally: Arc<Tally>,
    pub(super) course: Arc<Course>,
    pub(super) quiet: Quiet,
    /// Where there is somebody to protect.
    pub(super) guard: Option<TrailerGuard>,
    pub(super) _underway: Underway,
}

impl Untouched {
    fn is_over(&self) -> bool {
        self.incoming.is_end_stream() && self.guard.as_ref().is_none_or(TrailerGuard::is_over)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(guard) = &mut self.guard
            && let Some(edited) = ready!(guard.poll(cx))
        {
            return Poll::Ready(Some(edited.map(Frame::trailers).map_err(|error| {
                self.course.refused();
                error.into()
            })));
        }
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.quiet.broken();
                match (frame.into_data(), &mut self.guard) {
                    (Ok(data), _) => {
                        self.tally.sent(data.len() as u64);
                        Poll::Ready(Some(Ok(Frame::data(data))))
                    }
                    (Err(other), Some(guard)) => {
                        if let Ok(fields) = other.into_trailers() {
                            guard.take(fields);
                        }
                        self.poll(cx)
                    }
                    (Err(other), None) => Poll::Ready(Some(Ok(other))),
                }
            }
            Poll::Ready(Some(Err(error))) => {
                self.course.broke();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending if self.quiet.poll(cx).is_ready() => {
                self.course.was_silent();
                Poll::Ready(Some(Err("the client fell silent".into())))
            }
            other => other.map_err(Into::into),
        }
    }
}
