//! Which structure a body has.

use encoding_rs::Encoding;
use http::HeaderValue;

/// How a body is read. It only decides how places are named and what counts as one value: an identifier is found
/// wherever it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// RFC 8259, also a sequence of documents (NDJSON).
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/*` (RFC 2046).
    Multipart {
        /// The boundary parameter, without the leading dashes.
        boundary: String,
    },
    /// Any other text.
    Text,
    /// HTML or XML text.
    Html,
}

/// The structure of a body of this content type; `None` for what cannot hold text (media, archives, fonts,
/// octet-streams, protobuf). A missing or unreadable content type counts as text: it is looked at rather than let pass.
pub fn syntax_of(content_type: Option<&HeaderValue>) -> Option<Syntax> {
    let Some(text) = content_type.and_then(|value| value.to_str().ok()) else { return Some(Syntax::Text) };
    let (essence, parameters) = text.split_once([';', ',']).unwrap_or((text, ""));
    let essence = essence.trim().to_ascii_lowercase();
    let Some((kind, sub)) = essence.split_once('/') else { return Some(Syntax::Text) };
    match (kind, sub) {
        ("multipart", _) => Some(match parameter(parameters, "boundary") {
            Some(boundary) if (1..=200).contains(&boundary.len()) => Syntax::Multipart { boundary },
            _ => Syntax::Text,
        }),
        ("application", "x-www-form-urlencoded") => Some(Syntax::Form),
        ("text", "html") => Some(Syntax::Html),
        ("text", "json") => Some(Syntax::Json),
        (_, sub) if sub == "json" || sub.ends_with("+json") || is_json(sub) => Some(Syntax::Json),
        (_, sub) if sub == "xml" || sub.ends_with("+xml") => Some(Syntax::Html),
        ("text" | "message", _) => Some(Syntax::Text),
        ("application", sub) if is_text(sub) => Some(Syntax::Text),
        _ => None,
    }
}

/// Whether text of this content type has ASCII where it says so: not in UTF-16 and the like, nor where nobody knows the
/// name of its charset (WHATWG Encoding Standard, section 4.2).
pub fn has_known_charset(content_type: Option<&HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (_, parameters) = text.split_once(';').unwrap_or_default();
    parameter(parameters, "charset")
        .is_none_or(|label| Encoding::for_label(label.as_bytes()).is_some_and(Encoding::is_ascii_compatible))
}

/// Whether a text begins as UTF-16 or UTF-32 does: with the mark of its byte order, or with ASCII of more than one byte.
pub fn begins_wide(body: &[u8]) -> bool {
    matches!(body, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..])
        || matches!(body, [0, 1..=0x7F, 0, 1..=0x7F, ..] | [1..=0x7F, 0, 1..=0x7F, 0, ..])
        || matches!(body, [0, 0, 0, 1..=0x7F, ..] | [1..=0x7F, 0, 0, 0, ..])
}

/// Whether a part of that content type, inside a body of parts, is media or an archive, where a search for text finds
/// nothing. Anything else is looked into: forms send text as `application/octet-stream`, too.
pub(super) fn is_binary(content_type: Option<&HeaderValue>) -> bool {
    if syntax_of(content_type).is_some() {
        return false;
    }
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((kind, sub)) = essence.split_once('/') else { return false };
    matches!(kind, "image" | "audio" | "video" | "font")
        || matches!(
            sub,
            "pdf"
                | "zip"
                | "gzip"
                | "x-gzip"
                | "zstd"
                | "x-bzip2"
                | "x-xz"
                | "x-tar"
                | "x-7z-compressed"
                | "vnd.rar"
                | "x-rar-compressed"
                | "x-zip-compressed"
        )
        || sub.starts_with("vnd.openxmlformats")
        || sub.ends_with("+zip")
}

fn is_json(sub: &str) -> bool {
    matches!(
        sub,
        "x-ndjson" | "ndjson" | "jsonl" | "x-jsonlines" | "json-seq" | "csp-report" | "x-json" | "json5"
    ) || sub.starts_with("x-amz-json-")
}

fn is_text(sub: &str) -> bool {
    matches!(
        sub,
        "javascript"
            | "x-javascript"
            | "ecmascript"
            | "graphql"
            | "sql"
            | "yaml"
            | "x-yaml"
            | "toml"
            | "xml-dtd"
            | "x-www-form"
            | "jwt"
            | "jose"
            | "http"
            | "sdp"
    )
}

/// The value of a content-type parameter (RFC 9110 section 5.6.6), quoted or not.
pub(super) fn parameter(parameters: &str, wanted: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([';', ' ', '\t']);
        let (name, after) = rest.split_once('=')?;
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) = unquote(quoted);
                rest = behind;
                value
            }
            None => {
                let (value, behind) = after.split_once(';').unwrap_or((after, ""));
                rest = behind;
                value.trim().to_owned()
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
    }
}

/// Reads a quoted-string whose opening quote is gone; gives what it says and what follows it.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, text.get(at + 1..).unwrap_or("")),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        let of = |text: &str| syntax_of(HeaderValue::from_str(text).ok().as_ref());
        let multipart = |boundary: &str| Some(Syntax::Multipart { boundary: boundary.into() });
        for (text, want) in [
            ("application/json; charset=utf-8", Some(Syntax::Json)),
            ("application/problem+json", Some(Syntax::Json)),
            ("APPLICATION/X-NDJSON", Some(Syntax::Json)),
            ("application/x-amz-json-1.1", Some(Syntax::Json)),
            ("application/json, application/json", Some(Syntax::Json)),
            ("message/rfc822", Some(Syntax::Text)),
            ("application/x-www-form-urlencoded", Some(Syntax::Form)),
            ("multipart/form-data; boundary=abc", multipart("abc")),
            ("multipart/form-data; charset=utf-8; boundary=\"a;\\\"c\"", multipart("a;\"c")),
            ("multipart/form-data", Some(Syntax::Text)),
            ("text/html", Some(Syntax::Html)),
            ("image/svg+xml", Some(Syntax::Html)),
            ("text/event-stream", Some(Syntax::Text)),
            ("text/plain", Some(Syntax::Text)),
            ("image/png", None),
            ("application/octet-stream", None),
            ("application/x-protobuf", None),
            ("application/grpc", None),
            ("font/woff2", None),
            ("nonsense", Some(Syntax::Text)),
        ] {
            assert_eq!(of(text), want, "{text}");
        }
        assert_eq!(syntax_of(None), Some(Syntax::Text));
    }

    #[test]
    fn charsets_by_their_names_and_by_how_a_text_begins() {
        for (text, want) in [
            ("text/plain", true),
            ("text/plain; charset=UTF-8", true),
            ("text/plain; charset=\"latin1\"", true),
            ("text/plain;charset=shift_jis", true),
            ("text/plain; charset=", false),
            ("text/plain; charset=utf-16", false),
            ("text/xml; charset=UTF-16LE", false),
            ("text/plain; charset=utf-7", false),
            ("text/plain; charset=iso-2022-jp", false),
            ("text/plain; charset=cp037", false),
            ("application/json; version=2", true),
        ] {
            assert_eq!(has_known_charset(Some(&HeaderValue::from_static(text))), want, "{text}");
        }
        assert!(has_known_charset(None));
        for (body, want) in [
            (&b"\xff\xfea\0n\0n\0"[..], true),
            (b"\xfe\xff\0a", true),
            (b"{\0\"\0", true),
            (b"\0{\0\"", true),
            (b"a\0\0\0", true),
            (b"\0\0\0a", true),
            (b"", false),
            (b"a", false),
            (b"ann", false),
            (b"\xef\xbb\xbfann", false),
            (b"a\0nn@", false),
        ] {
            assert_eq!(begins_wide(body), want, "{body:?}");
        }
    }
}
