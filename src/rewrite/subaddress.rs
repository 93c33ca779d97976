//! Other spellings of one mailbox: what follows a `+` (RFC 5233) is of no account to most mail servers, and dots are of
//! none to Gmail. `ann+shop@home.example` is Ann's address as much as `ann@home.example` is.
//!
//! No list holds these, and an automaton cannot: a value is followed letter by letter from where it may begin.

use super::automaton::fold;
use super::boundary::RAW_PLUS;
use crate::model::SlotKind;

/// Longest local part of an address (RFC 5321 section 4.5.3.1.1).
pub(super) const LOCAL: usize = 64;

/// A mailbox that has more than one address.
pub(super) struct Mailbox {
    /// Whose.
    pub(super) identifier: usize,
    /// Its local part as far as it counts, lower-case.
    letters: Vec<u8>,
    /// `@` and the domain, folded.
    domain: Vec<u8>,
    /// Dots in the local part are of no account.
    dots: bool,
}

impl Mailbox {
    /// The mailboxes of a value: for Gmail both of its domains.
    pub(super) fn of(identifier: usize, kind: SlotKind, value: &str) -> Vec<Self> {
        let lower = value.trim().to_lowercase();
        let Some((local, domain)) = lower.rsplit_once('@').filter(|_| kind == SlotKind::Email) else {
            return Vec::new();
        };
        let dots = matches!(domain, "gmail.com" | "googlemail.com");
        let local = local.split('+').next().unwrap_or(local);
        let letters: Vec<u8> = local.bytes().filter(|byte| !(dots && *byte == b'.')).collect();
        if letters.is_empty() {
            return Vec::new();
        }
        let domains: &[&str] = if dots { &["gmail.com", "googlemail.com"] } else { &[domain] };
        let folded = |domain: &&str| format!("@{domain}").bytes().map(fold).collect();
        let mailbox = |domain| Self { identifier, letters: letters.clone(), domain: folded(domain), dots };
        domains.iter().map(mailbox).collect()
    }

    /// What certainly stands in every address of it, for the prescan: its domain.
    pub(super) fn domain(&self) -> &[u8] {
        &self.domain
    }

    /// Whether an address may begin with this byte.
    #[inline]
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        self.letters.first() == Some(&byte.to_ascii_lowercase())
    }

    /// Fewest letters of an address.
    pub(super) fn shortest(&self) -> usize {
        self.letters.len() + self.domain.len()
    }

    /// Most letters of an address.
    pub(super) fn longest(&self) -> usize {
        LOCAL + self.domain.len()
    }
}

/// An address that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    /// Which of the mailboxes.
    pub(super) mailbox: usize,
    /// Where it begins.
    pub(super) start: usize,
    part: Part,
    /// Letters of the local part so far.
    length: usize,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// So many letters of the name.
    Name(usize),
    /// Behind a `+`.
    Tag,
    /// So many letters of the domain, the `@` among them.
    Domain(usize),
}

/// What a letter makes of an address that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    GoesOn,
    IsNone,
    IsWhole,
}

impl Begun {
    /// Begins with the first letter, at `start`.
    pub(super) fn new(mailbox: usize, start: usize) -> Self {
        Self { mailbox, start, part: Part::Name(1), length: 1 }
    }

    /// The next letter, escapes undone.
    pub(super) fn take(&mut self, mailbox: &Mailbox, byte: u8) -> Step {
        self.length += 1;
        let part = match self.part {
            Part::Domain(seen) => {
                (mailbox.domain.get(seen) == Some(&fold(byte))).then_some(Part::Domain(seen + 1))
            }
            _ if self.length > LOCAL + 1 => None,
            Part::Tag if byte == b'@' => Some(Part::Domain(1)),
            Part::Tag => is_of_tag(byte).then_some(Part::Tag),
            Part::Name(seen) => name(mailbox, seen, byte),
        };
        match part {
            None => Step::IsNone,
            Some(Part::Domain(seen)) if seen == mailbox.domain.len() => Step::IsWhole,
            Some(part) => {
                self.part = part;
                Step::GoesOn
            }
        }
    }
}

fn name(mailbox: &Mailbox, seen: usize, byte: u8) -> Option<Part> {
    match mailbox.letters.get(seen) {
        Some(&letter) if letter == byte.to_ascii_lowercase() => Some(Part::Name(seen + 1)),
        None if byte == b'@' => Some(Part::Domain(1)),
        None if matches!(byte, b'+' | RAW_PLUS) => Some(Part::Tag),
        _ if mailbox.dots && byte == b'.' => Some(Part::Name(seen)),
        _ => None,
    }
}

/// RFC 5322 section 3.2.3: atext, and dots.
fn is_of_tag(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || !byte.is_ascii()
        || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte)
        || byte == RAW_PLUS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_whole(value: &str, text: &str) -> bool {
        let mailboxes = Mailbox::of(0, SlotKind::Email, value);
        mailboxes.iter().enumerate().any(|(at, mailbox)| {
            let mut begun = Begun::new(at, 0);
            let (last, rest) = text.as_bytes()[1..].split_last().unwrap();
            mailbox.begins_with(text.as_bytes()[0])
                && rest.iter().all(|&byte| begun.take(mailbox, byte) == Step::GoesOn)
                && begun.take(mailbox, *last) == Step::IsWhole
        })
    }

    #[test]
    fn addresses_of_one_mailbox() {
        for (value, text, want) in [
            ("ann@home.example", "ann+shop@home.example", true),
            ("ann@home.example", "Ann+Shop.2@Home.Example", true),
            ("ann@home.example", "ann@home.example", true),
            ("ann+work@home.example", "ann@home.example", true),
            ("ann@home.example", "a.nn@home.example", false),
            ("ann@home.example", "anna+x@home.example", false),
            ("ann@home.example", "ann+x y@home.example", false),
            ("a.nn@gmail.com", "ann@gmail.com", true),
            ("ann@gmail.com", "a.n.n+x@googlemail.com", true),
            ("ann@gmail.com", "ann.x@gmail.com", false),
        ] {
            assert_eq!(is_whole(value, text), want, "{value}: {text}");
        }
        let long = format!("ann+{}@home.example", "x".repeat(LOCAL));
        assert!(!is_whole("ann@home.example", &long));
    }
}
