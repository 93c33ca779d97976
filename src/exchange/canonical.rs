//! Layer 3: one origin for the request, and the end-to-end fields apart from the hop-by-hop ones.
//!
//! The closed list of normalisations: hop-by-hop fields, Host, framing, Cookie joined for HTTP/1; fields of one name
//! travel together in their order; white space around a value; names lower-case over HTTP/2. Nothing else changes.

use super::error::ExchangeError;
use super::framing;
use super::hop_by_hop::{Direction, end_to_end};
use super::layers::{Exchange, Handle, Reply};
use super::websocket::Handshake;
use crate::model::{Host, Origin, Scheme};
use http::header::{HOST, HeaderMap};
use http::uri::Authority;
use http::{Method, StatusCode, Version};
use tower::Layer;

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
        let mut headers = std::mem::take(reply.headers_mut());
        framing::one_reading(&mut headers, Direction::Response)?;
        // RFC 9110 section 8.6: "A server MUST NOT send a Content-Length header field in any response with a status code of 1xx
        // (Informational) or 204 (No Content)."
        if reply.status() == StatusCode::NO_CONTENT {
            headers = framing::without_length(headers);
        }
        *reply.headers_mut() = end_to_end(headers, Direction::Response)?;
        // RFC 9112 section 2.3: "Intermediaries that process HTTP messages (i.e., all intermediaries other than those acting
        // as tunnels) MUST send their own HTTP-version in forwarded messages".
        *reply.version_mut() = Version::HTTP_11;
        Ok(reply)
    }
}

fn canonicalise(exchange: &mut Exchange) -> Result<(), ExchangeError> {
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
    exchange.target = framing::target(&exchange.uri, &exchange.method)?;
    if exchange.target.len() > exchange.generation.config.settings.limits.uri_bytes as usize {
        return Err(ExchangeError::TooLarge("target"));
    }
    framing::one_reading(&mut exchange.headers, Direction::Request)?;
    framing::length_of_nothing(&exchange.headers, &exchange.body)?;
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

#[cfg(test)]
mod tests {
    use super::*;

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
