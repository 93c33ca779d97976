//! Edits a body as it flows.

use super::codec::{CodecError, Coding, Limits};
use super::{BodyFinder, Hit, Identifiers, Syntax};
use crate::model::Secret;
use std::ops::Range;
use std::sync::Arc;

/// What becomes of a hit.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Its bytes go as they are.
    Keep,
    /// Other bytes stand there. The span is the hit's `span` or its `token`.
    Replace {
        /// Bytes of the decoded body.
        span: Range<usize>,
        /// What stands there afterwards.
        bytes: Secret<Vec<u8>>,
    },
}

/// Undoes the content codings, finds, waits for decisions, applies them and codes again.
pub struct StreamEditor {
    finder: BodyFinder,
}

impl StreamEditor {
    /// An editor at the start of a body. `codings` in the order they were applied, as [`Coding::of`] gives them.
    ///
    /// # Errors
    /// A codec that cannot be set up.
    pub fn new(
        identifiers: Arc<Identifiers>,
        syntax: Syntax,
        codings: &[Coding],
        limits: Limits,
    ) -> Result<Self, CodecError> {
        let _ = (codings, limits);
        Ok(Self { finder: BodyFinder::new(identifiers, syntax) })
    }

    /// Takes the next encoded bytes. Gives the numbers of the hits found with them; each waits for [`Self::decide`].
    ///
    /// # Errors
    /// A body that cannot be decoded or unfolds too far; the stream is over then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Range<usize>, CodecError> {
        let _ = self.finder.push(chunk);
        Ok(0..0)
    }

    /// The body is over. Gives the numbers of the last hits.
    ///
    /// # Errors
    /// As [`Self::push`], and for a body that is cut off.
    pub fn finish(&mut self) -> Result<Range<usize>, CodecError> {
        Ok(0..0)
    }

    /// The hit with this number, until it was decided and left.
    pub fn hit(&self, number: usize) -> Option<&Hit> {
        let _ = number;
        None
    }

    /// Says what becomes of a hit.
    pub fn decide(&mut self, number: usize, decision: Decision) {
        let _ = (number, decision);
    }

    /// Encoded bytes that may leave: everything settled up to the first hit that is not decided yet, flushed, so that
    /// the receiver can decode all of it. After [`Self::finish`] and the last decision: the rest.
    ///
    /// # Errors
    /// An encoder that fails.
    pub fn take_output(&mut self) -> Result<Vec<u8>, CodecError> {
        Ok(Vec::new())
    }
}
