//! Identifiers in a body, as it arrives.

use super::encoded;
use super::form::{Form, FormKind};
use super::json::Json;
use super::multipart::Multipart;
use super::select::Selection;
use super::spelling::Script;
use super::unescape::next_escape;
use super::values::{Source, Values};
use super::{Hit, Identifiers, Noticed, Syntax, unknown};
use crate::model::{Container, Part, Place, Side};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of a chunk that is not clean as a whole which are looked at together.
const GLANCE: usize = 4 << 10;
/// And of those again, where they are not.
const CLOSE_GLANCE: usize = 512;
/// Bytes of a whole body that are looked at together.
const PIECE: usize = 64 << 10;

enum Structure {
    Json(Json),
    Form(Form),
    Multipart(Multipart),
    Text { script: Script, open: bool },
}

/// Finds identifiers in one body, fed in chunks of any size. The hits are those of the whole body, whatever the splits.
pub struct BodyFinder {
    values: Values<Arc<Identifiers>>,
    structure: Structure,
    /// Said to be JSON and nothing seen yet that shows it.
    unseen: bool,
    offset: usize,
    /// The bytes from `settled` on.
    tail: Vec<u8>,
    settled: usize,
}

impl BodyFinder {
    /// A finder at the start of a request body of that structure, with its content coding undone.
    pub fn new(identifiers: Arc<Identifiers>, syntax: Syntax) -> Self {
        Self::of(Side::Request, identifiers, syntax)
    }

    /// The same for a body of either message.
    pub fn of(side: Side, identifiers: Arc<Identifiers>, syntax: Syntax) -> Self {
        let unseen = syntax == Syntax::Json;
        let structure = match syntax {
            Syntax::Json => Structure::Json(Json::new()),
            Syntax::Form => Structure::Form(Form::new(FormKind::Body)),
            Syntax::Multipart { boundary } => Structure::Multipart(Multipart::new(&boundary)),
            Syntax::Text => Structure::Text { script: Script::Text, open: false },
            Syntax::Html => Structure::Text { script: Script::Html, open: false },
        };
        Self {
            values: Values::new(identifiers, side),
            structure,
            unseen,
            offset: 0,
            tail: Vec::new(),
            settled: 0,
        }
    }

    /// The same, which takes all of a value whose field is one of these.
    #[must_use]
    pub fn selecting(mut self, selection: Arc<Selection>) -> Self {
        self.values = self.values.selecting(selection);
        self
    }

    /// What it looks for.
    pub(super) fn identifiers(&self) -> &Identifiers {
        self.values.identifiers()
    }

    /// Takes the next bytes; gives the hits that are sure by now, in order.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<Hit> {
        self.sniff(chunk);
        if !self.values.reads_all() {
            self.mark_quiet(chunk);
        }
        match &mut self.structure {
            Structure::Json(json) => json.push(chunk, self.offset, &mut self.values),
            Structure::Form(form) => form.push(chunk, self.offset, &mut self.values),
            Structure::Multipart(multipart) => multipart.push(chunk, self.offset, &mut self.values),
            Structure::Text { script, open } => {
                if !std::mem::replace(open, true) {
                    self.values.begin(self.offset, self.offset, *script, None);
                }
                self.values.feed(chunk, self.offset);
                self.values.pause(None, &in_text);
            }
        }
        self.values.set_quiet([]);
        self.offset += chunk.len();
        let hits = self.take_hits(chunk);
        self.keep(chunk);
        hits
    }

    /// The body is over; gives the last hits.
    pub fn finish(&mut self) -> Vec<Hit> {
        match &mut self.structure {
            Structure::Json(json) => json.finish(self.offset, &mut self.values),
            Structure::Form(form) => form.finish(self.offset, &mut self.values),
            Structure::Multipart(multipart) => multipart.finish(self.offset, &mut self.values),
            // Where a text begins that was said to be JSON depends on how it came: it is no token.
            Structure::Text { .. } => self.values.end(self.offset, None, &in_text),
        }
        let hits = self.take_hits(&[]);
        self.settled = self.offset;
        self.tail.clear();
        hits
    }

    /// Nothing comes for a while. Gives the hits that only waited for what stands behind them, and settles what might
    /// have become an identifier, unless it is most of one already. A later hit may then start before
    /// [`Self::settled`]: its first bytes have left.
    pub fn hurry(&mut self) -> Vec<Hit> {
        let held = match &self.structure {
            Structure::Json(json) => json.hurry(&mut self.values),
            Structure::Form(form) => form.hurry(&mut self.values),
            Structure::Multipart(multipart) => multipart.hurry(&mut self.values),
            Structure::Text { .. } => self.values.hurry(&in_text),
        };
        let hits = self.take_hits(&[]);
        self.settle(held.unwrap_or(self.offset), &[]);
        hits
    }

    /// The parts of the body that were not looked into because they are no text, since the last call.
    pub fn take_unread(&mut self) -> Vec<Place> {
        let mut unread = self.values.take_unread();
        if let Structure::Multipart(multipart) = &mut self.structure {
            unread.extend(multipart.take_unread());
        }
        unread
    }

    /// Bytes before this offset may leave: no later hit, and no token of one, starts there.
    pub fn settled(&self) -> usize {
        self.settled
    }

    /// What does not begin like JSON is text.
    fn sniff(&mut self, chunk: &[u8]) {
        let is_space = |byte: &&u8| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0xEF | 0xBB | 0xBF | 0x1E);
        let Some(first) = chunk.iter().find(is_space).filter(|_| self.unseen) else { return };
        self.unseen = false;
        if !matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') {
            self.structure = Structure::Text { script: Script::Text, open: false };
        }
    }

    /// Finds out at a glance where the walk is not needed: in clean bytes only an identifier that reaches over one of
    /// their ends can begin or end.
    fn mark_quiet(&mut self, chunk: &[u8]) {
        let identifiers = self.values.identifiers();
        let reach = identifiers.reach(is_plain(chunk));
        let idle = self.values.is_idle() && self.tail.is_empty();
        // Nobody knows how what began before is written. A text in another alphabet is walked as a whole or not at all.
        let head = if idle { 0 } else { (2 * identifiers.reach(false)).max(encoded::leading(chunk)) };
        let most = head..chunk.len().saturating_sub(reach.max(encoded::trailing(chunk)));
        if most.is_empty() {
            return;
        }
        let encoded = encoded::spans(identifiers, chunk);
        let is_clean = |bytes: Range<usize>| {
            let is_beside = |span: &Range<usize>| span.end <= bytes.start || bytes.end <= span.start;
            // With what reaches over from the neighbours.
            let around = bytes.start.saturating_sub(reach)..chunk.len().min(bytes.end + reach);
            encoded.iter().all(is_beside) && identifiers.holds_no_value(chunk.get(around).unwrap_or_default())
        };
        let mut quiet: Vec<Range<usize>> = Vec::new();
        let mut join = |bytes: Range<usize>| match quiet.last_mut() {
            Some(last) if last.end == bytes.start => last.end = bytes.end,
            _ => quiet.push(bytes),
        };
        if is_clean(0..chunk.len()) {
            quiet.push(most);
        } else {
            for from in (0..chunk.len()).step_by(GLANCE) {
                let to = chunk.len().min(from + GLANCE);
                if is_clean(from..to) {
                    join(from..to);
                    continue;
                }
                for from in (from..to).step_by(CLOSE_GLANCE) {
                    let bytes = from..to.min(from + CLOSE_GLANCE);
                    if is_clean(bytes.clone()) {
                        join(bytes);
                    }
                }
            }
            for quiet in &mut quiet {
                let start = if quiet.start == 0 { 0 } else { quiet.start + 2 * reach };
                *quiet = start.max(most.start)..quiet.end.saturating_sub(reach).min(most.end);
            }
            quiet.retain(|quiet| !quiet.is_empty());
        }
        let offset = self.offset;
        self.values.set_quiet(quiet.into_iter().map(|quiet| offset + quiet.start..offset + quiet.end));
    }

    fn take_hits(&mut self, chunk: &[u8]) -> Vec<Hit> {
        let (tail, settled) = (self.tail.as_slice(), self.settled);
        let split = settled + tail.len();
        self.values.hits(&Container::Body, |span| {
            if span.start >= split {
                return chunk.get(span.start - split..span.end - split).map(Cow::Borrowed);
            }
            let mut bytes =
                tail.get(span.start.checked_sub(settled)?..span.end.min(split) - settled)?.to_vec();
            bytes.extend_from_slice(chunk.get(..span.end.saturating_sub(split))?);
            Some(Cow::Owned(bytes))
        })
    }

    /// Keeps the bytes that a later hit may need.
    fn keep(&mut self, chunk: &[u8]) {
        let multipart = match &self.structure {
            Structure::Multipart(multipart) => multipart.held(self.offset),
            _ => None,
        };
        let held = [self.values.held(), multipart].into_iter().flatten().min();
        self.settle(held.unwrap_or(self.offset), chunk);
    }

    /// Forgets the bytes before `settled`; `chunk` stands behind those that are kept.
    fn settle(&mut self, settled: usize, chunk: &[u8]) {
        let settled = settled.clamp(self.settled, self.offset);
        let split = self.settled + self.tail.len();
        if settled >= split {
            self.tail.clear();
            self.tail.extend_from_slice(chunk.get(settled - split..).unwrap_or_default());
        } else {
            self.tail.drain(..settled - self.settled);
            self.tail.extend_from_slice(chunk);
        }
        self.settled = settled;
    }
}

/// Whether nothing is escaped in a text, and no white space stands beside other.
fn is_plain(text: &[u8]) -> bool {
    let is_space = |byte: u8| byte == b' ' || byte.wrapping_sub(b'\t') < 5;
    let (before, behind) = (text, text.get(1..).unwrap_or_default());
    // Block by block, so that it is done many bytes at a time.
    let pairs = before.chunks(64).zip(behind.chunks(64));
    let spaced = |(before, behind): (&[u8], &[u8])| {
        before.iter().zip(behind).fold(false, |any, (one, next)| any | (is_space(*one) & is_space(*next)))
    };
    next_escape(text) == text.len() && !pairs.into_iter().any(spaced)
}

fn in_text(_: &Identifiers, side: Side) -> Place {
    Place { side, part: Part::BodyText, occurrence: 1 }
}

/// What is in a whole body.
#[derive(Debug, Default)]
pub struct Findings {
    /// In order.
    pub hits: Vec<Hit>,
    /// Parts that were not looked into because they are no text.
    pub unread: Vec<Place>,
    /// Personal data that is nobody's here.
    pub noticed: Vec<Noticed>,
}

/// More hits in a body than the caller takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// Everything in a whole body: the same hits as [`BodyFinder`] gives, without reading the structure where a glance shows
/// that there are none. With `notices`, also what personal data its fields seem to hold that is nobody's here.
///
/// # Errors
/// More than `most` hits: the rest is not looked for.
pub fn read_body(
    identifiers: &Arc<Identifiers>,
    syntax: Syntax,
    body: &[u8],
    most: usize,
    notices: bool,
) -> Result<Findings, TooMany> {
    read_selected_body(identifiers, syntax, body, most, notices, None)
}

/// The same, which takes all of a value whose field is one of `selection`.
///
/// # Errors
/// As [`read_body`].
pub fn read_selected_body(
    identifiers: &Arc<Identifiers>,
    syntax: Syntax,
    body: &[u8],
    most: usize,
    notices: bool,
    selection: Option<&Arc<Selection>>,
) -> Result<Findings, TooMany> {
    let parts = matches!(syntax, Syntax::Multipart { .. });
    let notices = notices && unknown::may_hold(&syntax, body);
    if !parts && !notices && selection.is_none() && identifiers.is_clean(body) {
        return Ok(Findings::default());
    }
    let mut finder = BodyFinder::new(Arc::clone(identifiers), syntax);
    if let Some(selection) = selection {
        finder = finder.selecting(Arc::clone(selection));
    }
    finder.values.looks = if notices { unknown::LOOKS } else { 0 };
    let mut found = Findings::default();
    for piece in body.chunks(PIECE) {
        found.hits.extend(finder.push(piece));
        if found.hits.len() > most {
            return Err(TooMany);
        }
    }
    found.hits.extend(finder.finish());
    found.unread = finder.take_unread();
    found.noticed = finder.values.take_noticed();
    if found.hits.len() > most { Err(TooMany) } else { Ok(found) }
}

/// The hits of [`read_body`], however many.
pub fn find_in_body(identifiers: &Arc<Identifiers>, syntax: Syntax, body: &[u8]) -> Vec<Hit> {
    read_body(identifiers, syntax, body, usize::MAX, false).map(|found| found.hits).unwrap_or_default()
}

/// One value of a head, read at once.
pub(super) fn read_value<S: Source>(
    values: &mut Values<S>,
    token: Range<usize>,
    content: (usize, &[u8]),
    script: Script,
    name: &[u8],
    place: &impl super::values::Locate,
) {
    let (start, bytes) = content;
    let typed = if values.wants_type(start) { super::field::typed(name) } else { None };
    values.begin(token.start, start, script, typed);
    values.stands_at(place);
    values.feed(bytes, start);
    values.end(start + bytes.len(), Some(token.end), place);
}
