//! What goes when a value is withheld: JSON becomes `null`, a form or query value empty; a header field or cookie goes
//! whole; in running text, in a path, in part of a body's field nothing can be taken out and the request is refused.

use crate::model::{Container, Part};
use crate::rewrite::Hit;
use std::ops::Range;

/// The bytes that go, and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the hit's container.
    pub span: Range<usize>,
    /// What is left in their place.
    pub left: &'static [u8],
}

/// The bytes around a hit, as far as they are at hand.
#[derive(Clone, Copy, Debug)]
pub enum Surroundings<'a> {
    /// The request-target or the value of a header field, whole.
    Head(&'a [u8]),
    /// A body: only the finder saw it.
    Body,
}

impl Surroundings<'_> {
    /// What to cut so that the hit is gone; `None` where nothing can be.
    pub fn cut(&self, hit: &Hit) -> Option<Cut> {
        let empty = |span| Some(Cut { span, left: b"" });
        match (&hit.place.part, self, &hit.container) {
            (Part::UrlQuery(_), Self::Head(target), _) => empty(query_value(target, &hit.span)?),
            (Part::Cookie(_), Self::Head(line), _) => empty(cookie_pair(line, &hit.span)?),
            (Part::Header(_), Self::Head(value), Container::Header { .. }) => empty(0..value.len()),
            (Part::BodyJson(_), Self::Body, _) => Some(Cut { span: hit.token.clone()?, left: b"null" }),
            (Part::BodyForm(_) | Part::BodyPart(_) | Part::Trailer(_), Self::Body, _) => {
                empty(hit.token.clone()?)
            }
            _ => None,
        }
    }
}

/// From behind `=` (or `&`, `?` for a parameter without one) to `&`, `#` or the end.
fn query_value(target: &[u8], hit: &Range<usize>) -> Option<Range<usize>> {
    let (before, after) = (target.get(..hit.start)?, target.get(hit.end..)?);
    let start = before.iter().rposition(|byte| matches!(byte, b'=' | b'&' | b'?')).map_or(0, |at| at + 1);
    // A value may hold further `=`: the one that counts is the first of its parameter.
    let parameter = before.iter().rposition(|byte| matches!(byte, b'&' | b'?')).map_or(0, |at| at + 1);
    let equals = before.get(parameter..)?.iter().position(|byte| *byte == b'=').map(|at| parameter + at + 1);
    let end =
        after.iter().position(|byte| matches!(byte, b'&' | b'#')).map_or(target.len(), |at| hit.end + at);
    Some(equals.unwrap_or(start)..end)
}

/// The pair with the separator behind it; of the last pair, the separator stays with its neighbour (RFC 6265 section
/// 5.4 joins pairs by `; `, and servers skip an empty one).
fn cookie_pair(line: &[u8], hit: &Range<usize>) -> Option<Range<usize>> {
    let (before, after) = (line.get(..hit.start)?, line.get(hit.end..)?);
    let start = before.iter().rposition(|byte| *byte == b';').map_or(0, |at| at + 1);
    let blanks = before.get(start..)?.iter().take_while(|byte| **byte == b' ').count();
    let end = match after.iter().position(|byte| *byte == b';') {
        Some(at) => {
            let behind = hit.end + at + 1;
            behind + line.get(behind..)?.iter().take_while(|byte| **byte == b' ').count()
        }
        None => line.len(),
    };
    Some(start + blanks..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cuts the bytes between the brackets' span out of the text without them.
    fn after(text: &str, cut: fn(&[u8], &Range<usize>) -> Option<Range<usize>>) -> String {
        let start = text.find('[').unwrap();
        let end = text.find(']').unwrap() - 1;
        let mut plain = text.replace(['[', ']'], "");
        let span = cut(plain.as_bytes(), &(start..end)).unwrap();
        plain.replace_range(span, "");
        plain
    }

    #[test]
    fn a_query_value_goes_whole_and_its_name_stays() {
        for (text, want) in [
            ("/?a=1&mail=[ann@x]&b=2", "/?a=1&mail=&b=2"),
            ("/?q=write+to+[ann@x]+now&b", "/?q=&b"),
            ("/?x=a=[ann@x]=b", "/?x="),
            ("/?[ann@x]", "/?"),
            ("/?a&[ann@x]&b", "/?a&&b"),
            ("/?m=[ann@x]#top", "/?m=#top"),
        ] {
            assert_eq!(after(text, query_value), want, "{text}");
        }
    }

    #[test]
    fn a_cookie_goes_with_its_separator() {
        for (text, want) in [
            ("a=1; mail=[ann@x]; b=2", "a=1; b=2"),
            ("mail=[ann@x]", ""),
            ("mail=[ann@x]; b=2", "b=2"),
            ("a=1; m=x[ann@x]y", "a=1; "),
            ("a=1;m=[ann@x];b=2", "a=1;b=2"),
        ] {
            assert_eq!(after(text, cookie_pair), want, "{text}");
        }
    }
}
