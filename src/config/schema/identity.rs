//! `[identity]`: settings, and a policy per slot beside them.

use crate::config::value::{MailDomain, PolicyKey};
use crate::model::{FederatedLogin, Level, Policy};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// Policies by slot or kind of slot; the slot itself wins over its kind.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Policies(pub BTreeMap<PolicyKey, Policy>);

impl Policies {}

/// What vendors get to know of a person. Its other keys are slots, or the part before their dot, with a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// The level of a vendor that nothing is written about.
    pub new_vendor: Level,
    /// What happens to a slot that is about to reach a vendor for the first time.
    pub first: First,
    /// The domain of per-vendor addresses; without one e-mail stays as typed.
    pub domain: Option<MailDomain>,
    /// Whether what cannot be inspected is refused.
    pub strict: bool,
    /// What happens to identifiers inside what cannot be rewritten (JWT, signed, protobuf).
    pub carriers: Carriers,
    /// What becomes of signing in at a vendor by way of somebody else.
    pub federated_login: FederatedLogin,
    /// Where pseudonyms come from.
    pub derivation: Derivation,
    /// Expert view: policies that hold at every vendor.
    pub policies: Policies,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            new_vendor: Level::Alias,
            first: First::Learn,
            domain: None,
            strict: false,
            carriers: Carriers::Allow,
            federated_login: FederatedLogin::Allow,
            derivation: Derivation::Seed,
            policies: Policies::default(),
        }
    }
}

/// What happens to a slot that is about to reach a vendor for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum First {
    /// A vendor that already knows the person keeps the real value; a sign-up gets a pseudonym.
    #[default]
    Learn,
    /// A pseudonym.
    Pseudonym,
    /// The owner is asked.
    Ask,
}

/// What happens to identifiers inside what cannot be rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Carriers {
    /// They pass, and the log says so.
    #[default]
    Allow,
    /// The request is refused.
    Block,
}

/// Where pseudonyms come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Derivation {
    /// Derived from the member's key: the same again after a restore of the key.
    #[default]
    Seed,
    /// Random: only in the store.
    Random,
}

pub(crate) const SETTINGS: [&str; 7] =
    ["new_vendor", "first", "domain", "strict", "carriers", "federated_login", "derivation"];

// By hand, since `flatten` would lose where in the file an error is.
impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Table)
    }
}

enum Key {
    Setting(&'static str),
    Policy(PolicyKey),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if let Some(setting) = SETTINGS.into_iter().find(|name| *name == text) {
            return Ok(Self::Setting(setting));
        }
        text.parse().map(Self::Policy).map_err(|error: crate::config::value::ValueError| {
            match crate::config::suggest::closest(&text, &SETTINGS) {
                Some(near) => {
                    de::Error::custom(format!("unknown key `{text}` in [identity]\ndid you mean `{near}`?"))
                }
                None => de::Error::custom(error),
            }
        })
    }
}

struct Table;
impl<'de> Visitor<'de> for Table {
    type Value = Identity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of settings and slots")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Identity, A::Error> {
        let mut identity = Identity::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Setting("new_vendor") => identity.new_vendor = map.next_value()?,
                Key::Setting("first") => identity.first = map.next_value()?,
                Key::Setting("domain") => identity.domain = Some(map.next_value()?),
                Key::Setting("strict") => identity.strict = map.next_value()?,
                Key::Setting("carriers") => identity.carriers = map.next_value()?,
                Key::Setting("federated_login") => identity.federated_login = map.next_value()?,
                Key::Setting(_) => identity.derivation = map.next_value()?,
                Key::Policy(key) => {
                    let policy = map.next_value()?;
                    identity.policies.0.insert(key, policy);
                }
            }
        }
        Ok(identity)
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("new_vendor", &self.new_vendor)?;
        map.serialize_entry("first", &self.first)?;
        if let Some(domain) = &self.domain {
            map.serialize_entry("domain", domain)?;
        }
        map.serialize_entry("strict", &self.strict)?;
        map.serialize_entry("carriers", &self.carriers)?;
        map.serialize_entry("federated_login", &self.federated_login)?;
        map.serialize_entry("derivation", &self.derivation)?;
        for (key, policy) in &self.policies.0 {
            map.serialize_entry(key, policy)?;
        }
        map.end()
    }
}

impl JsonSchema for Identity {
    fn schema_name() -> Cow<'static, str> {
        "Identity".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "What vendors get to know of a person. Further keys are slots, or the part before their dot.",
            "properties": {
                "new_vendor": generator.subschema_for::<Level>(),
                "first": generator.subschema_for::<First>(),
                "domain": generator.subschema_for::<MailDomain>(),
                "strict": { "type": "boolean", "default": false },
                "carriers": generator.subschema_for::<Carriers>(),
                "federated_login": generator.subschema_for::<FederatedLogin>(),
                "derivation": generator.subschema_for::<Derivation>(),
            },
            "additionalProperties": generator.subschema_for::<Policy>(),
        })
    }
}
