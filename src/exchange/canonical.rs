//! Layer 3: one origin for the request, and the end-to-end fields apart from the hop-by-hop ones.
//!
//! The closed list of normalisations: hop-by-hop fields, Host, framing, Cookie joined for HTTP/1; fields of one name
//! travel together in their order; white space around a value; names lower-case over HTTP/2. Nothing else changes.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::websocket::Handshake;
use crate::model::{Host, Origin, Scheme};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TE, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method};
use tower::Layer;

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

/// The layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct CanonicalLayer;

impl<S> Layer<S> for CanonicalLayer {
    type Service = Canonical<S>;

    fn layer(&self, inner: S) -> Canonical<S> {
        Canonical { inner }
    }
}

/// The layer around the rest.
#[derive(Clone, Debug)]
pub struct Canonical<S> {
    inner: S,
}

impl<S: Handle> Handle for Canonical<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        canonicalise(exchange)?;
        let mut reply = self.inner.handle(exchange).await?;
        let headers = std::mem::take(reply.headers_mut());
        *reply.headers_mut() = end_to_end(headers, Direction::Response)?;
        Ok(reply)
    }
}

fn canonicalise(exchange: &mut Exchange) -> Result<(), ExchangeError> {
    exchange.target = exchange.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    if exchange.target.len() > exchange.generation.config.settings.limits.uri_bytes as usize {
        return Err(ExchangeError::TooLarge("target"));
    }
    if exchange.method == Method::TRACE {
        // RFC 9110 section 9.3.8: a trace reflects fields that may be sensitive; no browser sends one.
        return Err(ExchangeError::NotCarried("TRACE"));
    }
    exchange.websocket =
        Handshake::of(&exchange.method, exchange.version, &exchange.headers, &mut exchange.extensions)?;
    if exchange.websocket.is_some() {
        // However it is asked for, it is this that is asked.
        exchange.method = Method::GET;
    }
    if exchange.method == Method::CONNECT {
        return Err(ExchangeError::NotCarried("CONNECT"));
    }
    let origin = origin_of(exchange)?;
    exchange.flow.concerns(None, origin.host.to_string());
    if !exchange.generation.may_reach(&origin) {
        return Err(ExchangeError::Port);
    }
    exchange.headers = end_to_end(std::mem::take(&mut exchange.headers), Direction::Request)?;
    exchange.origin = Some(origin);
    Ok(())
}

/// The one origin of the request.
fn origin_of(exchange: &Exchange) -> Result<Origin, ExchangeError> {
    if let Some(origin) = promised(exchange) {
        return Ok(origin.clone());
    }
    let uri = &exchange.uri;
    let scheme = match (&exchange.client.tunnelled, uri.scheme_str()) {
        (Some(_), None | Some("https")) => Scheme::Https,
        (Some(_), Some(_)) => return Err(ExchangeError::Misdirected),
        (None, Some("http")) => Scheme::Http,
        (None, Some("https")) => Scheme::Https,
        (None, _) => return Err(ExchangeError::Malformed("the target names no http or https address")),
    };
    let host_field = single_host(&exchange.headers)?;
    // RFC 9112 section 3.2.2: "a proxy MUST ignore the received Host header field (if any) and instead replace it with
    // the host information of the request-target"; one that differs is refused, because somebody is being misled.
    let named = match uri.authority() {
        Some(authority) => {
            let named = endpoint(authority.as_str(), scheme)?;
            if let Some(field) = &host_field
                && endpoint(field, scheme)? != named
            {
                return Err(ExchangeError::Malformed("Host differs from the target"));
            }
            named
        }
        None => {
            // RFC 9112 section 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
            // message that lacks a Host header field".
            let field = host_field.ok_or(ExchangeError::Malformed("Host is missing"))?;
            endpoint(&field, scheme)?
        }
    };
    let origin = Origin { scheme, host: named.0, port: named.1 };
    match &exchange.client.tunnelled {
        // RFC 9110 section 15.5.20: a request for another origin than its connection's gets 421.
        Some(tunnelled) if tunnelled.origin() != Some(&origin) => Err(ExchangeError::Misdirected),
        _ => Ok(origin),
    }
}

/// The origin a tunnel promised, where the request names it in just these words and nowhere else.
fn promised(exchange: &Exchange) -> Option<&Origin> {
    let tunnelled = exchange.client.tunnelled.as_ref()?;
    let mut lines = exchange.headers.get_all(HOST).iter();
    match (exchange.uri.authority(), lines.next(), lines.next()) {
        (None, Some(field), None) if exchange.uri.scheme().is_none() => tunnelled.named_by(field.as_bytes()),
        (Some(authority), None, None) if exchange.uri.scheme() == Some(&http::uri::Scheme::HTTPS) => {
            tunnelled.named_by(authority.as_str().as_bytes())
        }
        _ => None,
    }
}

/// RFC 9112 section 3.2: 400 "to any request message that contains more than one Host header field line or a Host header
/// field with an invalid field value".
pub fn single_host(headers: &HeaderMap) -> Result<Option<String>, ExchangeError> {
    let mut lines = headers.get_all(HOST).iter();
    let Some(first) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(ExchangeError::Malformed("Host stands more than once"));
    }
    let text = first.to_str().map_err(|_| ExchangeError::Malformed("Host is not a host"))?;
    Ok(Some(text.to_owned()))
}

/// Host and port of an authority, in the form origins are compared in.
pub fn endpoint(text: &str, scheme: Scheme) -> Result<(Host, u16), ExchangeError> {
    let authority: Authority =
        text.parse().map_err(|_| ExchangeError::Malformed("the authority is not one"))?;
    // RFC 9110 section 4.2.4: a recipient "SHOULD parse for userinfo and treat its presence as an error; it is likely
    // being used to obscure the authority for the sake of phishing attacks".
    if authority.as_str().contains('@') {
        return Err(ExchangeError::Malformed("the authority carries user information"));
    }
    let port = match authority.port() {
        Some(port) => port.as_u16(),
        None if authority.as_str().ends_with(':') || authority.host().len() == authority.as_str().len() => {
            scheme.default_port()
        }
        None => return Err(ExchangeError::Malformed("the port is not a number")),
    };
    let host = Host::parse(authority.host()).ok_or(ExchangeError::Malformed("the host is not one"))?;
    Ok((host, port))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Response,
}

/// RFC 9110 section 7.6.1: "Intermediaries MUST parse a received Connection header field before a message is forwarded
/// and, for each connection-option in this field, remove any header or trailer field(s) from the message with the same
/// name as the connection-option, and then remove the Connection header field itself".
fn end_to_end(headers: HeaderMap, direction: Direction) -> Result<HeaderMap, ExchangeError> {
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

    #[test]
    fn an_authority_is_one_host_and_port() {
        let want = Host::parse("shop.test").map(|host| (host, 8443));
        assert_eq!(endpoint("Shop.Test:8443", Scheme::Https).ok(), want);
        for text in ["ann@shop.test", "shop.test:x", "a b", "", "shop.test:99999"] {
            assert!(endpoint(text, Scheme::Https).is_err(), "{text}");
        }
        assert_eq!(endpoint("[::1]", Scheme::Http).ok().map(|found| found.1), Some(80));
    }
}
