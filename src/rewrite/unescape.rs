//! Undoes spellings: percent, JSON and HTML escapes, in any mixture and nesting, one decoded byte at a time.
//!
//! A byte that may begin an escape waits on a short stack. Each arriving byte first tries to complete the innermost
//! escape; what comes out of one may be part of the next outer one (`%26%2364%3B` gives `&#64;` gives `@`). A byte that
//! can no longer be part of any escape leaves as it is.

use super::entity;

/// A decoded byte and the bytes of the original that spell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// What it means.
    pub(super) byte: u8,
    /// Whether it was written as an escape.
    pub(super) escaped: bool,
    /// Where its spelling begins.
    pub(super) start: usize,
    /// Where its spelling ends.
    pub(super) end: usize,
    /// The bytes behind the sign of its escape, which end where it does: what they are where the sign is only a sign.
    /// Zero where there are fewer.
    pub(super) literal: [u8; 2],
}

impl Unit {
    /// A byte that stands for itself.
    pub(super) fn plain(byte: u8, at: usize) -> Self {
        Self { byte, escaped: false, start: at, end: at + 1, literal: [0; 2] }
    }
}

/// Most bytes that wait; longer than any single escape.
const LONGEST: usize = 48;
/// Bytes that a byte takes in the longest escape of a single level: `\\u0020`, `&nbsp;`.
pub(super) const PLAIN: usize = 6;
/// Longest run of backslashes that counts as one.
const BACKSLASHES: usize = 64;

/// Whether an escape may begin with this byte.
pub(super) const fn begins_escape(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Where the first escape may begin; the length of `bytes` where none does.
pub(super) fn next_escape(bytes: &[u8]) -> usize {
    memchr::memchr3(b'%', b'\\', b'&', bytes).unwrap_or(bytes.len())
}

/// The decoder's waiting bytes.
#[derive(Debug, Default)]
pub(super) struct Unescape {
    waiting: Vec<Unit>,
}

enum Step {
    /// The first `usize` units are an escape of this character, or of this byte.
    Char(char, usize),
    Byte(u8, usize),
    /// It may become an escape.
    Partial,
    /// It is none.
    Not,
}

impl Unescape {
    /// Whether no byte waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Where the first waiting byte stands.
    pub(super) fn start(&self) -> Option<usize> {
        self.waiting.first().map(|unit| unit.start)
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes one byte of the original; gives the units that are sure by now.
    pub(super) fn push(&mut self, byte: u8, at: usize, emit: &mut impl FnMut(Unit)) {
        let unit = Unit::plain(byte, at);
        if byte == b'\\'
            && let Some(last) = self.waiting.last_mut()
            && last.byte == b'\\'
            && last.end - last.start < BACKSLASHES
        {
            // A run of backslashes is one: every level of quoting doubles it.
            last.end = unit.end;
            return;
        }
        self.waiting.push(unit);
        self.settle(false, emit);
    }

    /// The value is over: gives what still waits.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(Unit)) {
        self.settle(true, emit);
        self.waiting.clear();
    }

    fn settle(&mut self, last: bool, emit: &mut impl FnMut(Unit)) {
        while !self.waiting.is_empty() {
            if self.reduce(last, emit) {
                continue;
            }
            if !last && self.waiting.len() < LONGEST && self.may_grow() {
                return;
            }
            // The front is no escape: it leaves, with all behind it that begins none.
            let leaving = self
                .waiting
                .iter()
                .skip(1)
                .position(|unit| begins_escape(unit.byte))
                .map_or(self.waiting.len(), |at| at + 1);
            self.waiting.drain(..leaving).for_each(&mut *emit);
        }
    }

    /// Replaces the innermost complete escape by what it means.
    fn reduce(&mut self, last: bool, emit: &mut impl FnMut(Unit)) -> bool {
        for at in (0..self.waiting.len()).rev() {
            let Some(tail) = self.waiting.get(at..) else { continue };
            let (step, mut bytes) = (parse(tail, last), [0; 4]);
            let (meaning, used): (&[u8], _) = match step {
                Step::Char(char, used) => (char.encode_utf8(&mut bytes).as_bytes(), used),
                Step::Byte(byte, used) => {
                    bytes = [byte, 0, 0, 0];
                    (bytes.get(..1).unwrap_or_default(), used)
                }
                Step::Partial if !last => return false,
                Step::Partial | Step::Not => continue,
            };
            let (Some(first), Some(end)) = (tail.first(), tail.get(used.saturating_sub(1))) else { continue };
            let (start, end) = (first.start, end.end);
            let literal = literal(tail.get(1..used).unwrap_or_default());
            let units = meaning.iter().map(|&byte| Unit { byte, escaped: true, start, end, literal });
            self.waiting.splice(at..at + used, units);
            self.join_backslashes(at);
            // A meaning at the front that begins nothing is sure.
            let sure = self.waiting.iter().take_while(|unit| !begins_escape(unit.byte)).count();
            self.waiting.drain(..sure).for_each(&mut *emit);
            return true;
        }
        false
    }

    /// A backslash that came out of an escape joins a run before it.
    fn join_backslashes(&mut self, at: usize) {
        let is_backslash = |unit: Option<&Unit>| unit.is_some_and(|unit| unit.byte == b'\\');
        let Some(before) = at.checked_sub(1) else { return };
        if is_backslash(self.waiting.get(at)) && is_backslash(self.waiting.get(before)) {
            let joined = self.waiting.remove(at);
            if let Some(run) = self.waiting.get_mut(before) {
                run.end = joined.end;
            }
        }
    }

    fn may_grow(&self) -> bool {
        (0..self.waiting.len())
            .any(|at| self.waiting.get(at..).is_some_and(|tail| matches!(parse(tail, false), Step::Partial)))
    }
}

/// The bytes behind the sign of a short escape, where each stands for itself: `ad` of `%ad`, `n` of `\n`.
fn literal(units: &[Unit]) -> [u8; 2] {
    let plain = |unit: &Unit| unit.end - unit.start == 1 && unit.byte.is_ascii_alphanumeric();
    match units {
        [only] if plain(only) => [0, only.byte],
        [first, second] if plain(first) && plain(second) => [first.byte, second.byte],
        _ => [0; 2],
    }
}

fn parse(units: &[Unit], last: bool) -> Step {
    match units.first().map(|unit| unit.byte) {
        Some(b'%') => percent(units),
        Some(b'\\') => backslash(units, last),
        Some(b'&') => ampersand(units, last),
        _ => Step::Not,
    }
}

fn digit(unit: Option<&Unit>, radix: u32) -> Option<u32> {
    unit.and_then(|unit| char::from(unit.byte).to_digit(radix))
}

/// `%40`: RFC 3986 section 2.1.
fn percent(units: &[Unit]) -> Step {
    match (digit(units.get(1), 16), digit(units.get(2), 16)) {
        (Some(high), Some(low)) => Step::Byte(u8::try_from(high * 16 + low).unwrap_or(0), 3),
        (Some(_), None) if units.len() == 2 => Step::Partial,
        (None, _) if units.len() == 1 => Step::Partial,
        _ => Step::Not,
    }
}

/// `\u0040`, `\/`, `\n`, …: RFC 8259 section 7. A run of backslashes has become one unit.
fn backslash(units: &[Unit], last: bool) -> Step {
    match units.get(1).map(|unit| unit.byte) {
        None => Step::Partial,
        Some(b'u') => unicode(units, last),
        Some(b'n') => Step::Char('\n', 2),
        Some(b't') => Step::Char('\t', 2),
        Some(b'r') => Step::Char('\r', 2),
        Some(byte @ (b'/' | b'"' | b'\'')) => Step::Byte(byte, 2),
        Some(_) => Step::Not,
    }
}

fn unicode(units: &[Unit], last: bool) -> Step {
    let high = match four(units, 2) {
        Ok(code) => code,
        Err(step) => return step,
    };
    if let Some(char) = char::from_u32(high) {
        return Step::Char(char, 6);
    }
    // Half of a surrogate pair: the other half has to follow.
    let alone = Step::Char(char::REPLACEMENT_CHARACTER, 6);
    if high >= 0xDC00 {
        return Step::Not;
    }
    let wrong = units.get(6).is_some_and(|unit| unit.byte != b'\\')
        || units.get(7).is_some_and(|unit| unit.byte != b'u');
    if wrong || (last && units.len() < 12) {
        return alone;
    }
    match four(units, 8) {
        Ok(low @ 0xDC00..0xE000) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            char::from_u32(code).map_or(alone, |char| Step::Char(char, 12))
        }
        Err(Step::Partial) => Step::Partial,
        _ => alone,
    }
}

/// Four hex digits from `at`.
fn four(units: &[Unit], at: usize) -> Result<u32, Step> {
    let mut code = 0;
    for index in at..at + 4 {
        match digit(units.get(index), 16) {
            Some(digit) => code = code * 16 + digit,
            None if index >= units.len() => return Err(Step::Partial),
            None => return Err(Step::Not),
        }
    }
    Ok(code)
}

/// `&#64;`, `&#x40;`, `&commat;`: WHATWG HTML section 13.2.5.72. The semicolon of a number may be missing.
fn ampersand(units: &[Unit], last: bool) -> Step {
    let byte = |at: usize| units.get(at).map(|unit| unit.byte);
    let Some(first) = byte(1) else { return Step::Partial };
    if first == b'#' {
        return match byte(2) {
            None => Step::Partial,
            Some(b'x' | b'X') => number(units, 3, 16, last),
            Some(_) => number(units, 2, 10, last),
        };
    }
    let mut name = [0; entity::LONGEST];
    for (at, slot) in name.iter_mut().enumerate() {
        match byte(at + 1) {
            None => return Step::Partial,
            Some(b';') => {
                let name = name.get(..at).unwrap_or_default();
                return entity::named(name).map_or(Step::Not, |char| Step::Char(char, at + 2));
            }
            Some(byte) if byte.is_ascii_alphanumeric() => *slot = byte,
            Some(_) => return Step::Not,
        }
    }
    match byte(entity::LONGEST + 1) {
        Some(b';') => entity::named(&name).map_or(Step::Not, |char| Step::Char(char, entity::LONGEST + 2)),
        Some(_) => Step::Not,
        None => Step::Partial,
    }
}

fn number(units: &[Unit], from: usize, radix: u32, last: bool) -> Step {
    let digits = units.iter().skip(from).take_while(|unit| digit(Some(unit), radix).is_some()).count();
    let behind = units.get(from + digits).map(|unit| unit.byte);
    if digits > 16 || (digits == 0 && (behind.is_some() || last)) {
        return Step::Not;
    }
    let end = match behind {
        Some(b';') => from + digits + 1,
        None if !last => return Step::Partial,
        _ => from + digits,
    };
    let code = units.iter().skip(from).take(digits).fold(0u32, |code, unit| {
        code.saturating_mul(radix).saturating_add(digit(Some(unit), radix).unwrap_or(0))
    });
    Step::Char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), end)
}

/// All units of a whole value.
pub(super) fn decode(bytes: &[u8]) -> Vec<Unit> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut unescape = Unescape::default();
    for (at, &byte) in bytes.iter().enumerate() {
        if unescape.is_idle() && !begins_escape(byte) {
            units.push(Unit::plain(byte, at));
        } else {
            unescape.push(byte, at, &mut |unit| units.push(unit));
        }
    }
    unescape.finish(&mut |unit| units.push(unit));
    units
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &str) -> String {
        String::from_utf8_lossy(&decode(bytes.as_bytes()).iter().map(|unit| unit.byte).collect::<Vec<_>>())
            .into_owned()
    }

    #[test]
    fn every_spelling_of_an_at_sign() {
        for spelled in [
            "@",
            "%40",
            "%2540",
            "%252540",
            "%25%34%30",
            "\\u0040",
            "\\\\u0040",
            "\\\\\\\\u0040",
            "%5Cu0040",
            "\\u002540",
            "&#64;",
            "&#064;",
            "&#x40;",
            "&#X40;",
            "&commat;",
            "&amp;#64;",
            "&amp;amp;commat;",
            "%26%2364%3B",
            "%26commat%3b",
            "&#37;40",
            "&percnt;40",
            "\\u0026#64;",
            "\\u0026commat;",
            "%5c%5Cu0040",
        ] {
            assert_eq!(text(&format!("ann{spelled}home")), "ann@home", "{spelled}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for plain in
            ["100%", "%zz", "%4", "%%", "a&b=c", "&#;", "&#x;", "&nosuch;", "\\x", "C:\\dir", "&&&", "%4&#"]
        {
            assert_eq!(text(plain), plain, "{plain}");
        }
        assert_eq!(text("a%%40"), "a%@");
        assert_eq!(text("&#64ann"), "@ann", "a number without its semicolon");
        assert_eq!(text("a\\/b\\n\\\"c"), "a/b\n\"c");
        assert_eq!(text("\\ud83d\\ude00 \\ud83d!"), "\u{1F600} \u{FFFD}!");
        assert_eq!(text("M&uuml;ller Gr&ouml;&szlig;e"), "Müller Größe");
    }

    proptest! {
        #[test]
        fn units_cover_the_original_in_order(bytes in proptest::collection::vec(
            prop_oneof![Just(b'%'), Just(b'\\'), Just(b'&'), Just(b'#'), Just(b';'), Just(b'u'), Just(b'2'), Just(b'5'), any::<u8>()], 0..96)
        ) {
            let mut end = 0;
            let mut start = 0;
            for unit in decode(&bytes) {
                // Bytes of one escaped character share its span.
                prop_assert!(unit.start == end || (unit.start == start && unit.end == end), "{unit:?} after {end}");
                prop_assert!(unit.end > unit.start && unit.end <= bytes.len());
                (start, end) = (unit.start, unit.end);
            }
            prop_assert_eq!(end, bytes.len());
        }
    }
}
