//! Whatever comes in, from a client or a vendor: a clear refusal or the bytes as they were, a record, and a gateway that
//! goes on.

use crate::support::client::request;
use crate::support::{Household, Scripted, TestCa, Vendor};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use std::io::Write;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The status of the answer, 0 where there is none before the connection ends.
fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
}

/// Sends `bytes` through an intercepted tunnel and reads until the gateway closes.
async fn inside(home: &Household, bytes: &[u8]) -> Vec<u8> {
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let _ = tls.write_all(bytes).await;
    read(&mut tls).await
}

/// Likewise, with a client that then leaves.
async fn cut_off(home: &Household, bytes: &[u8]) -> Vec<u8> {
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let _ = tls.write_all(bytes).await;
    let _ = tls.shutdown().await;
    read(&mut tls).await
}

async fn read<T: tokio::io::AsyncRead + Unpin>(stream: &mut T) -> Vec<u8> {
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
        .await
        .expect("the connection hangs");
    answer
}

async fn is_alive(home: &Household) {
    assert_eq!(home.client().get("https://shop.test/alive").await.text(), "ok");
    assert_eq!(home.client().http2().get("https://shop.test/alive").await.text(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_refused_and_nothing_of_them_is_sent() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let many = (0..300).map(|n| format!("X-{n}: 1\r\n")).collect::<String>();
    let long = format!("X-Long: {}\r\n", "x".repeat(80 * 1024));
    let rest = "Host: shop.test\r\nConnection: close\r\n";
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("no request line", b"\x00\x01\x02\r\n\r\n".to_vec(), &[400, 0]),
        ("no version", format!("GET /\r\n{rest}\r\n").into(), &[400, 0]),
        ("odd version", format!("GET / HTTP/9.9\r\n{rest}\r\n").into(), &[400, 505, 0]),
        ("space in the target", format!("GET /a b HTTP/1.1\r\n{rest}\r\n").into(), &[400]),
        ("bad method", format!("G(T / HTTP/1.1\r\n{rest}\r\n").into(), &[400]),
        ("no Host", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), &[400]),
        ("two Hosts", format!("GET / HTTP/1.1\r\nHost: shop.test\r\n{rest}\r\n").into(), &[400]),
        ("Host with user", b"GET / HTTP/1.1\r\nHost: ann@shop.test\r\n\r\n".to_vec(), &[400]),
        ("Host with path", b"GET / HTTP/1.1\r\nHost: shop.test/x\r\n\r\n".to_vec(), &[400]),
        ("Host is not text", b"GET / HTTP/1.1\r\nHost: sh\xffop.test\r\n\r\n".to_vec(), &[400]),
        (
            "Host differs from the target",
            format!("GET https://other.test/ HTTP/1.1\r\n{rest}\r\n").into(),
            &[400, 421],
        ),
        ("folded line", format!("GET / HTTP/1.1\r\n{rest}X-A: 1\r\n 2\r\n\r\n").into(), &[400]),
        ("space before the colon", format!("GET / HTTP/1.1\r\n{rest}X-A : 1\r\n\r\n").into(), &[400]),
        ("no name", format!("GET / HTTP/1.1\r\n{rest}: 1\r\n\r\n").into(), &[400]),
        ("NUL in a value", format!("GET / HTTP/1.1\r\n{rest}X-A: a\0b\r\n\r\n").into(), &[400]),
        ("CR in a value", format!("GET / HTTP/1.1\r\n{rest}X-A: a\rb\r\n\r\n").into(), &[400]),
        ("too many fields", format!("GET / HTTP/1.1\r\n{rest}{many}\r\n").into(), &[431]),
        ("a field too long", format!("GET / HTTP/1.1\r\n{rest}{long}\r\n").into(), &[431]),
        ("TRACE", format!("TRACE / HTTP/1.1\r\n{rest}\r\n").into(), &[501]),
        ("CONNECT within", format!("CONNECT other.test:443 HTTP/1.1\r\n{rest}\r\n").into(), &[421, 501, 400]),
        (
            "Connection names Host",
            b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: host\r\n\r\n".to_vec(),
            &[400],
        ),
        (
            "lengths that differ",
            format!("POST / HTTP/1.1\r\n{rest}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab").into(),
            &[400],
        ),
        (
            "a length that is none",
            format!("POST / HTTP/1.1\r\n{rest}Content-Length: +1\r\n\r\na").into(),
            &[400],
        ),
        (
            "an unknown transfer coding",
            format!("POST / HTTP/1.1\r\n{rest}Transfer-Encoding: gzip\r\n\r\n").into(),
            &[400, 501],
        ),
        (
            "chunked, but not last",
            format!("POST / HTTP/1.1\r\n{rest}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n").into(),
            &[400, 501],
        ),
        (
            "HTTP/1.0 with a transfer coding",
            b"POST / HTTP/1.0\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            &[400],
        ),
    ];
    for (name, bytes, allowed) in &cases {
        let got = status(&inside(&home, bytes).await);
        assert!(allowed.contains(&got), "{name}: {got}");
    }
    assert!(shop.received().is_empty(), "{:?}", shop.received());
    is_alive(&home).await;
    assert!(home.awaited("refused", cases.len() - 3).await.len() >= cases.len() - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_beside_chunks_never_reaches_the_vendor() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let smuggling =
        b"POST /a HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
        1\r\nx\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n";
    let answer = inside(&home, smuggling).await;
    assert!([200, 400].contains(&status(&answer)), "{}", String::from_utf8_lossy(&answer));
    for request in shop.received() {
        assert_ne!(request.target(), "/smuggled", "what follows such a message is not a request");
        let framing = request.header("content-length").len() + request.header("transfer-encoding").len();
        assert_eq!((framing, request.body()), (1, b"x".to_vec()));
    }
    // RFC 9112 section 6.3: the same length twice is that length.
    let twice = b"POST /b HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\
        Content-Length: 1\r\nConnection: close\r\n\r\nx";
    let got = status(&inside(&home, twice).await);
    assert!([200, 400].contains(&got), "{got}");
    if got == 200 {
        assert_eq!(shop.last().header("content-length"), ["1"]);
    }
    is_alive(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_its_framing_is_not_half_a_request() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    for (kind, body) in [
        ("text/plain", "zz\r\nabc\r\n0\r\n\r\n"),
        ("video/mp4", "zz\r\nabc\r\n0\r\n\r\n"),
        ("text/plain", "3\r\nabcdef\r\n0\r\n\r\n"),
        ("text/plain", "ffffffffffffffff1\r\nabc"),
        ("application/json", "3\r\nab"),
    ] {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        );
        let got = status(&cut_off(&home, head.as_bytes()).await);
        assert!([400, 0].contains(&got), "{kind} {body:?}: {got}");
    }
    // A length that is longer than what comes.
    let head =
        "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc";
    let got = status(&cut_off(&home, head.as_bytes()).await);
    assert!([400, 0].contains(&got), "{got}");
    assert!(shop.received().is_empty(), "{:?}", shop.received());
    is_alive(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_pass_as_they_are() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let raw = b"GET /%ff%fe?q=%80 HTTP/1.1\r\nHost: shop.test\r\nX-Bytes: caf\xe9 \xff\r\nCookie: a=\xfc\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&inside(&home, raw).await), 200);
    let bytes = shop.only().bytes;
    for part in [&b"GET /%ff%fe?q=%80 HTTP/1.1\r\n"[..], b"X-Bytes: caf\xe9 \xff\r\n", b"Cookie: a=\xfc\r\n"]
    {
        assert!(
            crate::support::vendor::find(&bytes, part).is_some(),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    // A target that is no ASCII is either refused or sent as it came.
    let raw = b"GET /\xff HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
    let got = status(&inside(&home, raw).await);
    assert!(got == 400 || shop.last().bytes.starts_with(b"GET /\xff "), "{got}");
    is_alive(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_and_broken_codings_are_refused_or_pass_untouched_with_a_note() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let packed = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let bomb = packed(&vec![b'a'; 32 * 1024 * 1024]);
    let mut broken = packed(b"mail=ann@home.example");
    let middle = broken.len() / 2;
    broken.truncate(middle);
    let plain = b"this is no gzip, ann".to_vec();
    let twice = packed(&packed(b"mail=x"));
    for (name, coding, body) in [
        ("a bomb", "gzip", bomb),
        ("a broken gzip", "gzip", broken),
        ("no gzip at all", "gzip", plain.clone()),
        ("an unknown coding", "x-odd", plain),
        ("gzip twice", "gzip, gzip", twice),
    ] {
        let fields = [("content-type", "application/x-www-form-urlencoded"), ("content-encoding", coding)];
        let before = shop.received().len();
        for client in [home.client(), home.client().http2()] {
            let reply = client.send(request(Method::POST, "https://shop.test/", &fields, body.clone())).await;
            let passed = reply.status == StatusCode::OK;
            assert!(passed || reply.status.is_client_error(), "{name}: {}", reply.status);
            if passed {
                assert_eq!(shop.last().body(), body, "{name}: half edited");
            } else {
                assert_eq!(shop.received().len(), before, "{name}: sent and refused");
            }
        }
    }
    is_alive(&home).await;
}

/// One HTTP/2 frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literal fields (RFC 7541 section 6.2.2).
fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name.as_bytes(), value] {
            assert!(text.len() < 127);
            out.push(u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text);
        }
    }
    out
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Speaks raw HTTP/2 inside a tunnel until the gateway closes or has said nothing for a while.
async fn raw_http2(home: &Household, frames: &[u8]) {
    let mut tls = home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
    let _ = tls.write_all(PREFACE).await;
    let _ = tls.write_all(frames).await;
    let mut chunk = [0; 4096];
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_millis(500), tls.read(&mut chunk)).await {
        if read == 0 {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_http2_requests_are_not_sent() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let good: [(&str, &[u8]); 4] =
        [(":method", b"GET"), (":scheme", b"https"), (":authority", b"shop.test"), (":path", b"/bad")];
    let with = |more: &[(&'static str, &'static [u8])]| [&good[..], more].concat();
    type Fields<'a> = Vec<(&'a str, &'a [u8])>;
    let cases: Vec<(&str, Fields<'_>)> = vec![
        ("no method", good[1..].to_vec()),
        ("no path", good[..3].to_vec()),
        ("two paths", with(&[(":path", b"/other")])),
        ("unknown pseudo field", with(&[(":odd", b"1")])),
        ("pseudo field behind others", [&[("x-a", &b"1"[..])], &good[..]].concat()),
        ("upper-case name", with(&[("X-A", b"1")])),
        ("connection field", with(&[("connection", b"close")])),
        ("te beyond trailers", with(&[("te", b"gzip")])),
        ("transfer-encoding", with(&[("transfer-encoding", b"chunked")])),
        ("line break in a value", with(&[("x-a", b"a\r\nx-b: 1")])),
        ("NUL in a value", with(&[("x-a", b"a\0b")])),
        ("Host of another", with(&[("host", b"other.test")])),
        ("user in the authority", vec![good[0], good[1], (":authority", b"ann@shop.test"), good[3]]),
        ("empty path", vec![good[0], good[1], good[2], (":path", b"")]),
        ("cleartext scheme", vec![good[0], (":scheme", b"http"), good[2], good[3]]),
    ];
    for (name, fields) in &cases {
        let frames = frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields));
        raw_http2(&home, &frames).await;
        let sent = shop.received();
        // What RFC 9113 section 8.2.2 has a gateway strip may go without it; nothing else may go at all.
        let harmless = matches!(*name, "connection field" | "te beyond trailers" | "transfer-encoding");
        assert!(sent.is_empty() || harmless, "{name}: {:?}", sent.last().map(|request| request.line()));
        for request in sent {
            for gone in ["connection", "te", "transfer-encoding"] {
                assert!(request.header(gone).is_empty(), "{name}");
            }
        }
    }
    is_alive(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_over_http2_end_their_connection_alone() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let head = block(&[
        (":method", b"GET"),
        (":scheme", b"https"),
        (":authority", b"shop.test"),
        (":path", b"/flood"),
    ]);
    let endless = {
        let mut frames = frame(HEADERS, END_STREAM, 1, &head);
        let fields = block(&[("x-a", &[b'x'; 100])]).repeat(100);
        for _ in 0..100 {
            frames.extend(frame(CONTINUATION, 0, 1, &fields));
        }
        frames
    };
    let resets = (0..3000u32).flat_map(|number| {
        let stream = 1 + 2 * number;
        let mut frames = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head);
        frames.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
        frames
    });
    let empty_data = {
        let mut frames = frame(HEADERS, END_HEADERS, 1, &head);
        frames.extend(frame(0, 0, 1, &[]).repeat(20_000));
        frames
    };
    let pings = frame(6, 0, 0, &[0; 8]).repeat(20_000);
    let table = frame(4, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff]).repeat(5_000);
    for frames in
        [endless, resets.collect(), empty_data, pings, table, frame(0, 0, 0, &[1; 100]), vec![0xff; 4096]]
    {
        raw_http2(&home, &frames).await;
    }
    // Of three thousand that were taken back at once, hardly any was passed on.
    assert!(shop.received().len() < 500, "{}", shop.received().len());
    is_alive(&home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_answer_is_the_vendors_fault_and_not_passed_on() {
    let ca = TestCa::new();
    let bomb = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-A: 1\r\n".repeat(5000));
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("no status line", b"hello\r\n\r\n".to_vec()),
        ("bad status", b"HTTP/1.1 abc OK\r\n\r\n".to_vec()),
        ("status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n".to_vec()),
        ("another protocol", b"SSH-2.0-OpenSSH_9\r\n".to_vec()),
        ("nothing", Vec::new()),
        ("too many fields", bomb.into_bytes()),
        ("NUL in a value", b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n".to_vec()),
        (
            "lengths that differ",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_vec(),
        ),
        ("a length that is none", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab".to_vec()),
        (
            "101 nobody asked for",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_vec(),
        ),
    ];
    for (name, answer) in answers {
        let vendor = Scripted::start("odd.test", &ca, vec![vec![answer]]).await;
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca).host("odd.test", vendor.address).knowing(&shop).start().await;
        for client in [home.client(), home.client().http2()] {
            let reply = client.get("https://odd.test/").await;
            assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{name}: {}", reply.text());
            assert!(reply.header("proxy-status").unwrap().starts_with("doorward; error=http_"), "{name}");
        }
        is_alive(&home).await;
        assert!(home.of_kind("close").await[0]["outcome"] == "failed", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_in_its_body_is_broken_off() {
    let ca = TestCa::new();
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let shop = Vendor::https("shop.test").start(&ca).await;
    for body in ["zz\r\nab\r\n0\r\n\r\n", "2\r\nabc\r\n0\r\n\r\n", "ffffffffffffffffff\r\nab"] {
        let vendor = Scripted::start("odd.test", &ca, vec![vec![format!("{head}{body}").into_bytes()]]).await;
        let home = Household::trusting(&ca).host("odd.test", vendor.address).knowing(&shop).start().await;
        for client in [home.client(), home.client().http2()] {
            let mut opened = client.open("odd.test").await;
            let reply = opened.try_stream(request(Method::GET, "https://odd.test/", &[], "")).await;
            let whole = match reply {
                Ok(reply) => reply.into_body().collect().await.is_ok(),
                Err(_) => false,
            };
            assert!(!whole, "{body:?}");
        }
        is_alive(&home).await;
    }
    // A length beside chunks: the chunks count (RFC 9112 section 6.3), and no other length is passed on.
    let both =
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let vendor = Scripted::start("odd.test", &ca, vec![vec![both.as_bytes().to_vec()]]).await;
    let home = Household::trusting(&ca).host("odd.test", vendor.address).start().await;
    for client in [home.client(), home.client().http2()] {
        let reply = client.get("https://odd.test/").await;
        let taken = reply.status == StatusCode::OK && reply.text() == "abc";
        assert!(taken || reply.status == StatusCode::BAD_GATEWAY, "{}", reply.status);
        assert_ne!(reply.header("content-length"), Some("1"));
    }
}
