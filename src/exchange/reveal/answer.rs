//! An answer that something may be shown in, and its head when something was.

use crate::exchange::error::ExchangeError;
use crate::exchange::layers::Reply;
use crate::model::{Action, Category, Container, Edit, Part, Place, Plan, Secret, Stage};
use crate::persona::REVEALED;
use crate::rewrite::codec::{Coding, Decoders, Limits};
use crate::rewrite::{Syntax, has_known_charset, syntax_of};
use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, StatusCode};

/// Digests of the bytes as the vendor sent them (RFC 9530 sections 2 and 3, RFC 3230, RFC 1864 section 2).
const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];
/// Where an answer is signed (RFC 9421 section 4), its bytes stay.
const SIGNATURE: &str = "signature";

/// Whether it is all of what was asked for, is said to be JSON and nothing else, and may be changed.
pub(super) fn is_plain_json(reply: &Reply) -> bool {
    let headers = reply.headers();
    let is_json = syntax_of(headers.get(CONTENT_TYPE)) == Some(Syntax::Json);
    reply.status().is_success()
        && reply.status() != StatusCode::PARTIAL_CONTENT
        && is_json
        && headers.get_all(CONTENT_TYPE).iter().count() == 1
        && has_known_charset(headers.get(CONTENT_TYPE))
        && !headers.contains_key(CONTENT_RANGE)
        && !headers.contains_key(SIGNATURE)
}

/// An answer's body with its codings undone.
pub(super) struct Taken {
    decoded: Vec<u8>,
    decoders: Decoders,
}

impl Taken {
    /// `None` where the codings are not what they say, or unfold to more than `most` bytes.
    pub(super) fn undo(coded: Bytes, codings: &[Coding], most: usize) -> Option<Self> {
        let limits = Limits { absolute: most as u64, ..Limits::default() };
        let mut decoders = Decoders::new(codings, limits).ok()?;
        let mut decoded = Vec::new();
        decoders.push(&coded, &mut decoded).and_then(|()| decoders.finish()).ok()?;
        Some(Self { decoded, decoders })
    }

    pub(super) fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// `edited` with the same codings.
    pub(super) fn code(&mut self, edited: Vec<u8>) -> Result<Bytes, ExchangeError> {
        let coded = self.decoders.encoders().and_then(|mut encoders| encoders.push(edited, true));
        coded.map(Bytes::from).map_err(|_| ExchangeError::Internal("an answer could not be encoded"))
    }
}

/// What the head says of the vendor's bytes goes; RFC 9110 section 8.8.1: a strong validator is for these bytes alone.
pub(super) fn plan_head(headers: &HeaderMap, plan: &mut Plan) {
    for name in DIGESTS {
        for (nth, value) in headers.get_all(name).iter().enumerate() {
            plan.add(of_field(name, nth, 0..value.len(), Action::Removed, b""));
        }
    }
    for (nth, value) in headers.get_all(ETAG).iter().enumerate() {
        if !value.as_bytes().starts_with(b"W/") {
            plan.add(of_field(ETAG.as_str(), nth, 0..0, Action::Replaced, b"W/"));
        }
    }
}

fn of_field(name: &str, nth: usize, span: std::ops::Range<usize>, action: Action, value: &[u8]) -> Edit {
    Edit {
        place: Place::response(Part::Header(name.into())).occurrence(nth + 1),
        container: Container::Header { name: name.into(), nth },
        span,
        action,
        stage: Stage::Persona,
        slot: None,
        category: Category::ANY,
        rule: REVEALED.into(),
        reason: "the body is not as the vendor sent it".into(),
        within: None,
        value: Secret::new(value.to_vec()),
    }
}
