//! Which bytes to cut so that a separated list stays well formed.

use std::ops::Range;

/// The spans to cut for the segments that are marked, in order: each with one separator of one byte, so that cutting
/// them, and nothing else, leaves the other segments joined as they were. With `opener`, a byte stands before the first
/// segment (the `?` of a query) that goes too when every segment does.
pub(super) fn cuts(segments: &[(Range<usize>, bool)], opener: bool) -> Vec<Range<usize>> {
    let all = segments.iter().all(|(_, cut)| *cut);
    let mut kept = false;
    let mut spans = Vec::new();
    for (index, (range, cut)) in segments.iter().enumerate() {
        if !cut {
            kept = true;
            continue;
        }
        let last = index + 1 == segments.len();
        let leading = kept || (all && (opener || index > 0));
        spans.push(if leading {
            range.start.saturating_sub(1)..range.end
        } else {
            range.start..range.end + usize::from(!last)
        });
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cutting_leaves_the_kept_segments_joined(
            parts in prop::collection::vec(("[a-z]{0,3}", any::<bool>()), 1..8),
            opener: bool,
        ) {
            let mut text = String::from(if opener { "?" } else { "" });
            let mut segments = Vec::new();
            for (index, (part, cut)) in parts.iter().enumerate() {
                if index > 0 {
                    text.push('&');
                }
                let start = text.len();
                text.push_str(part);
                segments.push((start..text.len(), *cut));
            }
            let kept: Vec<_> = parts.iter().filter(|(_, cut)| !cut).map(|(part, _)| part.as_str()).collect();
            let want = match (kept.is_empty(), opener) {
                (true, _) => String::new(),
                (false, true) => format!("?{}", kept.join("&")),
                (false, false) => kept.join("&"),
            };
            let mut left = String::new();
            let mut at = 0;
            for span in cuts(&segments, opener) {
                prop_assert!(span.start >= at, "spans are in order and apart");
                left.push_str(&text[at..span.start]);
                at = span.end;
            }
            left.push_str(&text[at..]);
            prop_assert_eq!(left, want);
        }
    }
}
