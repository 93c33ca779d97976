//! Names: of agreements, header fields, mail domains, and of what a policy is about.

use super::{ValueError, string_value};
use crate::config::suggest;
use crate::model::{Host, Slot, SlotKind};
use std::fmt;
use std::str::FromStr;

/// The id of an agreement: the short name of a roster, an RFC 9651 token such as `SD-BASE`, or an https URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferId(String);

impl OfferId {
    /// The basic agreement, `SD-BASE`: what people may choose where nothing else is written.
    pub fn base() -> Self {
        Self("SD-BASE".to_owned())
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OfferId {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // RFC 9651 section 3.3.4: ( ALPHA / "*" ) *( tchar / ":" / "/" ). Roster names are upper case.
        let token = text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
        let uri = text.starts_with("https://") && url::Url::parse(text).is_ok() && text.is_ascii();
        if text.len() <= 128 && (token || uri) {
            return Ok(Self(text.to_owned()));
        }
        let help = match text.to_ascii_uppercase().replace('_', "-") {
            upper if upper != text && upper.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                format!("did you mean `{upper}`?")
            }
            _ => "write the short name of the roster, as in \"SD-BASE\", or an https URI".to_owned(),
        };
        Err(ValueError::new(format!("`{text}` is not the id of an agreement"), help))
    }
}

impl fmt::Display for OfferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

string_value!(OfferId, "OfferId", "A roster's short name or an https URI.", "SD-BASE", "SD-BASE-DP");

/// The name of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName {
    name: http::HeaderName,
    written: String,
}

impl FieldName {
    /// The field that carries terms where no other is written.
    pub fn personal_terms() -> Self {
        Self { name: http::HeaderName::from_static("personal-terms"), written: "Personal-Terms".to_owned() }
    }

    /// For lookups in a header map.
    pub fn header(&self) -> &http::HeaderName {
        &self.name
    }
}

impl FromStr for FieldName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let help = "write the name alone, as in \"Personal-Terms\"";
        let name = http::HeaderName::from_bytes(text.as_bytes())
            .map_err(|_| ValueError::new(format!("`{text}` is not the name of a header field"), help))?;
        Ok(Self { name, written: text.to_owned() })
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

string_value!(FieldName, "FieldName", "The name of a header field.", "Personal-Terms");

/// The domain of per-vendor addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailDomain(String);

impl MailDomain {
    /// The domain, lower case, in A-label form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MailDomain {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match Host::parse(text) {
            Some(Host::Name(name)) if name.contains('.') => Ok(Self(name.to_string())),
            _ => {
                let help = "write the part after the @, as in \"alias.example\"";
                Err(ValueError::new(format!("`{text}` is not a mail domain"), help))
            }
        }
    }
}

impl fmt::Display for MailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

string_value!(MailDomain, "MailDomain", "The domain of per-vendor addresses.", "alias.example");

/// What a policy is about: one slot, or all slots of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKey {
    /// The part before the dot: `email`.
    Kind(SlotKind),
    /// The whole name: `email.primary`.
    Slot(Slot),
}

impl PolicyKey {
    /// The kind of its slots.
    pub fn kind(&self) -> SlotKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Slot(slot) => slot.kind(),
        }
    }
}

impl FromStr for PolicyKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Some(kind) = SlotKind::parse(text) {
            return Ok(Self::Kind(kind));
        }
        if let Some(slot) = Slot::parse(text) {
            return Ok(Self::Slot(slot));
        }
        let kinds = SlotKind::ALL.map(SlotKind::as_str);
        let (head, tail) = text.split_once('.').unwrap_or((text, ""));
        let help = match suggest::closest(head, &kinds) {
            Some(kind) if tail.is_empty() => format!("did you mean `{kind}`?"),
            Some(kind) if Slot::parse(&format!("{kind}.{tail}")).is_some() => {
                format!("did you mean `{kind}.{tail}`?")
            }
            _ => format!("slots begin with {}", kinds.join(", ")),
        };
        Err(ValueError::new(format!("there is no slot `{text}`"), help))
    }
}

impl fmt::Display for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => f.write_str(kind.as_str()),
            Self::Slot(slot) => slot.fmt(f),
        }
    }
}

string_value!(PolicyKey, "PolicyKey", "A slot, or the part before its dot.", "email", "email.primary");
