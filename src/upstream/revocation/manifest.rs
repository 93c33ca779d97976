//! What is published: the filters' names, sizes and digests, as upki 1.0 has them in its `manifest.json`.

use crate::model::Timestamp;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::Path;
use thiserror::Error;

/// Most filters: a whole one and what was added since.
const MOST_PARTS: usize = 512;
/// Most bytes of one.
const LARGEST: u64 = 64 << 20;
/// Most bytes of all.
const LARGEST_SUM: u64 = 128 << 20;
/// Longest name of one.
const LONGEST_NAME: usize = 128;

/// What the filters are, and when they were published.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// When they were published.
    pub as_of: Timestamp,
    /// The filters.
    pub parts: Vec<Part>,
}

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Its name beside the manifest.
    pub filename: String,
    /// In bytes.
    pub size: u64,
    /// SHA-256, in lower-case hexadecimal.
    #[serde(rename = "hash")]
    pub digest: String,
}

/// Why a manifest, or what it names, is not taken.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It is not one.
    #[error("the manifest of the revocations cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// More, or more bytes, than is ever published.
    #[error("the manifest of the revocations names too much")]
    TooMuch,
    /// A name or digest that is none.
    #[error("the manifest of the revocations names what is no filter")]
    NoFilter,
    /// Other bytes than the manifest promises.
    #[error("a filter of the revocations is not what its manifest says")]
    Digest,
    /// A filter that cannot be read.
    #[error("a filter of the revocations cannot be read: {0}")]
    Filter(String),
    /// The disk does not do what it should.
    #[error("a filter of the revocations is not there")]
    Disk(#[from] std::io::Error),
}

#[derive(Deserialize)]
struct Written {
    /// Seconds since 1970, UTC.
    generated_at: u64,
    #[serde(alias = "filters")]
    files: Vec<Part>,
}

impl Manifest {
    /// Its name, where it is published and where it lies.
    pub const FILE: &str = "manifest.json";
    /// Most bytes of one.
    pub const LARGEST: u64 = 1 << 20;

    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, or names what is never published.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let written: Written = serde_json::from_slice(bytes).map_err(ManifestError::Unreadable)?;
        let Written { generated_at, files: mut parts } = written;
        let sum = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(part.size));
        if parts.len() > MOST_PARTS || sum > LARGEST_SUM || parts.iter().any(|part| part.size > LARGEST) {
            return Err(ManifestError::TooMuch);
        }
        parts.iter_mut().for_each(|part| part.digest.make_ascii_lowercase());
        match parts.iter().all(Part::is_one) {
            true => Ok(Self { as_of: Timestamp(generated_at.saturating_mul(1000)), parts }),
            false => Err(ManifestError::NoFilter),
        }
    }
}

impl Part {
    /// Whether the name is one segment of a path, and the digest a digest.
    fn is_one(&self) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let name = &self.filename;
        (1..=LONGEST_NAME).contains(&name.len())
            && name.bytes().all(is_plain)
            && !name.starts_with('.')
            && self.digest.len() == 2 * Sha256::output_size()
            && self.digest.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    /// Whether these are its bytes.
    pub fn is(&self, bytes: &[u8]) -> bool {
        let digest = Sha256::digest(bytes);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        u64::try_from(bytes.len()).is_ok_and(|length| length == self.size) && hex == self.digest
    }

    /// The name of the file that it is kept in: its digest, so that none takes another's place.
    pub fn kept_as(&self) -> String {
        format!("{}.filter", self.digest)
    }

    /// Its bytes, which lie in `dir`. Blocks.
    ///
    /// # Errors
    /// They are not there, or others.
    pub fn read(&self, dir: &Path) -> Result<Vec<u8>, ManifestError> {
        let bytes = std::fs::read(dir.join(self.kept_as()))?;
        if self.is(&bytes) { Ok(bytes) } else { Err(ManifestError::Digest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08";

    fn parse(files: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(format!(r#"{{"generated_at":1,"comment":"any","files":[{files}]}}"#).as_bytes())
    }

    #[test]
    fn what_is_published_is_read() {
        let file = format!(r#"{{"filename":"20261128-0-default.filter","size":4,"hash":"{DIGEST}"}}"#);
        let manifest = parse(&file).unwrap();
        let [part] = &manifest.parts[..] else { panic!("{manifest:?}") };
        assert!(part.is(b"test") && !part.is(b"tesu") && !part.is(b"test\0"));
        assert_eq!(part.kept_as(), format!("{}.filter", DIGEST.to_lowercase()));
    }

    #[test]
    fn nothing_else_is() {
        for (filename, size, digest) in [
            ("../state.db", "4", DIGEST),
            ("a/b.filter", "4", DIGEST),
            ("a\\\\b", "4", DIGEST),
            ("a?b", "4", DIGEST),
            (".filter", "4", DIGEST),
            ("", "4", DIGEST),
            ("a.filter", "4", "9f86"),
            ("a.filter", "4", &DIGEST.replace('9', "g")),
            ("a.filter", "67108865", DIGEST),
            ("a.filter", "-1", DIGEST),
            ("a.filter", "\"4\"", DIGEST),
        ] {
            let file = format!(r#"{{"filename":"{filename}","size":{size},"hash":"{digest}"}}"#);
            assert!(parse(&file).is_err(), "{file}");
        }
        let file = format!(r#"{{"filename":"a.filter","size":67108864,"hash":"{DIGEST}"}}"#);
        assert!(parse(&[file.as_str(); 2].join(",")).is_ok());
        assert!(matches!(parse(&[file.as_str(); 3].join(",")), Err(ManifestError::TooMuch)));
        let small = file.replace("67108864", "1");
        assert!(matches!(parse(&vec![small; 513].join(",")), Err(ManifestError::TooMuch)));
        assert!(matches!(Manifest::parse(b"<html>"), Err(ManifestError::Unreadable(_))));
    }
}
