//! Puts decided bytes in the place of spans.

use super::encoded::seal;
use crate::model::{Edit, Within};
use std::borrow::Cow;
use std::ops::Range;

/// The spans of edits, in order, with the bytes that stand there afterwards. Those that stand in one text of another
/// alphabet are written together.
pub fn splices<'e>(edits: impl IntoIterator<Item = &'e Edit>) -> Vec<(Range<usize>, Cow<'e, [u8]>)> {
    let mut edits: Vec<&Edit> = edits.into_iter().collect();
    edits.sort_by_key(|edit| edit.span.start);
    let mut splices = Vec::with_capacity(edits.len());
    let mut rest = edits.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        if first.within.is_none() {
            splices.push((first.span.clone(), Cow::Borrowed(first.value.expose().as_slice())));
            rest = behind;
            continue;
        }
        let together =
            rest.iter().take_while(|edit| edit.within.is_some() && edit.span == first.span).count();
        let (inside, behind) = rest.split_at_checked(together).unwrap_or((rest, &[]));
        let inside: Vec<(&Within, &[u8])> = inside
            .iter()
            .filter_map(|edit| Some((edit.within.as_ref()?, edit.value.expose().as_slice())))
            .collect();
        splices.push((first.span.clone(), Cow::Owned(seal(&inside))));
        rest = behind;
    }
    splices
}

/// `original` with each span replaced by its bytes. Edits may come in any order. A span that overlaps an earlier one
/// (by start, then by length) or leaves the original is not applied: the plan has settled overlaps before.
pub fn splice(original: &[u8], edits: &[(Range<usize>, impl AsRef<[u8]>)]) -> Vec<u8> {
    let mut order: Vec<_> = edits.iter().map(|(span, bytes)| (span, bytes.as_ref())).collect();
    order.sort_by_key(|(span, _)| (span.start, span.end));
    let added: usize = order.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut out = Vec::with_capacity(original.len() + added);
    let mut done = 0;
    for (span, bytes) in order {
        let (Some(before), true) = (original.get(done..span.start), span.end <= original.len()) else {
            continue;
        };
        if span.end < span.start {
            continue;
        }
        out.extend_from_slice(before);
        out.extend_from_slice(bytes);
        done = span.end;
    }
    out.extend_from_slice(original.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_spans_of_the_original() {
        let spliced =
            |edits: &[(Range<usize>, &[u8])]| String::from_utf8(splice(b"0123456789", edits)).unwrap();
        assert_eq!(spliced(&[]), "0123456789");
        assert_eq!(
            spliced(&[(8..9, b""), (0..2, b"ab"), (4..4, b"+")]),
            "ab23+45679",
            "any order, insertions"
        );
        assert_eq!(spliced(&[(0..10, b"")]), "");
        assert_eq!(spliced(&[(2..5, b"x"), (4..6, b"y")]), "01x56789", "an overlap is not applied");
        assert_eq!(spliced(&[(9..11, b"x")]), "0123456789", "nor a span outside");
        assert_eq!(spliced(&[(10..10, b"!")]), "0123456789!");
    }
}
