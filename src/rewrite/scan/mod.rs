//! Finds strong identifiers in one value, fed in pieces of any size.
//!
//! Decoded bytes run through the automaton; a ring remembers where each one is written. A match waits as a candidate
//! until what stands behind it is seen and no longer or earlier one can come, so the result is the leftmost-longest one
//! of the whole value wherever it was cut.
//!
//! A `%` or `\` before a value may be no more than that: `like '%ada@home.example'`, `CORP\thomas`. Where the bytes behind it
//! begin an identifier, a second core reads on from the bare sign, as long as an identifier may come of it.

mod core;
mod guarded;
mod others;

use self::core::Core;
use self::others::Others;
use super::boundary::RAW_PLUS;
use super::encoded::{Run, Runs};
use super::identifier::Identifiers;
use super::unescape::{Unescape, Unit, begins_escape, next_escape};
use super::written::Written;

/// Most decoded bytes that may stand between two digits of a phone.
pub(super) const SEPARATORS: usize = 6;
/// Most white space that counts as one space.
pub(super) const SPACES: usize = 8;

/// An identifier found in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) identifier: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) written: Option<Written>,
}

/// The separators that people, forms and locales put into phone numbers: ASCII ones and the bytes of the no-break
/// space, the narrow one and the Unicode hyphens and dashes.
pub(super) const fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'-' | b'.' | b'/' | b'(' | b')' | b'+' | RAW_PLUS | 0xC2 | 0xA0 | 0xE2 | 0x80 | 0x90
            ..=0x93 | 0xAF
    )
}

/// The scanner of one value after another.
pub(super) struct Scanner {
    unescape: Unescape,
    core: Core,
    others: Others,
    runs: Runs,
}

impl Scanner {
    pub(super) fn new(identifiers: &Identifiers) -> Self {
        Self {
            unescape: Unescape::default(),
            core: Core::new(identifiers),
            others: Others::default(),
            runs: Runs::default(),
        }
    }

    /// Starts a value; its decoded bytes are kept for [`Self::weak`] where they are no more than `keep`, if that is any.
    pub(super) fn begin(&mut self, identifiers: &Identifiers, keep: usize) {
        self.reset(identifiers);
        self.runs.clear();
        self.core.keep = keep;
        self.core.weak = (keep > 0).then(|| std::mem::take(&mut self.core.weak_spare));
    }

    /// Forgets the value so far: what was skipped holds nothing.
    pub(super) fn reset(&mut self, identifiers: &Identifiers) {
        self.unescape.clear();
        self.others.clear();
        self.runs.reset();
        self.core.reset(identifiers);
    }

    /// Takes the next bytes of the value, which stand at `offset`.
    pub(super) fn feed(&mut self, identifiers: &Identifiers, bytes: &[u8], offset: usize) {
        let Self { unescape, core, others, runs } = self;
        let mut from = 0;
        while let Some((&byte, _)) = bytes.get(from..).and_then(<[u8]>::split_first) {
            if begins_escape(byte) || !unescape.is_idle() {
                unescape.push(byte, offset + from, &mut |unit| {
                    runs.take(unit);
                    others.take(identifiers, unit, core);
                });
                from += 1;
                continue;
            }
            let rest = bytes.get(from..).unwrap_or_default();
            let plain = rest.get(..next_escape(rest)).unwrap_or_default();
            runs.take_plain(plain, offset + from);
            for (at, &byte) in (offset + from..).zip(plain) {
                let unit = Unit::plain(byte, at);
                if others.live.is_empty() {
                    core.take(identifiers, unit);
                } else {
                    others.take(identifiers, unit, core);
                }
            }
            from += plain.len();
        }
    }

    /// The value is over: whatever waits is decided.
    pub(super) fn end(&mut self, identifiers: &Identifiers) {
        let Self { unescape, core, others, runs } = self;
        unescape.finish(&mut |unit| {
            runs.take(unit);
            others.take(identifiers, unit, core);
        });
        runs.end();
        others.settle(identifiers, core);
        (core.text, core.digits) = (identifiers.compiled.text.start(), identifiers.compiled.digits.start());
        core.begun_addresses.clear();
        core.names.forget(core.count);
        core.settle(identifiers, true);
    }

    /// Decides whatever waits as if the value were over, which it may not be.
    pub(super) fn hurry(&mut self, identifiers: &Identifiers) {
        self.others.hurry(identifiers, &mut self.core);
        self.core.settle(identifiers, true);
        self.runs.end();
    }

    /// Where the last bytes begin that already tell the better part of an identifier.
    pub(super) fn telling(&self, identifiers: &Identifiers) -> Option<usize> {
        let others = self.others.live.iter().filter_map(|other| other.telling(identifiers));
        self.core.telling(identifiers).into_iter().chain(others).min()
    }

    /// The runs that may be a text in another alphabet, in order, as far as nothing else can be found before their end.
    pub(super) fn take_runs(&mut self, identifiers: &Identifiers) -> Vec<Run> {
        if self.runs.has_none() {
            return Vec::new();
        }
        self.runs.take_whole(self.undecided(identifiers).unwrap_or(usize::MAX))
    }

    /// The first byte of a run that is not whole or was not taken.
    pub(super) fn held_by_runs(&self) -> Option<usize> {
        self.runs.held()
    }

    /// All of them, where the value is over.
    pub(super) fn take_all_runs(&mut self) -> Vec<Run> {
        self.runs.take_whole(usize::MAX)
    }

    /// The same after [`Self::hurry`], when only what [tells](Self::telling) most of an identifier has to wait.
    pub(super) fn hurry_runs(&mut self, identifiers: &Identifiers) -> Vec<Run> {
        self.runs.take_whole(self.telling(identifiers).unwrap_or(usize::MAX))
    }

    /// Whether a run was too long to be looked into, since the last call.
    pub(super) fn take_skipped(&mut self) -> bool {
        self.runs.take_skipped()
    }

    /// What was found, in order.
    pub(super) fn found(&mut self) -> &mut Vec<Found> {
        &mut self.core.found
    }

    /// The decoded bytes of a whole value that is short enough to be a weak one.
    pub(super) fn weak(&self) -> Option<&[u8]> {
        self.core.weak.as_deref()
    }

    /// The first byte that a later find may still claim; `None` where there is none.
    pub(super) fn held(&self, identifiers: &Identifiers) -> Option<usize> {
        let found = self.core.found.first().map(|found| found.start);
        [self.undecided(identifiers), found, self.runs.held()].into_iter().flatten().min()
    }

    /// The first byte of what may become a find.
    fn undecided(&self, identifiers: &Identifiers) -> Option<usize> {
        let candidate = self.core.candidates.iter().map(|candidate| candidate.found.start).min();
        let others = self.others.live.iter().filter_map(|other| other.held(identifiers)).min();
        let claimed = self.core.claimed(identifiers);
        [candidate, claimed, others, self.unescape.start()].into_iter().flatten().min()
    }

    /// Whether nothing of what was fed can matter any more.
    pub(super) fn is_idle(&self, identifiers: &Identifiers) -> bool {
        self.held(identifiers).is_none() && self.core.weak.is_none()
    }
}

/// Everything in a whole value.
pub(super) fn scan(identifiers: &Identifiers, bytes: &[u8]) -> Vec<Found> {
    let mut scanner = Scanner::new(identifiers);
    scanner.begin(identifiers, 0);
    scanner.feed(identifiers, bytes, 0);
    scanner.end(identifiers);
    std::mem::take(scanner.found())
}
