//! JSON (RFC 8259), also many documents after each other: every string and every run between the signs is a value,
//! named by its pointer (RFC 6901). What is no JSON is looked into all the same.

use super::field::{self, Typed};
use super::identifier::Identifiers;
use super::spelling::Script;
use super::unescape;
use super::values::{Source, Values, safe_name};
use crate::model::{Part, Place, Side};

/// Deepest nesting that is named; what is deeper carries the name at that depth.
const DEPTH: usize = 128;
/// Longest key that is kept; a longer one has no name.
const KEY: usize = 256;
/// Longest pointer.
const POINTER: usize = 512;

#[derive(Clone, Copy)]
struct Frame {
    object: bool,
    /// Where its key begins in the path.
    key: usize,
    /// Behind the colon.
    value: bool,
    index: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    /// In a string; the flag says that a backslash came just before.
    String {
        key: bool,
        escaped: bool,
    },
    /// In a number, a word, or what is no JSON; its content ends here so far.
    Bare {
        end: usize,
    },
}

/// A bare value waits for its end behind at most so many blanks.
const BLANKS: usize = 256;

/// The tokenizer.
pub(super) struct Json {
    state: State,
    frames: Vec<Frame>,
    /// The keys on the way to the current value, as written.
    path: Vec<u8>,
    /// Levels below [`DEPTH`].
    deeper: usize,
    documents: usize,
}

/// What ends a bare value.
fn is_sign(byte: &u8) -> bool {
    matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b':' | b',')
}

/// Where the closing quote of a string stands that begins with `bytes`; `None` where it is not among them.
fn end_of_string(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

impl Json {
    pub(super) fn new() -> Self {
        Self { state: State::Between, frames: Vec::new(), path: Vec::new(), deeper: 0, documents: 0 }
    }

    pub(super) fn push<S: Source>(&mut self, chunk: &[u8], offset: usize, values: &mut Values<S>) {
        let mut at = 0;
        while let Some(rest) = chunk.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.state {
                State::Between => self.between(rest, offset + at, values),
                State::String { key, escaped } => self.string(rest, offset + at, key, escaped, values),
                State::Bare { end } => self.bare(rest, offset + at, end, values),
            };
        }
        // The blanks behind a bare value are not of it, and whether it is over shows only behind them.
        let content = match self.state {
            State::Bare { end } if offset + chunk.len() - end <= BLANKS => Some(end),
            _ => None,
        };
        values.pause(content, &self.locate());
    }

    /// See [`Values::hurry`].
    pub(super) fn hurry<S: Source>(&self, values: &mut Values<S>) -> Option<usize> {
        values.hurry(&self.locate())
    }

    pub(super) fn finish<S: Source>(&mut self, offset: usize, values: &mut Values<S>) {
        let content = if let State::Bare { end } = self.state { end } else { offset };
        values.end(content, Some(content), &self.locate());
        self.state = State::Between;
    }

    fn between<S: Source>(&mut self, rest: &[u8], at: usize, values: &mut Values<S>) -> usize {
        let Some(&byte) = rest.first() else { return 0 };
        match byte {
            // White space, and what stands before documents: a byte order mark, the separator of RFC 7464.
            b' ' | b'\t' | b'\n' | b'\r' | 0xEF | 0xBB | 0xBF | 0x1E => {}
            b'"' => {
                let key =
                    self.deeper == 0 && self.frames.last().is_some_and(|frame| frame.object && !frame.value);
                if key {
                    self.forget_key();
                } else {
                    self.document();
                }
                let quiet = rest.get(..values.quiet_until(at) - at).unwrap_or(rest);
                if let Some(end) = end_of_string(quiet) {
                    return self.pass_string(rest, end, key);
                }
                let typed = if key { None } else { self.typed(at, values) };
                if let Some(end) = end_of_string(rest) {
                    let content = rest.get(1..end).unwrap_or_default();
                    let passes = match key {
                        true => values.passes(content, None),
                        false => values.passes_at(content, typed, &self.locate()),
                    };
                    if passes {
                        return self.pass_string(rest, end, key);
                    }
                }
                values.begin(at, at + 1, Script::JsonString, typed);
                if !key {
                    values.stands_at(&self.locate());
                }
                self.state = State::String { key, escaped: false };
            }
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => self.close(),
            b':' => self.colon(),
            b',' => self.comma(),
            _ => {
                self.document();
                let quiet = rest.get(..values.quiet_until(at) - at).unwrap_or(rest);
                if let Some(length) = quiet.iter().position(is_sign) {
                    return length;
                }
                let typed = self.typed(at, values);
                if let Some(length) = rest.iter().position(is_sign) {
                    let content = rest.get(..length).unwrap_or_default().trim_ascii_end();
                    if values.passes_at(content, typed, &self.locate()) {
                        return length;
                    }
                }
                values.begin(at, at, Script::JsonBare, typed);
                // What is true, false or null is nobody's value.
                if matches!(byte, b'-' | b'0'..=b'9') {
                    values.stands_at(&self.locate());
                }
                self.state = State::Bare { end: at };
                return 0;
            }
        }
        1
    }

    /// Passes a string whose closing quote stands at `end`, in which nothing can be found. Gives its length.
    fn pass_string(&mut self, rest: &[u8], end: usize, key: bool) -> usize {
        if key {
            self.name(rest.get(1..end).unwrap_or_default());
        }
        end + 1
    }

    fn string<S: Source>(
        &mut self,
        rest: &[u8],
        at: usize,
        key: bool,
        escaped: bool,
        values: &mut Values<S>,
    ) -> usize {
        if escaped {
            let one = rest.get(..1).unwrap_or_default();
            self.content(one, at, key, values);
            self.state = State::String { key, escaped: false };
            return 1;
        }
        let Some(stop) = memchr::memchr2(b'"', b'\\', rest) else {
            self.content(rest, at, key, values);
            return rest.len();
        };
        let quote = rest.get(stop) == Some(&b'"');
        let content = rest.get(..if quote { stop } else { stop + 1 }).unwrap_or_default();
        self.content(content, at, key, values);
        if quote {
            values.end(at + stop, (!key).then_some(at + stop + 1), &self.locate());
            self.state = State::Between;
        } else {
            self.state = State::String { key, escaped: true };
        }
        stop + 1
    }

    fn content<S: Source>(&mut self, bytes: &[u8], at: usize, key: bool, values: &mut Values<S>) {
        if key {
            self.name(bytes);
        }
        values.feed(bytes, at);
    }

    /// More of the current key.
    fn name(&mut self, bytes: &[u8]) {
        if let Some(frame) = self.frames.last() {
            let room = (frame.key + KEY + 1).saturating_sub(self.path.len());
            self.path.extend_from_slice(bytes.get(..bytes.len().min(room)).unwrap_or_default());
        }
    }

    fn bare<S: Source>(&mut self, rest: &[u8], at: usize, end: usize, values: &mut Values<S>) -> usize {
        let length = rest.iter().position(is_sign).unwrap_or(rest.len());
        let bytes = rest.get(..length).unwrap_or_default();
        let filled =
            bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(end, |last| at + last + 1);
        values.feed(bytes, at);
        self.state = State::Bare { end: filled };
        if length < rest.len() {
            values.end(filled, Some(filled), &self.locate());
            self.state = State::Between;
        }
        length
    }

    /// A value at the top begins another document.
    fn document(&mut self) {
        if self.frames.is_empty() && self.deeper == 0 {
            self.documents += 1;
        }
    }

    fn open(&mut self, object: bool) {
        self.document();
        if self.frames.len() < DEPTH && self.deeper == 0 {
            self.frames.push(Frame { object, key: self.path.len(), value: false, index: 0 });
        } else {
            self.deeper += 1;
        }
    }

    fn close(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if let Some(frame) = self.frames.pop() {
            self.path.truncate(frame.key);
        }
    }

    fn colon(&mut self) {
        if self.deeper == 0
            && let Some(frame) = self.frames.last_mut()
        {
            frame.value = frame.object;
        }
    }

    fn comma(&mut self) {
        if self.deeper == 0
            && let Some(frame) = self.frames.last_mut()
        {
            frame.value = false;
            frame.index += 1;
            self.forget_key();
        }
    }

    fn forget_key(&mut self) {
        if let Some(frame) = self.frames.last() {
            self.path.truncate(frame.key);
        }
    }

    /// The type of the value at `at` by the nearest key.
    fn typed<S: Source>(&self, at: usize, values: &mut Values<S>) -> Option<Typed> {
        if self.deeper > 0 || !values.wants_type(at) {
            return None;
        }
        let frame = self.frames.iter().rposition(|frame| frame.object)?;
        let next = self.frames.get(frame + 1).map_or(self.path.len(), |frame| frame.key);
        field::typed(self.path.get(self.frames.get(frame)?.key..next)?)
    }

    fn locate(&self) -> impl Fn(&Identifiers, Side) -> Place + '_ {
        |identifiers, side| {
            let part = Part::BodyJson(self.pointer(identifiers).into());
            Place { side, part, occurrence: self.documents.max(1) }
        }
    }

    fn pointer(&self, identifiers: &Identifiers) -> String {
        let mut pointer = String::new();
        for (at, frame) in self.frames.iter().enumerate() {
            let next = self.frames.get(at + 1).map_or(self.path.len(), |frame| frame.key);
            let key = self.path.get(frame.key..next).unwrap_or_default();
            if pointer.len() > POINTER {
                pointer.push_str("/…");
                break;
            }
            pointer.push('/');
            if frame.object {
                let decoded: Vec<u8> = unescape::decode(key).iter().map(|unit| unit.byte).collect();
                pointer.push_str(&safe_name(identifiers, &decoded).replace('~', "~0").replace('/', "~1"));
            } else {
                pointer.push_str(&frame.index.to_string());
            }
        }
        pointer
    }
}
