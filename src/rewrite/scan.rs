//! Finds strong identifiers in one value, fed in pieces of any size.
//!
//! Decoded bytes run through the automaton; a ring remembers where each one is written. A match waits as a candidate
//! until what stands behind it is seen and no longer or earlier one can come, so the result is the leftmost-longest one
//! of the whole value wherever it was cut.
//!
//! A `%` or `\` before a value may be no more than that: `like '%ada@home.example'`, `CORP\thomas`. Where the bytes behind it
//! begin an identifier, a second core reads on from the bare sign, as long as an identifier may come of it.

use super::automaton::{StateID, fold};
use super::boundary::{self, BEFORE, BEHIND, RAW_PLUS};
use super::encoded::{Run, Runs};
use super::identifier::Identifiers;
use super::pattern::{Boundary, Pattern, PhoneForm};
use super::subaddress::{Begun, Step};
use super::unescape::{Unescape, Unit, begins_escape, next_escape};

/// Most decoded bytes that may stand between two digits of a phone.
pub(super) const SEPARATORS: usize = 6;
/// Most white space that counts as one space.
const SPACES: usize = 8;
/// Digits remembered; more than the longest phone pattern has.
const DIGITS: usize = 64;

/// An identifier found in a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) identifier: usize,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) phone: Option<PhoneForm>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    found: Found,
    boundary: Boundary,
    /// The number of the unit behind it.
    behind: usize,
    sure: bool,
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

/// A ring of the last values, by their running number.
struct Ring<T> {
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
    fn get(&self, number: usize) -> T {
        self.slots.get(number & self.mask).copied().unwrap_or_default()
    }
}

/// The scanner of one value after another.
pub(super) struct Scanner {
    unescape: Unescape,
    core: Core,
    others: Others,
    runs: Runs,
}

/// Readings that take the sign of one escape for a bare sign.
#[derive(Default)]
struct Others {
    live: Vec<Core>,
    spare: Vec<Core>,
}

/// Most readings at a time.
const READINGS: usize = 4;

struct Core {
    text: StateID,
    digits: StateID,
    starts: Ring<usize>,
    bytes: Ring<u8>,
    /// Units seen in this value.
    count: usize,
    numbers: Ring<usize>,
    number_count: usize,
    gap: usize,
    spaces: usize,
    /// Addresses of the member's mailboxes that have begun.
    begun_addresses: Vec<Begun>,
    candidates: Vec<Candidate>,
    found: Vec<Found>,
    /// Where the last find ends: what comes after may not reach before it.
    done: usize,
    /// Behind the bytes that another reading took literally.
    begun: usize,
    /// Decoded bytes of a value that may be a weak one.
    weak: Option<Vec<u8>>,
    weak_spare: Vec<u8>,
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

    /// Starts a value; with `weak` its decoded bytes are kept for [`Self::take_weak`].
    pub(super) fn begin(&mut self, identifiers: &Identifiers, weak: bool) {
        self.reset(identifiers);
        self.runs.clear();
        self.core.weak = weak.then(|| std::mem::take(&mut self.core.weak_spare));
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
        (core.text, core.digits) = (identifiers.text.start(), identifiers.digits.start());
        core.begun_addresses.clear();
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
        self.runs.take_whole(self.held_by_values(identifiers).unwrap_or(usize::MAX))
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
        self.held_by_values(identifiers).into_iter().chain(self.runs.held()).min()
    }

    fn held_by_values(&self, identifiers: &Identifiers) -> Option<usize> {
        let candidate = self.core.candidates.iter().map(|candidate| candidate.found.start).min();
        let found = self.core.found.first().map(|found| found.start);
        let others = self.others.live.iter().filter_map(|other| other.held(identifiers)).min();
        let claimed = self.core.claimed(identifiers);
        [candidate, found, claimed, others, self.unescape.start()].into_iter().flatten().min()
    }

    /// Whether nothing of what was fed can matter any more.
    pub(super) fn is_idle(&self, identifiers: &Identifiers) -> bool {
        self.held(identifiers).is_none() && self.core.weak.is_none()
    }
}

impl Others {
    fn clear(&mut self) {
        self.spare.append(&mut self.live);
    }

    /// The next unit, for every reading.
    fn take(&mut self, identifiers: &Identifiers, unit: Unit, core: &mut Core) {
        for other in &mut self.live {
            other.take(identifiers, unit);
            core.adopt(&mut other.found);
        }
        core.take(identifiers, unit);
        // What no longer reaches back to the bare sign reads as the first reading does.
        let bare = |other: &Core| other.held(identifiers).is_some_and(|held| held < other.begun);
        let over = self.live.extract_if(.., |other| !bare(other));
        self.spare.extend(over);
        if unit.literal != [0; 2] && self.live.len() < READINGS {
            self.begin(identifiers, unit);
        }
    }

    /// Reads on from the sign of this escape as a bare sign.
    fn begin(&mut self, identifiers: &Identifiers, unit: Unit) {
        let literal = unit.literal.iter().filter(|&&byte| byte != 0);
        let (text, digits) = (&identifiers.text, &identifiers.digits);
        let next = |states: (StateID, StateID), &byte: &u8| {
            let digit = if byte.is_ascii_digit() { digits.next(states.1, byte) } else { digits.start() };
            (text.next(states.0, fold(byte)), digit)
        };
        let states = literal.clone().fold((text.start(), digits.start()), next);
        // A word begins right behind the sign; a number may behind a letter.
        let length = literal.clone().count();
        if text.depth(states.0) < length && digits.depth(states.1) == 0 {
            return;
        }
        let mut other = self.spare.pop().unwrap_or_else(|| Core::new(identifiers));
        other.reset(identifiers);
        (other.begun, other.done) = (unit.end, 0);
        let sign = Unit { byte: b'%', escaped: true, end: unit.end - length, literal: [0; 2], ..unit };
        other.take(identifiers, sign);
        for (at, &byte) in (unit.end - length..).zip(literal) {
            other.take(identifiers, Unit::plain(byte, at));
        }
        self.live.push(other);
    }

    /// The value is over.
    fn settle(&mut self, identifiers: &Identifiers, core: &mut Core) {
        self.hurry(identifiers, core);
        self.clear();
    }

    fn hurry(&mut self, identifiers: &Identifiers, core: &mut Core) {
        for other in &mut self.live {
            other.settle(identifiers, true);
            core.adopt(&mut other.found);
        }
    }
}

impl Core {
    fn new(identifiers: &Identifiers) -> Self {
        let ring = (identifiers.longest + 16).max(256);
        Self {
            text: identifiers.text.start(),
            digits: identifiers.digits.start(),
            starts: Ring::new(ring),
            bytes: Ring::new(ring),
            count: 0,
            numbers: Ring::new(DIGITS),
            number_count: 0,
            gap: 0,
            spaces: 0,
            begun_addresses: Vec::new(),
            candidates: Vec::new(),
            found: Vec::new(),
            done: 0,
            begun: 0,
            weak: None,
            weak_spare: Vec::new(),
        }
    }

    fn reset(&mut self, identifiers: &Identifiers) {
        (self.text, self.digits) = (identifiers.text.start(), identifiers.digits.start());
        (self.count, self.number_count, self.gap, self.spaces) = (0, 0, 0, 0);
        self.candidates.clear();
        self.begun_addresses.clear();
        self.drop_weak();
    }

    /// The first byte that what was taken so far may still claim.
    fn held(&self, identifiers: &Identifiers) -> Option<usize> {
        let candidates = self.candidates.iter().map(|candidate| candidate.found.start);
        candidates.chain(self.claimed(identifiers)).min()
    }

    /// Takes over what another reading found.
    fn adopt(&mut self, found: &mut Vec<Found>) {
        let candidate = |found| Candidate { found, boundary: Boundary::Number, behind: 0, sure: true };
        self.candidates.extend(found.drain(..).map(candidate));
    }

    #[inline]
    fn take(&mut self, identifiers: &Identifiers, unit: Unit) {
        let folded = fold(unit.byte);
        let raw_plus = unit.byte == b'+' && !unit.escaped;
        if let Some(weak) = &mut self.weak {
            weak.push(if raw_plus { b' ' } else { unit.byte });
            if weak.len() > identifiers.weak.longest() + 2 * SPACES {
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
        self.text = identifiers.text.next(self.text, folded);
        if identifiers.text.is_match(self.text) {
            self.text_matches(identifiers, unit.end);
        }
        self.addresses(identifiers, unit, number);
        if unit.byte.is_ascii_digit() {
            self.digit(identifiers, unit, number);
        } else if self.number_count > 0 {
            self.gap += 1;
            if self.gap > SEPARATORS || !is_separator(unit.byte) {
                self.number_count = 0;
                self.digits = identifiers.digits.start();
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
        for (index, mailbox) in identifiers.mailboxes.iter().enumerate() {
            if mailbox.begins_with(byte) && boundary::left(Boundary::Address, &self.before(number)) {
                self.begun_addresses.push(Begun::new(index, unit.start));
            }
        }
    }

    fn go_on(&mut self, identifiers: &Identifiers, byte: u8, end: usize) {
        let (behind, candidates) = (self.count, &mut self.candidates);
        self.begun_addresses.retain_mut(|begun| {
            let Some(mailbox) = identifiers.mailboxes.get(begun.mailbox) else { return false };
            let step = begun.take(mailbox, byte);
            if step == Step::IsWhole {
                let found = Found { identifier: mailbox.identifier, start: begun.start, end, phone: None };
                candidates.push(Candidate { found, boundary: Boundary::Address, behind, sure: false });
            }
            step == Step::GoesOn
        });
    }

    fn drop_weak(&mut self) {
        if let Some(mut weak) = self.weak.take() {
            weak.clear();
            self.weak_spare = weak;
        }
    }

    fn digit(&mut self, identifiers: &Identifiers, unit: Unit, number: usize) {
        self.numbers.set(self.number_count, number);
        self.number_count += 1;
        self.gap = 0;
        self.digits = identifiers.digits.next(self.digits, unit.byte);
        if !identifiers.digits.is_match(self.digits) {
            return;
        }
        for index in identifiers.digits.matches(self.digits) {
            let Some(pattern) = identifiers.patterns.get(identifiers.phones + index) else { continue };
            let Some(first) = self.number_count.checked_sub(pattern.folded.len()) else { continue };
            let (boundary, first) = (pattern.boundary, self.numbers.get(first));
            if !boundary::left(boundary, &self.before(first)) {
                continue;
            }
            let start = self.starts.get(self.prefixed(first));
            let found = Found { identifier: pattern.identifier, start, end: unit.end, phone: pattern.phone };
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
        for index in identifiers.text.matches(self.text) {
            let Some(pattern) = identifiers.patterns.get(index) else { continue };
            let Some(first) = self.count.checked_sub(pattern.folded.len()) else { continue };
            let exact = pattern.exact.as_ref().is_none_or(|exact| {
                (first..).zip(exact).all(|(number, &wanted)| match self.bytes.get(number) {
                    RAW_PLUS => wanted == b'+',
                    byte => byte.to_ascii_lowercase() == wanted,
                })
            });
            if exact && boundary::left(pattern.boundary, &self.before(first)) {
                let start = self.starts.get(first);
                let found = Found { identifier: pattern.identifier, start, end, phone: None };
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
    fn before(&self, unit: usize) -> Vec<u8> {
        (unit.saturating_sub(BEFORE)..unit).map(|number| self.bytes.get(number)).collect()
    }

    /// The first byte that the automata may still claim.
    fn claimed(&self, identifiers: &Identifiers) -> Option<usize> {
        let depth = identifiers.text.depth(self.text).min(self.count);
        let text = (depth > 0).then(|| self.starts.get(self.count - depth));
        let depth = identifiers.digits.depth(self.digits).min(self.number_count);
        let number =
            (depth > 0).then(|| self.starts.get(self.prefixed(self.numbers.get(self.number_count - depth))));
        // A prefix of a phone may stand at the end.
        let prefix = (identifiers.patterns.len() > identifiers.phones)
            .then(|| self.prefixed(self.count))
            .filter(|&from| from < self.count)
            .map(|from| self.starts.get(from));
        let address = self.begun_addresses.iter().map(|begun| begun.start).min();
        [text, number, prefix, address].into_iter().flatten().min()
    }

    /// Where the longest tail begins that is the beginning, and at least half, of some pattern.
    fn telling(&self, identifiers: &Identifiers) -> Option<usize> {
        let half = |pattern: &[u8], tail: &[u8]| {
            (pattern.len().div_ceil(2)..pattern.len().min(tail.len() + 1))
                .rev()
                .find(|&length| tail.ends_with(pattern.get(..length).unwrap_or_default()))
        };
        let longest = |patterns: &[Pattern], tail: &[u8]| {
            patterns.iter().filter_map(|pattern| half(&pattern.folded, tail)).max()
        };
        let (texts, phones) = identifiers.patterns.split_at_checked(identifiers.phones)?;
        let depth = identifiers.text.depth(self.text).min(self.count);
        let plain = |byte| if byte == RAW_PLUS { b' ' } else { fold(byte) };
        let tail: Vec<u8> =
            (self.count - depth..self.count).map(|unit| plain(self.bytes.get(unit))).collect();
        let text = longest(texts, &tail).map(|length| self.starts.get(self.count - length));
        let depth = identifiers.digits.depth(self.digits).min(self.number_count);
        let units = (self.number_count - depth..self.number_count).map(|number| self.numbers.get(number));
        let digits: Vec<u8> = units.map(|unit| self.bytes.get(unit)).collect();
        let number = longest(phones, &digits)
            .map(|length| self.starts.get(self.prefixed(self.numbers.get(self.number_count - length))));
        [text, number].into_iter().flatten().min()
    }

    /// Decides candidates whose surroundings are known; the leftmost and longest stand.
    fn settle(&mut self, identifiers: &Identifiers, last: bool) {
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

/// Everything in a whole value.
pub(super) fn scan(identifiers: &Identifiers, bytes: &[u8]) -> Vec<Found> {
    let mut scanner = Scanner::new(identifiers);
    scanner.begin(identifiers, false);
    scanner.feed(identifiers, bytes, 0);
    scanner.end(identifiers);
    std::mem::take(scanner.found())
}
