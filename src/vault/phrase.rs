//! The recovery phrase: the root key in words that a person can write down.
//!
//! Twenty-four English words of BIP-39: 256 bits and a checksum of eight. Unlike a wallet's, they are the key itself, without
//! a passphrase and without stretching: the key is random, so there is nothing to guess.

use super::VaultError;
use super::hierarchy::{create_root, manifest_key, read_root, root_file};
use super::seal::{self, Key};
use crate::model::Secret;
use bip39::{Error, Language, Mnemonic};
use std::path::Path;
use zeroize::Zeroize;

/// What a sealed manifest is bound to.
pub(super) const MANIFEST_CONTEXT: &[u8] = b"doorward/1/manifest";
/// Words of 256 bits.
const WORDS: usize = 24;

/// A root key on its way from or to paper.
pub struct Phrase(Key);

impl std::fmt::Debug for Phrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phrase(…)")
    }
}

impl Phrase {
    /// Of the home whose key files are in this directory, running or not.
    ///
    /// # Errors
    /// The key file is missing, damaged, or can be read by others.
    pub fn of_home(keys_dir: &Path) -> Result<Self, VaultError> {
        let root = read_root(keys_dir)?;
        root.map(Self).ok_or_else(|| VaultError::KeyFileMissing { path: root_file(keys_dir) })
    }

    /// As it was typed: words in any case, with anything but letters between them, such as numbers in front of each.
    ///
    /// # Errors
    /// [`VaultError::Phrase`] for another count, a word that is not in the list, or a checksum that says that a word is
    /// another one. Repeats nothing of it.
    pub fn parse(typed: &str) -> Result<Self, VaultError> {
        let words = typed.split(|char: char| !char.is_alphabetic()).filter(|word| !word.is_empty());
        let words = Secret::new(words.collect::<Vec<_>>().join(" ").to_lowercase());
        if words.expose().split(' ').count() != WORDS {
            return Err(VaultError::Phrase("a recovery phrase has 24 words"));
        }
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, words.expose());
        let mnemonic = mnemonic.map_err(|error| match error {
            Error::InvalidChecksum => VaultError::Phrase("a word of the recovery phrase is another one"),
            _ => VaultError::Phrase("a word of the recovery phrase is none that it can have"),
        })?;
        let (mut bytes, length) = mnemonic.to_entropy_array();
        let root = bytes.get(..length).and_then(|bytes| <&[u8; 32]>::try_from(bytes).ok()).copied();
        bytes.zeroize();
        root.map(|root| Self(Secret::new(root))).ok_or(VaultError::Cryptography)
    }

    /// The words, one space between each.
    ///
    /// # Errors
    /// None of a key of 256 bits.
    pub fn words(&self) -> Result<Secret<String>, VaultError> {
        let mnemonic = Mnemonic::from_entropy_in(Language::English, self.0.expose());
        Ok(Secret::new(mnemonic.map_err(|_| VaultError::Cryptography)?.to_string()))
    }

    /// Makes its key the root key of the home with these key files, which must have none, or this one.
    ///
    /// # Errors
    /// [`VaultError::OtherRootKey`]; the disk fails.
    pub fn install(&self, keys_dir: &Path) -> Result<(), VaultError> {
        match read_root(keys_dir)? {
            Some(there) if there == self.0 => Ok(()),
            Some(_) => Err(VaultError::OtherRootKey),
            None => create_root(keys_dir, &self.0),
        }
    }

    /// Opens what [`super::Vault::seal_manifest`] made in the home of this phrase.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] for another home's, or damage.
    pub fn open_manifest(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        seal::open(&manifest_key(&self.0)?, MANIFEST_CONTEXT, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the test vectors of BIP-39, entropy and words.
    const VECTORS: [([u8; 32], &str); 2] = [
        (
            [0; 32],
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
             abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        ),
        (
            [0x7f; 32],
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful \
             legal winner thank year wave sausage worth title",
        ),
    ];

    #[test]
    fn it_is_that_of_bip_39() {
        for (key, words) in VECTORS {
            assert_eq!(Phrase(Secret::new(key)).words().unwrap().expose(), words);
            assert_eq!(Phrase::parse(words).unwrap().0.expose(), &key);
        }
    }

    #[test]
    fn it_is_read_as_people_write_it() {
        let (key, words) = VECTORS[1];
        let numbered: Vec<_> = words
            .split(' ')
            .enumerate()
            .map(|(at, word)| format!("{}. {}", at + 1, word.to_uppercase()))
            .collect();
        for typed in [numbered.join("\n"), numbered.join(", "), format!("\t{words}\r\n")] {
            assert_eq!(Phrase::parse(&typed).unwrap().0.expose(), &key, "{typed}");
        }
    }

    #[test]
    fn a_wrong_one_is_told_from_a_right_one_and_not_repeated() {
        let (_, words) = VECTORS[1];
        for (typed, want) in [
            (words.replace(" title", ""), "24 words"),
            (words.replace("title", "title legal"), "24 words"),
            (words.replace("title", "titel"), "none that it can have"),
            (words.replace("title", "art"), "another one"),
            (String::new(), "24 words"),
        ] {
            let error = Phrase::parse(&typed).unwrap_err().to_string();
            assert!(error.contains(want) && !error.contains("titel"), "{error}");
        }
    }
}
