//! What clients say over HTTP/2, frame by frame.

use crate::support::frames::{
    DATA, END_HEADERS, END_STREAM, Fields, GOAWAY, HEADERS, RST_STREAM, block, frame, speak,
};
use crate::support::{Household, TestCa, Vendor};
use serde_json::Value;
use std::time::Duration;

/// RFC 9113 section 7.
const PROTOCOL_ERROR: u32 = 1;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    /// The stream is reset as malformed; hyper shows nothing of it, so there is no record.
    Reset,
    /// The connection is ended as malformed, and that is recorded.
    Ended,
    /// Answered with this status, recorded with this reason. Nothing is sent.
    Refused(u16, &'static str),
    /// The vendor gets one request, with this line and this body.
    Read(&'static str, &'static str),
}

use Expected::{Ended, Read, Refused, Reset};

const METHOD: (&str, &[u8]) = (":method", b"GET");
const SCHEME: (&str, &[u8]) = (":scheme", b"https");
const AUTHORITY: (&str, &[u8]) = (":authority", b"shop.test");
const PATH: (&str, &[u8]) = (":path", b"/x");

/// A good head and these fields.
fn with(more: &[(&'static str, &'static [u8])]) -> Fields<'static> {
    [&[METHOD, SCHEME, AUTHORITY, PATH], more].concat()
}

/// A good head with this path or authority.
fn path(path: &'static str) -> Fields<'static> {
    vec![METHOD, SCHEME, AUTHORITY, (":path", path.as_bytes())]
}

fn authority(authority: &'static str) -> Fields<'static> {
    vec![METHOD, SCHEME, (":authority", authority.as_bytes()), PATH]
}

fn method(method: &'static str, path: &'static str) -> Fields<'static> {
    vec![(":method", method.as_bytes()), SCHEME, AUTHORITY, (":path", path.as_bytes())]
}

/// Heads that end their stream.
#[rustfmt::skip]
fn heads() -> Vec<(&'static str, Fields<'static>, Expected)> {
    let other = "this connection is for another host";
    vec![
        ("no method", vec![SCHEME, AUTHORITY, PATH], Reset),
        ("no scheme", vec![METHOD, AUTHORITY, PATH], Reset),
        ("no path", vec![METHOD, SCHEME, AUTHORITY], Reset),
        ("two methods", with(&[(":method", b"POST")]), Reset),
        ("two paths", with(&[(":path", b"/y")]), Reset),
        ("two schemes", with(&[(":scheme", b"http")]), Reset),
        ("two authorities", with(&[(":authority", b"other.test")]), Reset),
        ("an unknown pseudo-field", with(&[(":odd", b"1")]), Ended),
        ("a response's pseudo-field", with(&[(":status", b"200")]), Reset),
        ("a pseudo-field behind others", [&[("x-a", &b"1"[..])], &with(&[])[..]].concat(), Reset),
        ("a protocol without CONNECT", with(&[(":protocol", b"websocket")]), Reset),
        ("a name in capitals", with(&[("X-A", b"1")]), Ended),
        ("a name with a blank", with(&[("x a", b"1")]), Ended),
        ("a name that is empty", with(&[("", b"1")]), Ended),
        ("Connection", with(&[("connection", b"close")]), Reset),
        ("Connection that names a field", with(&[("connection", b"cookie")]), Reset),
        ("Keep-Alive", with(&[("keep-alive", b"1")]), Reset),
        ("Proxy-Connection", with(&[("proxy-connection", b"close")]), Reset),
        ("Transfer-Encoding", with(&[("transfer-encoding", b"chunked")]), Reset),
        ("Upgrade", with(&[("upgrade", b"h2c")]), Reset),
        ("TE beyond trailers", with(&[("te", b"gzip")]), Reset),
        ("TE of trailers", with(&[("te", b"trailers")]), Read("GET /x HTTP/1.1", "")),
        ("a line break in a value", with(&[("x-a", b"a\r\nx-b: 1")]), Ended),
        ("a CR in a value", with(&[("x-a", b"a\rb")]), Ended),
        ("a NUL in a value", with(&[("x-a", b"a\0b")]), Ended),
        ("a control in a value", with(&[("x-a", b"a\x01b")]), Ended),
        ("a line break in the path", path("/x HTTP/1.1\r\nx-b: 1"), Reset),
        ("a blank in the path", path("/a b"), Reset),
        ("an empty path", path(""), Reset),
        ("a path without a slash", path("x"), Reset),
        ("a path that is a host", path("other.test"), Reset),
        ("a path that is an address", path("https://other.test/x"), Reset),
        ("a path that is a user", path("@other.test/x"), Reset),
        ("a path that is a query", path("?x"), Read("GET /?x HTTP/1.1", "")),
        ("a path with a fragment", path("/x#a"), Read("GET /x HTTP/1.1", "")),
        ("an asterisk", path("*"), Refused(400, "the target is no path")),
        ("an asterisk for OPTIONS", method("OPTIONS", "*"), Read("OPTIONS * HTTP/1.1", "")),
        ("TRACE", method("TRACE", "/x"), Refused(501, "TRACE is not carried by this gateway")),
        ("CONNECT with a path", method("CONNECT", "/x"), Reset),
        (
            "CONNECT",
            vec![(":method", b"CONNECT"), (":authority", b"other.test:443")],
            Refused(501, "CONNECT is not carried by this gateway"),
        ),
        ("a scheme in cleartext", vec![METHOD, (":scheme", b"http"), AUTHORITY, PATH], Refused(421, other)),
        ("a scheme of its own", vec![METHOD, (":scheme", b"ftp"), AUTHORITY, PATH], Refused(421, other)),
        ("an authority of another", authority("other.test"), Refused(421, other)),
        ("an authority with another port", authority("shop.test:8443"), Refused(421, other)),
        ("an authority with a user", authority("ann@shop.test"), Refused(400, "the authority carries user information")),
        ("an authority with a path", authority("shop.test/x"), Reset),
        ("an empty authority", authority(""), Reset),
        ("Host in place of the authority", vec![METHOD, SCHEME, PATH, ("host", b"shop.test")], Read("GET /x HTTP/1.1", "")),
        ("neither", vec![METHOD, SCHEME, PATH], Refused(400, "Host is missing")),
        ("Host that agrees", with(&[("host", b"shop.test")]), Read("GET /x HTTP/1.1", "")),
        ("Host of another", with(&[("host", b"other.test")]), Refused(400, "Host differs from the target")),
        ("two Hosts", with(&[("host", b"shop.test"), ("host", b"shop.test")]), Refused(400, "Host stands more than once")),
        ("a length of nothing", with(&[("content-length", b"5")]), Reset),
        ("a length of zero", with(&[("content-length", b"0")]), Read("GET /x HTTP/1.1", "")),
        ("a length that is none", with(&[("content-length", b"+0")]), Reset),
        ("two lengths", with(&[("content-length", b"0"), ("content-length", b"5")]), Reset),
        ("a list of lengths", with(&[("content-length", b"0, 0")]), Reset),
    ]
}

/// A household with one vendor.
struct Stage {
    shop: Vendor,
    home: Household,
}

impl Stage {
    async fn set() -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home =
            Household::trusting(&ca).knowing(&shop).member("ann", &[("email.primary", "ann@home.example")]);
        Self { home: home.start().await, shop }
    }

    /// Sends these frames on stream 1 and a good request on stream 3.
    async fn says(&self, name: &str, frames: &[u8], expected: Expected) -> Result<(), String> {
        let sent = self.shop.received().len();
        let refusals = self.refusals().await.len();
        let mut tls = self.home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
        let after = vec![METHOD, SCHEME, AUTHORITY, (":path", b"/after")];
        let frames = [frames, &frame(HEADERS, END_STREAM | END_HEADERS, 3, &block(&after))].concat();
        let (mut first, mut third) = (false, false);
        let read = speak(&mut tls, &frames, |frame| {
            let ends = [HEADERS, RST_STREAM].contains(&frame.kind);
            first |= ends && frame.stream == 1;
            third |= ends && frame.stream == 3;
            first && third
        });
        let read = tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .map_err(|_| format!("{name}: hangs"))?;
        let of = |stream| {
            read.iter().find(|one| one.stream == stream && [HEADERS, RST_STREAM].contains(&one.kind))
        };
        let good = of(3).is_some_and(|one| one.kind == HEADERS);
        let received: Vec<_> =
            self.shop.received()[sent..].iter().filter(|one| one.target() != "/after").cloned().collect();
        let answered = match of(1) {
            Some(one) if one.kind == RST_STREAM && one.code() == PROTOCOL_ERROR => Some(0),
            Some(one) if one.kind == HEADERS => Some(one.status()),
            _ => None,
        };
        let whole = match expected {
            Reset => good && answered == Some(0) && received.is_empty(),
            Ended => {
                let code = read.iter().find(|one| one.kind == GOAWAY).map(|one| one.code());
                let told = self.refusal(refusals).await;
                let told = told["status"] == 400 && told["reason"] == "the frames are not HTTP/2";
                code == Some(PROTOCOL_ERROR) && received.is_empty() && told
            }
            Refused(status, reason) => {
                let told = self.refusal(refusals).await;
                let told = told["status"] == status && told["reason"] == reason;
                good && answered == Some(status) && received.is_empty() && told
            }
            Read(line, body) => {
                let met = |one: &crate::support::vendor::Received| {
                    one.line() == line && one.body() == body.as_bytes()
                };
                good && answered == Some(200) && received.len() == 1 && met(&received[0])
            }
        };
        let seen: Vec<_> = read.iter().map(|one| (one.kind, one.stream)).collect();
        let lines: Vec<_> =
            received.iter().map(|one| String::from_utf8_lossy(&one.bytes).into_owned()).collect();
        let told = format!("{name}: {expected:?} was {answered:?}, {lines:?}, frames {seen:?}");
        if whole { Ok(()) } else { Err(told) }
    }

    /// The newest refusal, once there are more than `before`.
    async fn refusal(&self, before: usize) -> Value {
        for _ in 0..100 {
            let mut all = self.refusals().await;
            if all.len() > before {
                return all.pop().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Value::Null
    }

    async fn refusals(&self) -> Vec<Value> {
        self.home.export().await.into_iter().filter(|one| one["kind"] == "refused").collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_head_over_http2_has_one_reading() {
    let stage = Stage::set().await;
    let mut wrong = Vec::new();
    for (name, fields, expected) in heads() {
        let frames = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(&fields));
        wrong.extend(stage.says(name, &frames, expected).await.err());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_body_over_http2_has_one_reading() {
    let posted = |length: &'static [u8], kind: &'static [u8]| {
        let fields = vec![
            (":method", &b"POST"[..]),
            SCHEME,
            AUTHORITY,
            PATH,
            ("content-length", length),
            ("content-type", kind),
        ];
        frame(HEADERS, END_HEADERS, 1, &block(&fields))
    };
    let data = |flags, bytes: &[u8]| frame(DATA, flags, 1, bytes);
    let trailers = |fields: &[(&str, &[u8])]| frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields));
    let text = b"text/plain";
    let film = b"video/mp4";
    let stage = Stage::set().await;
    let mut wrong = Vec::new();
    for (name, frames, expected) in [
        ("less than its length", vec![posted(b"5", text), data(END_STREAM, b"abc")], Reset),
        ("more than its length", vec![posted(b"2", text), data(END_STREAM, b"abc")], Reset),
        ("less than its length, untouched", vec![posted(b"900000", film), data(END_STREAM, b"abc")], Reset),
        (
            "its length",
            vec![posted(b"3", text), data(0, b"ab"), data(END_STREAM, b"c")],
            Read("POST /x HTTP/1.1", "abc"),
        ),
        (
            "trailers",
            vec![posted(b"3", text), data(0, b"abc"), trailers(&[("x-a", b"1")])],
            Read("POST /x HTTP/1.1", "abc"),
        ),
        (
            "a pseudo-field in trailers",
            vec![posted(b"3", text), data(0, b"abc"), trailers(&[(":path", b"/y")])],
            Read("POST /x HTTP/1.1", "abc"),
        ),
        (
            "trailers that do not end",
            vec![
                posted(b"3", text),
                data(0, b"abc"),
                frame(HEADERS, END_HEADERS, 1, &block(&[("x-a", b"1")])),
            ],
            Reset,
        ),
    ] {
        wrong.extend(stage.says(name, &frames.concat(), expected).await.err());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
