//! WebSocket (RFC 6455, over HTTP/2 RFC 8441): the handshake walks the corridor like any request; what follows is a
//! [`Channel`]. Either side may speak either version of HTTP.

mod boundary;
mod channel;
pub mod frame;
mod messages;

pub use channel::Channel;
pub use messages::Messages;

use super::error::ExchangeError;
use crate::model::{Action, Category, Container, Edit, Part, Place, Plan, Secret, Stage};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{Extensions, HeaderName, HeaderValue, Method, Version};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;

/// RFC 6455 section 1.3: what is put behind the key.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A client's wish to go on with WebSocket.
pub struct Handshake {
    /// The client's side; `None` where it is only asked what would happen.
    pub client: Option<OnUpgrade>,
    /// Looks into the client's messages, where there is somebody to protect.
    pub messages: Option<Messages>,
    how: How,
}

/// How the client asked for it.
enum How {
    /// By an upgrade; the answer proves that it was read.
    Upgrade { accept: String },
    /// By extended CONNECT over HTTP/2, which needs no proof; the key is for a vendor that is asked by an upgrade.
    Connect { key: String },
}

impl Handshake {
    /// The wish in a request's head, where there is one. Takes the client's side out of `extensions`.
    ///
    /// # Errors
    /// It is not one that RFC 6455 section 4.2.1 lets a server accept.
    pub fn of(
        method: &Method,
        version: Version,
        headers: &HeaderMap,
        extensions: &mut Extensions,
    ) -> Result<Option<Self>, ExchangeError> {
        if version == Version::HTTP_2 {
            return Self::of_connect(method, extensions);
        }
        if version > Version::HTTP_11 || !has_token(headers, &UPGRADE, "websocket") {
            return Ok(None);
        }
        // RFC 6455 section 4.1: "The method of the request MUST be GET, and the HTTP version MUST be at least 1.1."
        if *method != Method::GET || version != Version::HTTP_11 {
            return Err(ExchangeError::Malformed("a WebSocket begins with a GET over HTTP/1.1"));
        }
        // "The request MUST contain a |Connection| header field whose value MUST include the "Upgrade" token."
        if !has_token(headers, &CONNECTION, "upgrade") {
            return Err(ExchangeError::Malformed("Connection does not name Upgrade"));
        }
        // "a header field with the name |Sec-WebSocket-Version|. The value of this header field MUST be 13."
        if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(ExchangeError::Malformed("the WebSocket version is not 13"));
        }
        // "a nonce consisting of a randomly selected 16-byte value that has been base64-encoded".
        let key = only(headers, &SEC_WEBSOCKET_KEY).and_then(|key| key.to_str().ok());
        let key = key.filter(|key| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16));
        let key = key.ok_or(ExchangeError::Malformed("the WebSocket key is not one"))?;
        let how = How::Upgrade { accept: accept(key) };
        Ok(Some(Self { client: extensions.remove(), messages: None, how }))
    }

    /// RFC 8441 section 4: "A new pseudo-header field :protocol MAY be included on request HEADERS indicating the desired
    /// protocol to be spoken on the tunnel created by CONNECT."
    fn of_connect(method: &Method, extensions: &mut Extensions) -> Result<Option<Self>, ExchangeError> {
        let Some(protocol) = extensions.remove::<Protocol>() else { return Ok(None) };
        if *method != Method::CONNECT || protocol.as_str() != "websocket" {
            return Err(ExchangeError::NotCarried("another protocol than WebSocket"));
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| ExchangeError::Internal("no random bytes"))?;
        let how = How::Connect { key: STANDARD.encode(nonce) };
        Ok(Some(Self { client: extensions.remove(), messages: None, how }))
    }

    /// Whether the client asked for it over HTTP/2.
    pub fn is_over_http2(&self) -> bool {
        matches!(self.how, How::Connect { .. })
    }

    /// The fields that ask a vendor for it over HTTP/1.1, which end at each hop.
    pub fn ask(&self, headers: &mut HeaderMap) {
        if let How::Connect { key } = &self.how
            && let Ok(key) = HeaderValue::from_str(key)
        {
            headers.insert(SEC_WEBSOCKET_KEY, key);
        }
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    }

    /// Whether the fields of a 101 accept it.
    ///
    /// RFC 6455 section 4.1: a client fails the connection where "the response lacks a |Sec-WebSocket-Accept| header field
    /// or the |Sec-WebSocket-Accept| contains a value other than the base64-encoded SHA-1 of the concatenation".
    pub fn is_accepted(&self, headers: &HeaderMap) -> bool {
        let want = match &self.how {
            How::Upgrade { accept } => accept.clone(),
            How::Connect { key } => accept(key),
        };
        has_token(headers, &UPGRADE, "websocket")
            && has_token(headers, &CONNECTION, "upgrade")
            && only(headers, &SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value.as_bytes() == want.as_bytes())
    }
}

/// Takes the extensions from the offer: what one of them makes of a message could not be looked into.
pub fn offer_no_extension(headers: &HeaderMap, plan: &mut Plan) {
    let name = SEC_WEBSOCKET_EXTENSIONS.as_str();
    for (nth, value) in headers.get_all(name).iter().enumerate() {
        plan.add(Edit {
            place: Place::request(Part::Header(name.into())).occurrence(nth + 1),
            container: Container::Header { name: name.into(), nth },
            span: 0..value.len(),
            action: Action::Removed,
            stage: Stage::Persona,
            slot: None,
            category: Category::ANY,
            rule: "websocket.extensions".into(),
            reason: "messages are looked into, so they go uncompressed".into(),
            within: None,
            value: Secret::default(),
        });
    }
}

/// RFC 6455 section 4.2.2: the answer to a key.
fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()))
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    lines.next().filter(|_| lines.next().is_none())
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let is_named = |text: &str| text.split(',').any(|one| one.trim().eq_ignore_ascii_case(token));
    headers.get_all(name).iter().any(|value| value.to_str().is_ok_and(is_named))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn head(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn asked(
        method: Method,
        version: Version,
        headers: &HeaderMap,
    ) -> Result<Option<Handshake>, ExchangeError> {
        Handshake::of(&method, version, headers, &mut Extensions::new())
    }

    #[test]
    fn the_answer_to_the_key_of_the_rfc_is_the_rfcs() {
        let handshake = asked(Method::GET, Version::HTTP_11, &head(&GOOD)).unwrap().unwrap();
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let lines = [("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-accept", accept)];
        assert!(handshake.is_accepted(&head(&lines)));
        for wrong in [&lines[..2], &lines[1..], &[lines[0], lines[1], ("sec-websocket-accept", "x")]] {
            assert!(!handshake.is_accepted(&head(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn a_wish_that_is_none_is_none_and_one_that_is_wrong_is_refused() {
        let without =
            |name: &str| head(&GOOD.into_iter().filter(|(one, _)| *one != name).collect::<Vec<_>>());
        let with = |name, value| {
            let mut headers = without(name);
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            headers
        };
        assert!(asked(Method::GET, Version::HTTP_11, &without("upgrade")).unwrap().is_none());
        assert!(asked(Method::GET, Version::HTTP_2, &head(&GOOD)).unwrap().is_none());
        assert!(asked(Method::GET, Version::HTTP_11, &with("upgrade", "h2c")).unwrap().is_none());
        assert!(asked(Method::POST, Version::HTTP_11, &head(&GOOD)).is_err());
        assert!(asked(Method::GET, Version::HTTP_10, &head(&GOOD)).is_err());
        for wrong in [
            without("connection"),
            with("connection", "close"),
            with("sec-websocket-version", "8"),
            without("sec-websocket-key"),
            with("sec-websocket-key", "c2hvcnQ="),
            head(&[GOOD[0], GOOD[1], GOOD[2], GOOD[3], GOOD[3]]),
        ] {
            assert!(asked(Method::GET, Version::HTTP_11, &wrong).is_err(), "{wrong:?}");
        }
    }
}
