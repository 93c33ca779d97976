//! The addresses of a guard: a name is whatever stands before an `@`, and is looked up once a domain of the guard's has
//! followed.

use super::Found;
use super::core::{Candidate, Core};
use crate::rewrite::boundary::{self, RAW_PLUS};
use crate::rewrite::guard::{Begun, Guard};
use crate::rewrite::identifier::Identifiers;
use crate::rewrite::pattern::Boundary;
use crate::rewrite::subaddress::{LOCAL, Step};
use crate::rewrite::unescape::Unit;

/// What may be a name, and the domains that have begun behind one.
#[derive(Default)]
pub(super) struct Names {
    /// The unit where the letters begin that no other sign has followed yet.
    from: usize,
    begun: Vec<Begun>,
}

impl Names {
    /// What was taken so far, up to unit `count`, is of no account any more.
    pub(super) fn forget(&mut self, count: usize) {
        self.from = count;
        self.begun.clear();
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
            self.names.begun.extend(guard.begin(from, number));
        }
        if !may_be_of_name(byte) {
            self.names.from = number + 1;
        }
    }

    fn go_on_with_domains(&mut self, identifiers: &Identifiers, guard: &Guard, byte: u8, end: usize) {
        let mut whole = Vec::new();
        self.names.begun.retain_mut(|begun| {
            let step = guard.take(begun, byte);
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
                .and_then(|name| guard.find(begun.domain, &name.to_ascii_lowercase()))
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

    /// The first byte that a name, or a domain behind one, may still claim.
    pub(super) fn claimed_by_names(&self) -> Option<usize> {
        let from = self.names.from.max(self.count.saturating_sub(LOCAL));
        let name = (from < self.count).then_some(from);
        let begun = self.names.begun.iter().map(|begun| begun.from).min();
        name.into_iter().chain(begun).min().map(|from| self.starts.get(from))
    }
}
