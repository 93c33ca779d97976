//! The fast way past text that holds nothing: no identifier can stand where none of its anchors does and no letter
//! or digit is written as an escape.
//!
//! An anchor is a run of letters and digits of a pattern. Every spelling that does not escape letters leaves it as it
//! is, so a vectorised search over case-folded blocks sees it. Phones have no anchor (separators may stand anywhere);
//! their digits run through the automaton, and only blocks with a digit are looked at.

use super::automaton::Automaton;
use super::crowd::{FEWEST, crowd};
use super::pattern::{Boundary, Pattern};
use super::unescape::begins_escape;
use aho_corasick::packed;
use std::collections::BTreeMap;

/// Most anchors that the vectorised search takes.
const MOST: usize = 60;
/// Bytes folded at a time, on the stack.
const BLOCK: usize = 4096;
/// The same for the small values of a head.
const SMALL: usize = 256;
/// Longest anchor; a longer run is cut.
const ANCHOR: usize = 16;

/// What stands beside an anchor in its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    /// The edge of the pattern, and no letter or digit may follow it.
    Edge,
    /// Anything.
    Any,
    /// This byte of the pattern.
    Byte(u8),
}

/// An anchor with what stands beside it in the patterns that have it.
struct Anchor {
    bytes: Vec<u8>,
    sides: Vec<(Beside, Beside)>,
}

enum Search {
    /// No identifier has an anchor.
    Nothing,
    /// Some identifier has none, or there are too many: every text has to be walked.
    Blind,
    /// The vectorised search.
    Anchors(packed::Searcher),
}

/// A compiled prescan.
pub(super) struct Prescan {
    search: Search,
    anchors: Vec<Anchor>,
    phones: bool,
    /// Some anchor is not ASCII: escapes of such bytes may hide it.
    wide: bool,
}

/// Something that is searched for, as its anchor is chosen from.
pub(super) struct Wanted {
    text: Vec<u8>,
    /// No letter or digit may stand before it, or behind it.
    edges: (bool, bool),
    address: bool,
}

impl Wanted {
    /// A spelling of a strong value.
    pub(super) fn pattern(pattern: &Pattern) -> Self {
        let edges = match pattern.boundary {
            Boundary::Word { left, right } => (left, right),
            _ => (true, true),
        };
        let address = pattern.boundary == Boundary::Address;
        Self { text: pattern.folded.clone(), edges, address }
    }

    /// Any address behind whose name `domain`, folded and with its `@`, stands.
    pub(super) fn domain(domain: &[u8]) -> Self {
        Self { text: domain.to_vec(), edges: (true, true), address: true }
    }

    /// A part of a field's name, or its end.
    pub(super) fn name(part: &str, is_end: bool) -> Self {
        Self { text: part.as_bytes().to_vec(), edges: (false, is_end), address: false }
    }

    /// A form of a weak value.
    pub(super) fn weak(form: &str) -> Self {
        Self { text: form.to_ascii_lowercase().into_bytes(), edges: (true, true), address: false }
    }
}

impl Prescan {
    pub(super) fn new(wanted: impl IntoIterator<Item = Wanted>, phones: bool) -> Self {
        let mut anchors: BTreeMap<Vec<u8>, Vec<(Beside, Beside)>> = BTreeMap::new();
        let (mut wide, mut blind) = (false, false);
        for Wanted { text, edges: (left, right), address } in wanted {
            let Some((from, to)) = anchor(&text, address) else {
                blind = true;
                continue;
            };
            let run = text.get(from..to).unwrap_or_default();
            wide |= !text.is_ascii();
            let edge = |strict: bool| if strict { Beside::Edge } else { Beside::Any };
            let beside = |byte: Option<&u8>, strict| byte.map_or(edge(strict), |&byte| Beside::Byte(byte));
            let before = from.checked_sub(1).and_then(|at| text.get(at));
            let sides = (beside(before, left), beside(text.get(to), right));
            let known = anchors.entry(run.to_vec()).or_default();
            if !known.contains(&sides) {
                known.push(sides);
            }
        }
        let search = match anchors.len() {
            _ if blind => Search::Blind,
            0 => Search::Nothing,
            1..=MOST => packed::Config::new()
                .builder()
                .extend(anchors.keys())
                .build()
                .map_or(Search::Blind, Search::Anchors),
            _ => Search::Blind,
        };
        let anchors = anchors.into_iter().map(|(bytes, sides)| Anchor { bytes, sides }).collect();
        Self { search, anchors, phones, wide }
    }

    /// Whether it tells nothing of any text.
    pub(super) fn is_blind(&self) -> bool {
        matches!(self.search, Search::Blind)
    }

    /// Whether `text` certainly holds no whole identifier. Bytes of one that reach over its ends are not seen.
    pub(super) fn is_clean(&self, text: &[u8], digits: &Automaton) -> bool {
        let anchored = match &self.search {
            Search::Blind => true,
            Search::Nothing if !self.phones => return true,
            Search::Nothing => false,
            Search::Anchors(searcher) => self.anchored(searcher, text),
        };
        !(anchored || hides(text, self.wide) || self.phones && numbered(text, digits))
    }

    /// Whether `text` certainly holds no whole identifier, where `other` found that it has no escape that could hide one.
    pub(super) fn is_clean_after(&self, other: &Self, text: &[u8], digits: &Automaton) -> bool {
        let looked = !matches!(other.search, Search::Nothing) || other.phones;
        match &self.search {
            Search::Anchors(searcher) if looked && !self.phones && other.wide >= self.wide => {
                !self.anchored(searcher, text)
            }
            _ => self.is_clean(text, digits),
        }
    }

    /// Whether no letter or digit of `text`, which this found clean, is written as an escape.
    pub(super) fn is_literal(&self, text: &[u8]) -> bool {
        !matches!(self.search, Search::Nothing) || self.phones || !hides(text, self.wide)
    }

    fn anchored(&self, searcher: &packed::Searcher, text: &[u8]) -> bool {
        if text.len() <= SMALL {
            self.anchored_in(searcher, text, &mut [0; SMALL])
        } else {
            self.anchored_in(searcher, text, &mut [0; BLOCK])
        }
    }

    /// With room to fold `N` bytes at a time.
    fn anchored_in<const N: usize>(
        &self,
        searcher: &packed::Searcher,
        text: &[u8],
        block: &mut [u8; N],
    ) -> bool {
        let mut at = 0;
        loop {
            let Some(rest) = text.get(at..) else { return false };
            let length = rest.len().min(N);
            for (to, from) in block.iter_mut().zip(rest) {
                *to = from.to_ascii_lowercase();
            }
            let folded = block.get(..length).unwrap_or_default();
            let mut from = 0;
            while let Some(found) = searcher.find_in(folded, aho_corasick::Span { start: from, end: length })
            {
                if self.fits(text, at + found.start(), folded.get(found.start()..).unwrap_or_default()) {
                    return true;
                }
                from = found.start() + 1;
            }
            if length == rest.len() {
                return false;
            }
            at += N - ANCHOR;
        }
    }

    /// Whether an anchor that starts at `at` has beside it what its pattern has.
    fn fits(&self, text: &[u8], at: usize, folded: &[u8]) -> bool {
        self.anchors.iter().filter(|anchor| folded.starts_with(&anchor.bytes)).any(|anchor| {
            let end = at + anchor.bytes.len();
            anchor
                .sides
                .iter()
                .any(|&(before, after)| fits_before(text, at, before) && fits_after(text, end, after))
        })
    }
}

/// The run of a pattern that is searched for.
fn anchor(text: &[u8], address: bool) -> Option<(usize, usize)> {
    let cut = |(from, to): (usize, usize)| (from, to.min(from + ANCHOR));
    let runs = |is: fn(u8) -> bool| {
        let mut runs = Vec::new();
        let mut from = None;
        for (at, byte) in text.iter().copied().chain([b' ']).enumerate() {
            match (is(byte), from) {
                (true, None) => from = Some(at),
                (false, Some(start)) => {
                    runs.push((start, at));
                    from = None;
                }
                _ => {}
            }
        }
        runs
    };
    let ascii = runs(|byte| byte.is_ascii_alphanumeric());
    let length = |(from, to): &(usize, usize)| to - from;
    if address {
        // Many addresses share a domain; a long enough run before the @ tells more.
        let at = text.iter().position(|&byte| byte == b'@').unwrap_or(0);
        let local = ascii.iter().filter(|(_, to)| *to <= at).max_by_key(|run| length(run));
        if let Some(run) = local.filter(|run| length(run) >= 4) {
            return Some(cut(*run));
        }
    }
    let best = ascii.into_iter().max_by_key(length).filter(|run| length(run) >= 2);
    best.or_else(|| runs(|byte| !byte.is_ascii()).into_iter().max_by_key(length)).map(cut)
}

fn fits_after(text: &[u8], end: usize, want: Beside) -> bool {
    let Some(&byte) = text.get(end) else { return true };
    match want {
        Beside::Any => true,
        Beside::Edge => !byte.is_ascii_alphanumeric(),
        Beside::Byte(wanted) => same(byte, wanted) || begins_escape(byte),
    }
}

fn fits_before(text: &[u8], start: usize, want: Beside) -> bool {
    let before = |back: usize| start.checked_sub(back).and_then(|at| text.get(at)).copied();
    let Some(byte) = before(1) else { return true };
    let escape = byte == b';'
        || before(3) == Some(b'%')
        || before(2) == Some(b'\\')
        || (before(6) == Some(b'\\') && before(5) == Some(b'u'));
    escape
        || match want {
            Beside::Any => true,
            Beside::Edge => !byte.is_ascii_alphanumeric(),
            Beside::Byte(wanted) => same(byte, wanted),
        }
}

fn same(byte: u8, wanted: u8) -> bool {
    super::automaton::fold(byte) == wanted || (!byte.is_ascii() && !wanted.is_ascii())
}

/// Whether an escape may stand for a letter, a digit, or part of another escape.
fn hides(text: &[u8], wide: bool) -> bool {
    memchr::memchr3_iter(b'%', b'\\', b'&', text).any(|at| {
        let rest = text.get(at + 1..).unwrap_or_default();
        match text.get(at) {
            Some(b'%') => hides_percent(rest, wide),
            Some(b'\\') => hides_backslash(rest, wide),
            _ => hides_ampersand(rest, wide),
        }
    })
}

fn matters(code: u32, wide: bool) -> bool {
    match u8::try_from(code) {
        Ok(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric() || begins_escape(byte),
        _ => wide,
    }
}

fn hides_percent(rest: &[u8], wide: bool) -> bool {
    let hex = |at: usize| rest.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    match (hex(0), hex(1)) {
        (Some(high), Some(low)) => matters(high * 16 + low, wide),
        _ => rest.iter().take(2).any(|&byte| begins_escape(byte)),
    }
}

fn hides_backslash(rest: &[u8], wide: bool) -> bool {
    match rest.first() {
        Some(b'u') => {
            let mut code = 0;
            for &byte in rest.iter().skip(1).take(4) {
                match char::from(byte).to_digit(16) {
                    Some(digit) => code = code * 16 + digit,
                    None => return begins_escape(byte),
                }
            }
            rest.len() >= 5 && matters(code, wide)
        }
        Some(b'%' | b'&') => true,
        _ => false,
    }
}

fn hides_ampersand(rest: &[u8], wide: bool) -> bool {
    let mut rest = rest;
    while let Some(behind) = rest.strip_prefix(b"amp;") {
        rest = behind;
    }
    let names: [&[u8]; 4] = [b"percnt", b"bsol", b"num", b"AMP"];
    match rest.first() {
        Some(b'#' | b'%' | b'\\' | b'&') => true,
        Some(_) if names.iter().any(|name| rest.starts_with(name)) => true,
        // A letter with a mark.
        Some(byte) => {
            wide && byte.is_ascii_alphabetic()
                && rest.iter().take(super::entity::LONGEST + 1).any(|&byte| byte == b';')
        }
        None => false,
    }
}

/// Whether a phone's digits stand somewhere, with anything like a separator between them.
fn numbered(text: &[u8], digits: &Automaton) -> bool {
    let fewest = digits.shortest();
    let mut at = 0;
    let next = |at: usize| match fewest >= FEWEST {
        true => next_digit(text, crowd(text, at, fewest)?),
        false => next_digit(text, at),
    };
    while let Some(first) = next(at) {
        let (mut state, mut gap) = (digits.start(), 0);
        at = first;
        while let Some(&byte) = text.get(at) {
            at += 1;
            if byte.is_ascii_digit() {
                state = digits.next(state, byte);
                gap = 0;
                if digits.is_match(state) {
                    return true;
                }
                continue;
            }
            gap += 1;
            // White space in a row counts as one space where a text is walked.
            if gap > super::scan::SEPARATORS * super::scan::SPACES {
                break;
            }
            match byte {
                b'%' => at += 2,
                b'\\' => at += if text.get(at) == Some(&b'u') { 5 } else { 1 },
                b'&' => {
                    let name = text.get(at..).unwrap_or_default().iter().take(10);
                    at += name.clone().position(|&byte| byte == b';').map_or(0, |end| end + 1);
                }
                b'\n' | b'\r' => {}
                _ if super::scan::is_separator(byte) => {}
                _ => break,
            }
        }
    }
    false
}

/// The first digit from `from` on; blocks without one cost little.
pub(super) fn next_digit(text: &[u8], from: usize) -> Option<usize> {
    let rest = text.get(from..)?;
    let mut at = from;
    for block in rest.chunks(64) {
        let any = block.iter().fold(false, |any, byte| any | (byte.wrapping_sub(b'0') < 10));
        if any {
            return block.iter().position(u8::is_ascii_digit).map(|offset| at + offset);
        }
        at += block.len();
    }
    None
}
