//! One value after another runs through the scanner; what is found becomes a hit with its place.

use super::draft::{Draft, Placed};
use super::encoded::{Run, look_into};
use super::field::Typed;
use super::identifier::Identifiers;
use super::scan::{Found, Scanner};
use super::select::{self, Selection};
use super::spelling::Script;
use super::unescape::next_escape;
use super::{Hit, Noticed, unknown};
use crate::model::{Container, Place, Secret, Side};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// The value that is being read.
#[derive(Clone, Copy)]
struct Open {
    token: usize,
    content: usize,
    fed: usize,
    script: Script,
    typed: Option<Typed>,
    /// What stands here by the owner's word.
    selected: Option<usize>,
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
    /// Finds of the open value that were told, as far as letters of the run that is not over belong to them.
    claimed: Vec<Range<usize>>,
    drafts: Vec<Placed>,
    /// So many values are still looked at for personal data that is nobody's here.
    pub(super) looks: usize,
    noticed: Vec<Noticed>,
    /// Places where a run was too long to be looked into, since they were last taken.
    unread: Vec<Place>,
    /// Fields that hold a value by the owner's word.
    selection: Option<Arc<Selection>>,
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
            claimed: Vec::new(),
            drafts: Vec::new(),
            looks: 0,
            noticed: Vec::new(),
            unread: Vec::new(),
            selection: None,
            quiet: Vec::new(),
            next: 0,
        }
    }

    /// The same, which takes all of a value whose field is one of these.
    pub(super) fn selecting(mut self, selection: Arc<Selection>) -> Self {
        self.selection = Some(selection).filter(|selection| !selection.is_empty());
        self
    }

    /// Whether every value has to be read, whatever is in it.
    pub(super) fn reads_all(&self) -> bool {
        self.looks > 0 || self.selection.is_some()
    }

    /// The open value, which is no name, stands at `place`.
    pub(super) fn stands_at(&mut self, place: &impl Locate) {
        let Some(selection) = &self.selection else { return };
        if let Some(open) = &mut self.open {
            open.selected = selection.at(&place.locate(&self.identifiers, self.side));
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

    /// How far from `at` on nothing can be found; `at` itself where that is not so.
    pub(super) fn quiet_until(&mut self, at: usize) -> usize {
        self.quiet_from(at).filter(|quiet| quiet.start <= at).map_or(at, |quiet| quiet.end)
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
        self.claimed.clear();
        self.open = Some(Open { token, content, fed: content, script, typed, selected: None });
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

    /// Whether nothing can be found in a whole value, or name, of that type: then it need not be read. A glance at one value
    /// tells what a glance at much of a body cannot, that only its neighbour holds something.
    pub(super) fn passes(&self, content: &[u8], typed: Option<Typed>) -> bool {
        let weak = &self.identifiers.compiled.weak;
        self.selection.is_none()
            && typed.is_none_or(|typed| !weak.has(typed))
            && !(self.looks > 0 && next_escape(content) < content.len())
            && self.identifiers.is_clean(content)
    }

    /// The same of a value at `place`; tells what one that passes seems to be.
    pub(super) fn passes_at(&mut self, content: &[u8], typed: Option<Typed>, place: &impl Locate) -> bool {
        let passes = self.passes(content, typed);
        if passes && self.looks > 0 && content.len() <= unknown::LONGEST && unknown::is_worth_a_look(content)
        {
            self.notice(content, place);
        }
        passes
    }

    /// The value's content ends at `content`, its token at `token`; a name has none.
    pub(super) fn end(&mut self, content: usize, token: Option<usize>, place: &impl Locate) {
        let Some(open) = self.open.take() else { return };
        self.scanner.end(&self.identifiers);
        let runs = self.scanner.take_all_runs();
        let selected = self.select(open, content, token, place);
        self.runs(runs, open, Some(content), token, place);
        let weak = open
            .typed
            .zip(self.scanner.weak())
            .and_then(|(typed, decoded)| self.identifiers.compiled.weak.find(typed, decoded));
        let whole = token.map(|end| open.token..end);
        let mut found = std::mem::take(self.scanner.found());
        if let Some(selected) = selected {
            // What else stands there is told too: the field's own slot may be one that goes as it is.
            let is_whole = |found: &Found| found.start == open.content && found.end == content;
            found.retain(|found| found.identifier != selected || !is_whole(found));
        }
        if found.is_empty() {
            if let Some((identifier, written)) = weak.filter(|(identifier, _)| selected != Some(*identifier))
            {
                let found = Found { identifier, start: open.content, end: content, written };
                self.draft(found, open.script, whole, place);
            } else if self.looks > 0
                && token.is_some()
                && selected.is_none()
                && let Some(decoded) = self.scanner.weak().filter(|decoded| unknown::is_worth_a_look(decoded))
            {
                let decoded = Secret::new(decoded.to_vec());
                self.notice(decoded.expose(), place);
            }
            return;
        }
        for &found in &found {
            let is_whole = found.start == open.content && found.end == content;
            self.draft(found, open.script, whole.clone().filter(|_| is_whole), place);
        }
    }

    /// Takes all of a value that has ended because of its field. Gives what it holds then.
    fn select(
        &mut self,
        open: Open,
        content: usize,
        token: Option<usize>,
        place: &impl Locate,
    ) -> Option<usize> {
        let identifier = open.selected?;
        let span = open.content..content;
        if span.len() > select::LONGEST {
            self.unread.push(place.locate(&self.identifiers, self.side));
        }
        if span.is_empty() || span.len() > select::LONGEST {
            return None;
        }
        let token = token.map(|end| open.token..end);
        self.placed(Draft::Selected { identifier, span }, open.script, token, place);
        Some(identifier)
    }

    /// Tells what a value seems to be.
    fn notice(&mut self, decoded: &[u8], place: &impl Locate) {
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
        if self.is_kept_whole(content.unwrap_or(open.fed), place) {
            return;
        }
        let runs = self.scanner.take_runs(&self.identifiers);
        self.runs(runs, open, None, None, place);
        let content = content.unwrap_or(open.fed);
        let mut found = std::mem::take(self.scanner.found());
        // Finds are told in order, also those in runs.
        let run = self.scanner.held_by_runs().unwrap_or(usize::MAX);
        let waits = |found: &Found| found.start >= run || found.start == open.content && found.end == content;
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
        if self.is_kept_whole(open.fed, place) {
            return Some(open.token);
        }
        self.scanner.hurry(&self.identifiers);
        let runs = self.scanner.hurry_runs(&self.identifiers);
        self.runs(runs, open, None, None, place);
        for found in std::mem::take(self.scanner.found()) {
            self.draft(found, open.script, None, place);
        }
        let weak = self.scanner.weak().is_some().then_some(open.token);
        weak.or_else(|| self.scanner.telling(&self.identifiers))
    }

    /// Whether the open value, whose content reaches to `content` by now, waits for its end because of its field. One
    /// that is too long does not.
    fn is_kept_whole(&mut self, content: usize, place: &impl Locate) -> bool {
        let Some(open) = self.open.as_mut().filter(|open| open.selected.is_some()) else { return false };
        if content.saturating_sub(open.content) <= select::LONGEST {
            return true;
        }
        open.selected = None;
        let place = place.locate(&self.identifiers, self.side);
        self.unread.push(place);
        false
    }

    fn draft(&mut self, found: Found, script: Script, token: Option<Range<usize>>, place: &impl Locate) {
        let run = self.scanner.held_by_runs();
        self.claimed.retain(|claimed| run.is_some_and(|run| claimed.end > run));
        self.claimed.push(found.start..found.end);
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
            // What is found goes by itself: its letters belong to no text in another alphabet.
            let found = self.scanner.found().iter().map(|found| found.start..found.end);
            let claimed: Vec<_> = self.claimed.iter().cloned().chain(found).collect();
            for run in run.beside(&claimed) {
                let Some(reading) = look_into(&self.identifiers, &run) else { continue };
                let is_whole = run.span.start == open.content && Some(run.span.end) == content;
                let token = token.filter(|_| is_whole).map(|end| open.token..end);
                let signed = run.joined && reading.is_json();
                let draft = Draft::Encoded { span: run.span, reading, signed };
                self.placed(draft, open.script, token, place);
            }
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
        if open.selected.is_some() {
            return Some(open.token);
        }
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
        let mut hits = Vec::with_capacity(self.drafts.len());
        for draft in self.drafts.drain(..) {
            let written = bytes(draft.span()).unwrap_or_default();
            hits.extend(draft.hits(&self.identifiers, container, &written));
        }
        hits.sort_by_key(|hit| hit.span.start);
        hits
    }
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
