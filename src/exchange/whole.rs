//! A request body that is in memory as a whole.

use super::error::ExchangeError;
use super::send_body::SendBody;
use super::tally::Tally;
use crate::rewrite::Wide;
use crate::rewrite::codec::{CodecError, Coding, Decoders, Limits};
use bytes::Bytes;
use std::sync::Arc;

/// Most bytes that such a body may unfold to.
const MOST_DECODED: u64 = 4 << 20;
/// A body of more bytes than this is not decoded on a worker.
pub(super) const MOST_AT_ONCE: usize = 16 * 1024;
/// One of more bytes than this is not read as UTF-16.
const MOST_WIDE: usize = 256 * 1024;
/// Of one that is not what its coding says.
const NOT_CODED: &str = "could not inspect: the body cannot be decoded";

/// A body gathered in memory.
pub struct Whole {
    encoded: Bytes,
    decoded: Bytes,
    /// How it is written; `None` where nothing was undone.
    written: Option<Written>,
    edited: bool,
    /// Only asked about: the live path would edit it as it flows.
    pub(super) flows: bool,
    /// Likewise, and it would leave without its length.
    pub(super) chunked: bool,
}

/// What was undone, to be done again.
struct Written {
    decoders: Decoders,
    /// Its letters are wider than a byte; with the bytes themselves.
    wide: Option<(Wide, Bytes)>,
}

impl Whole {
    /// As it came.
    pub(super) fn given(encoded: Bytes, flows: bool, chunked: bool) -> Self {
        Self { decoded: encoded.clone(), encoded, written: None, edited: false, flows, chunked }
    }

    /// Whether nothing was undone yet.
    pub(super) fn is_undone(&self) -> bool {
        self.written.is_none()
    }

    /// With its codings undone, and read as UTF-8 where it is UTF-16. One that is not what they say is looked into as it
    /// is, since what claims a coding is often plain; the note says so.
    pub(super) async fn undo(
        self,
        codings: &[Coding],
    ) -> Result<(Self, Option<&'static str>), ExchangeError> {
        let encoded = self.encoded.clone();
        // One that flows is not read as UTF-16, and asking about it tells the same.
        let most_wide = if self.flows { 0 } else { MOST_WIDE };
        if codings.is_empty() && (self.flows || Wide::of(&encoded).is_none()) {
            return Ok((self, None));
        }
        let undone = if encoded.len() > MOST_AT_ONCE {
            let codings = codings.to_vec();
            tokio::task::spawn_blocking(move || undo(&encoded, &codings, most_wide))
                .await
                .map_err(|_| ExchangeError::Internal("a body could not be decoded"))?
        } else {
            undo(&encoded, codings, most_wide)
        };
        match undone {
            Ok((decoded, written)) => Ok((Self { decoded, written: Some(written), ..self }, None)),
            Err(CodecError::Bomb(_)) => Err(ExchangeError::BodyTooLarge),
            Err(_) => Ok((self, Some(NOT_CODED))),
        }
    }

    /// The body with its codings undone, in UTF-8: what spans count in.
    pub fn decoded(&self) -> &[u8] {
        &self.decoded
    }

    /// The same bytes, shared.
    pub(super) fn decoded_bytes(&self) -> Bytes {
        self.decoded.clone()
    }

    /// The bytes of one whose letters are wider than a byte, and were read all the same.
    pub(super) fn wide_bytes(&self) -> Option<Bytes> {
        self.written.as_ref()?.wide.as_ref().map(|(_, bytes)| bytes.clone())
    }

    /// Takes it for the bytes it is written in.
    pub(super) fn take_as_bytes(&mut self) {
        if let Some((_, bytes)) = self.written.as_mut().and_then(|written| written.wide.take()) {
            self.decoded = bytes;
        }
    }

    /// Puts `edited` in its place, written the same way.
    pub fn replace(&mut self, edited: Vec<u8>) -> Result<(), ExchangeError> {
        let encoded = match &self.written {
            Some(Written { decoders, wide }) => {
                let edited = match wide {
                    Some((wide, _)) => wide.write(&edited),
                    None => edited,
                };
                let encoded = decoders.encoders().and_then(|mut encoders| encoders.push(edited, true));
                encoded.map_err(|_| ExchangeError::Internal("a body could not be encoded"))?
            }
            None => edited,
        };
        self.encoded = encoded.into();
        self.edited = true;
        Ok(())
    }

    /// As it is sent.
    pub(super) fn outgoing(&self, tally: &Arc<Tally>) -> SendBody {
        SendBody::Whole {
            bytes: Some(self.encoded.clone()),
            edited: self.edited,
            chunked: self.chunked,
            tally: Arc::clone(tally),
        }
    }
}

/// The last coding applied is the first to undo (RFC 9110 section 8.4).
fn undo(encoded: &[u8], codings: &[Coding], most_wide: usize) -> Result<(Bytes, Written), CodecError> {
    let limits = Limits { absolute: MOST_DECODED, ..Limits::default() };
    let mut decoders = Decoders::new(codings, limits)?;
    let mut decoded = Vec::new();
    decoders.push(encoded, &mut decoded)?;
    decoders.finish()?;
    let decoded = Bytes::from(decoded);
    let wide = Wide::of(&decoded).filter(|_| decoded.len() <= most_wide);
    Ok(match wide.and_then(|wide| Some((wide, wide.read(&decoded)?))) {
        Some((wide, text)) => (text.into(), Written { decoders, wide: Some((wide, decoded)) }),
        None => (decoded, Written { decoders, wide: None }),
    })
}
