//! Secrets: never written in the file itself, only where they are found.

use crate::model::Secret;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

/// Where a secret is found: `{ env = "NAME" }`, `{ file = "PATH" }` or `{ keyring = "SERVICE/NAME" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, its path from the configuration file; one final line end is taken off.
    File(PathBuf),
    /// The desktop's keyring.
    Keyring(String),
}

/// Why a secret cannot be had. Names the place, never the secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set or not UTF-8.
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    /// The file cannot be read.
    #[error("{}: {}", .0.display(), .1)]
    File(PathBuf, std::io::Error),
    /// Larger than any secret, or not text.
    #[error("{}: not a text of at most 64 KiB", .0.display())]
    NotText(PathBuf),
    /// This build reads no keyring.
    #[error("this version does not read the keyring (`{0}`): use `env` or `file`")]
    Keyring(String),
}

const LARGEST: u64 = 64 * 1024;

impl SecretSource {
    /// Reads the secret now.
    pub fn read(&self) -> Result<Secret<String>, SecretError> {
        match self {
            Self::Env(name) => {
                std::env::var(name).map(Secret::new).map_err(|_| SecretError::Env(name.clone()))
            }
            Self::File(path) => {
                let unread = |error| SecretError::File(path.clone(), error);
                let file = std::fs::File::open(path).map_err(unread)?;
                let mut bytes = Vec::new();
                file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
                let text = (bytes.len() as u64 <= LARGEST).then(|| String::from_utf8(bytes).ok()).flatten();
                let mut text = text.ok_or_else(|| SecretError::NotText(path.clone()))?;
                if text.ends_with('\n') {
                    text.pop();
                }
                if text.ends_with('\r') {
                    text.pop();
                }
                Ok(Secret::new(text))
            }
            Self::Keyring(name) => Err(SecretError::Keyring(name.clone())),
        }
    }
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Table {
            Env(String),
            File(PathBuf),
            Keyring(String),
        }

        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = SecretSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{ env = … }`, `{ file = … }` or `{ keyring = … }`")
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<SecretSource, E> {
                Err(E::custom(
                    "a secret does not stand in the file\nwrite `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
                ))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretSource, A::Error> {
                Ok(match Table::deserialize(MapAccessDeserializer::new(map))? {
                    Table::Env(name) => SecretSource::Env(name),
                    Table::File(path) => SecretSource::File(path),
                    Table::Keyring(name) => SecretSource::Keyring(name),
                })
            }
        }
        deserializer.deserialize_any(Place)
    }
}
