//! Which fields go on, and which end at this hop.

use super::error::ExchangeError;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    ALT_SVC, AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, MAX_FORWARDS, RANGE, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING,
};
use http_body::Frame;

/// Connection may nominate this many fields.
const MOST_NOMINATIONS: usize = 16;

/// Fields that end at this hop (RFC 9110 section 7.6.1, and what proxies speak among themselves).
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Fields that Connection may not name: with them gone the message would mean something else.
const NEVER_NOMINATED: [&str; 8] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "authorization",
    "cookie",
    "cache-control",
    "transfer-encoding",
];

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the vendor.
    Request,
    /// To the client.
    Response,
}

/// RFC 9110 section 7.6.1: "Intermediaries MUST parse a received Connection header field before a message is forwarded
/// and, for each connection-option in this field, remove any header or trailer field(s) from the message with the same
/// name as the connection-option, and then remove the Connection header field itself".
pub(super) fn end_to_end(headers: HeaderMap, direction: Direction) -> Result<HeaderMap, ExchangeError> {
    let nominated = nominations(&headers, direction)?;
    let keeps_trailers = direction == Direction::Request
        && headers.get_all(TE).iter().any(|value| has_token(value, "trailers"));
    // RFC 9112 section 6.3: an intermediary that forwards a message with Transfer-Encoding and Content-Length "MUST first
    // remove the received Content-Length field".
    let is_chunked = headers.contains_key(TRANSFER_ENCODING);
    let ends_here = |name: &HeaderName| {
        HOP_BY_HOP.contains(&name.as_str())
            || nominated.iter().any(|one| one == name.as_str())
            || (direction == Direction::Request && *name == HOST)
            || (is_chunked && *name == CONTENT_LENGTH)
    };
    let untouched = !headers.keys().any(ends_here);
    let mut kept = if untouched {
        headers
    } else {
        // Rebuilt rather than removed from: removal moves the last field into the gap.
        let mut kept = HeaderMap::with_capacity(headers.len());
        let mut last = None;
        for (name, value) in headers {
            let name = name.or_else(|| last.clone());
            let Some(name) = name else { continue };
            if !ends_here(&name) {
                kept.append(name.clone(), value);
            }
            last = Some(name);
        }
        kept
    };
    if keeps_trailers {
        // RFC 9110 section 10.1.4: `TE: trailers` says the client can take trailers; so can we, and gRPC asks for it.
        kept.append(TE, HeaderValue::from_static("trailers"));
    }
    Ok(kept)
}

/// Fields that say how a message is framed, where it goes, who sends it or what its content is.
const NEVER_A_TRAILER: [HeaderName; 14] = [
    AUTHORIZATION,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    MAX_FORWARDS,
    RANGE,
    SET_COOKIE,
    TRAILER,
    ALT_SVC,
];

/// A frame of a body, its trailer fields without those that mean something only at the head.
///
/// RFC 9110 section 6.5.1: "Many fields cannot be processed outside the header section because their evaluation is necessary
/// prior to receiving the content, such as those that describe message framing, routing, authentication, request modifiers,
/// response controls, or content format."
pub(super) fn without_head_fields(frame: Frame<Bytes>) -> Frame<Bytes> {
    let fields = match frame.into_trailers() {
        Ok(fields) => fields,
        Err(data) => return data,
    };
    let ends_here = |name: &HeaderName| HOP_BY_HOP.contains(&name.as_str()) || NEVER_A_TRAILER.contains(name);
    if !fields.keys().any(ends_here) {
        return Frame::trailers(fields);
    }
    let kept = fields.iter().filter(|(name, _)| !ends_here(name));
    Frame::trailers(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn nominations(headers: &HeaderMap, direction: Direction) -> Result<Vec<String>, ExchangeError> {
    let mut nominated = Vec::new();
    for value in headers.get_all(CONNECTION) {
        let text = match value.to_str() {
            Ok(text) => text,
            // A vendor's mistake is not the client's: the whole field ends here in any case.
            Err(_) if direction == Direction::Response => continue,
            Err(_) => return Err(ExchangeError::Malformed("Connection is not a list of tokens")),
        };
        for token in text.split(',').map(str::trim).filter(|token| !token.is_empty()) {
            let token = token.to_ascii_lowercase();
            if NEVER_NOMINATED.contains(&token.as_str()) || token.starts_with(':') {
                if direction == Direction::Request {
                    return Err(ExchangeError::Malformed("Connection names a field it may not name"));
                }
                continue;
            }
            if nominated.len() == MOST_NOMINATIONS && direction == Direction::Response {
                return Ok(nominated);
            }
            if nominated.len() == MOST_NOMINATIONS {
                return Err(ExchangeError::Malformed("Connection names too many fields"));
            }
            if !matches!(token.as_str(), "close" | "keep-alive") {
                nominated.push(token);
            }
        }
    }
    Ok(nominated)
}

fn has_token(value: &HeaderValue, token: &str) -> bool {
    value.to_str().is_ok_and(|text| {
        text.split(',')
            .any(|part| part.split(';').next().is_some_and(|word| word.trim().eq_ignore_ascii_case(token)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        map.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn what_connection_names_ends_here_and_the_order_stays() {
        let sent = fields(&[
            ("accept", "*/*"),
            ("connection", "x-secret, close"),
            ("x-secret", "1"),
            ("proxy-authorization", "Basic x"),
            ("x-a", "1"),
            ("x-b", "2"),
        ]);
        let kept = end_to_end(sent, Direction::Request).unwrap();
        assert_eq!(names(&kept), ["accept", "x-a", "x-b"]);
    }

    #[test]
    fn a_length_beside_chunks_goes() {
        let both = || fields(&[("content-length", "1"), ("transfer-encoding", "chunked"), ("x-a", "1")]);
        for direction in [Direction::Request, Direction::Response] {
            assert_eq!(names(&end_to_end(both(), direction).unwrap()), ["x-a"]);
        }
    }

    #[test]
    fn connection_may_not_name_fields_that_carry_meaning() {
        for name in ["host", "content-length", ":authority", "cookie"] {
            let mut sent = HeaderMap::new();
            sent.append(CONNECTION, HeaderValue::from_str(name).unwrap());
            assert!(end_to_end(sent, Direction::Request).is_err(), "{name}");
        }
    }

    #[test]
    fn a_vendors_odd_connection_field_is_dropped() {
        let odd = |value: HeaderValue| {
            let mut answer = fields(&[("x-a", "1")]);
            answer.append(CONNECTION, value);
            answer
        };
        let long = HeaderValue::from_str(&vec!["x-b"; 2 * MOST_NOMINATIONS].join(",")).unwrap();
        for value in [HeaderValue::from_bytes(b"\xff").unwrap(), long] {
            assert!(end_to_end(odd(value.clone()), Direction::Request).is_err());
            assert_eq!(names(&end_to_end(odd(value), Direction::Response).unwrap()), ["x-a"]);
        }
    }

    #[test]
    fn te_keeps_trailers_alone() {
        let kept = end_to_end(fields(&[("te", "gzip, trailers;q=0.5")]), Direction::Request).unwrap();
        assert_eq!(kept.get(TE).map(HeaderValue::as_bytes), Some(&b"trailers"[..]));
    }
}
