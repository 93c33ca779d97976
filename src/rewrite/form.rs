//! `application/x-www-form-urlencoded`: names and values between `&` and `=`; query strings are the same.

use super::field;
use super::identifier::Identifiers;
use super::spelling::Script;
use super::values::{Source, Values, safe_name};
use crate::model::{Part, Place, Side};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// Longest name that is kept; a longer one has no name.
const NAME: usize = 256;
/// Most different names that are counted.
const NAMES: usize = 4096;

/// What a pair belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FormKind {
    /// A body; names are shown decoded.
    Body,
    /// A query; names are shown as sent.
    Query,
}

/// The tokenizer.
pub(super) struct Form {
    kind: FormKind,
    in_value: bool,
    open: bool,
    name: Vec<u8>,
    seen: HashMap<u64, usize>,
    hasher: RandomState,
    occurrence: usize,
}

impl Form {
    pub(super) fn new(kind: FormKind) -> Self {
        let hasher = RandomState::new();
        Self {
            kind,
            in_value: false,
            open: false,
            name: Vec::new(),
            seen: HashMap::new(),
            hasher,
            occurrence: 1,
        }
    }

    fn script(&self) -> Script {
        if self.kind == FormKind::Query { Script::Query } else { Script::Form }
    }

    pub(super) fn push<S: Source>(&mut self, chunk: &[u8], offset: usize, values: &mut Values<S>) {
        let mut at = 0;
        while at < chunk.len() {
            let rest = chunk.get(at..).unwrap_or_default();
            if !self.open {
                if let Some(length) = self.pass(rest, offset + at, values) {
                    at += length;
                    continue;
                }
                self.begin(offset + at, values);
            }
            let stop =
                if self.in_value { memchr::memchr(b'&', rest) } else { memchr::memchr2(b'&', b'=', rest) };
            let piece = rest.get(..stop.unwrap_or(rest.len())).unwrap_or_default();
            if !self.in_value {
                let room = (NAME + 1).saturating_sub(self.name.len());
                self.name.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            }
            values.feed(piece, offset + at);
            at += piece.len();
            if let Some(&sign) = chunk.get(at) {
                self.end(offset + at, sign, values);
                at += 1;
            }
        }
        values.pause(None, &self.locate());
    }

    /// Passes a name or value in which nothing can be found, with the sign behind it. Gives its length; `None` where it is
    /// not over, or has to be read.
    fn pass<S: Source>(&mut self, rest: &[u8], at: usize, values: &mut Values<S>) -> Option<usize> {
        let stop =
            if self.in_value { memchr::memchr(b'&', rest) } else { memchr::memchr2(b'&', b'=', rest) }?;
        let (piece, sign) = (rest.get(..stop)?, rest.get(stop)?);
        let names = *sign == b'=' && !self.in_value;
        if !self.in_value {
            self.name.clear();
            self.name.extend_from_slice(piece.get(..piece.len().min(NAME + 1)).unwrap_or_default());
        }
        let passes = if names {
            values.passes(piece, None)
        } else {
            let wants_type = self.in_value && values.wants_type(at);
            let typed = if wants_type { field::typed(&self.decoded()) } else { None };
            // What a plus stands for only the reader knows.
            !(values.looks > 0 && piece.contains(&b'+')) && values.passes_at(piece, typed, &self.locate())
        };
        if !passes {
            return None;
        }
        if names {
            self.in_value = true;
            self.occurrence = self.count();
        } else {
            self.in_value = false;
            self.occurrence = 1;
        }
        Some(stop + 1)
    }

    /// See [`Values::hurry`].
    pub(super) fn hurry<S: Source>(&self, values: &mut Values<S>) -> Option<usize> {
        values.hurry(&self.locate())
    }

    pub(super) fn finish<S: Source>(&mut self, offset: usize, values: &mut Values<S>) {
        if self.open {
            self.end(offset, b'&', values);
        }
    }

    fn begin<S: Source>(&mut self, at: usize, values: &mut Values<S>) {
        self.open = true;
        let typed = if self.in_value && values.wants_type(at) { field::typed(&self.decoded()) } else { None };
        if !self.in_value {
            self.name.clear();
        }
        values.begin(at, at, self.script(), typed);
        if self.in_value {
            values.stands_at(&self.locate());
        }
    }

    /// A `&` or `=` at `at` ends what is open.
    fn end<S: Source>(&mut self, at: usize, sign: u8, values: &mut Values<S>) {
        let name = sign == b'=' && !self.in_value;
        values.end(at, (!name).then_some(at), &self.locate());
        self.open = false;
        if sign == b'=' && !self.in_value {
            self.in_value = true;
            self.occurrence = self.count();
            self.begin(at + 1, values);
        } else {
            self.in_value = false;
            self.occurrence = 1;
        }
    }

    fn count(&mut self) -> usize {
        let name = self.hasher.hash_one(&self.name);
        let full = self.seen.len() >= NAMES;
        match self.seen.get_mut(&name) {
            Some(count) => {
                *count += 1;
                *count
            }
            None => {
                if !full {
                    self.seen.insert(name, 1);
                }
                1
            }
        }
    }

    fn decoded(&self) -> Vec<u8> {
        let spaced: Vec<u8> = self.name.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        percent_encoding::percent_decode(&spaced).collect()
    }

    fn locate(&self) -> impl Fn(&Identifiers, Side) -> Place + '_ {
        |identifiers, side| {
            let part = match self.kind {
                FormKind::Body => Part::BodyForm(safe_name(identifiers, &self.decoded()).into()),
                FormKind::Query => Part::UrlQuery(safe_name(identifiers, &self.name).into()),
            };
            Place { side, part, occurrence: self.occurrence }
        }
    }
}
