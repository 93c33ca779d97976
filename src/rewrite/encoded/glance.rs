//! The fast way past text in which nothing is encoded.
//!
//! A run is long, so every eleventh byte is probed, and most text is passed in steps of that. Text in base64 shows: of four
//! letters in a row that are three printable characters, the first three are among a half, a quarter and a half of the
//! alphabet, so as many such fours as the shortest value has are rare in a row; what is found is undone and looked at as
//! text. Hex and digests show by their lengths, gzip by its first letters. Only what is left is read as `look` reads it.

use super::Encoded;
use super::alphabet::{self, is_letter};
use super::digest::is_base64_digest;
use super::look::{DEPTH, GZIP, SHORTEST_HEX, look_into};
use super::run::{SHORTEST, runs_of};
use crate::rewrite::identifier::Identifiers;
use memchr::memmem;
use std::ops::Range;

/// Whether a byte may belong to a run, as it is or as part of an escape of one of its letters.
#[allow(clippy::indexing_slicing, reason = "at compile time")]
const BELONGS: [bool; 256] = {
    let mut belongs = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let letter = byte as u8;
        belongs[byte] = is_letter(letter) || matches!(letter, b'=' | b'%' | b'\\');
        byte += 1;
    }
    belongs
};

fn belongs(byte: u8) -> bool {
    BELONGS.get(usize::from(byte)).copied().unwrap_or(false)
}

/// The stretches of `text` that may hold a run, in order.
pub(super) fn stretches(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut probe = SHORTEST - 1;
    let mut behind = 0;
    std::iter::from_fn(move || {
        loop {
            if !belongs(*text.get(probe)?) {
                probe += SHORTEST;
                continue;
            }
            let before = text.get(behind..probe).unwrap_or_default();
            let start = probe - before.iter().rev().take_while(|&&byte| belongs(byte)).count();
            let rest = text.get(probe..).unwrap_or_default();
            let end = probe + rest.iter().take_while(|&&byte| belongs(byte)).count();
            behind = end;
            probe = end + SHORTEST;
            if end - start >= SHORTEST {
                return Some(start..end);
            }
        }
    })
}

/// Where in `text` runs stand that hold something; a run that reaches over an end of `text` counts as it stands there.
pub(in crate::rewrite) fn spans(identifiers: &Identifiers, text: &[u8]) -> Vec<Range<usize>> {
    if identifiers.is_empty() {
        return Vec::new();
    }
    let suspicious = |stretch: &Range<usize>| {
        suspicious(identifiers, text.get(stretch.clone()).unwrap_or_default(), DEPTH - 1)
    };
    stretches(text).filter(suspicious).flat_map(|stretch| spans_in(identifiers, text, stretch)).collect()
}

fn spans_in(identifiers: &Identifiers, text: &[u8], stretch: Range<usize>) -> Vec<Range<usize>> {
    let from = stretch.start;
    let (runs, skipped) = runs_of(text.get(stretch.clone()).unwrap_or_default());
    if skipped {
        // What is too long to be looked into has to be told, so it has to be walked.
        return vec![stretch];
    }
    let held = runs.into_iter().filter(|run| look_into(identifiers, run).is_some());
    held.map(|run| from + run.span.start..from + run.span.end).collect()
}

/// Whether nothing is encoded in `text`.
pub(in crate::rewrite) fn is_clean(identifiers: &Identifiers, text: &[u8]) -> bool {
    is_clean_to(identifiers, text, DEPTH)
}

/// The same, so many alphabets deep.
fn is_clean_to(identifiers: &Identifiers, text: &[u8], depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1).filter(|_| !identifiers.is_empty()) else { return true };
    !stretches(text).any(|stretch| {
        let letters = text.get(stretch.clone()).unwrap_or_default();
        suspicious(identifiers, letters, deeper) && !spans_in(identifiers, text, stretch).is_empty()
    })
}

/// Whether something may be encoded in a stretch.
fn suspicious(identifiers: &Identifiers, stretch: &[u8], depth: usize) -> bool {
    may_hold_text(identifiers, stretch, depth)
        || stretch.len() >= SHORTEST_HEX
            && (may_be_digest(identifiers, stretch) || memmem::find(stretch, GZIP).is_some())
}

/// Whether some base64 in the stretch is text in which something may be found.
fn may_hold_text(identifiers: &Identifiers, stretch: &[u8], depth: usize) -> bool {
    let Encoded { script, quads, .. } = &identifiers.compiled.encoded;
    let mut rows = [0; 4];
    let mut seen = [0; 4];
    stretch.windows(4).enumerate().any(|(at, four)| {
        let (Some(row), &[a, b, c, d]) = (rows.get_mut(at % 4), four) else { return false };
        *row = if script.is_text(a, b, c, d) { *row + 1 } else { 0 };
        *row >= *quads && reads(identifiers, stretch, at, &mut seen, depth)
    })
}

/// Whether base64 that is read in step with the letter at `from` may hold something: what was read in that step before is
/// not read again.
fn reads(
    identifiers: &Identifiers,
    stretch: &[u8],
    from: usize,
    seen: &mut [usize; 4],
    depth: usize,
) -> bool {
    let Some(seen) = seen.get_mut(from % 4).filter(|seen| **seen <= from) else { return false };
    let before = stretch.get(*seen..from).unwrap_or_default();
    let letters = before.iter().rev().take_while(|&&byte| is_letter(byte)).count();
    let start = from - letters / 4 * 4;
    let behind = stretch.get(start..).unwrap_or_default();
    let letters = behind.iter().take_while(|&&byte| is_letter(byte)).count();
    *seen = start + letters;
    !alphabet::base64(behind.get(..letters).unwrap_or_default(), 0).is_some_and(|(_, plain, _)| {
        identifiers.holds_no_value(&plain) && is_clean_to(identifiers, &plain, depth)
    })
}

/// Whether a part of a stretch, its escapes undone, may be a digest, or text in hex.
fn may_be_digest(identifiers: &Identifiers, stretch: &[u8]) -> bool {
    // The run, and the part of it since a slash.
    let (mut run, mut part) = (Part::default(), Part::default());
    let mut rest = stretch;
    loop {
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (word, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        let whole = run.letters == 0;
        (run, part) = (run.with(word), part.with(word));
        let (sign, used) = sign(behind);
        let ends_run = !matches!(sign, Some(b'+' | b'/' | b'-' | b'_'));
        let ends_part = ends_run || sign == Some(b'/');
        if word_may_be(identifiers, word) || ends_part && part.fits() || ends_run && !whole && run.fits() {
            return true;
        }
        if behind.is_empty() {
            return false;
        }
        part = if ends_part { Part::default() } else { part.and(sign) };
        run = if ends_run { Part::default() } else { run.and(sign) };
        rest = behind.get(used..).unwrap_or_default();
    }
}

/// Whether letters and digits without a sign are a digest of the member's, or may be text in hex.
fn word_may_be(identifiers: &Identifiers, word: &[u8]) -> bool {
    if word.len() >= SHORTEST_HEX
        && word.iter().all(u8::is_ascii_hexdigit)
        && let Some((_, bytes)) = alphabet::hex(word)
    {
        let Encoded { script, quads, .. } = &identifiers.compiled.encoded;
        let mut row = 0;
        return identifiers.digest(&bytes).is_some()
            || bytes.iter().any(|byte| {
                row = if script.holds(*byte) { row + 1 } else { 0 };
                row >= 3 * quads
            });
    }
    is_base64_digest(word.len())
        && alphabet::base64(word, 0).is_some_and(|(_, bytes, _)| identifiers.digest(&bytes).is_some())
}

/// Letters of a run, some of them signs.
#[derive(Clone, Copy, Default)]
struct Part {
    letters: usize,
    last: u8,
    signs: bool,
}

impl Part {
    fn with(self, word: &[u8]) -> Self {
        Self { letters: self.letters + word.len(), last: word.last().copied().unwrap_or(self.last), ..self }
    }

    fn and(self, sign: Option<u8>) -> Self {
        Self { letters: self.letters + 1, last: sign.unwrap_or_default(), signs: true }
    }

    /// Whether it is as long as a digest in base64, and may end as it does.
    fn fits(self) -> bool {
        self.signs && is_base64_digest(self.letters) && alphabet::ends_whole(self.letters, self.last)
    }
}

/// What stands behind a word: the sign, as it is or as an escape of one, and the bytes it takes.
fn sign(behind: &[u8]) -> (Option<u8>, usize) {
    let (mut at, width) = match behind {
        [b'\\', b'u', ..] => (2, 4),
        [b'\\', b'/', ..] => return (Some(b'/'), 2),
        [b'%', ..] => (1, 2),
        [byte, ..] => return (Some(*byte), 1),
        [] => return (None, 0),
    };
    while width == 2 && behind.get(at..).is_some_and(|rest| rest.starts_with(b"25")) {
        at += 2;
    }
    let hex = behind.get(at..at + width).and_then(|hex| std::str::from_utf8(hex).ok());
    match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        Some(sign @ (b'+' | b'/' | b'-' | b'_' | b'=')) => (Some(sign), at + width),
        _ => (None, 1),
    }
}

/// The bytes at the start of `text` that may go on with a run that began before.
pub(in crate::rewrite) fn leading(text: &[u8]) -> usize {
    text.iter().position(|&byte| !belongs(byte)).unwrap_or(text.len())
}

/// The bytes at the end of `text` that a run may go on from.
pub(in crate::rewrite) fn trailing(text: &[u8]) -> usize {
    text.iter().rev().position(|&byte| !belongs(byte)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_stretch_is_seen(text in "[ab.=/ ]{0,200}") {
            let mut want = Vec::new();
            let mut from = 0;
            for part in text.split(['.', ' ']) {
                if part.len() >= SHORTEST {
                    want.push(from..from + part.len());
                }
                from += part.len() + 1;
            }
            prop_assert_eq!(stretches(text.as_bytes()).collect::<Vec<_>>(), want);
        }
    }

    #[test]
    fn signs_stand_for_themselves_or_as_escapes() {
        for (text, want) in [
            ("/x", (Some(b'/'), 1)),
            (r"\/x", (Some(b'/'), 2)),
            ("%2Fx", (Some(b'/'), 3)),
            ("%252bx", (Some(b'+'), 5)),
            (r"\u003dx", (Some(b'='), 6)),
            ("%40x", (None, 1)),
            (r"\nx", (Some(b'\\'), 1)),
            ("", (None, 0)),
        ] {
            assert_eq!(sign(text.as_bytes()), want, "{text}");
        }
    }
}
