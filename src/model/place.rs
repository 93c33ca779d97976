//! Where in a message something stands.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

/// Which of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What goes to the vendor.
    Request,
    /// What comes back.
    Response,
}

/// The named part of a message. Names come from the message as sent; a real value never is one, because whoever
/// builds a place runs its names past the identifiers first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The segment of the path with this number, counted from 0 after the first slash.
    UrlPath(usize),
    /// A query parameter, by its name as sent.
    UrlQuery(Arc<str>),
    /// A header field, by its lower-case name.
    Header(Arc<str>),
    /// A cookie, by its name.
    Cookie(Arc<str>),
    /// A value of a JSON body, by its pointer (RFC 6901).
    BodyJson(Arc<str>),
    /// A field of a urlencoded form.
    BodyForm(Arc<str>),
    /// A part of a multipart body, by its name.
    BodyPart(Arc<str>),
    /// Somewhere in a body without fields.
    BodyText,
    /// Somewhere in a text message of a WebSocket.
    WebSocketText,
    /// A trailer field.
    Trailer(Arc<str>),
    /// The message as a whole.
    Message,
}

/// Most places are shorter (bytes).
const ROOM: usize = 48;

/// A place as a person reads it: `request.body.json:/user/email`. A repeated name gets `#2`, `#3`, ….
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which message.
    pub side: Side,
    /// Which part of it.
    pub part: Part,
    /// 1 for the first of that name, 2 for the second, ….
    pub occurrence: usize,
}

impl Place {
    /// The first part of that name in the request.
    pub fn request(part: Part) -> Self {
        Self { side: Side::Request, part, occurrence: 1 }
    }

    /// The first part of that name in the response.
    pub fn response(part: Part) -> Self {
        Self { side: Side::Response, part, occurrence: 1 }
    }

    /// As a record has it: what `Display` writes, in one piece.
    pub fn text(&self) -> String {
        let mut text = String::with_capacity(ROOM);
        // Writing into a string does not fail.
        let _ = write!(text, "{self}");
        text
    }

    /// The same with its number among parts of one name.
    #[must_use]
    pub fn occurrence(mut self, number: usize) -> Self {
        self.occurrence = number.max(1);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.side {
            Side::Request => "request.",
            Side::Response => "response.",
        })?;
        let (kind, name) = match &self.part {
            Part::UrlPath(index) => {
                write!(f, "url.path[{index}]")?;
                ("", "")
            }
            Part::UrlQuery(name) => ("url.query:", &**name),
            Part::Header(name) => ("header:", &**name),
            Part::Cookie(name) => ("cookie:", &**name),
            Part::BodyJson(pointer) => ("body.json:", &**pointer),
            Part::BodyForm(name) => ("body.form:", &**name),
            Part::BodyPart(name) => ("body.part:", &**name),
            Part::BodyText => ("body.text", ""),
            Part::WebSocketText => ("ws.text", ""),
            Part::Trailer(name) => ("trailer:", &**name),
            Part::Message => ("message", ""),
        };
        f.write_str(kind)?;
        f.write_str(name)?;
        if self.occurrence > 1 { write!(f, "#{}", self.occurrence) } else { Ok(()) }
    }
}

/// The byte string of the frozen original that a span counts in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Container {
    /// The request-target: path and query.
    Target,
    /// The value of a header field: the `nth` (from 0) line of that lower-case name. `Cookie` is one container per line.
    Header {
        /// Lower-case name.
        name: Arc<str>,
        /// Which line of that name, from 0.
        nth: usize,
    },
    /// A header field that the original does not have: the edit adds the line, its span is 0..0.
    NewHeader {
        /// Lower-case name.
        name: Arc<str>,
    },
    /// The body with its content coding undone.
    Body,
    /// No bytes: the message as a whole.
    Message,
}

/// Whether two spans share a byte; two insertions at one point do as well.
pub fn overlaps(left: &Range<usize>, right: &Range<usize>) -> bool {
    (left.start < right.end && right.start < left.end) || left == right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_the_contract_spells_it() {
        let spelled = |place: Place| place.to_string();
        assert_eq!(
            spelled(Place::request(Part::BodyJson("/user/email".into()))),
            "request.body.json:/user/email"
        );
        assert_eq!(
            spelled(Place::request(Part::UrlQuery("utm_source".into())).occurrence(2)),
            "request.url.query:utm_source#2"
        );
        assert_eq!(spelled(Place::request(Part::WebSocketText)), "request.ws.text");
        assert_eq!(spelled(Place::request(Part::UrlPath(1))), "request.url.path[1]");
        assert_eq!(spelled(Place::response(Part::Header("alt-svc".into()))), "response.header:alt-svc");
    }
}
