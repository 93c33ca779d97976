//! Where a value stands inside a text that is itself written in another alphabet: an e-mail address in JSON in base64.

use super::place::overlaps;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text in another alphabet, undone.
pub trait Envelope: fmt::Debug + Send + Sync {
    /// What it means. Holds real values.
    fn plain(&self) -> &[u8];

    /// `plain` written the way this text was written.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;

    /// What it is written in, in a word: `base64`, `hex`.
    fn alphabet(&self) -> &'static str;
}

/// One envelope on the way to a value.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The text, undone.
    pub envelope: Arc<dyn Envelope>,
    /// Bytes of what it means: the next envelope, or the value.
    pub span: Range<usize>,
}

/// The envelopes around a value, outermost first; never none.
#[derive(Clone, Debug)]
pub struct Within(pub Arc<[Layer]>);

impl Within {
    /// Whether both stand in the same envelope, apart from each other.
    pub fn is_beside(&self, other: &Self) -> bool {
        for (one, other) in self.0.iter().zip(other.0.iter()) {
            if !Arc::ptr_eq(&one.envelope, &other.envelope) {
                return false;
            }
            if one.span != other.span {
                return !overlaps(&one.span, &other.span);
            }
        }
        false
    }

    /// What the envelopes are written in, outermost first, in words.
    pub fn alphabets(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|layer| layer.envelope.alphabet()).filter(|name| !name.is_empty())
    }
}
