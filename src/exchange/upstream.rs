//! Layer 11: sends, once, and a second time only where a kept connection had been closed under us.

use super::apply;
use super::body::{ReplyBody, VendorBody};
use super::error::ExchangeError;
use super::expect::wait_for_consent;
use super::framing::without_length;
use super::gate::Dispatch;
use super::inflow::Inflow;
use super::layers::{Exchange, Reply};
use super::reception;
use super::rooms::Rooms;
use super::send_body::SendBody;
use super::upload::overdue;
use super::websocket::{Channel, Handshake};
use crate::model::Scheme;
use crate::upstream::{Answer, Connection, Key, Protocol, Switched, TlsError, TransportError, UpstreamError};
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, SEC_WEBSOCKET_ACCEPT,
    WWW_AUTHENTICATE,
};
use http::uri::{self, PathAndQuery};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use std::sync::Arc;
use std::time::Instant;

/// The sender.
pub struct UpstreamSender {
    rooms: Arc<Rooms>,
}

impl UpstreamSender {
    /// Sends by way of these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }

    async fn attempt(
        &self,
        exchange: &mut Exchange,
        connection: &mut Connection<SendBody>,
        last: bool,
    ) -> Result<Response<Answer>, Failure> {
        exchange.attempts += 1;
        exchange.flow.attempted(exchange.attempts);
        let request = outgoing(exchange, connection.protocol(), last).map_err(Failure::Final)?;
        let limits = &exchange.generation.config.settings.limits;
        let (upload, tally) = (exchange.body.course().cloned(), Arc::clone(exchange.flow.tally()));
        let overdue = overdue(upload, tally, limits.first_byte.get(), limits.idle.get());
        let departed = Instant::now();
        let answered = tokio::select! {
            biased;
            answered = connection.send(request) => Some(answered),
            () = overdue => None,
        };
        exchange.flow.waited(departed.elapsed());
        if let Some(Ok(_)) = &answered {
            self.rooms.metrics.upstream(departed.elapsed());
        }
        match answered {
            None => Err(Failure::Final(ExchangeError::ResponseTimeout)),
            Some(Ok(response)) => {
                exchange.body.answered();
                Ok(response)
            }
            Some(Err(failed)) => Err(match failed.unsent {
                Some(body) => {
                    exchange.body.take_back(body);
                    Failure::NotSent(failed.error)
                }
                None => Failure::Broken(failed.error),
            }),
        }
    }
}

/// Whether a field names a scheme that authenticates the connection instead of the request (RFC 4559 section 6: a proxy
/// must not share such a connection).
fn binds(headers: &HeaderMap, field: HeaderName) -> bool {
    let is_bound = |scheme: &str| {
        let name = scheme.split_ascii_whitespace().next().unwrap_or_default();
        name.eq_ignore_ascii_case("ntlm") || name.eq_ignore_ascii_case("negotiate")
    };
    headers.get_all(field).iter().any(|value| value.to_str().is_ok_and(|text| text.split(',').any(is_bound)))
}

enum Failure {
    /// No byte left.
    NotSent(TransportError),
    /// Bytes may have left.
    Broken(TransportError),
    /// No second try.
    Final(ExchangeError),
}

impl Dispatch for UpstreamSender {
    async fn send(
        &self,
        exchange: &mut Exchange,
        mut connection: Connection<SendBody>,
        key: Arc<Key>,
    ) -> Result<Reply, ExchangeError> {
        if connection.protocol() == Protocol::Http1 && exchange.body.has_place() {
            // Boxed, like everything that few exchanges need.
            connection = Box::pin(self.hold(exchange, connection, &key)).await?;
        }
        if exchange.websocket.as_ref().is_some_and(Handshake::is_over_http2)
            && !connection.takes_websockets().await
        {
            connection = Box::pin(self.upgradable(exchange, connection, &key)).await?;
        }
        let reused = connection.reused;
        let bound = binds(&exchange.headers, AUTHORIZATION);
        let response = match self.attempt(exchange, &mut connection, !reused).await {
            Ok(response) => response,
            Err(Failure::Final(error)) => return Err(error),
            // RFC 8446 section 4.4.2.4: a server that wants one may end with an alert what is a connection already. What is
            // sent meanwhile makes of the alert a mere end.
            Err(Failure::NotSent(_) | Failure::Broken(_)) if !reused && self.wants_certificate(exchange) => {
                return Err(UpstreamError::from(TlsError::WantsCertificate).into());
            }
            // RFC 9112 section 9.3.1: "a client MAY retry" what it knows was not processed, and idempotent requests.
            Err(Failure::NotSent(_)) if reused => {
                Box::pin(self.again(exchange, &mut connection, &key)).await?
            }
            Err(Failure::Broken(error)) if reused && repeats(exchange, &error) => {
                Box::pin(self.again(exchange, &mut connection, &key)).await?
            }
            Err(Failure::NotSent(error) | Failure::Broken(error)) => return Err(blame(error, exchange)),
        };
        let switches = match connection.protocol() {
            Protocol::Http1 => response.status() == StatusCode::SWITCHING_PROTOCOLS,
            Protocol::Http2 => exchange.websocket.is_some() && response.status().is_success(),
        };
        if switches {
            return switched(exchange, response);
        }
        let (mut head, incoming) = response.into_parts();
        if let Some(reception) = reception::of_reply(exchange, &head, || self.wants_certificate(exchange)) {
            head.extensions.insert(reception);
        }
        if bound || binds(&head.headers, WWW_AUTHENTICATE) {
            connection.retire();
        }
        let body = VendorBody { inflow: Inflow::new(incoming), connection };
        Ok(Response::from_parts(head, ReplyBody::Vendor(Box::new(body))))
    }
}

/// What 101 means where it answers nothing that was asked.
fn unasked() -> ExchangeError {
    ExchangeError::BadResponse {
        error: "http_upgrade_failed",
        reason: "the vendor goes on with a protocol that was not asked for",
    }
}

/// The vendor goes on with another protocol.
fn switched(exchange: &mut Exchange, response: Response<Answer>) -> Result<Reply, ExchangeError> {
    // RFC 9110 section 15.2.2: 101 answers an Upgrade; where none was sent, or another one, it means nothing.
    // RFC 8441 section 5: over HTTP/2 "Sec-WebSocket-Accept" is not used, success is enough.
    let is_accepted =
        |asked: &Handshake| response.version() == Version::HTTP_2 || asked.is_accepted(response.headers());
    let Some(handshake) = exchange.websocket.take().filter(is_accepted) else {
        return Err(unasked());
    };
    let over_http2 = handshake.is_over_http2();
    let Handshake { client: Some(client), messages, .. } = handshake else {
        return Err(unasked());
    };
    let (mut head, vendor) = Switched::of(response);
    if over_http2 {
        head.status = StatusCode::OK;
        head.headers.remove(SEC_WEBSOCKET_ACCEPT);
    }
    let channel = Channel { client, vendor, messages, over_http2, flow: None };
    Ok(Response::from_parts(head, ReplyBody::Channel(Box::new(channel))))
}

impl UpstreamSender {
    fn wants_certificate(&self, exchange: &Exchange) -> bool {
        let origin = exchange.origin.as_ref();
        origin.is_some_and(|origin| self.rooms.upstream.wants_certificate(exchange.who.member, origin))
    }

    /// A connection on which a WebSocket can be asked for by an upgrade.
    async fn upgradable(
        &self,
        exchange: &mut Exchange,
        connection: Connection<SendBody>,
        key: &Arc<Key>,
    ) -> Result<Connection<SendBody>, ExchangeError> {
        connection.give_back();
        let key = Arc::new(Key { upgrades: true, ..Key::clone(key) });
        self.checkout(exchange, &key, false).await
    }

    /// Takes in all of an upload that was announced with a length, so that it leaves with one. The connection does not
    /// wait for that: a vendor closes one on which no request comes.
    async fn hold(
        &self,
        exchange: &mut Exchange,
        connection: Connection<SendBody>,
        key: &Arc<Key>,
    ) -> Result<Connection<SendBody>, ExchangeError> {
        connection.give_back();
        let asked = Instant::now();
        exchange.body.hold().await?;
        exchange.flow.waited(asked.elapsed());
        self.checkout(exchange, key, false).await
    }

    async fn checkout(
        &self,
        exchange: &mut Exchange,
        key: &Arc<Key>,
        fresh: bool,
    ) -> Result<Connection<SendBody>, ExchangeError> {
        let asked = Instant::now();
        let connection = self.rooms.upstream.checkout(key, &*exchange.generation, fresh).await?;
        exchange.flow.waited(asked.elapsed());
        Ok(connection)
    }

    async fn again(
        &self,
        exchange: &mut Exchange,
        connection: &mut Connection<SendBody>,
        key: &Arc<Key>,
    ) -> Result<Response<Answer>, ExchangeError> {
        connection.retire();
        // Any other that is kept may have been closed with it; of HTTP/2 there is none but one that came after it.
        let fresh = connection.protocol() == Protocol::Http1;
        *connection = self.checkout(exchange, key, fresh).await?;
        match self.attempt(exchange, connection, true).await {
            Ok(response) => Ok(response),
            Err(Failure::Final(error)) => Err(error),
            Err(Failure::NotSent(error) | Failure::Broken(error)) => Err(blame(error, exchange)),
        }
    }
}

/// Whether a request that broke off on a kept connection may be sent once more.
fn repeats(exchange: &Exchange, error: &TransportError) -> bool {
    if !exchange.body.is_repeatable() || error.is_timeout() || error.is_malformed() {
        return false;
    }
    exchange.method.is_idempotent() || error.is_unprocessed()
}

/// A request that broke off because its own body did is the client's doing.
fn blame(error: TransportError, exchange: &Exchange) -> ExchangeError {
    if let Some(reason) = exchange.body.failure() {
        return reason;
    }
    if error.is_own() {
        ExchangeError::RequestBody
    } else if error.is_head_too_large() {
        ExchangeError::BadResponse {
            error: "http_response_header_section_size",
            reason: "the vendor's answer has too large a head",
        }
    } else if error.is_malformed() {
        ExchangeError::BadResponse { error: "http_protocol_error", reason: "the vendor's answer is not HTTP" }
    } else {
        ExchangeError::NoResponse(Some(error))
    }
}

/// The request as it leaves: edits applied, framing set, in the protocol's own form. Where it is the `last` attempt, what
/// no other one needs goes along.
pub(super) fn outgoing(
    exchange: &mut Exchange,
    protocol: Protocol,
    last: bool,
) -> Result<Request<SendBody>, ExchangeError> {
    let tally = Arc::clone(exchange.flow.tally());
    let body = exchange.body.outgoing(&tally);
    let length = body.edited_length();
    let target = apply::target(&exchange.target, &exchange.plan)?;
    let origin = exchange.origin()?;
    let authority = origin.authority();
    let mut request = Request::new(body);
    let mut headers = match protocol {
        Protocol::Http1 => {
            *request.version_mut() = Version::HTTP_11;
            *request.uri_mut() = Uri::from(path(exchange, &target)?);
            // RFC 9110 section 7.2: "A user agent that sends Host SHOULD send it as the first field in the header section".
            let mut headers = HeaderMap::with_capacity(exchange.headers.len() + 4);
            headers.insert(HOST, host_value(&authority)?);
            apply::append_fields(&exchange.headers, &exchange.plan, &mut headers)?;
            headers
        }
        Protocol::Http2 => {
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = absolute(origin.scheme, &authority, path(exchange, &target)?)?;
            apply::fields(exchange.headers.clone(), &exchange.plan)?
        }
    };
    match length {
        Length::Unchanged => {}
        Length::Exactly(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        // The field goes; hyper frames what has no length as chunks or DATA frames.
        Length::Unknown => headers = without_length(headers),
    }
    if protocol == Protocol::Http1 {
        if let Some(handshake) = &exchange.websocket {
            handshake.ask(&mut headers);
        }
        headers = joined_cookies(headers);
        // How the client spelled the names; over HTTP/2 all are lower-case.
        *request.extensions_mut() =
            if last { std::mem::take(&mut exchange.extensions) } else { exchange.extensions.clone() };
    }
    *request.method_mut() = exchange.method.clone();
    if protocol == Protocol::Http2 && exchange.websocket.is_some() {
        *request.method_mut() = Method::CONNECT;
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    }
    *request.headers_mut() = headers;
    Ok(match protocol {
        Protocol::Http1 => wait_for_consent(request),
        Protocol::Http2 => request,
    })
}

/// What became of the body's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// As the client announced it.
    Unchanged,
    /// Known anew.
    Exactly(u64),
    /// Not known before the end.
    Unknown,
}

/// Path and query as they leave: the client's own bytes where nothing is edited.
fn path(exchange: &Exchange, target: &str) -> Result<PathAndQuery, ExchangeError> {
    match exchange.uri.path_and_query().filter(|sent| sent.as_str() == target) {
        Some(sent) => Ok(sent.clone()),
        None => path_of(target),
    }
}

/// A target as path and query, or for OPTIONS the asterisk (RFC 9112 section 3.2.4).
pub(super) fn path_of(target: &str) -> Result<PathAndQuery, ExchangeError> {
    target.parse().map_err(|_| BROKEN)
}

/// The whole address, as HTTP/2 takes it.
pub(super) fn absolute(scheme: Scheme, authority: &str, path: PathAndQuery) -> Result<Uri, ExchangeError> {
    let mut parts = uri::Parts::default();
    parts.scheme = Some(match scheme {
        Scheme::Http => uri::Scheme::HTTP,
        Scheme::Https => uri::Scheme::HTTPS,
    });
    parts.authority = Some(authority.parse().map_err(|_| BROKEN)?);
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| BROKEN)
}

const BROKEN: ExchangeError = ExchangeError::Internal("an edit broke the target");

/// The value of Host for an authority.
pub(super) fn host_value(authority: &str) -> Result<HeaderValue, ExchangeError> {
    HeaderValue::from_str(authority).map_err(|_| ExchangeError::Internal("no Host value"))
}

/// RFC 9113 section 8.2.3: several Cookie lines "MUST be concatenated into a single octet string using the two-octet
/// delimiter of 0x3b, 0x20" before they go to HTTP/1.1.
fn joined_cookies(mut headers: HeaderMap) -> HeaderMap {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return headers;
    }
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_split_by_http2_are_one_line_again() {
        let mut headers = HeaderMap::new();
        for value in ["a=1", "b=2; c=3"] {
            headers.append(COOKIE, HeaderValue::from_static(value));
        }
        let joined = joined_cookies(headers);
        assert_eq!(joined.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2; c=3"]);
    }
}
