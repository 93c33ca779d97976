//! One reading of every message: what hyper lets through of a framing or a target that others might read in another way.
//!
//! hyper frames messages, and this is no second parser: where it has read one way by itself (chunks before a length, equal
//! lengths, a bare LF) the message is written anew in that reading.

use super::error::ExchangeError;
use super::hop_by_hop::Direction;
use super::request_body::RequestBody;
use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Method};

/// Checks the framing fields of a message and leaves at most one line that says a length.
///
/// # Errors
/// The codings are not chunks alone, or the lengths are not one number.
pub(super) fn one_reading(headers: &mut HeaderMap, direction: Direction) -> Result<(), ExchangeError> {
    transfer_coding(headers, direction)?;
    one_length(headers, direction)
}

fn transfer_coding(headers: &HeaderMap, direction: Direction) -> Result<(), ExchangeError> {
    if !headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let (mut chunked, mut other) = (0, 0);
    for line in headers.get_all(TRANSFER_ENCODING) {
        let codings = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        for coding in codings.filter(|coding| !coding.is_empty()) {
            if coding.eq_ignore_ascii_case(b"chunked") { chunked += 1 } else { other += 1 }
        }
    }
    match (chunked, other, direction) {
        (1, 0, _) => Ok(()),
        // RFC 9112 section 6.1: "A server that receives a request message with a transfer coding it does not understand
        // SHOULD respond with 501 (Not Implemented)".
        (_, 1.., Direction::Request) => Err(ExchangeError::NotCarried("this transfer coding")),
        // RFC 9112 section 6.1: "A sender MUST NOT apply the chunked transfer coding more than once to a message body".
        (_, _, Direction::Request) => Err(ExchangeError::Malformed("chunked stands more than once")),
        // hyper undoes the chunks alone, and reads on until the end where they are not last: what is left is no body.
        (_, _, Direction::Response) => Err(ExchangeError::BadResponse {
            error: "http_response_transfer_coding",
            reason: "the vendor's transfer coding is not chunked alone",
        }),
    }
}

/// RFC 9110 section 8.6: a recipient of a list of equal lengths "MUST either reject the message as invalid or replace the
/// duplicated field values with a single valid Content-Length field".
fn one_length(headers: &mut HeaderMap, direction: Direction) -> Result<(), ExchangeError> {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = lines.next() else { return Ok(()) };
    if lines.next().is_none() && number(first.as_bytes()).is_some() {
        return Ok(());
    }
    let mut values =
        headers.get_all(CONTENT_LENGTH).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let length = values.next().and_then(|value| number(value.trim_ascii()));
    let agreed = length.filter(|_| values.all(|value| number(value.trim_ascii()) == length));
    match (agreed, direction) {
        (Some(length), _) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            Ok(())
        }
        (None, Direction::Request) => Err(ExchangeError::Malformed("Content-Length is not one number")),
        (None, Direction::Response) => Err(ExchangeError::BadResponse {
            error: "http_protocol_error",
            reason: "the vendor's Content-Length is not one number",
        }),
    }
}

/// Without Content-Length. Rebuilt rather than removed from: removal would move the last field into the gap.
pub(super) fn without_length(headers: HeaderMap) -> HeaderMap {
    if !headers.contains_key(CONTENT_LENGTH) {
        return headers;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in &headers {
        if *name != CONTENT_LENGTH {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// RFC 9110 section 8.6: `Content-Length = 1*DIGIT`; no sign, no blank.
fn number(digits: &[u8]) -> Option<u64> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

/// RFC 9113 section 8.1.1: a request is malformed "if the value of a content-length header field does not equal the sum of
/// the DATA frame payload lengths that form the content". An empty body is sent without being asked, so it is counted here.
pub(super) fn length_of_nothing(headers: &HeaderMap, body: &RequestBody) -> Result<(), ExchangeError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| number(length.as_bytes()));
    match (body, announced) {
        (RequestBody::Empty, Some(1..)) => {
            Err(ExchangeError::Malformed("Content-Length announces a body that is none"))
        }
        _ => Ok(()),
    }
}

/// The request-target as it leaves: path and query, as they came.
///
/// # Errors
/// It has a form that the method may not have.
pub(super) fn target(uri: &Uri, method: &Method) -> Result<String, ExchangeError> {
    // RFC 9112 section 3.2.3: the authority-form "is only used for CONNECT requests".
    if uri.scheme().is_none() && uri.authority().is_some() {
        return Err(ExchangeError::Malformed("the target is an authority alone"));
    }
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    match target.as_bytes().first() {
        Some(b'/') => Ok(target.to_owned()),
        // RFC 9112 section 3.2.1: "If the target URI's path component is empty, the client MUST send "/" as the path".
        Some(b'?') => Ok(format!("/{target}")),
        // RFC 9112 section 3.2.4: the asterisk-form "is only used for a server-wide OPTIONS request".
        Some(b'*') if target == "*" && *method == Method::OPTIONS => Ok(target.to_owned()),
        _ => Err(ExchangeError::Malformed("the target is no path")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(lines: &[(&'static str, &'static str)], direction: Direction) -> Result<Vec<String>, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        one_reading(&mut headers, direction).map_err(|error| error.to_string())?;
        Ok(headers.get_all(CONTENT_LENGTH).iter().map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn lengths_become_one_or_are_refused() {
        let length = |value| ("content-length", value);
        for direction in [Direction::Request, Direction::Response] {
            for (lines, want) in [
                (&[length("5")][..], Some("5")),
                (&[length("05")], Some("05")),
                (&[length("5"), length("5")], Some("5")),
                (&[length("5, 5 ,05")], Some("5")),
                (&[length("5"), length("6")], None),
                (&[length("5, 6")], None),
                (&[length("+5")], None),
                (&[length("-5")], None),
                (&[length("5,")], None),
                (&[length("")], None),
                (&[length("99999999999999999999")], None),
            ] {
                assert_eq!(framed(lines, direction).ok(), want.map(|one| vec![one.to_owned()]), "{lines:?}");
            }
        }
    }

    #[test]
    fn chunked_stands_alone() {
        let coding = |value| ("transfer-encoding", value);
        for (lines, whole) in [
            (&[coding("Chunked")][..], true),
            (&[coding(", chunked")], true),
            (&[coding("chunked, chunked")], false),
            (&[coding("chunked"), coding("chunked")], false),
            (&[coding("gzip, chunked")], false),
            (&[coding("gzip"), coding("chunked")], false),
            (&[coding("identity")], false),
            (&[coding("")], false),
        ] {
            for direction in [Direction::Request, Direction::Response] {
                assert_eq!(framed(lines, direction).is_ok(), whole, "{lines:?}");
            }
        }
    }

    #[test]
    fn a_target_is_a_path_or_for_options_an_asterisk() {
        let of = |text: &str, method| target(&text.parse().unwrap(), &method).ok();
        assert_eq!(of("/a?b", Method::GET).as_deref(), Some("/a?b"));
        assert_eq!(of("//a", Method::GET).as_deref(), Some("//a"));
        assert_eq!(of("http://shop.test?b", Method::GET).as_deref(), Some("/?b"));
        assert_eq!(of("*", Method::OPTIONS).as_deref(), Some("*"));
        assert_eq!(of("*", Method::GET), None);
        assert_eq!(of("shop.test", Method::GET), None);
        assert_eq!(of("shop.test:443", Method::OPTIONS), None);
    }
}
