//! Addresses, by their domains and the names there.

use crate::rewrite::automaton::fold;
use crate::rewrite::pattern;
use crate::rewrite::prescan::{Prescan, Wanted};
use crate::rewrite::subaddress::{LOCAL, Step};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Clone, Default)]
pub(in crate::rewrite) struct Addresses {
    domains: Vec<Domain>,
    prescan: Option<Arc<Prescan>>,
    longest: usize,
}

#[derive(Clone)]
struct Domain {
    name: String,
    /// With an `@` before it, folded: in letters of its own script and in those of the DNS.
    forms: Vec<Vec<u8>>,
    /// Which entry has which name, lower-case.
    locals: HashMap<String, usize>,
}

impl Addresses {
    /// Adds an address as that entry. Gives the entry it has; `None` for what is no address.
    pub(super) fn add(&mut self, address: &str, entry: usize) -> Option<usize> {
        let address = address.to_lowercase();
        let (local, domain) = address.rsplit_once('@')?;
        let domain = self.domain(domain);
        Some(*self.domains.get_mut(domain)?.locals.entry(local.to_owned()).or_insert(entry))
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

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Looks for the domains; `None` where there is none.
    pub(super) fn prescan(&self) -> Option<&Prescan> {
        self.prescan.as_deref()
    }

    /// The entry with this name, lower-case, at that domain.
    pub(super) fn find(&self, domain: usize, local: &str) -> Option<usize> {
        self.domains.get(domain)?.locals.get(local).copied()
    }

    /// What may follow the letters from unit `from` to the `@` that is unit `at`.
    pub(in crate::rewrite) fn begin(&self, from: usize, at: usize) -> impl Iterator<Item = Begun> + '_ {
        let numbered = self.domains.iter().enumerate();
        numbered.flat_map(move |(domain, of)| {
            (0..of.forms.len()).map(move |form| Begun { from, at, domain, form, seen: 1 })
        })
    }

    /// What the next letter, escapes undone, makes of a domain that has begun.
    pub(in crate::rewrite) fn take(&self, begun: &mut Begun, byte: u8) -> Step {
        let form = self.domains.get(begun.domain).and_then(|domain| domain.forms.get(begun.form));
        let Some(form) = form.filter(|form| form.get(begun.seen) == Some(&fold(byte))) else {
            return Step::IsNone;
        };
        begun.seen += 1;
        if begun.seen == form.len() { Step::IsWhole } else { Step::GoesOn }
    }
}

/// A domain that has begun.
#[derive(Clone, Copy, Debug)]
pub(in crate::rewrite) struct Begun {
    /// The unit where the letters before the `@` begin.
    pub(in crate::rewrite) from: usize,
    /// The unit of the `@`.
    pub(in crate::rewrite) at: usize,
    pub(in crate::rewrite) domain: usize,
    form: usize,
    /// Letters of it so far, the `@` among them.
    seen: usize,
}
