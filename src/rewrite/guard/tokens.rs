//! User names and ids: letters and digits in a row, between any two of which a sign of layout may stand. They are looked up
//! by the last eight.

use crate::model::QuickMap;
use crate::rewrite::boundary::RAW_PLUS;
use crate::rewrite::prescan::next_digit;
use crate::rewrite::unescape::{Unit, decode, next_escape};

/// Fewest letters and digits of a token: it is looked up by the last of them.
const SHORTEST: usize = size_of::<u64>();
/// Fewest digits of one that is a number: shorter ones are times, and prices, and somebody else's.
const SHORTEST_NUMBER: usize = 12;
/// Most bytes of a token.
const LONGEST: usize = 64;
/// Bytes before a digit in which the last eight letters and digits stand, each behind a sign that is an escape.
const BEFORE: usize = SHORTEST * 7;

/// Tokens by what they end in.
#[derive(Clone)]
pub(in crate::rewrite) struct Tokens {
    /// Which entries have which last eight.
    known: QuickMap<u64, Vec<usize>>,
    /// What each byte is in a row.
    kinds: [Kind; 256],
    /// Letters and digits of the longest.
    longest: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It ends a row.
    Other,
    Letter,
    /// It may stand between two letters.
    Sign,
    /// It may be of an escape that stands for a sign.
    Escape,
}

impl Default for Tokens {
    fn default() -> Self {
        let kinds = std::array::from_fn(|byte| match u8::try_from(byte).unwrap_or(0) {
            byte if byte.is_ascii_alphanumeric() => Kind::Letter,
            b'-' | b':' | b'.' | b'_' => Kind::Sign,
            b'%' | b'\\' | b'&' | b'#' | b';' => Kind::Escape,
            _ => Kind::Other,
        });
        Self { known: QuickMap::default(), kinds, longest: 0 }
    }
}

/// The letters and digits at the end of what was read, in a row. May hold a real value.
#[derive(Clone, Copy, Default)]
pub(in crate::rewrite) struct Row {
    /// The last eight, in lower case.
    tail: u64,
    letters: usize,
    /// With the signs between them.
    length: usize,
    /// Whether a sign is the last of it.
    signed: bool,
}

/// What tells one token from another.
pub(super) fn letters(value: &str) -> impl DoubleEndedIterator<Item = u8> {
    value.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// The row that a token ends in; `None` for a value that could be anything.
pub(super) fn row(value: &str) -> Option<Row> {
    let digits = letters(value).filter(u8::is_ascii_digit).count();
    let all = letters(value).count();
    let enough = if digits == all { SHORTEST_NUMBER } else { SHORTEST };
    let printable = value.len() <= LONGEST && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let mut row = Row::default();
    letters(value).for_each(|letter| row.add(letter));
    (printable && digits > 0 && all >= enough).then_some(row)
}

impl Row {
    fn add(&mut self, letter: u8) {
        self.tail = self.tail << 8 | u64::from(letter.to_ascii_lowercase());
        (self.letters, self.length, self.signed) = (self.letters + 1, self.length + 1, false);
    }

    /// Takes the next byte of a text, escapes undone.
    #[inline]
    pub(in crate::rewrite) fn take(&mut self, tokens: &Tokens, byte: u8) {
        match tokens.kind(byte) {
            Kind::Letter => self.add(byte),
            Kind::Sign if self.letters > 0 && !self.signed => {
                (self.length, self.signed) = (self.length + 1, true);
            }
            _ => *self = Self::default(),
        }
    }

    /// Bytes of the row so far.
    pub(in crate::rewrite) fn length(&self) -> usize {
        self.length
    }
}

impl Tokens {
    /// Adds a value as that entry.
    pub(super) fn add(&mut self, value: &str, row: &Row, entry: usize) {
        for sign in value.bytes().filter(|byte| !byte.is_ascii_alphanumeric()) {
            // A `+` may be a space.
            let plus = matches!(sign, b' ' | b'+').then_some(RAW_PLUS);
            for sign in std::iter::once(sign).chain(plus) {
                if let Some(kind) = self.kinds.get_mut(usize::from(sign)) {
                    *kind = Kind::Sign;
                }
            }
        }
        self.longest = self.longest.max(row.letters);
        self.known.entry(row.tail).or_default().push(entry);
    }

    /// Most bytes of one, a sign between any two letters.
    pub(in crate::rewrite) fn longest(&self) -> usize {
        2 * self.longest
    }

    #[inline]
    fn kind(&self, byte: u8) -> Kind {
        self.kinds.get(usize::from(byte)).copied().unwrap_or(Kind::Other)
    }

    /// The entries whose last letters are those of `row`.
    pub(super) fn ending(&self, row: &Row) -> impl Iterator<Item = usize> + '_ {
        let known = if row.letters >= SHORTEST && !row.signed { self.known.get(&row.tail) } else { None };
        known.into_iter().flatten().copied()
    }

    /// Whether certainly none stands in `text`, in which no letter or digit is an escape. Each has a digit.
    pub(super) fn is_clean(&self, text: &[u8]) -> bool {
        let mut at = 0;
        while !self.known.is_empty()
            && let Some(digit) = next_digit(text, at)
        {
            let (before, behind) = text.split_at_checked(digit).unwrap_or((text, &[]));
            let before = before.get(at..).unwrap_or_default().iter().rev().take(BEFORE);
            let before = before.take_while(|&&byte| self.may_go_on(byte)).count();
            at = digit + behind.iter().take_while(|&&byte| self.may_go_on(byte)).count();
            let from = digit - before;
            if at - from >= SHORTEST && !self.is_clean_row(text.get(from..at).unwrap_or_default()) {
                return false;
            }
        }
        true
    }

    /// Whether a byte may belong to a row, as it is or as part of an escape of a sign.
    #[inline]
    fn may_go_on(&self, byte: u8) -> bool {
        self.kind(unplussed(byte)) != Kind::Other
    }

    /// Whether no token ends where letters of a row do, its escapes undone or not.
    fn is_clean_row(&self, text: &[u8]) -> bool {
        let is_clean = self.is_clean_of(text.iter().map(|&byte| unplussed(byte)));
        is_clean
            && (next_escape(text) == text.len() || self.is_clean_of(decode(text).into_iter().map(undone)))
    }

    fn is_clean_of(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let (mut row, mut bytes) = (Row::default(), bytes.peekable());
        while let Some(byte) = bytes.next() {
            row.take(self, byte);
            let ends = !bytes.peek().is_some_and(u8::is_ascii_alphanumeric);
            if ends && self.ending(&row).next().is_some() {
                return false;
            }
        }
        true
    }
}

/// A `+` as it stands in a text that may be a form.
fn unplussed(byte: u8) -> u8 {
    if byte == b'+' { RAW_PLUS } else { byte }
}

/// The same of a unit.
fn undone(unit: Unit) -> u8 {
    if unit.escaped { unit.byte } else { unplussed(unit.byte) }
}
