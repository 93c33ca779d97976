//! Runs of letters that may be a text in another alphabet.

use super::alphabet::is_letter;
use super::glance::{stretches, trailing};
use crate::rewrite::unescape::Unit;
use std::ops::Range;

/// Fewest letters that are looked at: eight bytes of base64.
pub(in crate::rewrite) const SHORTEST: usize = 11;
/// Most letters of a run that is looked into.
pub(in crate::rewrite) const LONGEST: usize = 64 << 10;
/// Fewest letters of a signature behind two dashes: SHA-1 in base64.
const SIGNATURE: usize = 27;
/// RFC 4648 section 4: at most two characters of padding.
const PADDING: usize = 2;

/// A run, escapes undone.
#[derive(Clone, Default)]
pub(in crate::rewrite) struct Run {
    /// Its letters, without padding. May hold a real value.
    pub(super) letters: Vec<u8>,
    /// Which of them are written as escapes, in order, and how many bytes more than one each takes.
    pub(super) escapes: Vec<(usize, usize)>,
    /// How many `=` stand behind them.
    pub(super) padding: usize,
    /// Its bytes, padding included.
    pub(in crate::rewrite) span: Range<usize>,
    /// A dot joins it to another run, as in a signed token (RFC 7515 section 7.1).
    pub(in crate::rewrite) joined: bool,
}

impl Run {
    /// What is left of it beside bytes that something else claims, which are in order: the parts that are long enough to be
    /// looked into.
    pub(in crate::rewrite) fn beside(self, claimed: &[Range<usize>]) -> Vec<Self> {
        let touches = |bytes: &&Range<usize>| bytes.start < self.span.end && self.span.start < bytes.end;
        if !claimed.iter().any(|bytes| touches(&bytes)) {
            return vec![self];
        }
        let (mut parts, mut from, end) = (Vec::new(), self.span.start, self.span.end);
        for bytes in claimed.iter().filter(touches).cloned().chain(std::iter::once(end..end)) {
            parts.extend(self.part(from..bytes.start.clamp(from, end)));
            from = bytes.end.clamp(from, end);
        }
        parts
    }

    /// The letters that stand in these bytes, where they are enough.
    fn part(&self, bytes: Range<usize>) -> Option<Self> {
        let first = self.starts().take_while(|start| *start < bytes.start).count();
        let count = self.starts().skip(first).take_while(|start| *start < bytes.end).count();
        let letters = self.letters.get(first..first + count).filter(|letters| letters.len() >= SHORTEST)?;
        let inside = |(at, more): &(usize, usize)| Some((at.checked_sub(first)?, *more));
        Some(Self {
            letters: letters.to_vec(),
            escapes: self.escapes.iter().filter_map(inside).filter(|(at, _)| *at < count).collect(),
            padding: if bytes.end == self.span.end { self.padding } else { 0 },
            span: bytes,
            joined: self.joined,
        })
    }

    /// Where each letter begins.
    fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        let (mut at, mut escapes) = (self.span.start, self.escapes.iter().peekable());
        (0..self.letters.len()).map(move |letter| {
            let more = escapes.next_if(|(escaped, _)| *escaped == letter).map_or(0, |(_, more)| *more);
            let start = at;
            at += 1 + more;
            start
        })
    }
}

/// Finds runs in the units of one value.
#[derive(Default)]
pub(in crate::rewrite) struct Runs {
    open: Run,
    /// The open run got too long to be looked into.
    long: bool,
    /// A run that a dot ended: the next unit tells whether it is joined.
    dotted: Option<Run>,
    /// The open run stands behind a dot that stands behind another.
    behind: bool,
    whole: Vec<Run>,
    /// Runs that were too long, since they were last taken.
    skipped: bool,
}

impl Runs {
    /// Forgets everything.
    pub(in crate::rewrite) fn clear(&mut self) {
        self.whole.clear();
        self.reset();
    }

    /// Forgets what is not whole.
    pub(in crate::rewrite) fn reset(&mut self) {
        self.open.letters.clear();
        self.open.escapes.clear();
        (self.open.padding, self.long, self.dotted, self.behind) = (0, false, None, false);
    }

    /// The next unit of the value.
    #[inline]
    pub(in crate::rewrite) fn take(&mut self, unit: Unit) {
        if is_letter(unit.byte) {
            return self.letter(unit);
        }
        if self.open.letters.is_empty() && self.dotted.is_none() && !self.long {
            self.behind = false;
            return;
        }
        self.other(unit);
    }

    /// Bytes of the value that stand for themselves, the first of them at `offset`.
    pub(in crate::rewrite) fn take_plain(&mut self, bytes: &[u8], offset: usize) {
        let mut from = 0;
        while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
            if self.is_idle() {
                // Shorter words inside are no run, and join none.
                let next = stretches(rest).next().map(|stretch| stretch.start);
                from += next.unwrap_or(rest.len() - trailing(rest));
            }
            let Some(&byte) = bytes.get(from) else { return };
            self.take(Unit::plain(byte, offset + from));
            from += 1;
        }
    }

    /// Whether nothing that came can belong to a run that is not whole.
    fn is_idle(&self) -> bool {
        self.open.letters.is_empty() && self.dotted.is_none() && !self.behind && !self.long
    }

    #[inline]
    fn letter(&mut self, unit: Unit) {
        if self.open.padding > 0 {
            self.close(false);
        }
        if let Some(mut run) = self.dotted.take() {
            run.joined = true;
            self.keep(run);
            self.behind = true;
        }
        if self.long {
            return;
        }
        if self.open.letters.is_empty() {
            self.open.span.start = unit.start;
        }
        let more = (unit.end - unit.start).saturating_sub(1);
        if more > 0 {
            self.open.escapes.push((self.open.letters.len(), more));
        }
        self.open.letters.push(unit.byte);
        self.open.span.end = unit.end;
        if self.open.letters.len() > LONGEST {
            (self.open.letters, self.open.escapes) = (Vec::new(), Vec::new());
            (self.long, self.skipped) = (true, true);
        }
    }

    fn other(&mut self, unit: Unit) {
        if unit.byte == b'=' && self.open.padding < PADDING && !self.open.letters.is_empty() {
            self.open.padding += 1;
            self.open.span.end = unit.end;
            return;
        }
        self.close(unit.byte == b'.');
    }

    /// The open run is whole.
    fn close(&mut self, dot: bool) {
        if let Some(run) = self.dotted.take() {
            self.keep(run);
        }
        self.long = false;
        let joined = std::mem::take(&mut self.behind);
        if self.open.letters.len() < SHORTEST {
            self.open.letters.clear();
            self.open.escapes.clear();
            self.open.padding = 0;
            // A short part of a token joins its neighbours too.
            self.behind = dot && joined;
            return;
        }
        let mut run = std::mem::take(&mut self.open);
        run.joined = joined;
        if dot {
            self.dotted = Some(run);
        } else {
            self.keep(run);
        }
    }

    fn keep(&mut self, mut run: Run) {
        run.joined |= has_signature(&run.letters);
        self.whole.push(run);
    }

    /// The value is over.
    pub(in crate::rewrite) fn end(&mut self) {
        self.close(false);
    }

    /// Whether no run is whole.
    pub(in crate::rewrite) fn has_none(&self) -> bool {
        self.whole.is_empty()
    }

    /// The runs that are whole and end by `limit`, in order.
    pub(in crate::rewrite) fn take_whole(&mut self, limit: usize) -> Vec<Run> {
        let ready = self.whole.iter().take_while(|run| run.span.end <= limit).count();
        self.whole.drain(..ready).collect()
    }

    /// Whether a run was too long since the last call.
    pub(in crate::rewrite) fn take_skipped(&mut self) -> bool {
        std::mem::take(&mut self.skipped)
    }

    /// The first byte of what is not whole or was not taken.
    pub(in crate::rewrite) fn held(&self) -> Option<usize> {
        let open = (!self.open.letters.is_empty()).then_some(self.open.span.start);
        let before = self.whole.first().or(self.dotted.as_ref()).map(|run| run.span.start);
        before.or(open)
    }
}

/// Whether a text ends in a signature behind two dashes, as the cookies of Ruby on Rails do.
fn has_signature(letters: &[u8]) -> bool {
    let dashes = memchr::memmem::rfind(letters, b"--");
    dashes.is_some_and(|at| letters.len() - at - 2 >= SIGNATURE)
}

/// The runs of a whole text, and whether one was too long to be looked into.
pub(super) fn runs_of(text: &[u8]) -> (Vec<Run>, bool) {
    let mut runs = Runs::default();
    for unit in crate::rewrite::unescape::decode(text) {
        runs.take(unit);
    }
    runs.end();
    (runs.take_whole(usize::MAX), runs.take_skipped())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_end_where_their_letters_do() {
        for (text, want) in [
            ("a short one", vec![]),
            ("q=YW5uQGhvbWU=&x", vec![("YW5uQGhvbWU=", false)]),
            ("YW5uQGhvbWUuZXhhbXBsZQ%3D%3D", vec![("YW5uQGhvbWUuZXhhbXBsZQ%3D%3D", false)]),
            (r#"Pz8\/Pz8\/Pz8\/"#, vec![(r"Pz8\/Pz8\/Pz8\/", false)]),
            ("aaaaaaaaaaaaa=bbbbbbbbbbbbb", vec![("aaaaaaaaaaaaa=", false), ("bbbbbbbbbbbbb", false)]),
            (
                "eyJhbGciOiJI.eyJlbWFpbCI6.c2lnbmF0dXJl",
                vec![("eyJhbGciOiJI", true), ("eyJlbWFpbCI6", true), ("c2lnbmF0dXJl", true)],
            ),
            ("eyJlbWFpbCI6.Zx8s.c2lnbmF0dXJl", vec![("eyJlbWFpbCI6", true), ("c2lnbmF0dXJl", true)]),
            (
                "YW5uQGhvbWU--0123456789abcdef0123456789abcdef01234567",
                vec![("YW5uQGhvbWU--0123456789abcdef0123456789abcdef01234567", true)],
            ),
            ("The end is YW5uQGhvbWU. Next", vec![("YW5uQGhvbWU", false)]),
        ] {
            let (runs, _) = runs_of(text.as_bytes());
            let seen: Vec<_> = runs.iter().map(|run| (&text[run.span.clone()], run.joined)).collect();
            assert_eq!(seen, want, "{text}");
        }
    }

    #[test]
    fn a_run_that_is_too_long_is_told() {
        let mut runs = Runs::default();
        for at in 0..=LONGEST {
            runs.take(Unit::plain(b'A', at));
        }
        assert_eq!((runs.take_skipped(), runs.held()), (true, None), "nothing waits for its end");
        runs.take(Unit::plain(b' ', LONGEST + 1));
        runs.end();
        assert!(runs.take_whole(usize::MAX).is_empty() && !runs.take_skipped());
    }
}
