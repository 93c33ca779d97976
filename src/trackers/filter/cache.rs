//! The compiled rules on disk, so that a start does not compile them again.
//!
//! A file there is believed no further than it can be checked: it must be of exactly these lists, compiled by exactly
//! this engine, and whole; and the engine verifies its structure as it does for a file of another version, so that no
//! file, whoever wrote it, makes it read out of bounds. Anything else is compiled anew.

use super::engine::Compiled;
use super::hosts::Hosts;
use crate::trackers::List;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::Path;

/// The version of the engine whose format this is. A test holds it against `Cargo.lock`.
const ENGINE: &str = "0.13.5";
const MAGIC: &[u8; 16] = b"doorward-rules 1";
const FILE: &str = "rules.bin";
/// Larger than any sensible set of lists compiles to.
const MAX_SIZE: u64 = 256 << 20;
/// Where the engine's header holds the version of the crate: behind 4 bytes of magic, 1 of format, 8 of checksum.
const ENGINE_VERSION: std::ops::Range<usize> = 13..29;

/// Names lists and engine: SHA-256 over all that the compiled form depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn of(lists: &[List]) -> Self {
        let mut hash = Sha256::new();
        hash.update(MAGIC);
        hash.update(concat!(env!("CARGO_PKG_VERSION"), "\0"));
        hash.update(ENGINE);
        for list in lists {
            for part in [&list.name, &list.text] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        Self(hash.finalize().into())
    }
}

/// Marks an engine's bytes as coming from elsewhere: with another version in its header the engine checks their
/// structure on every load, which it skips for its own.
pub(super) fn untrusted(mut engine: Vec<u8>) -> Vec<u8> {
    if let Some(version) = engine.get_mut(ENGINE_VERSION) {
        version.fill(0);
    }
    engine
}

/// The compiled form of exactly these lists; `None` where there is none that can be used.
pub(super) fn load(dir: &Path, key: Key) -> Option<Compiled> {
    let file = std::fs::File::open(dir.join(FILE)).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).ok()?;
    if bytes.len() as u64 > MAX_SIZE {
        return None;
    }
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&key.0)?;
    let (digest, payload) = rest.split_first_chunk::<32>()?;
    if Sha256::digest(payload)[..] != digest[..] {
        return None;
    }
    let (report, rest) = section(payload)?;
    let (hosts, rest) = section(rest)?;
    let (open, rest) = section(rest)?;
    let (sourced, rest) = section(rest)?;
    if !rest.is_empty() {
        return None;
    }
    Some(Compiled {
        report: serde_json::from_slice(report).ok()?,
        hosts: Hosts::from_bytes(hosts)?,
        open: untrusted(open.to_vec()),
        sourced: untrusted(sourced.to_vec()),
    })
}

fn section(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Leaves the compiled form in `dir`, whole or not at all.
pub(super) fn save(dir: &Path, key: Key, compiled: &Compiled) -> io::Result<()> {
    let mut payload = Vec::new();
    let report = serde_json::to_vec(&compiled.report)?;
    for part in [&report, &compiled.hosts.to_bytes(), &compiled.open, &compiled.sourced] {
        let length = u32::try_from(part.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        payload.extend_from_slice(&length.to_le_bytes());
        payload.extend_from_slice(part);
    }
    let mut head = Vec::with_capacity(80);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&key.0);
    head.extend_from_slice(&Sha256::digest(&payload));
    crate::vault::replace_file(dir, FILE, |file| {
        file.write_all(&head)?;
        file.write_all(&payload)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_one_that_is_built_in() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"adblock\"\nversion = \"{ENGINE}\"")));
    }

    #[test]
    fn the_key_depends_on_every_byte_and_boundary() {
        let key = |lists: &[(&str, &str)]| {
            Key::of(&lists.iter().map(|(name, text)| List::new(*name, *text)).collect::<Vec<_>>())
        };
        let one = key(&[("a", "b")]);
        for other in [key(&[("ab", "")]), key(&[("a", "c")]), key(&[("a", "b"), ("", "")]), key(&[])] {
            assert_ne!(one, other);
        }
    }
}
