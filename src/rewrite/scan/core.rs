//! One reading of a value: its decoded bytes run through the automata, and what matches waits until its surroundings are
//! known.

use super::guarded::Names;
use super::{Found, SEPARATORS, SPACES, is_separator};
use crate::rewrite::automaton::{StateID, fold};
use crate::rewrite::boundary::{self, BEFORE, BEHIND, RAW_PLUS};
use crate::rewrite::identifier::Identifiers;
use crate::rewrite::pattern::{Boundary, Pattern};
use crate::rewrite::subaddress::{Begun, Step};
use crate::rewrite::unescape::Unit;
use crate::rewrite::written::Written;

/// Digits remembered; more than the longest phone pattern has.
const DIGITS: usize = 64;

#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) found: Found,
    pub(super) boundary: Boundary,
    /// The number of the unit behind it.
    pub(super) behind: usize,
    pub(super) sure: bool,
}

/// A ring of the last values, by their running number.
pub(super) struct Ring<T> {
    slots: Box<[T]>,
    mask: usize,
}

impl<T: Copy + Default> Ring<T> {
    fn new(least: usize) -> Self {
        let length = least.next_power_of_two();
        Self { slots: vec![T::default(); length].into(), mask: length - 1 }
    }

    #[inline(always)]
    fn set(&mut self, number: usize, value: T) {
        if let Some(slot) = self.slots.get_mut(number & self.mask) {
            *slot = value;
        }
    }

    #[inline(always)]
    pub(super) fn get(&self, number: usize) -> T {
        self.slots.get(number & self.mask).copied().unwrap_or_default()
    }
}

pub(super) struct Core {
    pub(super) text: StateID,
    pub(super) digits: StateID,
    pub(super) starts: Ring<usize>,
    pub(super) bytes: Ring<u8>,
    /// Units seen in this value.
    pub(super) count: usize,
    numbers: Ring<usize>,
    number_count: usize,
    gap: usize,
    spaces: usize,
    /// Addresses of the member's mailboxes that have begun.
    pub(super) begun_addresses: Vec<Begun>,
    /// What may be of the guard.
    pub(super) names: Names,
    pub(super) candidates: Vec<Candidate>,
    pub(super) found: Vec<Found>,
    /// Where the last find ends: what comes after may not reach before it.
    pub(super) done: usize,
    /// Behind the bytes that another reading took literally.
    pub(super) begun: usize,
    /// Decoded bytes of a value that may be a weak one.
    pub(super) weak: Option<Vec<u8>>,
    /// Most of them.
    pub(super) keep: usize,
    pub(super) weak_spare: Vec<u8>,
}

impl Core {
    pub(super) fn new(identifiers: &Identifiers) -> Self {
        let ring = (identifiers.longest() + 16).max(256);
        Self {
            text: identifiers.compiled.text.start(),
            digits: identifiers.compiled.digits.start(),
            starts: Ring::new(ring),
            bytes: Ring::new(ring),
            count: 0,
            numbers: Ring::new(DIGITS),
            number_count: 0,
            gap: 0,
            spaces: 0,
            begun_addresses: Vec::new(),
            names: Names::default(),
            candidates: Vec::new(),
            found: Vec::new(),
            done: 0,
            begun: 0,
            weak: None,
            keep: 0,
            weak_spare: Vec::new(),
        }
    }

    pub(super) fn reset(&mut self, identifiers: &Identifiers) {
        (self.text, self.digits) = (identifiers.compiled.text.start(), identifiers.compiled.digits.start());
        (self.count, self.number_count, self.gap, self.spaces) = (0, 0, 0, 0);
        self.candidates.clear();
        self.begun_addresses.clear();
        self.names.forget(0);
        self.drop_weak();
    }

    /// The first byte that what was taken so far may still claim.
    pub(super) fn held(&self, identifiers: &Identifiers) -> Option<usize> {
        let candidates = self.candidates.iter().map(|candidate| candidate.found.start);
        candidates.chain(self.claimed(identifiers)).min()
    }

    /// Takes over what another reading found.
    pub(super) fn adopt(&mut self, found: &mut Vec<Found>) {
        let candidate = |found| Candidate { found, boundary: Boundary::Number, behind: 0, sure: true };
        self.candidates.extend(found.drain(..).map(candidate));
    }

    #[inline]
    pub(super) fn take(&mut self, identifiers: &Identifiers, unit: Unit) {
        let folded = fold(unit.byte);
        let raw_plus = unit.byte == b'+' && !unit.escaped;
        if let Some(weak) = &mut self.weak {
            weak.push(if raw_plus { b' ' } else { unit.byte });
            if weak.len() > self.keep + 2 * SPACES {
                self.drop_weak();
            }
        }
        if folded == b' ' && unit.byte != b'+' {
            self.spaces += 1;
            if (2..=SPACES).contains(&self.spaces) {
                return;
            }
        } else {
            self.spaces = 0;
        }
        let number = self.count;
        self.starts.set(number, unit.start);
        self.bytes.set(number, if raw_plus { RAW_PLUS } else { unit.byte });
        self.count += 1;
        self.text = identifiers.compiled.text.next(self.text, folded);
        if identifiers.compiled.text.is_match(self.text) {
            self.text_matches(identifiers, unit.end);
        }
        self.addresses(identifiers, unit, number);
        if let Some(guard) = &identifiers.guard {
            self.guarded(identifiers, guard, unit, number);
        }
        if unit.byte.is_ascii_digit() {
            self.digit(identifiers, unit, number);
        } else if self.number_count > 0 {
            self.gap += 1;
            if self.gap > SEPARATORS || !is_separator(unit.byte) {
                self.number_count = 0;
                self.digits = identifiers.compiled.digits.start();
            }
        }
        if !self.candidates.is_empty() {
            self.settle(identifiers, false);
        }
    }

    /// The addresses of the member's mailboxes.
    #[inline]
    fn addresses(&mut self, identifiers: &Identifiers, unit: Unit, number: usize) {
        let byte = self.bytes.get(number);
        if !self.begun_addresses.is_empty() {
            self.go_on(identifiers, byte, unit.end);
        }
        for (index, mailbox) in identifiers.compiled.mailboxes.iter().enumerate() {
            if mailbox.begins_with(byte) && boundary::left(Boundary::Address, &self.before(number)) {
                self.begun_addresses.push(Begun::new(index, unit.start));
            }
        }
    }

    fn go_on(&mut self, identifiers: &Identifiers, byte: u8, end: usize) {
        let (behind, candidates) = (self.count, &mut self.candidates);
        self.begun_addresses.retain_mut(|begun| {
            let Some(mailbox) = identifiers.compiled.mailboxes.get(begun.mailbox) else { return false };
            let step = begun.take(mailbox, byte);
            if step == Step::IsWhole {
                let found = Found { identifier: mailbox.identifier, start: begun.start, end, written: None };
                candidates.push(Candidate { found, boundary: Boundary::Address, behind, sure: false });
            }
            step == Step::GoesOn
        });
    }

    pub(super) fn drop_weak(&mut self) {
        if let Some(mut weak) = self.weak.take() {
            weak.clear();
            self.weak_spare = weak;
        }
    }

    fn digit(&mut self, identifiers: &Identifiers, unit: Unit, number: usize) {
        self.numbers.set(self.number_count, number);
        self.number_count += 1;
        self.gap = 0;
        self.digits = identifiers.compiled.digits.next(self.digits, unit.byte);
        if !identifiers.compiled.digits.is_match(self.digits) {
            return;
        }
        for index in identifiers.compiled.digits.matches(self.digits) {
            let Some(pattern) = identifiers.compiled.patterns.get(identifiers.compiled.phones + index) else {
                continue;
            };
            let Some(first) = self.number_count.checked_sub(pattern.folded.len()) else { continue };
            let (boundary, first) = (pattern.boundary, self.numbers.get(first));
            if !boundary::left(boundary, &self.before(first)) {
                continue;
            }
            let start = self.starts.get(self.prefixed(first));
            let written = pattern.phone.map(Written::Phone);
            let found = Found { identifier: pattern.identifier, start, end: unit.end, written };
            self.candidates.push(Candidate { found, boundary, behind: self.count, sure: false });
        }
    }

    /// The unit where a phone begins whose first digit is `first`: a `+` and opening parentheses belong to it.
    fn prefixed(&self, first: usize) -> usize {
        let oldest = self.count.saturating_sub(self.bytes.mask);
        let mut from = first;
        while let Some(before) = from.checked_sub(1).filter(|&before| before >= oldest && first - before <= 3)
        {
            match self.bytes.get(before) {
                b'(' => from = before,
                b'+' | RAW_PLUS => return before,
                _ => break,
            }
        }
        from
    }

    fn text_matches(&mut self, identifiers: &Identifiers, end: usize) {
        for index in identifiers.compiled.text.matches(self.text) {
            let Some(pattern) = identifiers.compiled.patterns.get(index) else { continue };
            let Some(first) = self.count.checked_sub(pattern.folded.len()) else { continue };
            let written = (first..self.count).map(|number| self.bytes.get(number));
            if !pattern.letters.admit(written, RAW_PLUS) {
                continue;
            }
            if boundary::left(pattern.boundary, &self.before(first)) {
                let start = self.starts.get(first);
                let found = Found { identifier: pattern.identifier, start, end, written: None };
                self.candidates.push(Candidate {
                    found,
                    boundary: pattern.boundary,
                    behind: self.count,
                    sure: false,
                });
            }
        }
    }

    /// The decoded bytes before a unit.
    pub(super) fn before(&self, unit: usize) -> Vec<u8> {
        (unit.saturating_sub(BEFORE)..unit).map(|number| self.bytes.get(number)).collect()
    }

    /// The first byte that the automata may still claim.
    pub(super) fn claimed(&self, identifiers: &Identifiers) -> Option<usize> {
        let depth = identifiers.compiled.text.depth(self.text).min(self.count);
        let text = (depth > 0).then(|| self.starts.get(self.count - depth));
        let depth = identifiers.compiled.digits.depth(self.digits).min(self.number_count);
        let number =
            (depth > 0).then(|| self.starts.get(self.prefixed(self.numbers.get(self.number_count - depth))));
        // A prefix of a phone may stand at the end.
        let prefix = (identifiers.compiled.patterns.len() > identifiers.compiled.phones)
            .then(|| self.prefixed(self.count))
            .filter(|&from| from < self.count)
            .map(|from| self.starts.get(from));
        let address = self.begun_addresses.iter().map(|begun| begun.start).min();
        let guarded = identifiers.guard.as_ref().and_then(|guard| self.claimed_by_names(guard));
        [text, number, prefix, address, guarded].into_iter().flatten().min()
    }

    /// Where the longest tail begins that is the beginning, and at least half, of some pattern.
    pub(super) fn telling(&self, identifiers: &Identifiers) -> Option<usize> {
        let half = |pattern: &[u8], tail: &[u8]| {
            (pattern.len().div_ceil(2)..pattern.len().min(tail.len() + 1))
                .rev()
                .find(|&length| tail.ends_with(pattern.get(..length).unwrap_or_default()))
        };
        let longest = |patterns: &[Pattern], tail: &[u8]| {
            patterns.iter().filter_map(|pattern| half(&pattern.folded, tail)).max()
        };
        let (texts, phones) = identifiers.compiled.patterns.split_at_checked(identifiers.compiled.phones)?;
        let depth = identifiers.compiled.text.depth(self.text).min(self.count);
        let plain = |byte| if byte == RAW_PLUS { b' ' } else { fold(byte) };
        let tail: Vec<u8> =
            (self.count - depth..self.count).map(|unit| plain(self.bytes.get(unit))).collect();
        let text = longest(texts, &tail).map(|length| self.starts.get(self.count - length));
        let depth = identifiers.compiled.digits.depth(self.digits).min(self.number_count);
        let units = (self.number_count - depth..self.number_count).map(|number| self.numbers.get(number));
        let digits: Vec<u8> = units.map(|unit| self.bytes.get(unit)).collect();
        let number = longest(phones, &digits)
            .map(|length| self.starts.get(self.prefixed(self.numbers.get(self.number_count - length))));
        [text, number].into_iter().flatten().min()
    }

    /// Decides candidates whose surroundings are known; the leftmost and longest stand.
    pub(super) fn settle(&mut self, identifiers: &Identifiers, last: bool) {
        let (count, bytes, done) = (self.count, &self.bytes, self.done);
        self.candidates.retain_mut(|candidate| {
            if candidate.found.start < done {
                return false;
            }
            if !candidate.sure {
                let behind: Vec<u8> = (candidate.behind..count.min(candidate.behind + BEHIND))
                    .map(|number| bytes.get(number))
                    .collect();
                match boundary::right(candidate.boundary, &behind, last) {
                    Some(true) => candidate.sure = true,
                    Some(false) => return false,
                    None => {}
                }
            }
            true
        });
        let claimed = if last { None } else { self.claimed(identifiers) };
        while let Some(best) = self
            .candidates
            .iter()
            .min_by_key(|candidate| (candidate.found.start, usize::MAX - candidate.found.end))
        {
            let best = *best;
            // A shorter one that is sure waits for a longer one that is not: they share their start.
            if !best.sure || claimed.is_some_and(|claimed| claimed <= best.found.start) {
                return;
            }
            self.found.push(best.found);
            self.done = best.found.end;
            self.candidates.retain(|candidate| candidate.found.start >= best.found.end);
        }
    }
}
