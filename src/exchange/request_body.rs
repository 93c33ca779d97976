//! The client's body: untouched, gathered whole, or edited as it flows.

use super::body::{BodyError, Silence};
use super::error::ExchangeError;
use super::flow::Tally;
use super::streamed::EditedBody;
use super::upstream::Length;
use crate::rewrite::codec::{CodecError, Coding, Decoder, Encoder, Limits};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// A body with a Content-Length up to this is edited before OPEN (bytes).
pub const MOST_WHOLE: u64 = 64 * 1024;
/// What such a body may unfold to (bytes).
const MOST_DECODED: u64 = 1024 * 1024;
/// How long a client may take to send such a body.
const GATHERING: Duration = Duration::from_secs(30);

/// The body of a request on its way through the corridor.
pub enum RequestBody {
    /// None.
    Empty,
    /// Still at the client; leaves as it comes.
    Arriving(Arriving),
    /// Gathered, and edited as the plan says.
    Whole(Whole),
    /// Edited as it flows.
    Edited(Box<EditedBody>),
    /// Handed to the sender.
    Gone(Arc<Failure>),
}

/// A body still at the client.
pub struct Arriving {
    pub(super) incoming: Incoming,
    length: Option<u64>,
    expects: bool,
    pub(super) silence: Silence,
}

impl Arriving {
    /// Whether its length was announced.
    pub fn has_length(&self) -> bool {
        self.length.is_some()
    }
}

/// A body gathered in memory.
#[derive(Clone)]
pub struct Whole {
    encoded: Bytes,
    decoded: Bytes,
    codings: Vec<Coding>,
    edited: bool,
}

impl RequestBody {
    /// The body of a request that has just arrived. Its client may be silent for `patience` while the vendor is, too.
    pub fn arriving(incoming: Incoming, headers: &HeaderMap, patience: Duration, tally: &Arc<Tally>) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let silence = Silence::new(patience, tally);
        Self::Arriving(Arriving { incoming, length, expects: headers.contains_key(EXPECT), silence })
    }

    /// A body that is already there, as `explain` has it.
    pub fn given(body: Bytes, codings: Vec<Coding>) -> Self {
        if body.is_empty() { Self::Empty } else { Self::Whole(Whole::of(body, codings).0) }
    }

    /// The bytes that spans count in, of a body that is in memory.
    pub fn decoded(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(whole) => Some(&whole.decoded),
            _ => None,
        }
    }

    /// Gathers a body that is small enough to be edited before it leaves; leaves any other as it is. A body that cannot
    /// be decoded stays undecoded: the second part of the answer says why.
    pub async fn gather(&mut self, codings: &[Coding]) -> Result<Option<&'static str>, ExchangeError> {
        let small = matches!(self, Self::Arriving(body) if !body.expects && body.length.is_some_and(|length| length <= MOST_WHOLE));
        if !small {
            return Ok(None);
        }
        let Self::Arriving(body) = std::mem::replace(self, Self::Empty) else { return Ok(None) };
        let encoded = timeout(GATHERING, body.incoming.collect())
            .await
            .map_err(|_| ExchangeError::RequestBodyTimeout)?
            .map_err(|_| ExchangeError::RequestBody)?
            .to_bytes();
        let (whole, note) = Whole::of(encoded, codings.to_vec());
        *self = Self::Whole(whole);
        Ok(note)
    }

    /// Whether the same bytes can be sent again.
    pub fn is_repeatable(&self) -> bool {
        matches!(self, Self::Empty | Self::Whole(_))
    }

    /// What the client did wrong while its body was being sent.
    pub fn failure(&self) -> Option<ExchangeError> {
        match self {
            Self::Gone(failure) => failure.error(),
            _ => None,
        }
    }

    /// The body to send. Where it is the `last` attempt, a body that exists only once goes along.
    pub(super) fn outgoing(&mut self, tally: &Arc<Tally>) -> SendBody {
        match self {
            Self::Empty => SendBody::Empty,
            Self::Whole(whole) => {
                tally.sent(whole.encoded.len() as u64);
                SendBody::Whole { bytes: Some(whole.encoded.clone()), edited: whole.edited }
            }
            Self::Arriving(_) | Self::Edited(_) => {
                let failure = Arc::default();
                match std::mem::replace(self, Self::Gone(Arc::clone(&failure))) {
                    Self::Arriving(body) => SendBody::Untouched(Box::new(Untouched {
                        incoming: body.incoming,
                        tally: Arc::clone(tally),
                        failure,
                        silence: body.silence,
                    })),
                    Self::Edited(body) => SendBody::Edited(Box::new(body.sending(failure))),
                    _ => SendBody::Empty,
                }
            }
            Self::Gone(_) => SendBody::Empty,
        }
    }
}

impl Whole {
    /// With its codings undone; one that cannot be decoded stays closed, and the note says so.
    fn of(encoded: Bytes, codings: Vec<Coding>) -> (Self, Option<&'static str>) {
        match undo(&encoded, &codings) {
            Ok(decoded) => (Self { encoded, decoded, codings, edited: false }, None),
            Err(_) => (
                Self { encoded, decoded: Bytes::new(), codings: Vec::new(), edited: false },
                Some("could not inspect: the body cannot be decoded"),
            ),
        }
    }

    /// The body with its codings undone: what spans count in.
    pub fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// Puts `edited` in its place, with the same codings done again.
    pub fn replace(&mut self, edited: Vec<u8>) -> Result<(), ExchangeError> {
        let mut bytes = edited;
        for coding in &self.codings {
            let failed = |_| ExchangeError::Internal("a body could not be encoded");
            let mut encoder = Encoder::new(*coding).map_err(failed)?;
            let mut out = Vec::new();
            encoder.push(&bytes, &mut out).and_then(|()| encoder.finish(&mut out)).map_err(failed)?;
            bytes = out;
        }
        self.encoded = bytes.into();
        self.edited = true;
        Ok(())
    }
}

/// The last coding applied is the first to undo (RFC 9110 section 8.4).
fn undo(encoded: &Bytes, codings: &[Coding]) -> Result<Bytes, CodecError> {
    let mut decoded = encoded.clone();
    for coding in codings.iter().rev() {
        let mut decoder = Decoder::new(*coding, Limits { absolute: MOST_DECODED, ..Limits::default() })?;
        let mut out = Vec::new();
        decoder.push(&decoded, &mut out)?;
        decoder.finish()?;
        decoded = out.into();
    }
    Ok(decoded)
}

/// What the client did wrong in the middle of its body.
#[derive(Debug, Default)]
pub struct Failure(AtomicU8);

impl Failure {
    pub(super) fn broke(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub(super) fn was_silent(&self) {
        self.0.store(2, Ordering::Relaxed);
    }

    /// It was not the client: something here refused to go on.
    pub(super) fn refused(&self) {
        self.0.store(3, Ordering::Relaxed);
    }

    fn error(&self) -> Option<ExchangeError> {
        match self.0.load(Ordering::Relaxed) {
            1 => Some(ExchangeError::RequestBody),
            2 => Some(ExchangeError::RequestBodyTimeout),
            3 => Some(ExchangeError::Forbidden {
                rule: "identity".into(),
                reason: "a protected value stands where it cannot be left out".into(),
            }),
            _ => None,
        }
    }
}

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
    },
    /// From the client as it comes.
    Untouched(Box<Untouched>),
    /// From the client through the editor.
    Edited(Box<EditedBody>),
}

impl SendBody {
    /// What became of its length.
    pub(super) fn edited_length(&self) -> Length {
        match self {
            Self::Empty | Self::Untouched(_) | Self::Whole { edited: false, .. } => Length::Unchanged,
            Self::Whole { bytes, .. } => {
                Length::Exactly(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Edited(_) => Length::Unknown,
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
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole { bytes, .. } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Untouched(body) => body.poll(cx),
            Self::Edited(body) => body.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole { bytes, .. } => bytes.is_none(),
            Self::Untouched(body) => body.incoming.is_end_stream(),
            Self::Edited(_) => false,
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
        }
    }
}

/// A body that leaves as it comes.
pub struct Untouched {
    incoming: Incoming,
    tally: Arc<Tally>,
    failure: Arc<Failure>,
    silence: Silence,
}

impl Untouched {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.broken();
                if let Some(data) = frame.data_ref() {
                    self.tally.sent(data.len() as u64);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                self.failure.broke();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending if self.silence.poll(cx).is_ready() => {
                self.failure.was_silent();
                Poll::Ready(Some(Err("the client fell silent".into())))
            }
            other => other.map_err(Into::into),
        }
    }
}
