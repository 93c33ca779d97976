//! Values in another alphabet: base64 (RFC 4648 sections 4 and 5) at any alignment, hexadecimal, gzip in base64, one in
//! another up to three deep; and digests of values.
//!
//! No list of spellings holds these: any letter before a value, or its case, changes all of base64 behind it. So what may
//! be such a text, a *run* of its letters, is undone, looked into like any other text, and written again with what
//! changed. `glance` finds the runs of a text in passing and throws out nearly all by what text looks like in base64;
//! `run` finds them as a value flows; `look` reads one; `envelope` writes it again.
//!
//! Not found: values of fewer than eight bytes, a text over several lines, and what stands in a run of more than 64 KiB of
//! letters, which is told as not inspected.

mod alphabet;
mod digest;
mod envelope;
mod glance;
mod look;
mod run;

pub(super) use digest::{Digests, Recipe};
pub use envelope::seal;
pub(super) use glance::{is_clean, leading, spans, trailing};
pub(super) use look::{Reading, look_into};
pub(super) use run::{Run, Runs};

use super::identifier::Identifier;
use super::pattern::Pattern;
use super::subaddress::Mailbox;
use alphabet::Script;

/// Fewest bytes of a spelling that is searched for.
const SHORTEST_VALUE: usize = 8;
/// Fewest digits of a phone in any of its forms.
const SHORTEST_PHONE: usize = 8;
/// Stands between the parts of a name or of a number.
const NO_BREAK_SPACE: &[u8] = "\u{a0}".as_bytes();
/// Three fours of text in a row tell as much as more.
const MOST_QUADS: usize = 3;

/// What is searched for in runs.
pub(super) struct Encoded {
    pub(super) digests: Digests,
    /// What texts are of that hold a value.
    script: Script,
    /// So many fours of base64 in a row are such text wherever a value stands.
    quads: usize,
}

impl Encoded {
    /// For these values, in these spellings, `phones` among them or not.
    pub(super) fn new(
        list: &[Identifier],
        patterns: &[Pattern],
        mailboxes: &[Mailbox],
        phones: bool,
    ) -> Self {
        let mut digests = Digests::default();
        for (index, identifier) in list.iter().enumerate() {
            digests.add(index, identifier.slot.kind(), identifier.value.expose().trim());
        }
        let spellings = patterns.iter().map(|pattern| pattern.folded.as_slice());
        let domains = mailboxes.iter().map(Mailbox::domain);
        let script = Script::of(spellings.clone().chain(domains).chain([NO_BREAK_SPACE]));
        let shortest = spellings
            .map(<[u8]>::len)
            .chain(mailboxes.iter().map(Mailbox::shortest))
            .filter(|length| *length >= SHORTEST_VALUE)
            .chain(phones.then_some(SHORTEST_PHONE))
            .min();
        // At the worst alignment two of its bytes are in fours with what stands beside it.
        let quads = shortest.map_or(MOST_QUADS, |shortest| (shortest.saturating_sub(2) / 3).min(MOST_QUADS));
        Self { digests, script, quads }
    }
}
