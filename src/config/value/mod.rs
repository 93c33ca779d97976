//! Typed values of the file: each reads from and prints as one string.

mod address;
mod interval;
mod network;
mod pattern;
mod quota;
mod secret;
mod source;
mod word;

pub use address::{ListenAddr, MailAddr, NextHopScheme, NextHopUrl};
pub use interval::Interval;
pub use network::Network;
pub use pattern::{HostCategory, HostPattern, NeverEntry};
pub use quota::Quota;
pub use secret::{SecretError, SecretSource};
pub use source::{ListSource, RevocationSource, ServiceUrl, StoreUrl};
pub use word::{FieldName, MailDomain, OfferId, PolicyKey};

use std::borrow::Cow;

/// Why a value does not read, and how it is written rightly. Holds the configuration's own text, never a real value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n{help}")]
pub struct ValueError {
    /// What is wrong, without a final stop.
    pub message: String,
    /// What to write instead.
    pub help: Cow<'static, str>,
}

impl ValueError {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<Cow<'static, str>>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// Serde and JSON Schema for a type that reads with `FromStr` and prints with `Display`.
macro_rules! string_value {
    ($type:ty, $name:literal, $description:literal, $($example:literal),+) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string", "description": $description, "examples": [$($example),+]
                })
            }
        }
    };
}
pub(crate) use string_value;

#[cfg(test)]
mod tests;
