//! What is found in a value, until its bytes are at hand that say how it was written.

use super::encoded::Reading;
use super::scan::Found;
use super::spelling::Script;
use super::{Hit, Identifiers, Spelling};
use crate::model::{Container, Place};
use std::ops::Range;

/// A find.
pub(super) enum Draft {
    /// A value in the clear.
    Value(Found),
    /// All of a value, because of its field.
    Selected {
        /// What it holds by the owner's word.
        identifier: usize,
        /// Its content.
        span: Range<usize>,
    },
    /// A text in another alphabet.
    Encoded {
        /// All of it.
        span: Range<usize>,
        /// How it reads.
        reading: Reading,
        /// Whether a signature stands over it.
        signed: bool,
    },
}

/// A find with its place.
pub(super) struct Placed {
    pub(super) draft: Draft,
    pub(super) place: Place,
    pub(super) script: Script,
    /// The value's token, where the find is all of it.
    pub(super) token: Option<Range<usize>>,
}

impl Placed {
    /// The bytes it is about.
    pub(super) fn span(&self) -> Range<usize> {
        match &self.draft {
            Draft::Value(found) => found.start..found.end,
            Draft::Selected { span, .. } | Draft::Encoded { span, .. } => span.clone(),
        }
    }

    /// The hits; `written` are the bytes of its span.
    pub(super) fn hits(self, identifiers: &Identifiers, container: &Container, written: &[u8]) -> Vec<Hit> {
        let span = self.span();
        let Self { draft, place, script, token } = self;
        let hit = |identifier, spelling, within, signed| Hit {
            identifier,
            container: container.clone(),
            place: place.clone(),
            span: span.clone(),
            spelling,
            within,
            signed,
            token: token.clone(),
        };
        match draft {
            Draft::Value(Found { identifier, written: form, .. }) => {
                let value = identifiers.get(identifier);
                let value = value.map_or("", |identifier| identifier.value.expose().as_str());
                vec![hit(identifier, Spelling::new(written, value, script, form), None, false)]
            }
            Draft::Selected { identifier, .. } => {
                vec![hit(identifier, Spelling::of_any(written, script), None, false)]
            }
            Draft::Encoded { reading, signed, .. } => {
                let inner = reading.open(identifiers, written, script);
                let within = inner
                    .into_iter()
                    .map(|inner| hit(inner.identifier, inner.spelling, Some(inner.within), signed));
                within.collect()
            }
        }
    }
}
