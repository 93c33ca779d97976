//! `multipart/*` (RFC 2046 section 5.1): parts are values. Media and archives cannot be looked into and are told. So is what
//! is in a transfer encoding, or in letters that are not written as ASCII writes them: that is looked into as it stands.
//! Headers of parts, the preamble and the epilogue are looked into.

use super::field;
use super::identifier::Identifiers;
use super::spelling::Script;
use super::syntax::{has_known_charset, is_binary, parameter};
use super::values::{Source, Values, safe_name};
use crate::model::{Part, Place, Side};
use http::HeaderValue;
use std::collections::HashMap;

/// Longest header block of a part; what goes beyond is read as text.
const HEAD: usize = 8 << 10;
/// Most different part names that are counted.
const NAMES: usize = 1024;

enum State {
    /// Before the first delimiter, in a part, or behind the last one: bytes up to a delimiter.
    Content,
    /// Behind a delimiter, up to its line's end; the count of dashes seen, as long as nothing else was.
    Line { dashes: Option<usize> },
    /// In a part's header block, which begins here.
    Head { start: usize },
}

/// The tokenizer.
pub(super) struct Multipart {
    delimiter: Vec<u8>,
    state: State,
    /// Bytes of the delimiter that just came by.
    matched: usize,
    /// Bytes of it that are only imagined: a body may begin with a delimiter without its line break.
    imagined: usize,
    open: bool,
    /// The current part is looked into.
    text: bool,
    /// It is not, and that was told.
    told: bool,
    /// Parts that were not looked into, since they were last asked for.
    unread: Vec<Place>,
    /// The last delimiter came by.
    closed: bool,
    head: Vec<u8>,
    name: Option<Vec<u8>>,
    seen: HashMap<Vec<u8>, usize>,
    occurrence: usize,
}

impl Multipart {
    pub(super) fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Content,
            matched: 2,
            imagined: 2,
            open: false,
            text: true,
            told: false,
            unread: Vec::new(),
            closed: false,
            head: Vec::new(),
            name: None,
            seen: HashMap::new(),
            occurrence: 1,
        }
    }

    pub(super) fn push<S: Source>(&mut self, chunk: &[u8], offset: usize, values: &mut Values<S>) {
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::Content => self.content(rest, offset + at, values),
                State::Line { dashes } => self.line(rest, offset + at, dashes, values),
                State::Head { start } => self.head(rest, start, values),
            };
        }
        values.pause(None, &self.locate());
    }

    pub(super) fn finish<S: Source>(&mut self, offset: usize, values: &mut Values<S>) {
        match self.state {
            State::Head { start } => self.end_head(start, values),
            State::Content if self.matched > self.imagined => self.give_back(offset, values),
            _ => {}
        }
        if self.open {
            values.end(offset, Some(offset), &self.locate());
            self.open = false;
        }
    }

    /// The first byte that waits for more; bytes of a value wait with it.
    pub(super) fn held(&self, offset: usize) -> Option<usize> {
        match self.state {
            State::Head { start } => Some(start),
            State::Content if self.matched > self.imagined => Some(offset - (self.matched - self.imagined)),
            _ => None,
        }
    }

    /// See [`Values::hurry`]; a header block waits for its end.
    pub(super) fn hurry<S: Source>(&self, values: &mut Values<S>) -> Option<usize> {
        let held = values.hurry(&self.locate());
        if let State::Head { start } = self.state { Some(start) } else { held }
    }

    fn content<S: Source>(&mut self, rest: &[u8], at: usize, values: &mut Values<S>) -> usize {
        if self.matched == 0 {
            let length = memchr::memchr(b'\r', rest).unwrap_or(rest.len());
            self.feed(rest.get(..length).unwrap_or_default(), at, values);
            self.matched = usize::from(length < rest.len());
            return length + self.matched;
        }
        if rest.first() != self.delimiter.get(self.matched) {
            self.give_back(at, values);
            return 0;
        }
        self.matched += 1;
        if self.matched == self.delimiter.len() {
            let end = at + 1 - (self.matched - self.imagined);
            if self.open {
                values.end(end, Some(end), &self.locate());
                self.open = false;
            }
            (self.matched, self.imagined, self.name) = (0, 0, None);
            self.state = State::Line { dashes: Some(0) };
        }
        1
    }

    /// What looked like a delimiter was content; it ended at `at`.
    fn give_back<S: Source>(&mut self, at: usize, values: &mut Values<S>) {
        let real = self.delimiter.get(self.imagined..self.matched).unwrap_or_default().to_vec();
        (self.matched, self.imagined) = (0, 0);
        self.feed(&real, at - real.len(), values);
    }

    fn feed<S: Source>(&mut self, bytes: &[u8], at: usize, values: &mut Values<S>) {
        if bytes.is_empty() {
            return;
        }
        if !self.text {
            if !std::mem::replace(&mut self.told, true) {
                let place = values.place(&self.locate());
                self.unread.push(place);
            }
            return;
        }
        if !self.open {
            let name = self.name.as_deref().filter(|_| values.wants_type(at));
            let typed = name.and_then(field::typed);
            values.begin(at, at, Script::Text, typed);
            values.stands_at(&self.locate());
            self.open = true;
        }
        values.feed(bytes, at);
    }

    /// The rest of a delimiter's line: two dashes, or what must be white space and is looked into all the same.
    fn line<S: Source>(
        &mut self,
        rest: &[u8],
        at: usize,
        dashes: Option<usize>,
        values: &mut Values<S>,
    ) -> usize {
        let first = rest.first().copied();
        if let (Some(dashes), Some(b'-')) = (dashes, first) {
            self.state = State::Line { dashes: Some(dashes + 1) };
            if dashes == 1 {
                // The epilogue.
                (self.closed, self.text) = (true, true);
                self.state = State::Content;
            }
            return 1;
        }
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default();
        self.text = true;
        self.feed(line, at, values);
        self.state = State::Line { dashes: None };
        if line.ends_with(b"\n") {
            values.end(at + length, None, &self.locate());
            self.open = false;
            self.head.clear();
            self.state = State::Head { start: at + length };
        }
        length
    }

    /// The parts that were not looked into, since the last call.
    pub(super) fn take_unread(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.unread)
    }

    fn head<S: Source>(&mut self, rest: &[u8], start: usize, values: &mut Values<S>) -> usize {
        for (at, &byte) in rest.iter().enumerate() {
            self.head.push(byte);
            let head = self.head.as_slice();
            let over = byte == b'\n'
                && (head == b"\r\n"
                    || head == b"\n"
                    || head.ends_with(b"\r\n\r\n")
                    || head.ends_with(b"\n\n"));
            if over || self.head.len() >= HEAD {
                self.end_head(start, values);
                return at + 1;
            }
        }
        rest.len()
    }

    fn end_head<S: Source>(&mut self, start: usize, values: &mut Values<S>) {
        let head = std::mem::take(&mut self.head);
        let disposition = header(&head, "content-disposition").unwrap_or_default();
        let parameters = disposition.split_once(';').map_or("", |(_, parameters)| parameters);
        self.name = parameter(parameters, "name").map(String::into_bytes);
        self.occurrence = self.count();
        let kind = header(&head, "content-type").and_then(|kind| HeaderValue::from_str(kind.trim()).ok());
        let encoding = header(&head, "content-transfer-encoding").unwrap_or_default();
        let plain = matches!(encoding.trim().to_ascii_lowercase().as_str(), "" | "7bit" | "8bit" | "binary");
        self.text = !is_binary(kind.as_ref());
        self.told = false;
        values.begin(start, start, Script::Header, None);
        values.feed(&head, start);
        values.end(start + head.len(), None, &self.locate());
        // What it says need not be so, and much of such a text stands for itself: it is looked into as well.
        if self.text && !(plain && has_known_charset(kind.as_ref())) {
            let place = values.place(&self.locate());
            self.unread.push(place);
        }
        // The line break before the blank line is also that of a delimiter right behind it.
        (self.matched, self.imagined) = (2, 2);
        self.state = State::Content;
    }

    fn count(&mut self) -> usize {
        let Some(name) = &self.name else { return 1 };
        if let Some(count) = self.seen.get_mut(name) {
            *count += 1;
            return *count;
        }
        if self.seen.len() < NAMES {
            self.seen.insert(name.clone(), 1);
        }
        1
    }

    fn locate(&self) -> impl Fn(&Identifiers, Side) -> Place + '_ {
        |identifiers, side| match &self.name {
            Some(name) if !self.closed => {
                let part = Part::BodyPart(safe_name(identifiers, name).into());
                Place { side, part, occurrence: self.occurrence }
            }
            _ => Place { side, part: Part::BodyText, occurrence: 1 },
        }
    }
}

/// The value of a header field of a part, folded lines joined.
fn header(head: &[u8], wanted: &str) -> Option<String> {
    let text = String::from_utf8_lossy(head).replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
    })
}
