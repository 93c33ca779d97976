//! Pseudonyms that were made for others: thousands of them, found by their shape and then looked up. No pattern is
//! compiled for any of them. Addresses are a name before `@` and one of a few domains; user names and ids are letters and
//! digits in a row; digests of all these are rows of bytes.

mod addresses;
mod tokens;

use super::automaton::Automaton;
use super::encoded::{Digests, Recipe};
use super::identifier::{Identifier, Strength};
use super::prescan::Prescan;
use crate::model::{Secret, Slot, SlotKind};
use addresses::Addresses;
pub(super) use addresses::Begun;
use std::sync::Arc;
pub(super) use tokens::Row;
use tokens::{Tokens, letters};

/// What was made for several vendors, each with a number that says for whom.
#[derive(Clone, Default)]
pub struct Pseudonyms {
    entries: Vec<Entry>,
    addresses: Addresses,
    tokens: Tokens,
    digests: Digests,
}

#[derive(Clone)]
struct Entry {
    identifier: Identifier,
    owner: u32,
}

impl Pseudonyms {
    /// Adds a value; one that is there already belongs to `owner` from now on. What many people have in common, as names
    /// and birth dates, or is too short to be told from other text, is passed over.
    pub fn add(&mut self, slot: Slot, value: &str, owner: u32) {
        let (kind, value) = (slot.kind(), value.trim());
        let there = match kind {
            SlotKind::Email => self.add_address(value),
            SlotKind::Username | SlotKind::Device | SlotKind::Ad | SlotKind::Account | SlotKind::Custom => {
                self.add_token(value)
            }
            _ => None,
        };
        let Some(there) = there else { return };
        let identifier =
            Identifier { slot, value: Secret::new(value.to_owned()), strength: Strength::Strong };
        let new = Entry { identifier, owner };
        match self.entries.get_mut(there) {
            Some(old) => *old = new,
            None => {
                self.digests.add(there, kind, value);
                self.entries.push(new);
            }
        }
    }

    /// The number of the entry that the address has from now on.
    fn add_address(&mut self, value: &str) -> Option<usize> {
        self.addresses.add(value, self.entries.len())
    }

    /// The same of a user name or an id.
    fn add_token(&mut self, value: &str) -> Option<usize> {
        let row = tokens::row(value)?;
        let same = |entry: &usize| {
            let entry = self.entries.get(*entry);
            entry.is_some_and(|entry| letters(entry.identifier.value.expose()).eq(letters(value)))
        };
        if let Some(there) = self.tokens.ending(&row).find(same) {
            return Some(there);
        }
        self.tokens.add(value, &row, self.entries.len());
        Some(self.entries.len())
    }
}

/// Pseudonyms as one of their owners meets them: what was made for that one is not searched for.
#[derive(Clone)]
pub struct Guard {
    book: Arc<Pseudonyms>,
    own: u32,
}

impl Guard {
    /// All of `book` but what was made for `own`; `None` where that is nothing.
    pub fn new(book: &Arc<Pseudonyms>, own: u32) -> Option<Self> {
        let others = book.entries.iter().any(|entry| entry.owner != own);
        others.then(|| Self { book: Arc::clone(book), own })
    }

    pub(super) fn get(&self, entry: usize) -> Option<&Identifier> {
        self.book.entries.get(entry).map(|entry| &entry.identifier)
    }

    /// Most decoded bytes of anything in it.
    pub(super) fn longest(&self) -> usize {
        self.book.addresses.longest().max(self.book.tokens.longest())
    }

    /// Whether nothing of the book stands in `text`, which `other` found clean.
    pub(super) fn is_clean_after(&self, other: &Prescan, text: &[u8], digits: &Automaton) -> bool {
        let Pseudonyms { addresses, tokens, .. } = &*self.book;
        let clean = match addresses.prescan() {
            Some(prescan) => prescan.is_clean_after(other, text, digits),
            None => other.is_literal(text),
        };
        clean && tokens.is_clean(text)
    }

    fn foreign(&self, entry: usize) -> Option<usize> {
        self.book.entries.get(entry).filter(|found| found.owner != self.own).map(|_| entry)
    }

    /// The entry whose digest this is, unless it was made for who meets it, and how the digest was made.
    pub(super) fn digest(&self, digest: &[u8]) -> Option<(usize, Recipe)> {
        let (entry, recipe) = self.book.digests.find(digest)?;
        Some((self.foreign(entry)?, recipe))
    }

    /// The address with this name at that domain, unless it was made for who meets it.
    pub(super) fn address(&self, domain: usize, local: &str) -> Option<usize> {
        self.foreign(self.book.addresses.find(domain, local)?)
    }

    /// What domains addresses are at.
    pub(super) fn addresses(&self) -> &Addresses {
        &self.book.addresses
    }

    /// What user names and ids are of.
    pub(super) fn tokens(&self) -> &Tokens {
        &self.book.tokens
    }

    /// The user names and ids that end as `row` does, but for those that were made for who meets them: the entries with
    /// their letters, the last one first.
    pub(super) fn ending<'a>(
        &'a self,
        row: &Row,
    ) -> impl Iterator<Item = (usize, impl Iterator<Item = u8> + 'a)> + 'a {
        let ending = self.book.tokens.ending(row).filter_map(|entry| self.foreign(entry));
        ending.filter_map(|entry| Some((entry, letters(self.get(entry)?.value.expose()).rev())))
    }
}
