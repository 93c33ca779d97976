//! Fields that hold a value by the word of their owner, whatever stands in them.

use super::head::{read_field, read_target};
use super::hit::Hit;
use super::identifier::Identifiers;
use super::values::Values;
use crate::model::{Part, Place, Side};
use percent_encoding::percent_decode_str;
use std::sync::Arc;

/// Longest value that is replaced because of its field (bytes); a longer one is searched like any other, and told.
pub(super) const LONGEST: usize = 4 << 10;

/// One field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A value of a JSON body, by its pointer (RFC 6901).
    Json(String),
    /// A field of a urlencoded form.
    Form(String),
    /// A parameter of the URL.
    Query(String),
    /// A segment of the path, by its number from 0.
    Segment(usize),
    /// A part of a multipart body.
    Part(String),
    /// A header field, by its lower-case name.
    Header(String),
    /// A cookie.
    Cookie(String),
}

impl Field {
    fn is_at(&self, part: &Part) -> bool {
        match (self, part) {
            (Self::Json(pointer), Part::BodyJson(there)) => **pointer == **there,
            (Self::Form(name), Part::BodyForm(there))
            | (Self::Part(name), Part::BodyPart(there))
            | (Self::Header(name), Part::Header(there))
            | (Self::Cookie(name), Part::Cookie(there)) => **name == **there,
            (Self::Segment(number), Part::UrlPath(there)) => number == there,
            // The place has it as sent.
            (Self::Query(name), Part::UrlQuery(there)) => {
                let spaced = there.replace('+', " ");
                *percent_decode_str(&spaced).decode_utf8_lossy() == **name
            }
            _ => false,
        }
    }
}

/// Which fields hold which identifiers, by their number among [`Identifiers`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Vec<(Field, usize)>);

impl Selection {
    /// Of these.
    pub fn new(fields: Vec<(Field, usize)>) -> Self {
        Self(fields)
    }

    /// Whether no field is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The identifier that stands at `place` by the owner's word.
    pub(super) fn at(&self, place: &Place) -> Option<usize> {
        self.0.iter().find(|(field, _)| field.is_at(&place.part)).map(|(_, identifier)| *identifier)
    }
}

/// What [`super::find_in_target`] gives, and the values of the fields that are `selected`.
pub fn select_in_target(identifiers: &Identifiers, selected: &Arc<Selection>, target: &str) -> Vec<Hit> {
    read_target(Values::new(identifiers, Side::Request).selecting(Arc::clone(selected)), target)
}

/// What [`super::find_in_header`] gives, and the values of the fields that are `selected`.
pub fn select_in_header(
    identifiers: &Identifiers,
    selected: &Arc<Selection>,
    name: &str,
    nth: usize,
    value: &[u8],
) -> Vec<Hit> {
    let values = Values::new(identifiers, Side::Request).selecting(Arc::clone(selected));
    read_field(values, (name, nth), value)
}
