//! The client's body: untouched, gathered whole, or edited as it flows.

use super::body::Quiet;
use super::error::ExchangeError;
use super::send_body::{Edited, SendBody, Untouched};
use super::spool::{MOST_HELD, Place, Spool, SpooledBody};
use super::streamed::EditedBody;
use super::tally::Tally;
use super::trailers::TrailerGuard;
use super::upload::{Course, Underway};
use super::whole::Whole;
use crate::rewrite::codec::Coding;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT, TRAILER};
use http_body::Body;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// A body with a Content-Length up to this is edited before OPEN (bytes).
pub const MOST_WHOLE: u64 = 64 * 1024;
/// Why a part of a body is not looked into.
pub(super) const UNREAD_PART: &str = "could not inspect: a part of the body is not text";
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
    /// Edited as it flows. Where there is a place for it, it may wait there until its length is known.
    Edited(Box<EditedBody>, Option<Place>),
    /// Edited, and held until it is sent.
    Spooled(Arc<Spool>, Arc<Course>),
    /// Handed to the sender.
    Gone(Arc<Course>),
    /// Handed to the sender, and given back as it was.
    Unsent(SendBody),
}

/// A body still at the client.
pub struct Arriving {
    pub(super) incoming: Incoming,
    length: Option<u64>,
    expects: bool,
    /// The head says that trailer fields follow.
    trailers: bool,
    pub(super) quiet: Quiet,
    pub(super) guard: Option<TrailerGuard>,
}

impl RequestBody {
    /// The body of a request that has just arrived. Its client may be silent for `patience` while the vendor is, too.
    pub fn arriving(incoming: Incoming, headers: &HeaderMap, patience: Duration, tally: &Arc<Tally>) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let quiet = Quiet::new(patience, tally);
        let (expects, trailers) = (headers.contains_key(EXPECT), headers.contains_key(TRAILER));
        Self::Arriving(Arriving { incoming, length, expects, trailers, quiet, guard: None })
    }

    /// A body that is already there, as `explain` has it.
    pub fn given(body: Bytes, headers: &HeaderMap) -> Self {
        if body.is_empty() {
            return Self::Empty;
        }
        let expects = headers.contains_key(EXPECT);
        let flows = body.len() as u64 > MOST_WHOLE || expects;
        let chunked = flows && !is_holdable(Some(body.len() as u64), expects);
        Self::Whole(Whole::given(body, flows, chunked))
    }

    /// The same bytes, shared.
    pub fn decoded_bytes(&self) -> Option<Bytes> {
        match self {
            Self::Whole(whole) => Some(whole.decoded_bytes()),
            _ => None,
        }
    }

    /// The bytes of one that is in memory, and in letters wider than a byte that were read all the same.
    pub(super) fn wide_bytes(&self) -> Option<Bytes> {
        match self {
            Self::Whole(whole) => whole.wide_bytes(),
            _ => None,
        }
    }

    /// Takes it for the bytes it is written in.
    pub(super) fn take_as_bytes(&mut self) {
        if let Self::Whole(whole) = self {
            whole.take_as_bytes();
        }
    }

    /// Whether it is edited as it flows.
    pub fn flows(&self) -> bool {
        match self {
            Self::Arriving(_) | Self::Edited(..) => true,
            Self::Whole(whole) => whole.flows,
            Self::Empty | Self::Spooled(..) | Self::Gone(_) | Self::Unsent(_) => false,
        }
    }

    /// Whether the client said how long it is.
    pub fn has_length(&self) -> bool {
        match self {
            Self::Arriving(body) => body.length.is_some(),
            Self::Whole(_) => true,
            _ => false,
        }
    }

    /// The bytes that spans count in, of a body that is in memory.
    pub fn decoded(&self) -> Option<&[u8]> {
        match self {
            Self::Whole(whole) => Some(whole.decoded()),
            _ => None,
        }
    }

    /// Gathers a body that is small enough to be edited before it leaves, and undoes its codings; leaves any other as it
    /// is. One that is not what its coding says stays as it came and the answer says so; one that unfolds too far is an
    /// error.
    pub async fn gather(&mut self, codings: &[Coding]) -> Result<Option<&'static str>, ExchangeError> {
        let small = |body: &Arriving| {
            !body.expects && !body.trailers && body.length.is_some_and(|length| length <= MOST_WHOLE)
        };
        let encoded = match std::mem::replace(self, Self::Empty) {
            Self::Arriving(body) if small(&body) => timeout(GATHERING, body.incoming.collect())
                .await
                .map_err(|_| ExchangeError::RequestBodyTimeout)?
                .map_err(|_| ExchangeError::RequestBody)?
                .to_bytes(),
            Self::Whole(whole) if whole.is_undone() => {
                let (whole, note) = whole.undo(codings).await?;
                *self = Self::Whole(whole);
                return Ok(note);
            }
            other => {
                *self = other;
                return Ok(None);
            }
        };
        let (whole, note) = Whole::given(encoded, false, false).undo(codings).await?;
        *self = Self::Whole(whole);
        Ok(note)
    }

    /// Whether it may wait until its length is known. Of one that came without a length a vendor expects none, and with an
    /// expectation the head goes first.
    pub(super) fn is_holdable(&self) -> bool {
        match self {
            Self::Arriving(body) => is_holdable(body.length, body.expects),
            Self::Whole(whole) => whole.flows && !whole.chunked,
            _ => false,
        }
    }

    /// Whether it has a place to wait in until its length is known.
    pub(super) fn has_place(&self) -> bool {
        matches!(self, Self::Edited(_, Some(_)))
    }

    /// Takes it to its place, edited as it comes.
    pub(super) async fn hold(&mut self) -> Result<(), ExchangeError> {
        *self = match std::mem::replace(self, Self::Empty) {
            Self::Edited(body, Some(place)) => {
                Self::Spooled(Arc::new(Spool::gather(*body, place).await?), Arc::default())
            }
            other => other,
        };
        Ok(())
    }

    /// Whether the same bytes can be sent again.
    pub fn is_repeatable(&self) -> bool {
        matches!(self, Self::Empty | Self::Whole(_) | Self::Spooled(..))
    }

    /// What the client did wrong while its body was being sent.
    pub fn failure(&self) -> Option<ExchangeError> {
        self.course().and_then(|course| course.error())
    }

    /// The vendor has begun to answer, whether or not the body is over.
    pub fn answered(&self) {
        if let Some(course) = self.course() {
            course.answer();
        }
    }

    /// How the sending goes, of a body that is sent as it comes.
    pub(super) fn course(&self) -> Option<&Arc<Course>> {
        match self {
            Self::Gone(course) | Self::Spooled(_, course) => Some(course),
            _ => None,
        }
    }

    /// Takes back a body of which no byte was sent, for another attempt.
    pub(super) fn take_back(&mut self, body: SendBody) {
        if matches!(self, Self::Gone(_)) {
            *self = Self::Unsent(body);
        }
    }

    /// The body to send; one that exists only once goes along.
    pub(super) fn outgoing(&mut self, tally: &Arc<Tally>) -> SendBody {
        match self {
            Self::Empty => SendBody::Empty,
            Self::Whole(whole) => whole.outgoing(tally),
            Self::Spooled(spool, course) => {
                // The last attempt's is over.
                *course = Arc::default();
                SendBody::Spooled(Box::new(SpooledBody::new(spool, tally, course)))
            }
            Self::Arriving(_) | Self::Edited(..) => {
                let course = Arc::<Course>::default();
                let underway = Underway(Arc::clone(&course));
                match std::mem::replace(self, Self::Gone(Arc::clone(&course))) {
                    Self::Arriving(body) => SendBody::Untouched(Box::new(Untouched {
                        incoming: body.incoming,
                        tally: Arc::clone(tally),
                        course,
                        quiet: body.quiet,
                        guard: body.guard,
                        _underway: underway,
                    })),
                    Self::Edited(body, _) => SendBody::Edited(Box::new(Edited {
                        body: body.sending(course),
                        tally: Arc::clone(tally),
                        underway,
                    })),
                    _ => SendBody::Empty,
                }
            }
            Self::Unsent(_) => match std::mem::replace(self, Self::Empty) {
                Self::Unsent(body) => {
                    *self = body.course().map_or(Self::Empty, |course| Self::Gone(Arc::clone(course)));
                    body
                }
                _ => SendBody::Empty,
            },
            Self::Gone(_) => SendBody::Empty,
        }
    }
}

fn is_holdable(length: Option<u64>, expects: bool) -> bool {
    !expects && length.is_some_and(|length| length <= MOST_HELD)
}
