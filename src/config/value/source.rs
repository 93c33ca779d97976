//! Addresses of lists, services and the store.

use super::{ValueError, string_value};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;

/// Where a filter list comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListSource {
    /// Downloaded.
    Url(Url),
    /// A file, its path from the configuration file.
    File(PathBuf),
}

impl FromStr for ListSource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = |message, help: &'static str| Err(ValueError::new(message, help));
        if text.is_empty() {
            return wrong("the name of a list is empty".to_owned(), "write an https URL or a path");
        }
        if !text.contains("://") {
            return Ok(Self::File(text.into()));
        }
        match Url::parse(text) {
            Ok(url) if url.scheme() == "https" && plain(&url) => Ok(Self::Url(url)),
            Ok(url) if url.scheme() == "http" => wrong(
                format!("`{text}` would be downloaded without protection"),
                "write https:// instead of http://",
            ),
            _ => wrong(format!("`{text}` is not the address of a list"), "write an https URL or a path"),
        }
    }
}

impl fmt::Display for ListSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

string_value!(
    ListSource,
    "ListSource",
    "An https URL, or a path from this file.",
    "https://easylist.to/easylist/easyprivacy.txt",
    "lists/mine.txt"
);

/// The address of a service the gateway uses, without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl(pub Url);

impl FromStr for ServiceUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match Url::parse(text) {
            Ok(url) if !plain(&url) => Err(ValueError::new(
                "a secret does not stand in a URL",
                "leave user and password out of the URL; they have keys of their own",
            )),
            Ok(url) if url.has_host() => Ok(Self(url)),
            _ => Err(ValueError::new(
                format!("`{text}` is not the address of a service"),
                "write a whole URL, as in \"smtp://127.0.0.1:2525\" or \"https://service.example\"",
            )),
        }
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

string_value!(ServiceUrl, "ServiceUrl", "A URL without user and password.", "smtp://127.0.0.1:2525");

/// Who publishes which certificates were revoked.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum RevocationSource {
    /// Nobody is asked, and no certificate is taken for revoked.
    #[default]
    Off,
    /// A folder of filters (C2SP upki-revocation) with upki's `manifest.json`.
    Url(Url),
}

impl FromStr for RevocationSource {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let help = "write \"off\" or an https URL that ends in `/`";
        match Url::parse(text) {
            _ if text == "off" => Ok(Self::Off),
            Ok(url) if url.scheme() == "https" && plain(&url) && url.path().ends_with('/') => {
                Ok(Self::Url(url))
            }
            _ => Err(ValueError::new(format!("`{text}` does not publish what was revoked"), help)),
        }
    }
}

impl fmt::Display for RevocationSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Url(url) => url.fmt(f),
        }
    }
}

string_value!(
    RevocationSource,
    "RevocationSource",
    "`off`, or the https URL of a folder with a `manifest.json`.",
    "off",
    "https://upki.rustls.dev/revocation/"
);

/// Where state lives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum StoreUrl {
    /// `sqlite`: `state.db` in the home.
    #[default]
    Sqlite,
    /// A PostgreSQL database; the password comes from the environment (`PGPASSWORD`) or a `~/.pgpass` file.
    Postgres(Url),
}

impl FromStr for StoreUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "sqlite" {
            return Ok(Self::Sqlite);
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") && url.password().is_some() => {
                Err(ValueError::new("a secret does not stand in the file", "give the password in PGPASSWORD"))
            }
            Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(Self::Postgres(url)),
            _ => Err(ValueError::new(
                "this is not a store",
                "write \"sqlite\" or \"postgres://USER@HOST/NAME\"",
            )),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => f.write_str("sqlite"),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

string_value!(StoreUrl, "StoreUrl", "`sqlite`, or a postgres URL without password.", "sqlite");

fn plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}
