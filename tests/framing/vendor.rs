//! What hostile and careless vendors answer.

use crate::support::client::{Client, request};
use crate::support::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, block, frame};
use crate::support::{Household, RawHttp2Vendor, TestCa, Vendor};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::time::Duration;

/// What becomes of an answer.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// The client gets 502 with this error and not a byte of it; the flow is `failed`.
    Bad(&'static str),
    /// The head is passed on, and its body ends with an error; the flow is `cut-by-vendor`.
    Cut,
    /// Read one way: the client gets this status and body, with this length where one is announced.
    Read(u16, &'static str, Option<&'static str>),
}

use Expected::{Bad, Cut, Read};

const CODING: &str = "http_response_transfer_coding";
const PROTOCOL: &str = "http_protocol_error";
const SIZE: &str = "http_response_header_section_size";
const INCOMPLETE: &str = "http_response_incomplete";

/// Answers over HTTP/1.1 to a GET, to a HEAD where the name says so.
#[rustfmt::skip]
const ANSWERS: &[(&str, &str, Expected)] = &[
    ("length, then chunks", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Read(200, "abc", None)),
    ("chunks, then length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Read(200, "abc", None)),
    ("two equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", Read(200, "abc", Some("3"))),
    ("a list of equal lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", Read(200, "abc", Some("3"))),
    ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", Bad(PROTOCOL)),
    ("a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab", Bad(PROTOCOL)),
    ("length with a plus", "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab", Bad(PROTOCOL)),
    ("length with a minus", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab", Bad(PROTOCOL)),
    ("length that is empty", "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nab", Bad(PROTOCOL)),
    ("length beyond 64 bits", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\nab", Bad(PROTOCOL)),
    ("two lengths to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", Bad(PROTOCOL)),
    ("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nConnection: close\r\n\r\nabc", Bad(CODING)),
    ("another coding below chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Bad(CODING)),
    ("another coding above chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Bad(CODING)),
    ("chunks twice", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Bad(CODING)),
    ("identity", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", Bad(CODING)),
    ("HTTP/1.0 with chunks", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", Bad(PROTOCOL)),
    ("a folded line", "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a blank before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", Bad(PROTOCOL)),
    ("a line that is no field", "HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a name that is no token", "HTTP/1.1 200 OK\r\nX(A): 1\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a NUL in a value", "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a split by a CR", "HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b=1\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a bare LF", "HTTP/1.1 200 OK\nX-A: 1\nContent-Length: 3\n\nabc", Read(200, "abc", Some("3"))),
    ("a status of words", "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a status of two digits", "HTTP/1.1 99 OK\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("a status below 100", "HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("no status line", "hello\r\n\r\n", Bad(PROTOCOL)),
    ("HTTP/0.9", "<html>hello</html>", Bad(PROTOCOL)),
    ("another protocol", "SSH-2.0-OpenSSH_9\r\n", Bad(PROTOCOL)),
    ("another version", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", Bad(PROTOCOL)),
    ("nothing", "", Bad(INCOMPLETE)),
    ("half a head", "HTTP/1.1 200 OK\r\nConnection: close\r\nX-A", Bad(INCOMPLETE)),
    ("an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", Bad("http_upgrade_failed")),
    ("interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", Read(200, "abc", Some("3"))),
    // What stands behind an answer without a body is no answer to the next request.
    ("204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", Read(204, "", None)),
    ("304 with a body", "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Read(304, "", None)),
    ("a body to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Read(200, "", Some("42"))),
    ("more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Read(200, "abc", Some("3"))),
    ("HTTP/1.0 that is kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc", Read(200, "abc", Some("3"))),
    ("HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\nX-A: Connection: close\r\n\r\nabc", Read(200, "abc", None)),
    ("until the end", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", Read(200, "abc", None)),
    ("Connection names the length", "HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nabc", Read(200, "abc", Some("3"))),
    ("less than its length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabc", Cut),
    ("chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n", Cut),
    ("a chunk size that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n", Cut),
    ("a chunk size with a sign", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n+0\r\n\r\n", Cut),
    ("a chunk size beyond 64 bits", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nfffffffffffffffff\r\n", Cut),
    ("a chunk longer than its size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", Cut),
];

/// Asks for `url` and says what is not as expected.
async fn asks(client: &Client, name: &str, url: &str, expected: Expected) -> Result<(), String> {
    let method = if name.contains("to HEAD") { Method::HEAD } else { Method::GET };
    let mut opened = client.open("shop.test").await;
    let asked = opened.try_stream(request(method, url, &[], ""));
    let asked =
        tokio::time::timeout(Duration::from_secs(20), asked).await.map_err(|_| format!("{name}: hangs"))?;
    // Where the end comes with the first bytes, a client over HTTP/2 may see nothing but the end.
    let (head, body) = match (asked, expected) {
        (Ok(reply), _) => reply.into_parts(),
        (Err(_), Cut) => return Ok(()),
        (Err(error), _) => return Err(format!("{name}: {error}")),
    };
    let field = |name: &str| {
        head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (length, error) = (field("content-length"), field("proxy-status"));
    let body = body.collect().await.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).ok();
    let whole = match expected {
        Bad(code) => {
            let told = error.as_ref().is_some_and(|one| one.starts_with(&format!("doorward; error={code};")));
            let said = body.as_ref().is_some_and(|body| body.contains(code) != name.contains("to HEAD"));
            head.status == StatusCode::BAD_GATEWAY && told && said
        }
        Cut => head.status == StatusCode::OK && body.is_none(),
        Read(status, text, announced) => {
            head.status.as_u16() == status && body.as_deref() == Some(text) && length.as_deref() == announced
        }
    };
    let seen = format!("{name}: {} {length:?} {error:?} {body:?}, wanted {expected:?}", head.status);
    if whole { Ok(()) } else { Err(seen) }
}

/// Whether the newest flow ended as it should have.
async fn ended(home: &Household, expected: Expected) -> Result<(), String> {
    let closes = home.of_kind("close").await;
    let want = match expected {
        Bad(_) => "failed",
        Cut => "cut-by-vendor",
        Read(..) => "complete",
    };
    let outcome = closes.last().map_or(Value::Null, |close| close["outcome"].clone());
    if outcome == want { Ok(()) } else { Err(format!("recorded as {outcome}")) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_has_one_reading() {
    let ca = TestCa::new();
    let mut shop = Vendor::https("shop.test");
    for (number, (_, answer, _)) in ANSWERS.iter().enumerate() {
        shop = shop.route(&format!("/{number}"), answer.as_bytes());
    }
    let shop = shop.start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let mut wrong = Vec::new();
    for client in [home.client(), home.client().http2()] {
        for (number, (name, _, expected)) in ANSWERS.iter().enumerate() {
            let before = shop.received().len();
            let url = format!("https://shop.test/{number}");
            wrong.extend(asks(&client, name, &url, *expected).await.err());
            wrong.extend(ended(&home, *expected).await.err().map(|told| format!("{name}: {told}")));
            // A kept connection that ends before a whole head is there may have been closed long before.
            let times = if matches!(expected, Bad(INCOMPLETE)) { 2 } else { 1 };
            if shop.received().len() != before + times {
                wrong.push(format!("{name}: asked {} times", shop.received().len() - before));
            }
            assert_eq!(client.get("https://shop.test/after").await.text(), "ok", "{name}");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_over_http2_has_one_reading() {
    let ca = TestCa::new();
    let shop = RawHttp2Vendor::start("shop.test", &ca).await;
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    let status: (&str, &[u8]) = (":status", b"200");
    let head = |flags: u8, fields: &[(&str, &[u8])]| frame(HEADERS, END_HEADERS | flags, 1, &block(fields));
    let data = |flags: u8, bytes: &[u8]| frame(DATA, flags, 1, bytes);
    let whole = |fields: &[(&str, &[u8])]| [head(0, fields), data(END_STREAM, b"abc")].concat();
    let reset =
        |code: u8| [head(0, &[status]), data(0, b"abc"), frame(RST_STREAM, 0, 1, &[0, 0, 0, code])].concat();
    let interim = head(0, &[(":status", b"103"), ("link", b"</a>")]);
    let cases: Vec<(&str, Vec<u8>, Expected)> = vec![
        ("good", whole(&[status]), Read(200, "abc", None)),
        ("its length", whole(&[status, ("content-length", b"3")]), Read(200, "abc", Some("3"))),
        ("interim answers", [interim.repeat(20), whole(&[status])].concat(), Read(200, "abc", None)),
        ("no status", whole(&[("x-a", b"1")]), Bad(PROTOCOL)),
        ("a status of words", whole(&[(":status", b"abc")]), Bad(PROTOCOL)),
        ("two statuses", whole(&[status, (":status", b"404")]), Bad(PROTOCOL)),
        ("an upgrade", whole(&[(":status", b"101")]), Bad(PROTOCOL)),
        ("a request's pseudo-field", whole(&[status, (":path", b"/")]), Read(200, "abc", None)),
        ("an unknown pseudo-field", whole(&[status, (":odd", b"1")]), Bad(PROTOCOL)),
        ("a pseudo-field behind others", whole(&[("x-a", b"1"), status]), Bad(PROTOCOL)),
        ("a name in capitals", whole(&[status, ("X-A", b"1")]), Bad(PROTOCOL)),
        ("Connection", whole(&[status, ("connection", b"close")]), Bad(PROTOCOL)),
        ("Transfer-Encoding", whole(&[status, ("transfer-encoding", b"chunked")]), Bad(PROTOCOL)),
        ("a split", whole(&[status, ("x-a", b"a\r\nset-cookie: b=1")]), Bad(PROTOCOL)),
        ("a NUL in a value", whole(&[status, ("x-a", b"a\0b")]), Bad(PROTOCOL)),
        ("two lengths", whole(&[status, ("content-length", b"3"), ("content-length", b"4")]), Bad(PROTOCOL)),
        ("a length that is none", whole(&[status, ("content-length", b"+3")]), Bad(PROTOCOL)),
        ("more than its length", whole(&[status, ("content-length", b"2")]), Cut),
        ("less than its length", whole(&[status, ("content-length", b"5")]), Cut),
        ("a reset without an error", reset(0), Cut),
        ("a reset by an error of its own", reset(2), Cut),
        ("a reset by a cancellation", reset(8), Cut),
        ("a body before its head", data(END_STREAM, b"abc"), Bad(PROTOCOL)),
        ("a push", frame(5, END_HEADERS, 1, &[0, 0, 0, 2]), Bad(PROTOCOL)),
        ("a frame that is none", vec![0xff; 64], Bad(PROTOCOL)),
    ];
    let mut wrong = Vec::new();
    for client in [home.client(), home.client().http2()] {
        for (name, frames, expected) in &cases {
            shop.answers(frames.clone());
            let before = shop.asked();
            wrong.extend(asks(&client, name, "https://shop.test/", *expected).await.err());
            wrong.extend(ended(&home, *expected).await.err().map(|told| format!("{name}: {told}")));
            assert_eq!(shop.asked(), before + 1, "{name}: asked more than once");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answers_head_has_its_size() {
    let ca = TestCa::new();
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: 1\r\n".repeat(5000));
    let long = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "x".repeat(80 * 1024));
    let shop = Vendor::https("shop.test").route("/many", many).route("/long", long).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for client in [home.client(), home.client().http2()] {
        for path in ["many", "long"] {
            asks(&client, path, &format!("https://shop.test/{path}"), Bad(SIZE)).await.unwrap();
            ended(&home, Bad(SIZE)).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_http10_goes_on_as_http11() {
    let ca = TestCa::new();
    let old = "HTTP/1.0 200 OK\r\nX-A: Connection: close\r\n\r\nabc";
    let shop = Vendor::https("shop.test").route("/old", old).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let answer = home.client().raw_inside("shop.test", b"GET /old HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n3\r\nabc\r\n0\r\n\r\n"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_hold_nothing_that_belongs_into_a_head() {
    let ca = TestCa::new();
    let trailed = "HTTP/1.1 200 OK\r\nTrailer: X-Sum, Set-Cookie, Content-Length, Alt-Svc\r\nTransfer-Encoding: chunked\r\n\r\n\
        3\r\nabc\r\n0\r\nX-Sum: 7\r\nSet-Cookie: a=1\r\nContent-Length: 9\r\nAlt-Svc: h3\r\nConnection: x-sum\r\n\r\n";
    let shop = Vendor::https("shop.test").route("/t", trailed).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for client in [home.client(), home.client().http2()] {
        let reply = client.get_with("https://shop.test/t", &[("te", "trailers")]).await;
        let trailers = reply.trailers.expect("trailers");
        assert_eq!(trailers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["x-sum"]);
    }
}
