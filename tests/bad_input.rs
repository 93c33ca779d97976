//! Content that is odd, broken or a bomb: a clear refusal or the bytes as they were, a record, and a gateway that goes on.
//! How messages are framed is the subject of `framing`.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor};
use http::{Method, StatusCode};
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

/// In UTF-16 that nobody marked.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn charsets_that_nobody_reads_are_told_or_refused() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let long = wide("mail: ann@home.example").repeat(10_000);
    let half = [wide("mail: ann@home.example"), vec![0]].concat();
    let widest: Vec<u8> =
        "mail: ann@home.example".chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
    for (strict, want) in [(false, StatusCode::OK), (true, StatusCode::FORBIDDEN)] {
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .member("ann", &[("email.primary", "ann@home.example")])
            .config(&format!(
                "[identity]\nstrict = {strict}\ndomain = \"alias.example\"\nfirst = \"pseudonym\""
            ))
            .start()
            .await;
        for (kind, body) in [
            ("text/plain; charset=UTF-16LE", &long),
            ("text/plain; charset=utf-16", &half),
            ("text/plain", &half),
            ("text/plain", &widest),
            ("text/xml; charset=cp037", &b"<a>\xc1</a>".to_vec()),
        ] {
            let reply = home.client().post("https://shop.test/", kind, body.clone()).await;
            assert_eq!(reply.status, want, "{kind}");
            if !strict {
                assert!(shop.last().body() == *body, "{kind}: half edited");
                let open = home.of_kind("open").await.pop().unwrap().to_string();
                assert!(open.contains("could not inspect: a charset"), "{kind}: {open}");
            }
        }
        if !strict {
            let fields = [("content-type", "text/plain; charset=utf-16le")];
            let asked = String::from_utf8(long.clone()).unwrap();
            let told = home.explain("POST", "https://shop.test/", &fields, &asked).await;
            let edits = told["edits"].as_array().unwrap();
            assert!(edits.iter().all(|edit| edit["slot"].is_null()), "asked about, it passes as well");
        }
        // One that lies about its charset is no way past, nor one that only begins like another.
        let begun = [&[1, 0, 2, 0][..], b"mail: ann@home.example"].concat();
        let reply = home.client().post("https://shop.test/", "text/plain", begun).await;
        assert!(reply.status == want && !shop.last().text().contains("ann@home"), "{}", reply.status);
        let mail = "mail: ann@home.example";
        let reply = home.client().post("https://shop.test/", "text/plain; charset=utf-16", mail).await;
        assert!(reply.status == want && !shop.last().text().contains("ann@home"), "{}", reply.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn utf_16_is_read_and_written_again() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .config("[identity]\nstrict = true\ndomain = \"alias.example\"\nfirst = \"pseudonym\"")
        .start()
        .await;
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    type Read = fn([u8; 2]) -> u16;
    for (kind, read, written) in [
        (
            "text/plain; charset=utf-16le",
            u16::from_le_bytes as Read,
            wide("mail: ann@home.example, \u{1F600}"),
        ),
        ("text/plain; charset=utf-16", u16::from_be_bytes, big("\u{FEFF}mail: ann@home.example, \u{1F600}")),
        ("application/json", u16::from_le_bytes, wide(r#"{"mail":"ann\u0040home.example"}"#)),
        ("text/xml", u16::from_be_bytes, big("<?xml version=\"1.0\"?><mail>ann&#64;home.example</mail>")),
    ] {
        let said = |body: &[u8]| {
            let units: Vec<_> = body.chunks_exact(2).map(|unit| read([unit[0], unit[1]])).collect();
            String::from_utf16(&units).unwrap()
        };
        let reply = home.client().post("https://shop.test/", kind, written.clone()).await;
        assert_eq!(reply.status, StatusCode::OK, "{kind}");
        let (before, after) = (said(&written), said(&shop.last().body()));
        assert!(after.contains("alias.example") && !after.contains("home.example"), "{kind}: {after}");
        let (start, end) =
            (&before[..before.find("ann").unwrap()], &before[before.find("example").unwrap() + 7..]);
        assert!(after.starts_with(start) && after.ends_with(end), "{kind}: {after}");
        let open = home.of_kind("open").await.pop().unwrap();
        let edits = open["edits"].as_array().unwrap().iter().filter(|edit| edit["slot"] == "email.primary");
        assert_eq!(edits.count(), 1, "{kind}: {open}");
        assert!(!open.to_string().contains("could not inspect"), "{kind}: {open}");
    }
    // What only begins so is no way past, and what is both is not sent.
    let bytes = [&[1, 0, 2, 0][..], b"mail: ann@home.example, "].concat();
    let both = [bytes.clone(), wide("mail: ann@home.example")].concat();
    for body in [bytes, both] {
        let before = shop.received().len();
        let reply = home.client().post("https://shop.test/", "text/plain", body).await;
        assert_eq!((reply.status, shop.received().len()), (StatusCode::FORBIDDEN, before));
    }
    let nothing = wide("nothing of hers, \u{1F600}");
    home.client().post("https://shop.test/", "text/plain; charset=utf-16le", nothing.clone()).await;
    assert_eq!(shop.last().body(), nothing);
}
