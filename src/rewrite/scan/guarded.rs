//! What a guard has: an address's name is whatever stands before an `@`, and is looked up once a domain of the guard's has
//! followed; a user name or an id is looked up at every letter that may be its last.

use super::Found;
use super::core::{Candidate, Core};
use crate::rewrite::boundary::{self, RAW_PLUS};
use crate::rewrite::guard::{Begun, Guard, Row};
use crate::rewrite::identifier::Identifiers;
use crate::rewrite::pattern::Boundary;
use crate::rewrite::subaddress::{LOCAL, Step};
use crate::rewrite::unescape::Unit;

/// What may be a name, the domains that have begun behind one, and what may be a user name or an id.
#[derive(Default)]
pub(super) struct Names {
    /// The unit where the letters begin that no other sign has followed yet.
    from: usize,
    begun: Vec<Begun>,
    row: Row,
}

/// Letters of a user name or an id end where others do.
const TOKEN: Boundary = Boundary::Word { left: true, right: true };

impl Names {
    /// What was taken so far, up to unit `count`, is of no account any more.
    pub(super) fn forget(&mut self, count: usize) {
        self.from = count;
        self.begun.clear();
        self.row = Row::default();
    }
}

/// Letters of the names that are made here, and signs that may stand between such a name and something else.
fn may_be_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'\'' | b'+' | RAW_PLUS)
}

/// Signs behind which a name may begin, and in front of which it may end.
fn separates(byte: u8) -> bool {
    matches!(byte, b'_' | b'+' | RAW_PLUS)
}

impl Core {
    /// The next unit, which has this number.
    #[inline]
    pub(super) fn guarded(&mut self, identifiers: &Identifiers, guard: &Guard, unit: Unit, number: usize) {
        let byte = self.bytes.get(number);
        if !self.names.begun.is_empty() {
            self.go_on_with_domains(identifiers, guard, byte, unit.end);
        }
        if byte == b'@' {
            let from = self.names.from.max(number.saturating_sub(LOCAL));
            self.names.begun.extend(guard.addresses().begin(from, number));
        }
        self.names.row.take(guard.tokens(), byte);
        self.look_up_tokens(identifiers, guard, unit.end);
        if !may_be_of_name(byte) {
            self.names.from = number + 1;
        }
    }

    fn go_on_with_domains(&mut self, identifiers: &Identifiers, guard: &Guard, byte: u8, end: usize) {
        let mut whole = Vec::new();
        self.names.begun.retain_mut(|begun| {
            let step = guard.addresses().take(begun, byte);
            if step == Step::IsWhole {
                whole.push(*begun);
            }
            step == Step::GoesOn
        });
        for begun in whole {
            self.look_up(identifiers, guard, &begun, end);
        }
    }

    /// The longest name before the `@` that is in the guard.
    fn look_up(&mut self, identifiers: &Identifiers, guard: &Guard, begun: &Begun, end: usize) {
        let letters: Vec<u8> = (begun.from..begun.at).map(|number| self.bytes.get(number)).collect();
        let begins =
            |at: &usize| at.checked_sub(1).and_then(|at| letters.get(at)).is_none_or(|&byte| separates(byte));
        for at in (0..letters.len()).filter(begins) {
            let name = letters.get(at..).unwrap_or_default();
            // Signs in front are not of the name.
            let signs = name.iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
            let name = name.get(signs..).unwrap_or_default();
            // RFC 5233: what follows a `+` is of no account.
            let name = name.split(|byte| matches!(*byte, b'+' | RAW_PLUS)).next().unwrap_or_default();
            let first = begun.from + at + signs;
            let Some(entry) = std::str::from_utf8(name)
                .ok()
                .and_then(|name| guard.address(begun.domain, &name.to_ascii_lowercase()))
            else {
                continue;
            };
            if boundary::left(Boundary::Address, &self.before(first)) {
                let identifier = identifiers.index_of_guarded(entry);
                let found = Found { identifier, start: self.starts.get(first), end, written: None };
                let (boundary, behind) = (Boundary::Address, self.count);
                return self.candidates.push(Candidate { found, boundary, behind, sure: false });
            }
        }
    }

    /// The user names and ids that may end here.
    #[inline]
    fn look_up_tokens(&mut self, identifiers: &Identifiers, guard: &Guard, end: usize) {
        for (entry, letters) in guard.ending(&self.names.row) {
            let first = self.first_of(letters);
            let Some(first) = first.filter(|&first| boundary::left(TOKEN, &self.before(first))) else {
                continue;
            };
            let identifier = identifiers.index_of_guarded(entry);
            let found = Found { identifier, start: self.starts.get(first), end, written: None };
            self.candidates.push(Candidate { found, boundary: TOKEN, behind: self.count, sure: false });
        }
    }

    /// The unit where these letters, the last one first, begin at the end of the row; `None` where it has others.
    fn first_of(&self, letters: impl Iterator<Item = u8>) -> Option<usize> {
        let row = self.count.saturating_sub(self.names.row.length())..self.count;
        let mut units = row.rev().filter(|&unit| self.bytes.get(unit).is_ascii_alphanumeric());
        let mut first = None;
        for letter in letters {
            first = Some(units.next().filter(|&unit| self.bytes.get(unit).to_ascii_lowercase() == letter)?);
        }
        first
    }

    /// The first byte that a name, a domain behind one, or a user name or an id may still claim.
    pub(super) fn claimed_by_names(&self, guard: &Guard) -> Option<usize> {
        let from = self.names.from.max(self.count.saturating_sub(LOCAL));
        let name = (from < self.count).then_some(from);
        let begun = self.names.begun.iter().map(|begun| begun.from).min();
        let row = self.names.row.length().min(guard.tokens().longest());
        let token = (row > 0).then(|| self.count.saturating_sub(row));
        [name, begun, token].into_iter().flatten().min().map(|from| self.starts.get(from))
    }
}
