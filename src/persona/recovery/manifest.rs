//! What a manifest says, and the text it is kept as.
//!
//! A line that names the format, then base64 in lines: of JSON, deflated (RFC 1951) and sealed under a key of the root key's.
//! Later versions may say more; what a reader does not know it passes over.

use super::RecoveryError;
use crate::model::Secret;
use crate::vault::{Phrase, Vault};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use uuid::Uuid;

/// The first line.
const FORMAT: &str = "doorward manifest 1";
/// Base64 in a line.
const LINE: usize = 76;
/// Bytes of a manifest's text at most.
pub const MOST_TEXT: usize = 32 << 20;
/// And of what it says.
const MOST_SAID: u64 = 64 << 20;

/// All that the root key does not say.
#[derive(Serialize, Deserialize)]
pub struct Manifest {
    /// When it was made (milliseconds since 1970, UTC), like every time here.
    pub made: u64,
    /// Everybody, the first one first.
    pub members: Vec<Member>,
    /// Blinds of values that may never be made again, in base64.
    pub claims: Vec<String>,
}

/// A member.
#[derive(Serialize, Deserialize)]
pub struct Member {
    /// The id their keys come from.
    pub id: Uuid,
    /// Their name.
    pub name: String,
    /// `adult`, `child` or `shared`.
    pub kind: String,
    /// Whether they stand in for somebody who has no name yet.
    pub placeholder: bool,
    /// When they were added.
    pub created: u64,
    /// Vendors they deal with, by name.
    pub vendors: BTreeMap<String, Vendor>,
    /// Hosts: their name, the vendor's, since when.
    pub hosts: Vec<(String, String, u64)>,
    /// Vendors they met: name, whether cookies came along, when.
    pub met: Vec<(String, bool, u64)>,
    /// What vendors know them as.
    pub pseudonyms: Vec<Pseudonym>,
}

/// How they stand with a vendor.
#[derive(Serialize, Deserialize)]
pub struct Vendor {
    /// The identity in use.
    pub epoch: u32,
    /// The level they chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Since when.
    pub since: u64,
    /// Where the terms stand.
    pub terms: String,
    /// What the vendor said of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Their own settings for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
}

/// What a vendor knows them as.
#[derive(Serialize, Deserialize)]
pub struct Pseudonym {
    /// The vendor.
    pub vendor: String,
    /// The identity it belongs to.
    pub epoch: u32,
    /// The slot.
    pub slot: String,
    /// The version of its format.
    pub format: u32,
    /// `derived` or `adopted`.
    pub how: String,
    /// The value.
    pub value: Value,
    /// When it was made.
    pub created: u64,
}

/// A value that prints nowhere but in a manifest.
pub struct Value(pub Secret<String>);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|value| Self(Secret::new(value)))
    }
}

impl Manifest {
    /// The text to keep. Nothing of it can be read without the recovery phrase.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn write(&self, vault: &Vault) -> Result<String, RecoveryError> {
        let said = Secret::new(serde_json::to_vec(self).map_err(|_| RecoveryError::Unwritten)?);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        let packed = encoder.write_all(said.expose()).and_then(|()| encoder.finish());
        let packed = Secret::new(packed.map_err(|_| RecoveryError::Unwritten)?);
        let sealed = STANDARD.encode(vault.seal_manifest(packed.expose())?);
        let mut text = format!("{FORMAT}\n");
        let mut rest = sealed.as_str();
        while !rest.is_empty() {
            let (line, behind) = rest.split_at(rest.len().min(LINE));
            text.push_str(line);
            text.push('\n');
            rest = behind;
        }
        Ok(text)
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`RecoveryError::NoManifest`] for another text or another version, [`RecoveryError::Closed`] where the phrase does
    /// not open it.
    pub fn read(text: &str, phrase: &Phrase) -> Result<Self, RecoveryError> {
        let mut lines =
            text.trim_start_matches('\u{FEFF}').lines().map(str::trim).filter(|line| !line.is_empty());
        if text.len() > MOST_TEXT || lines.next() != Some(FORMAT) {
            return Err(RecoveryError::NoManifest);
        }
        let cut = RecoveryError::Damaged("not all of it is there, or not as it was written");
        let sealed = STANDARD.decode(lines.collect::<String>()).map_err(|_| cut)?;
        let packed = phrase.open_manifest(&sealed).map_err(|_| RecoveryError::Closed)?;
        let mut said = Vec::new();
        let read = DeflateDecoder::new(packed.expose().as_slice()).take(MOST_SAID).read_to_end(&mut said);
        let said = Secret::new(said);
        read.map_err(|_| RecoveryError::NoManifest)?;
        serde_json::from_slice(said.expose()).map_err(|_| RecoveryError::NoManifest)
    }
}
