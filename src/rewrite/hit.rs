//! What a finder gives: a protected identifier, where it stands and how it is written there.

use super::Spelling;
use crate::model::{Container, Place, Within};
use std::ops::Range;

/// One occurrence of a protected identifier.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Its index in [`super::Identifiers`].
    pub identifier: usize,
    /// What the spans count in.
    pub container: Container,
    /// The name a person reads; never holds a real value.
    pub place: Place,
    /// Its bytes in the container.
    pub span: Range<usize>,
    /// How it is written there.
    pub spelling: Spelling,
    /// Where it stands in the text that `span` is, written in another alphabet; `spelling` then is the one in there. Several
    /// hits may stand in one such text, and have its span.
    pub within: Option<Within>,
    /// That text is part of a token that a signature covers.
    pub signed: bool,
    /// The whole value's span, when the identifier is all of it: a JSON string with its quotes, a form or query value,
    /// a path segment, a header value, a cookie pair with the separator behind it.
    pub token: Option<Range<usize>>,
}
