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

use super::identifier::{Identifier, Strength};
use crate::model::SlotKind;

/// Fewest bytes of a value that is searched for.
const SHORTEST_VALUE: usize = 8;
/// Fewest digits of a phone in any of its forms.
const SHORTEST_PHONE: usize = 8;

/// What is searched for in runs.
pub(super) struct Encoded {
    digests: Digests,
    /// So many fours of base64 in a row are ASCII text wherever a value stands; zero where that cannot be said.
    quads: usize,
    wanted: bool,
}

impl Encoded {
    /// For these values.
    pub(super) fn new(list: &[Identifier]) -> Self {
        let mut digests = Digests::default();
        let mut shortest = usize::MAX;
        for (index, identifier) in list.iter().enumerate() {
            let (kind, value) = (identifier.slot.kind(), identifier.value.expose().trim());
            digests.add(index, kind, value);
            if identifier.strength == Strength::Strong && value.len() >= SHORTEST_VALUE {
                shortest = shortest.min(match kind {
                    SlotKind::Phone => SHORTEST_PHONE,
                    _ => longest_ascii(value),
                });
            }
        }
        // At the worst alignment two of its bytes are in fours with what stands beside it.
        let quads = shortest.saturating_sub(2) / 3;
        Self { digests, quads, wanted: !list.is_empty() }
    }

    fn is_wanted(&self) -> bool {
        self.wanted
    }
}

/// The longest stretch of printable ASCII in a value, in bytes.
fn longest_ascii(value: &str) -> usize {
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    value.as_bytes().split(|byte| !printable(byte)).map(<[u8]>::len).max().unwrap_or(0)
}
