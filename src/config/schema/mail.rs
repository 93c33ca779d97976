//! `[mail]`.

use crate::config::value::{ListenAddr, MailAddr, SecretSource, ServiceUrl};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The letter box; off unless a listener is named.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// Where a mail server hands mail over (RFC 2033).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lmtp: Option<MailAddr>,
    /// Where mail is taken directly (RFC 5321).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<ListenAddr>,
    /// The server that mail leaves by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smarthost: Option<Smarthost>,
    /// The authserv-id whose Authentication-Results are believed (RFC 8601).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_results: Option<String>,
    /// The key that outgoing mail is signed with (RFC 6376).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dkim: Option<Dkim>,
    /// A service that makes addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<MailProvider>,
}

/// The server that mail leaves by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smarthost {
    /// `smtp://HOST:PORT` or `smtps://HOST:PORT`.
    pub url: ServiceUrl,
    /// The user to log in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretSource>,
}

/// The key that outgoing mail is signed with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The selector under `_domainkey`.
    pub selector: String,
    /// The private key, PEM.
    pub key: SecretSource,
}

/// A service that makes addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailProvider {
    /// Which one.
    pub kind: ProviderKind,
    /// Its address, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<ServiceUrl>,
    /// The key to its API.
    pub token: SecretSource,
}

/// Services that make addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// SimpleLogin.
    SimpleLogin,
    /// addy.io.
    Addy,
}
