//! Digests of a member's values, as advertisers are sent them: normalised, hashed, and matched against other lists of
//! hashes. A digest of a value is as good as the value: who has a list of addresses finds the one that fits.

use super::alphabet::Alphabet;
use crate::model::SlotKind;
use crate::rewrite::pattern::{self, Number};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// A hash function that advertisers use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
}

const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha1, Hash::Md5];

impl Hash {
    /// Bytes of a digest.
    const fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn of(self, text: &str) -> Vec<u8> {
        match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
        }
    }
}

/// What is done to a value before it is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Normal {
    /// As it is.
    Typed,
    /// Trimmed, in lower case (Meta "Customer information parameters"; Google "enhanced conversions").
    Lower,
    /// Dots of a Gmail address left out (Google).
    GmailDots,
    /// Those and what follows a `+` (Unified ID 2.0, "email address normalization").
    GmailTag,
    /// What follows a `+` left out, of any address.
    Tag,
    /// White space left out (LiveRamp).
    Unspaced,
    /// `+4915112345678` (Google, Unified ID 2.0).
    PlusDigits,
    /// `4915112345678` (Meta).
    Digits,
    /// Without the country's code (LiveRamp).
    Significant,
    /// With the trunk prefix, as people type it.
    National,
    /// Letters alone, in lower case (Meta, of names).
    Letters,
    /// `19840517` (Meta).
    Date,
}

impl Normal {
    fn all(kind: SlotKind) -> &'static [Self] {
        use Normal::*;
        match kind {
            SlotKind::Email => &[Typed, Lower, GmailDots, GmailTag, Tag],
            SlotKind::Phone => &[PlusDigits, Digits, Significant, National],
            SlotKind::Name => &[Typed, Lower, Letters, Unspaced],
            SlotKind::Birthdate => &[Typed, Date],
            _ => &[Typed, Lower, Unspaced],
        }
    }

    fn of(self, value: &str) -> Option<String> {
        let lower = value.trim().to_lowercase();
        Some(match self {
            Self::Typed => value.trim().to_owned(),
            Self::Lower => lower,
            Self::GmailDots | Self::GmailTag | Self::Tag => {
                let (local, domain) = lower.rsplit_once('@')?;
                let gmail = matches!(domain, "gmail.com" | "googlemail.com");
                let untagged = local.split('+').next().unwrap_or(local);
                let local = if self == Self::GmailDots { local } else { untagged };
                match self {
                    Self::Tag => format!("{local}@{domain}"),
                    _ if gmail => format!("{}@{domain}", local.replace('.', "")),
                    _ => return None,
                }
            }
            Self::Unspaced => lower.split_whitespace().collect(),
            Self::PlusDigits => format!("+{}", digits(value)?),
            Self::Digits => digits(value)?,
            Self::Significant => Number::parse(value)?.significant,
            Self::National => Number::parse(value)?.national,
            Self::Letters => lower.chars().filter(|char| char.is_alphabetic()).collect(),
            Self::Date => value.chars().filter(char::is_ascii_digit).collect(),
        })
    }
}

fn digits(value: &str) -> Option<String> {
    Some(pattern::digits(value)).filter(|digits| !digits.is_empty())
}

/// How a digest was made, so that another value's can be made the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rewrite) struct Recipe {
    hash: Hash,
    normal: Normal,
    /// How it is written.
    alphabet: Alphabet,
}

impl Recipe {
    /// The digest of `value`, as this one is written.
    pub(in crate::rewrite) fn of(self, value: &str) -> Vec<u8> {
        // What this recipe cannot take is hashed as it is: never the value itself.
        let text = self.normal.of(value).unwrap_or_else(|| value.trim().to_owned());
        self.alphabet.encode(&self.hash.of(&text))
    }

    /// For the records.
    pub(in crate::rewrite) fn name(self) -> &'static str {
        match self.hash {
            Hash::Md5 => "MD5 digest",
            Hash::Sha1 => "SHA-1 digest",
            Hash::Sha256 => "SHA-256 digest",
        }
    }

    pub(super) fn written(self, alphabet: Alphabet) -> Self {
        Self { alphabet, ..self }
    }
}

/// Fewest bytes of a value whose digest is searched for: of shorter ones there are so few that a number may be meant.
const SHORTEST: usize = 3;

/// The digests of many values.
#[derive(Clone, Default)]
pub(in crate::rewrite) struct Digests {
    /// By their first bytes.
    known: HashMap<[u8; KEY], (usize, Recipe)>,
}

/// Bytes of the shortest digest.
const KEY: usize = 16;

impl Digests {
    /// Adds those of a value. Of two values with one digest the first counts.
    pub(in crate::rewrite) fn add(&mut self, identifier: usize, kind: SlotKind, value: &str) {
        let mut texts = Vec::new();
        for &normal in Normal::all(kind) {
            let Some(text) = normal.of(value).filter(|text| text.len() >= SHORTEST) else { continue };
            if texts.contains(&text) {
                continue;
            }
            for hash in HASHES {
                let recipe = Recipe { hash, normal, alphabet: Alphabet::Hex { upper: false } };
                if let Some(&key) = hash.of(&text).first_chunk() {
                    self.known.entry(key).or_insert((identifier, recipe));
                }
            }
            texts.push(text);
        }
    }

    /// Whose value `digest` is made of, and how.
    pub(in crate::rewrite) fn find(&self, digest: &[u8]) -> Option<(usize, Recipe)> {
        let found = self.known.get(digest.first_chunk::<KEY>()?);
        found.copied().filter(|(_, recipe)| recipe.hash.length() == digest.len())
    }
}

/// Whether so many letters of hex may be a digest.
pub(super) const fn is_hex_digest(letters: usize) -> bool {
    matches!(letters, 32 | 40 | 64)
}

/// Whether so many letters of base64 may be one.
pub(super) const fn is_base64_digest(letters: usize) -> bool {
    matches!(letters, 22 | 27 | 43)
}
