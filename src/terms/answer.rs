//! What comes back: the vendor's answer in the same field.

use http::{HeaderMap, HeaderName};
use sfv::visitor::{DictionaryVisitor, EntryVisitor};
use sfv::{BareItem, Dictionary, Item, KeyRef, ListEntry, Parameters, Parser};
use std::fmt;

/// The longest answer that is read, in bytes over all its lines.
const MAX_LENGTH: usize = 4096;

/// A vendor's answer. Ids and record names are what the vendor wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It accepts an agreement.
    Accept {
        /// Which.
        id: String,
        /// Where the signed record is, a path or URL.
        record: Option<String>,
        /// When it ends, seconds since 1970.
        expires: Option<i64>,
        /// SHA-256 of the agreement's text.
        hash: Option<Vec<u8>>,
        /// The agreement's version.
        version: Option<String>,
    },
    /// It would accept another agreement.
    Counter {
        /// Which.
        id: String,
    },
    /// It refuses.
    Refuse {
        /// Why: `policy`, `unknown-agreement`, ….
        why: Option<String>,
    },
    /// It confirms the agreement in force.
    Use {
        /// The record's id.
        record: String,
        /// SHA-256 of the record.
        hash: Option<Vec<u8>>,
    },
    /// It confirms, or declares, the end.
    Ended {
        /// The record's id.
        record: String,
        /// When, seconds since 1970.
        at: Option<i64>,
    },
}

/// Why a field that is there says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Longer than is read.
    #[error("longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not an RFC 9651 dictionary.
    #[error("not a structured field")]
    Malformed,
    /// A key stands twice. RFC 9651 would let the last one win, and with it whoever appends a line on the way.
    #[error("a key is repeated")]
    Repeated,
    /// Two answers, or one whose value has the wrong type.
    #[error("not one answer of the defined form")]
    Meaningless,
}

/// The vendor's answer. `Ok(None)`: no field, or none of its keys is an answer. An error tells why a field that is there
/// counts as absent (RFC 9651 section 4.2).
pub fn parse_answer(headers: &HeaderMap, field: &HeaderName) -> Result<Option<Answer>, AnswerError> {
    let mut text = Vec::new();
    for line in headers.get_all(field) {
        if text.len() + line.len() > MAX_LENGTH {
            return Err(AnswerError::TooLong);
        }
        // RFC 9651 section 4.2: lines are joined by a comma before parsing.
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(line.as_bytes());
    }
    if text.is_empty() {
        return Ok(None);
    }
    let all: Dictionary = Parser::new(&text).parse().map_err(|_| AnswerError::Malformed)?;
    Parser::new(&text)
        .parse_dictionary_with_visitor(Unique(Dictionary::new()))
        .map_err(|_| AnswerError::Repeated)?;
    let mut answer = None;
    for (key, entry) in &all {
        let Some(read) = read_entry(key.as_str(), entry)? else { continue };
        if answer.replace(read).is_some() {
            return Err(AnswerError::Meaningless);
        }
    }
    Ok(answer)
}

fn read_entry(key: &str, entry: &ListEntry) -> Result<Option<Answer>, AnswerError> {
    if !matches!(key, "accept" | "counter" | "refuse" | "use" | "ended") {
        return Ok(None);
    }
    let ListEntry::Item(Item { bare_item, params }) = entry else { return Err(AnswerError::Meaningless) };
    let name = || text(bare_item).filter(|text| !text.is_empty()).ok_or(AnswerError::Meaningless);
    let record = || bare_item.as_string().map(|id| id.as_str().to_owned()).ok_or(AnswerError::Meaningless);
    Ok(Some(match key {
        "accept" => Answer::Accept {
            id: name()?,
            record: text_of(params, "rec"),
            expires: date_of(params, "exp"),
            hash: bytes_of(params, "h"),
            version: text_of(params, "v"),
        },
        "counter" => Answer::Counter { id: name()? },
        "refuse" if bare_item.as_boolean() == Some(true) => Answer::Refuse { why: text_of(params, "why") },
        "use" => Answer::Use { record: record()?, hash: bytes_of(params, "h") },
        "ended" => Answer::Ended { record: record()?, at: date_of(params, "at") },
        _ => return Err(AnswerError::Meaningless),
    }))
}

/// A Token or a String.
fn text(item: &BareItem) -> Option<String> {
    let token = item.as_token().map(|token| token.as_str());
    token.or_else(|| item.as_string().map(|text| text.as_str())).map(str::to_owned)
}

fn text_of(params: &Parameters, key: &str) -> Option<String> {
    params.get(key).and_then(text)
}

fn date_of(params: &Parameters, key: &str) -> Option<i64> {
    params.get(key)?.as_date().map(|date| date.unix_seconds().into())
}

fn bytes_of(params: &Parameters, key: &str) -> Option<Vec<u8>> {
    params.get(key)?.as_byte_sequence().map(<[u8]>::to_vec)
}

/// For the record: the answer and what it names, without hashes.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept { id, record: Some(record), .. } => write!(f, "accept {id} ({record})"),
            Self::Accept { id, .. } => write!(f, "accept {id}"),
            Self::Counter { id } => write!(f, "counter {id}"),
            Self::Refuse { why: Some(why) } => write!(f, "refuse ({why})"),
            Self::Refuse { why: None } => f.write_str("refuse"),
            Self::Use { record, .. } => write!(f, "use {record}"),
            Self::Ended { record, .. } => write!(f, "ended {record}"),
        }
    }
}

/// A dictionary that takes each key once.
struct Unique(Dictionary);

#[derive(Debug, thiserror::Error)]
#[error("repeated key")]
struct RepeatedKey;

impl<'de> DictionaryVisitor<'de> for Unique {
    type Out = ();
    type Error = RepeatedKey;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, RepeatedKey> {
        if self.0.contains_key(key) {
            return Err(RepeatedKey);
        }
        DictionaryVisitor::entry(&mut self.0, key).map_err(|_| RepeatedKey)
    }

    fn finish(self) -> Result<(), RepeatedKey> {
        Ok(())
    }
}
