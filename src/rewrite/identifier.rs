//! What is searched for.

use super::automaton::Automaton;
use super::encoded::{self, Encoded, Recipe};
use super::guard::Guard;
use super::pattern::{self, Pattern};
use super::prescan::{Prescan, Wanted};
use super::subaddress::Mailbox;
use super::weak::WeakValues;
use crate::model::{Secret, Slot};
use std::fmt;
use std::sync::Arc;

/// How sure a match of the bare value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Found everywhere: e-mail addresses, phones, full names, device and account ids, streets with number.
    Strong,
    /// Found only as the whole value of a field whose name is typed for the slot: given names, cities, birth dates.
    Weak,
}

/// A real value to be found.
#[derive(Clone, Debug)]
pub struct Identifier {
    /// Whose slot it is.
    pub slot: Slot,
    /// The value as the member gave it; a phone in E.164.
    pub value: Secret<String>,
    /// Where it counts.
    pub strength: Strength,
}

/// Why a set of identifiers cannot be compiled. Never carries a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CompileError {
    /// More identifiers than [`Identifiers::MAX`].
    #[error("{0} identifiers, at most {max} are matched", max = Identifiers::MAX)]
    TooMany(usize),
    /// A value that is too short to be told from other text, or too long.
    #[error(
        "the value of {0} cannot be searched for: a strong one needs {min} to {max} bytes",
        min = Identifiers::SHORTEST,
        max = Identifiers::LONGEST
    )]
    Length(Slot),
    /// The matcher would be too large.
    #[error("the matcher would be too large")]
    TooLarge,
}

/// A member's compiled matcher: real values are the same at every vendor, so one serves them all.
#[derive(Clone)]
pub struct Identifiers {
    pub(super) compiled: Arc<Compiled>,
    /// Pseudonyms made for others, which are searched for as well.
    pub(super) guard: Option<Guard>,
}

/// What is compiled once.
pub(super) struct Compiled {
    list: Vec<Identifier>,
    pub(super) patterns: Vec<Pattern>,
    /// Over decoded text.
    pub(super) text: Automaton,
    /// Over digits alone, for phones; its patterns are numbered from `phones`.
    pub(super) digits: Automaton,
    pub(super) phones: usize,
    /// Of addresses that are written in more than one way.
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) weak: WeakValues,
    prescan: Prescan,
    /// In other alphabets.
    pub(super) encoded: Encoded,
    /// Decoded bytes of the longest pattern.
    longest: usize,
}

impl Identifiers {
    /// Most identifiers of one member.
    pub const MAX: usize = 256;
    /// Fewest bytes of a strong value.
    pub const SHORTEST: usize = 4;
    /// Most bytes of a value.
    pub const LONGEST: usize = 256;

    /// Compiles the matcher. Takes milliseconds: never on a worker.
    ///
    /// # Errors
    /// More values, or longer or shorter ones, than can be searched for.
    pub fn compile(list: Vec<Identifier>) -> Result<Self, CompileError> {
        if list.len() > Self::MAX {
            return Err(CompileError::TooMany(list.len()));
        }
        let (mut texts, mut phones, mut weak) = (Vec::new(), Vec::new(), WeakValues::default());
        let mut mailboxes = Vec::new();
        for (index, identifier) in list.iter().enumerate() {
            let value = identifier.value.expose().trim();
            let shortest = if identifier.strength == Strength::Strong { Self::SHORTEST } else { 1 };
            if !(shortest..=Self::LONGEST).contains(&value.len()) {
                return Err(CompileError::Length(identifier.slot.clone()));
            }
            let is_weak = identifier.strength == Strength::Weak;
            if is_weak || pattern::reads_like_a_word(identifier.slot.kind(), value) {
                weak.add(index, &identifier.slot, value);
            }
            if is_weak {
                continue;
            }
            mailboxes.extend(Mailbox::of(index, identifier.slot.kind(), value));
            let patterns = pattern::of_value(index, identifier.slot.kind(), value);
            let (numbers, words): (Vec<_>, Vec<_>) =
                patterns.into_iter().partition(|pattern| pattern.phone.is_some());
            phones.extend(numbers);
            texts.extend(words);
        }
        let build = |patterns: &[Pattern]| {
            let folded: Vec<_> = patterns.iter().map(|pattern| pattern.folded.clone()).collect();
            Automaton::build(&folded).ok_or(CompileError::TooLarge)
        };
        let (text, digits) = (build(&texts)?, build(&phones)?);
        let strong = texts.iter().map(Wanted::pattern);
        let wanted = strong.chain(mailboxes.iter().map(|mailbox| Wanted::domain(mailbox.domain())));
        let prescan = Prescan::new(wanted.chain(weak.wanted()), !phones.is_empty());
        let encoded = Encoded::new(&list, &texts, &mailboxes, !phones.is_empty());
        let phones_from = texts.len();
        texts.extend(phones);
        let longest = texts.iter().map(|pattern| pattern.folded.len());
        let longest = longest.chain(mailboxes.iter().map(Mailbox::longest)).max().unwrap_or(0);
        let compiled = Compiled {
            list,
            patterns: texts,
            text,
            digits,
            phones: phones_from,
            mailboxes,
            weak,
            prescan,
            encoded,
            longest,
        };
        Ok(Self { compiled: Arc::new(compiled), guard: None })
    }

    /// The same, with what is in `guard` searched for as well. Costs next to nothing.
    pub fn guarding(&self, guard: Guard) -> Self {
        Self { compiled: Arc::clone(&self.compiled), guard: Some(guard) }
    }

    /// Whether a hit's identifier is one of the guard's.
    pub fn is_guarded(&self, index: usize) -> bool {
        index >= self.compiled.list.len()
    }

    /// Whether no glance tells that a text holds nothing: some value has no letters to look for, or there are too many.
    pub fn walks_everything(&self) -> bool {
        self.compiled.prescan.is_blind()
    }

    /// Whose value `digest` is made of, and how: by index, the member's or the guard's.
    pub(super) fn digest(&self, digest: &[u8]) -> Option<(usize, Recipe)> {
        let guarded = || {
            let (entry, recipe) = self.guard.as_ref()?.digest(digest)?;
            Some((self.index_of_guarded(entry), recipe))
        };
        self.compiled.encoded.digests.find(digest).or_else(guarded)
    }

    /// The index of the guard's entry with that number.
    pub(super) fn index_of_guarded(&self, entry: usize) -> usize {
        self.compiled.list.len() + entry
    }

    /// Whether `text` certainly holds no whole identifier in the letters it is written in. Bytes of one that reach over its
    /// ends are not seen.
    pub(super) fn holds_no_value(&self, text: &[u8]) -> bool {
        let Compiled { prescan, digits, .. } = &*self.compiled;
        let guard = self.guard.as_ref();
        prescan.is_clean(text, digits)
            && guard.is_none_or(|guard| guard.is_clean_after(prescan, text, digits))
    }

    /// Whether `text` certainly holds no whole identifier. Bytes of one that reach over its ends are not seen.
    pub(super) fn is_clean(&self, text: &[u8]) -> bool {
        self.holds_no_value(text) && encoded::is_clean(self, text)
    }

    /// The values of the member, by index, without the guard's.
    pub fn iter(&self) -> impl Iterator<Item = &Identifier> {
        self.compiled.list.iter()
    }

    /// The identifier with this index; `None` for an index that no hit of this matcher has.
    pub fn get(&self, index: usize) -> Option<&Identifier> {
        match index.checked_sub(self.compiled.list.len()) {
            None => self.compiled.list.get(index),
            Some(entry) => self.guard.as_ref()?.get(entry),
        }
    }

    /// Whether there is nothing to search for.
    pub fn is_empty(&self) -> bool {
        self.compiled.list.is_empty() && self.guard.is_none()
    }

    /// Most decoded bytes of anything that is searched for.
    pub(super) fn longest(&self) -> usize {
        self.compiled.longest.max(self.guard.as_ref().map_or(0, Guard::longest))
    }

    /// Most bytes of the original that one identifier without escaped letters can take: between the digits of a phone
    /// any number of separators may stand that its scan lets through. In a `plain` text nothing is escaped, and no white
    /// space stands beside other.
    pub(super) fn reach(&self, plain: bool) -> usize {
        let Compiled { patterns, phones, weak, .. } = &*self.compiled;
        let phones = patterns.get(*phones..).unwrap_or_default();
        let digits = phones.iter().map(|phone| phone.folded.len()).max().unwrap_or(0);
        let (letter, separator) = if plain { (4, 1) } else { (10, super::unescape::PLAIN) };
        let phone = digits * (1 + super::scan::SEPARATORS * separator);
        (self.longest().max(weak.longest()) * letter).max(phone) + 64
    }
}

impl fmt::Debug for Identifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|identifier| &identifier.slot)).finish()
    }
}
