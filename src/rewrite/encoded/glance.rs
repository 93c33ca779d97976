//! The fast way past text in which nothing is encoded: stretches that are long enough to be a run are rare.

use super::look::look_into;
use super::run::{Run, SHORTEST, runs_of};
use crate::rewrite::identifier::Identifiers;
use std::ops::Range;

/// Bytes classed at a time.
const BLOCK: usize = 64;

/// Whether a byte may belong to a run, as it is or as part of an escape of one of its letters.
const fn belongs(byte: u8) -> bool {
    let letter = (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'0') < 10;
    letter
        || byte == b'+'
        || byte == b'/'
        || byte == b'-'
        || byte == b'_'
        || byte == b'='
        || byte == b'%'
        || byte == b'\\'
}

/// The stretches of `text` that may hold a run, in order.
pub(super) fn stretches(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let from = at + next(text.get(at..)?)?;
        let start = text.get(..from)?.iter().rposition(|&byte| !belongs(byte)).map_or(0, |at| at + 1);
        let behind = text.get(from..)?;
        let end = from + behind.iter().position(|&byte| !belongs(byte)).unwrap_or(behind.len());
        at = end;
        Some(start..end)
    })
}

/// The first byte of the first [`SHORTEST`] ones in a row that belong together. Written so that it compiles to vector
/// instructions.
fn next(text: &[u8]) -> Option<usize> {
    const WIDE: usize = BLOCK + SHORTEST;
    let mut at = 0;
    while let Some(block) = text.get(at..at + WIDE) {
        let mut ones = [0u8; WIDE];
        for (one, &byte) in ones.iter_mut().zip(block) {
            *one = u8::from(belongs(byte));
        }
        if in_a_row(&ones) {
            let row = |from: &usize| ones.iter().skip(*from).take(SHORTEST).all(|&one| one == 1);
            return (0..BLOCK).find(row).map(|from| at + from);
        }
        at += BLOCK;
    }
    let rest = text.get(at..)?;
    let mut row = 0;
    let last = rest.iter().position(|&byte| {
        row = if belongs(byte) { row + 1 } else { 0 };
        row == SHORTEST
    })?;
    Some(at + last + 1 - SHORTEST)
}

/// Whether [`SHORTEST`] ones stand in a row, beginning in the first [`BLOCK`].
fn in_a_row(ones: &[u8; BLOCK + SHORTEST]) -> bool {
    const { assert!(SHORTEST == 11) };
    // 2, 4, 8, then 11 in a row.
    let two = and::<{ BLOCK + 10 }>(ones, 1);
    let four = and::<{ BLOCK + 8 }>(&two, 2);
    let eight = and::<{ BLOCK + 4 }>(&four, 4);
    let eleven = and::<BLOCK>(&eight, 3);
    eleven.iter().fold(0, |any, one| any | one) != 0
}

fn and<const N: usize>(ones: &[u8], by: usize) -> [u8; N] {
    let mut both = [0; N];
    let shifted = ones.get(by..).unwrap_or_default();
    for ((both, one), other) in both.iter_mut().zip(ones).zip(shifted) {
        *both = one & other;
    }
    both
}

/// Where in `text` runs stand that hold something; a run that reaches over an end of `text` counts as it stands there.
pub(in crate::rewrite) fn spans(identifiers: &Identifiers, text: &[u8]) -> Vec<Range<usize>> {
    if !identifiers.encoded.is_wanted() {
        return Vec::new();
    }
    let mut spans = Vec::new();
    for stretch in stretches(text) {
        let from = stretch.start;
        for run in runs_in(text.get(stretch).unwrap_or_default()) {
            if look_into(identifiers, &run).is_some() {
                spans.push(from + run.span.start..from + run.span.end);
            }
        }
    }
    spans
}

/// Whether nothing is encoded in `text`.
pub(in crate::rewrite) fn is_clean(identifiers: &Identifiers, text: &[u8]) -> bool {
    !identifiers.encoded.is_wanted()
        || stretches(text).all(|stretch| {
            let runs = runs_in(text.get(stretch).unwrap_or_default());
            runs.iter().all(|run| look_into(identifiers, run).is_none())
        })
}

/// The runs of a stretch.
fn runs_in(stretch: &[u8]) -> Vec<Run> {
    let is_sign = |byte: &u8| matches!(byte, b'=' | b'%' | b'\\');
    if stretch.iter().any(is_sign) {
        return runs_of(stretch);
    }
    vec![Run { letters: stretch.to_vec(), padding: 0, span: 0..stretch.len(), joined: false }]
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
}
