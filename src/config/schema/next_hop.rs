//! `[upstream] proxy`.

use crate::config::value::{NextHopUrl, SecretSource};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The proxy that every connection leaves through. Written as its URL alone, or as a table where it wants to know who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Where it is and what it speaks.
    pub url: NextHopUrl,
    /// Whom it knows; comes with a password.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretSource>,
}

/// The long form.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Its URL, without user and password.
    url: NextHopUrl,
    /// The user it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The user's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<SecretSource>,
}

impl Serialize for NextHop {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { url, user, password } = self.clone();
        match (&user, &password) {
            (None, None) => url.serialize(serializer),
            _ => Table { url, user, password }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for NextHop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NextHop;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or a table of `url`, `user` and `password`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<NextHop, E> {
                Ok(NextHop { url: text.parse().map_err(E::custom)?, user: None, password: None })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NextHop, A::Error> {
                let Table { url, user, password } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(NextHop { url, user, password })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for NextHop {
    fn schema_name() -> Cow<'static, str> {
        "NextHop".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (url, table) = (generator.subschema_for::<NextHopUrl>(), generator.subschema_for::<Table>());
        json_schema!({ "anyOf": [url, table] })
    }
}
