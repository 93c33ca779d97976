//! Addresses that were made for others: thousands of them, all at a few domains. They are found by their shape, a name
//! before `@` and one of the domains, and then looked up: no pattern is compiled for any of them.

use super::automaton::{Automaton, fold};
use super::identifier::{Identifier, Strength};
use super::pattern;
use super::prescan::{Prescan, Wanted};
use super::subaddress::{LOCAL, Step};
use crate::model::{Secret, Slot};
use std::collections::HashMap;
use std::sync::Arc;

/// Addresses by domain and name, each with a number that says for whom it was made.
#[derive(Clone, Default)]
pub struct AddressBook {
    entries: Vec<Entry>,
    domains: Vec<Domain>,
    prescan: Option<Arc<Prescan>>,
    longest: usize,
}

#[derive(Clone)]
struct Entry {
    identifier: Identifier,
    owner: u32,
}

#[derive(Clone)]
struct Domain {
    name: String,
    /// With an `@` before it, folded: in letters of its own script and in those of the DNS.
    forms: Vec<Vec<u8>>,
    /// Which entry has which name, lower-case.
    locals: HashMap<String, usize>,
}

impl AddressBook {
    /// Adds an address; one that is there already belongs to `owner` from now on. What is no address is passed over.
    pub fn add(&mut self, slot: Slot, address: &str, owner: u32) {
        let address = address.trim().to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else { return };
        let entry = Entry {
            identifier: Identifier { slot, value: Secret::new(address.clone()), strength: Strength::Strong },
            owner,
        };
        let domain = self.domain(domain);
        let Some(Domain { locals, .. }) = self.domains.get_mut(domain) else { return };
        match locals.get(local).and_then(|&there| self.entries.get_mut(there)) {
            Some(there) => *there = entry,
            None => {
                locals.insert(local.to_owned(), self.entries.len());
                self.entries.push(entry);
            }
        }
    }

    /// The place of a domain, which it gets where it has none.
    fn domain(&mut self, name: &str) -> usize {
        if let Some(there) = self.domains.iter().position(|domain| domain.name == name) {
            return there;
        }
        let forms = pattern::addresses(&format!("@{name}"));
        let forms: Vec<Vec<u8>> = forms.iter().map(|form| form.bytes().map(fold).collect()).collect();
        self.longest = self.longest.max(forms.iter().map(|form| LOCAL + form.len()).max().unwrap_or(0));
        self.domains.push(Domain { name: name.to_owned(), forms, locals: HashMap::new() });
        let forms = self.domains.iter().flat_map(|domain| &domain.forms);
        self.prescan = Some(Arc::new(Prescan::new(forms.map(|form| Wanted::domain(form)), false)));
        self.domains.len() - 1
    }
}

/// An address book as one of its owners meets it: what was made for that one is not searched for.
#[derive(Clone)]
pub struct Guard {
    book: Arc<AddressBook>,
    own: u32,
}

impl Guard {
    /// All of `book` but what was made for `own`; `None` where that is nothing.
    pub fn new(book: &Arc<AddressBook>, own: u32) -> Option<Self> {
        let others = book.entries.iter().any(|entry| entry.owner != own);
        others.then(|| Self { book: Arc::clone(book), own })
    }

    pub(super) fn get(&self, entry: usize) -> Option<&Identifier> {
        self.book.entries.get(entry).map(|entry| &entry.identifier)
    }

    pub(super) fn longest(&self) -> usize {
        self.book.longest
    }

    /// Whether no address of the book stands in `text`, which `other` found clean.
    pub(super) fn is_clean_after(&self, other: &Prescan, text: &[u8], digits: &Automaton) -> bool {
        self.book.prescan.as_ref().is_none_or(|prescan| prescan.is_clean_after(other, text, digits))
    }

    /// The entry with this name at that domain, unless it was made for who meets it.
    pub(super) fn find(&self, domain: usize, local: &str) -> Option<usize> {
        let entry = *self.book.domains.get(domain)?.locals.get(local)?;
        self.book.entries.get(entry).filter(|found| found.owner != self.own).map(|_| entry)
    }

    /// What may follow the letters from unit `from` to the `@` that is unit `at`.
    pub(super) fn begin(&self, from: usize, at: usize) -> impl Iterator<Item = Begun> + '_ {
        let numbered = self.book.domains.iter().enumerate();
        numbered.flat_map(move |(domain, of)| {
            (0..of.forms.len()).map(move |form| Begun { from, at, domain, form, seen: 1 })
        })
    }

    /// What the next letter, escapes undone, makes of a domain that has begun.
    pub(super) fn take(&self, begun: &mut Begun, byte: u8) -> Step {
        let form = self.book.domains.get(begun.domain).and_then(|domain| domain.forms.get(begun.form));
        let Some(form) = form.filter(|form| form.get(begun.seen) == Some(&fold(byte))) else {
            return Step::IsNone;
        };
        begun.seen += 1;
        if begun.seen == form.len() { Step::IsWhole } else { Step::GoesOn }
    }
}

/// A domain that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// The unit where the letters before the `@` begin.
    pub(super) from: usize,
    /// The unit of the `@`.
    pub(super) at: usize,
    pub(super) domain: usize,
    form: usize,
    /// Letters of it so far, the `@` among them.
    seen: usize,
}
