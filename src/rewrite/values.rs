//! One value after another runs through the scanner; what is found becomes a hit with its place.

use super::encoded::{Reading, Run, look_into};
use super::field::Typed;
use super::identifier::Identifiers;
use super::scan::{Found, Scanner};
use super::spelling::Script;
use super::written::Written;
use super::{Hit, Noticed, Spelling, unknown};
use crate::model::{Container, Place, Secret, Side};
use std::ops::{Deref, Range};

/// What is found, before its spelling is taken from the bytes at the end of a push.
enum Draft {
    Value(Found),
    /// A text in another alphabet, with a signature over it or without.
    Encoded {
        span: Range<usize>,
        reading: Reading,
        signed: bool,
    },
}

/// A draft with its place.
struct Placed {
    draft: Draft,
    place: Place,
    script: Script,
    token: Option<Range<usize>>,
}

/// The value that is being read.
#[derive(Clone, Copy)]
struct Open {
    token: usize,
    content: usize,
    fed: usize,
    script: Script,
    typed: Option<Typed>,
}

/// A matcher that is lent or shared.
pub(super) trait Source: Deref<Target = Identifiers> {}

impl<T: Deref<Target = Identifiers>> Source for T {}

/// Scans the values that a structure takes apart.
pub(super) struct Values<S> {
    identifiers: S,
    side: Side,
    scanner: Scanner,
    open: Option<Open>,
    drafts: Vec<Placed>,
    /// So many values are still looked at for personal data that is nobody's here.
    pub(super) looks: usize,
    noticed: Vec<Noticed>,
    /// Places where a run was too long to be looked into, since they were last taken.
    unread: Vec<Place>,
    /// Bytes of the current chunk in which nothing can start or end, in order.
    quiet: Vec<Range<usize>>,
    /// The first of these that is not behind us.
    next: usize,
}

/// Where a value stands: the part and its occurrence are worked out only for a find.
pub(super) trait Locate {
    /// The place of the current value.
    fn locate(&self, identifiers: &Identifiers, side: Side) -> Place;
}

impl<F: Fn(&Identifiers, Side) -> Place> Locate for F {
    fn locate(&self, identifiers: &Identifiers, side: Side) -> Place {
        self(identifiers, side)
    }
}

impl<S: Source> Values<S> {
    pub(super) fn new(identifiers: S, side: Side) -> Self {
        let scanner = Scanner::new(&identifiers);
        Self {
            identifiers,
            side,
            scanner,
            open: None,
            drafts: Vec::new(),
            looks: 0,
            noticed: Vec::new(),
            unread: Vec::new(),
            quiet: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn identifiers(&self) -> &Identifiers {
        &self.identifiers
    }

    /// Where the current value stands.
    pub(super) fn place(&self, place: &impl Locate) -> Place {
        place.locate(&self.identifiers, self.side)
    }

    /// Whether the type of the field matters whose value begins at `at`: not where its value can only be a clean one.
    pub(super) fn wants_type(&mut self, at: usize) -> bool {
        !self.identifiers.compiled.weak.is_empty() && self.quiet_from(at).is_none_or(|quiet| at < quiet.start)
    }

    /// Says that nothing can be found in these bytes of the coming chunk, which are in order and apart.
    pub(super) fn set_quiet(&mut self, quiet: impl IntoIterator<Item = Range<usize>>) {
        self.quiet.clear();
        self.quiet.extend(quiet);
        self.next = 0;
    }

    /// The first quiet bytes that are not all before `at`.
    fn quiet_from(&mut self, at: usize) -> Option<Range<usize>> {
        while self.quiet.get(self.next).is_some_and(|quiet| quiet.end <= at) {
            self.next += 1;
        }
        self.quiet.get(self.next).cloned()
    }

    /// Whether the past cannot matter any more.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_none() || self.scanner.is_idle(&self.identifiers)
    }

    /// A value begins: its token at `token`, its content at `content`.
    pub(super) fn begin(&mut self, token: usize, content: usize, script: Script, typed: Option<Typed>) {
        let weak = &self.identifiers.compiled.weak;
        let weak = if typed.is_some_and(|typed| weak.has(typed)) { weak.longest() } else { 0 };
        let keep = if self.looks > 0 { weak.max(unknown::LONGEST) } else { weak };
        self.scanner.begin(&self.identifiers, keep);
        self.open = Some(Open { token, content, fed: content, script, typed });
    }

    /// The next bytes of the value, which stand at `offset`.
    pub(super) fn feed(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        if let Some(open) = &mut self.open {
            open.fed = end;
        }
        let mut at = offset;
        while at < end
            && let Some(quiet) = self.quiet_from(at).filter(|quiet| quiet.start < end)
        {
            let (from, to) = (quiet.start.max(at), quiet.end.min(end));
            let loud = bytes.get(at - offset..from - offset).unwrap_or_default();
            self.scanner.feed(&self.identifiers, loud, at);
            self.scanner.reset(&self.identifiers);
            at = to;
        }
        self.scanner.feed(&self.identifiers, bytes.get(at - offset..).unwrap_or_default(), at);
    }

    /// The value's content ends at `content`, its token at `token`; a name has none.
    pub(super) fn end(&mut self, content: usize, token: Option<usize>, place: &impl Locate) {
        let Some(open) = self.open.take() else { return };
        self.scanner.end(&self.identifiers);
        let runs = self.scanner.take_runs(&self.identifiers);
        self.runs(runs, open, Some(content), token, place);
        let weak = open
            .typed
            .zip(self.scanner.weak())
            .and_then(|(typed, decoded)| self.identifiers.compiled.weak.find(typed, decoded));
        let whole = token.map(|end| open.token..end);
        let found = std::mem::take(self.scanner.found());
        if found.is_empty() {
            if let Some((identifier, written)) = weak {
                let found = Found { identifier, start: open.content, end: content, written };
                self.draft(found, open.script, whole, place);
            } else if self.looks > 0 && token.is_some() {
                self.notice(place);
            }
            return;
        }
        for &found in &found {
            let is_whole = found.start == open.content && found.end == content;
            self.draft(found, open.script, whole.clone().filter(|_| is_whole), place);
        }
    }

    /// Tells what the value that ended seems to be.
    fn notice(&mut self, place: &impl Locate) {
        let Some(decoded) = self.scanner.weak().filter(|decoded| decoded.len() >= unknown::SHORTEST) else {
            return;
        };
        self.looks -= 1;
        if let Some(kind) = unknown::kind_of(decoded) {
            let value = Secret::new(String::from_utf8_lossy(decoded).trim().to_owned());
            if self.noticed.len() + 1 >= unknown::MOST {
                self.looks = 0;
            }
            self.noticed.push(Noticed { place: place.locate(&self.identifiers, self.side), kind, value });
        }
    }

    /// What was noticed since the last call.
    pub(super) fn take_noticed(&mut self) -> Vec<Noticed> {
        std::mem::take(&mut self.noticed)
    }

    /// The chunk ends inside the value: what is found by now and is not the whole of it can be told. Its content ends at
    /// `content` so far, where that is not all that was fed.
    pub(super) fn pause(&mut self, content: Option<usize>, place: &impl Locate) {
        let Some(open) = self.open else { return };
        let runs = self.scanner.take_runs(&self.identifiers);
        self.runs(runs, open, None, None, place);
        let content = content.unwrap_or(open.fed);
        let mut found = std::mem::take(self.scanner.found());
        let waits = |found: &Found| found.start == open.content && found.end == content;
        let ready = found.iter().position(waits).unwrap_or(found.len());
        for found in found.drain(..ready) {
            self.draft(found, open.script, None, place);
        }
        *self.scanner.found() = found;
    }

    /// Nothing comes for a while: what is found by now is told, and what only might become a find is let go. Gives the
    /// first byte that has to wait all the same: a value that may be a weak one, or most of a strong one.
    pub(super) fn hurry(&mut self, place: &impl Locate) -> Option<usize> {
        let open = self.open?;
        self.scanner.hurry(&self.identifiers);
        let runs = self.scanner.hurry_runs(&self.identifiers);
        self.runs(runs, open, None, None, place);
        for found in std::mem::take(self.scanner.found()) {
            self.draft(found, open.script, None, place);
        }
        let weak = self.scanner.weak().is_some().then_some(open.token);
        weak.or_else(|| self.scanner.telling(&self.identifiers))
    }

    fn draft(&mut self, found: Found, script: Script, token: Option<Range<usize>>, place: &impl Locate) {
        self.placed(Draft::Value(found), script, token, place);
    }

    fn placed(&mut self, draft: Draft, script: Script, token: Option<Range<usize>>, place: &impl Locate) {
        let place = place.locate(&self.identifiers, self.side);
        self.drafts.push(Placed { draft, place, script, token });
    }

    /// Looks into the runs that are whole. The value's content ends at `content` and its token at `token`, where it does.
    fn runs(
        &mut self,
        runs: Vec<Run>,
        open: Open,
        content: Option<usize>,
        token: Option<usize>,
        place: &impl Locate,
    ) {
        for run in runs {
            let Some(reading) = look_into(&self.identifiers, &run) else { continue };
            let is_whole = run.span.start == open.content && Some(run.span.end) == content;
            let token = token.filter(|_| is_whole).map(|end| open.token..end);
            let signed = run.joined && reading.is_json();
            let draft = Draft::Encoded { span: run.span, reading, signed };
            self.placed(draft, open.script, token, place);
        }
        if self.scanner.take_skipped() {
            let place = place.locate(&self.identifiers, self.side);
            self.unread.push(place);
        }
    }

    /// Where a run was too long to be looked into, since the last call.
    pub(super) fn take_unread(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.unread)
    }

    /// The first byte of the open value that may still be claimed, with its token's start where all of it may be.
    pub(super) fn held(&self) -> Option<usize> {
        let open = self.open?;
        let held = self.scanner.held(&self.identifiers).unwrap_or(open.fed);
        let whole = held <= open.content || self.scanner.weak().is_some();
        Some(if whole { open.token } else { held })
    }

    /// The hits since the last call; `bytes` gives the original bytes of a span.
    pub(super) fn hits<'a>(
        &mut self,
        container: &Container,
        bytes: impl Fn(Range<usize>) -> Option<std::borrow::Cow<'a, [u8]>>,
    ) -> Vec<Hit> {
        let identifiers = &*self.identifiers;
        let mut hits = Vec::with_capacity(self.drafts.len());
        for Placed { draft, place, script, token } in self.drafts.drain(..) {
            let container = container.clone();
            match draft {
                Draft::Value(Found { identifier, start, end, written: form }) => {
                    let written = bytes(start..end).unwrap_or_default();
                    let spelling = spelling(identifiers, identifier, &written, script, form);
                    let (span, within) = (start..end, None);
                    hits.push(Hit {
                        identifier,
                        container,
                        place,
                        span,
                        spelling,
                        within,
                        signed: false,
                        token,
                    });
                }
                Draft::Encoded { span, reading, signed } => {
                    let written = bytes(span.clone()).unwrap_or_default();
                    hits.extend(reading.open(identifiers, &written, script).into_iter().map(|inner| Hit {
                        identifier: inner.identifier,
                        container: container.clone(),
                        place: place.clone(),
                        span: span.clone(),
                        spelling: inner.spelling,
                        within: Some(inner.within),
                        signed,
                        token: token.clone(),
                    }));
                }
            }
        }
        hits.sort_by_key(|hit| hit.span.start);
        hits
    }
}

fn spelling(
    identifiers: &Identifiers,
    identifier: usize,
    written: &[u8],
    script: Script,
    form: Option<Written>,
) -> Spelling {
    let value = identifiers.get(identifier).map_or("", |identifier| identifier.value.expose().as_str());
    Spelling::new(written, value, script, form)
}

/// What a name that holds an identifier is called instead.
pub(super) const MASK: &str = "…";
/// Longest name in a place, in bytes.
const NAME: usize = 128;

/// A name as it may stand in a place: never one that holds an identifier, never a very long one.
pub(super) fn safe_name(identifiers: &Identifiers, name: &[u8]) -> String {
    let clean = (identifiers.holds_no_value(name) || super::scan::scan(identifiers, name).is_empty())
        && super::encoded::is_clean(identifiers, name);
    match std::str::from_utf8(name) {
        Ok(name) if clean && name.len() <= NAME && !name.chars().any(char::is_control) => name.to_owned(),
        _ => MASK.to_owned(),
    }
}
