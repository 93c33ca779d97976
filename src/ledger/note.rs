//! Checkpoints as C2SP signed notes (<https://c2sp.org/signed-note>, <https://c2sp.org/tlog-checkpoint>).

use super::tree::Hash;
use crate::model::Timestamp;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// The signature type of Ed25519 in key ids.
const ED25519: u8 = 1;
/// The extension line of a log that is written in batches.
const BATCHED: &str = "write batched\n";
/// Longest note that is read.
const NOTE_BYTES: usize = 4_096;

/// Why a note or a key is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text does not have the form of the standard.
    #[error("not a signed note")]
    Malformed,
    /// No line is signed by this key.
    #[error("not signed by this key")]
    UnknownKey,
    /// The signature does not fit the text.
    #[error("the signature does not fit")]
    BadSignature,
}

/// The public key of a log: its name and an Ed25519 key. Prints and parses as the standard's verifier key.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

/// The private counterpart.
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

fn good_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 256 && !name.contains('+') && !name.chars().any(char::is_whitespace)
}

impl Verifier {
    /// Reads `name+hash+base64(0x01 || key)`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Malformed);
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| NoteError::Malformed)?;
        let (Some(&ED25519), Some(Ok(key))) = (bytes.first(), bytes.get(1..).map(<[u8; 32]>::try_from))
        else {
            return Err(NoteError::Malformed);
        };
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::Malformed)?;
        let verifier = Self { name: name.to_owned(), key };
        if good_name(name) && verifier.hex_id() == hash { Ok(verifier) } else { Err(NoteError::Malformed) }
    }

    /// The log's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name || 0x0A || 0x01 || key)`.
    fn id(&self) -> [u8; 4] {
        let digest: Hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize()
            .into();
        let [a, b, c, d, ..] = digest;
        [a, b, c, d]
    }

    fn hex_id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id()))
    }

    /// The text of a note that is signed by this key, with its final newline. Other signatures are passed over.
    pub fn open<'a>(&self, note: &'a str) -> Result<&'a str, NoteError> {
        if note.len() > NOTE_BYTES || !note.ends_with('\n') {
            return Err(NoteError::Malformed);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, signatures) = note.split_at_checked(split + 1).ok_or(NoteError::Malformed)?;
        let signatures = signatures.strip_prefix('\n').ok_or(NoteError::Malformed)?;
        if signatures.is_empty() || text.chars().any(|char| char.is_control() && char != '\n') {
            return Err(NoteError::Malformed);
        }
        let mut found = false;
        for line in signatures.lines() {
            let (name, blob) =
                line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).ok_or(NoteError::Malformed)?;
            let blob = BASE64_STANDARD.decode(blob).map_err(|_| NoteError::Malformed)?;
            let (id, signature) = blob.split_at_checked(4).ok_or(NoteError::Malformed)?;
            if name != self.name || id != self.id() {
                continue;
            }
            let signature = Signature::from_slice(signature).map_err(|_| NoteError::Malformed)?;
            self.key.verify_strict(text.as_bytes(), &signature).map_err(|_| NoteError::BadSignature)?;
            found = true;
        }
        if found { Ok(text) } else { Err(NoteError::UnknownKey) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![ED25519];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.hex_id(), BASE64_STANDARD.encode(bytes))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

impl Signer {
    /// The key of the log `name`. Fails for a name with white space or `+`.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        if !good_name(name) {
            return Err(NoteError::Malformed);
        }
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier { name: name.to_owned(), key: key.verifying_key() };
        Ok(Self { key, verifier })
    }

    /// The public key.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signed note over `text`, which ends with a newline.
    pub fn sign(&self, text: &str) -> String {
        let mut blob = self.verifier.id().to_vec();
        blob.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n— {} {}\n", self.verifier.name, BASE64_STANDARD.encode(blob))
    }
}

/// What a checkpoint says: a log of this name had this root at this size and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many records.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// When it was signed: an extension line `time MILLISECONDS`.
    pub time: Timestamp,
    /// Whether records after it may be lost with the power: an extension line `write batched`.
    pub batched: bool,
}

impl Checkpoint {
    /// The signed note.
    pub fn sign(&self, signer: &Signer) -> String {
        signer.sign(&format!(
            "{}\n{}\n{}\ntime {}\n{}",
            signer.verifier.name,
            self.size,
            BASE64_STANDARD.encode(self.root),
            self.time.0,
            if self.batched { BATCHED } else { "" }
        ))
    }

    /// Reads a note that is signed by this key.
    pub fn open(note: &str, verifier: &Verifier) -> Result<Self, NoteError> {
        let text = verifier.open(note)?;
        let mut lines = text.lines();
        let mut next = || lines.next().ok_or(NoteError::Malformed);
        let (origin, size, root, time) = (next()?, next()?, next()?, next()?);
        let number = |text: &str| {
            let number: u64 = text.parse().map_err(|_| NoteError::Malformed)?;
            // One spelling only: no sign, no leading zeros.
            if number.to_string() == text { Ok(number) } else { Err(NoteError::Malformed) }
        };
        if origin != verifier.name {
            return Err(NoteError::UnknownKey);
        }
        let root = BASE64_STANDARD.decode(root).map_err(|_| NoteError::Malformed)?;
        let time = time.strip_prefix("time ").ok_or(NoteError::Malformed)?;
        let batched = match lines.next() {
            None => false,
            Some(line) if Some(line) == BATCHED.strip_suffix('\n') => true,
            Some(_) => return Err(NoteError::Malformed),
        };
        Ok(Self {
            size: number(size)?,
            root: root.try_into().map_err(|_| NoteError::Malformed)?,
            time: Timestamp(number(time)?),
            batched,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and note of the standard's reference implementation (golang.org/x/mod/sumdb/note, Example).
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn reads_the_reference_note() {
        let key = Verifier::parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        assert!(key.open(NOTE).unwrap().ends_with("problem is.\n"));
    }

    #[test]
    fn every_flipped_bit_of_a_checkpoint_shows() {
        let signer = Signer::new("doorward.example/home", &[7; 32]).unwrap();
        for batched in [false, true] {
            let checkpoint =
                Checkpoint { size: 42, root: [9; 32], time: Timestamp(1_795_305_600_123), batched };
            let note = checkpoint.sign(&signer);
            assert_eq!(Checkpoint::open(&note, signer.verifier()), Ok(checkpoint));
            for bit in 0..note.len() * 8 {
                let mut bytes = note.clone().into_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok(text) = String::from_utf8(bytes) {
                    assert!(Checkpoint::open(&text, signer.verifier()).is_err(), "bit {bit}");
                }
            }
        }
    }

    #[test]
    fn another_key_and_another_log_are_refused() {
        let signer = Signer::new("home", &[7; 32]).unwrap();
        let note = Checkpoint { size: 1, root: [9; 32], time: Timestamp(0), batched: false }.sign(&signer);
        for (name, seed) in [("home", [8; 32]), ("house", [7; 32])] {
            let other = Signer::new(name, &seed).unwrap();
            assert_eq!(Checkpoint::open(&note, other.verifier()), Err(NoteError::UnknownKey));
        }
        for name in ["", "a b", "a+b", "a\nb"] {
            assert!(Signer::new(name, &[0; 32]).is_err());
        }
    }
}
