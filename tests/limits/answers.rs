//! Answers that nobody takes, and answers that never come.

use super::closed;
use crate::support::frames::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, block, frame};
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use http::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_of_an_answer_is_given_up() {
    let ca = TestCa::new();
    let body = vec![b'x'; 32 << 20];
    let shop = Vendor::https("shop.test").route("/large", response("200 OK", &[], &body)).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[limits]\nidle = \"1s\"").start().await;
    let mut http1 = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    http1.write_all(b"GET /large HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    // Over HTTP/2 with a window of ten bytes: another stream is answered meanwhile.
    let mut http2 = home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 10]);
    let asked = [&PREFACE[..PREFACE.len() - 9], &settings, &asks(1, "/large"), &asks(3, "/")].concat();
    http2.write_all(&asked).await.unwrap();
    let closes = home.awaited("close", 3).await;
    let cut: Vec<_> = closes.iter().filter(|close| close["outcome"] == "cut-by-client").collect();
    assert_eq!(cut.len(), 2, "{closes:#?}");
    for close in cut {
        assert!(close["received"].as_u64().unwrap() < body.len() as u64, "{close}");
    }
    closed(&mut http1).await;
    closed(&mut http2).await;
    // One that is slow and takes what there is, is served.
    let mut slow = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    slow.write_all(b"GET /large HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    let mut chunk = vec![0; 4 << 20];
    for _ in 0..8 {
        slow.read_exact(&mut chunk).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// A request of HTTP/2.
fn asks(stream: u32, path: &str) -> Vec<u8> {
    let (scheme, host, path) = (&b"https"[..], &b"shop.test"[..], path.as_bytes());
    let head = block(&[(":method", b"GET"), (":scheme", scheme), (":authority", host), (":path", path)]);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head)
}

/// Answers with one interim answer after the other, `many` at a time.
async fn hinting(ca: &TestCa, many: usize) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(ca.server_config("shop.test")));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(stream).await else { continue };
            let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n".repeat(many);
            let _ = tls.read(&mut [0; 4096]).await;
            tokio::spawn(async move {
                while tls.write_all(&hints).await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_only_hints_at_an_answer_is_given_up() {
    for many in [1, 20_000] {
        let ca = TestCa::new();
        let address = hinting(&ca, many).await;
        let limits = "[limits]\nfirst_byte = \"1s\"";
        let home = Household::trusting(&ca).host("shop.test", address).config(limits).start().await;
        let reply = home.client().get("https://shop.test/").await;
        assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT, "{many}");
        assert!(reply.header("proxy-status").unwrap().contains("http_response_timeout"), "{many}");
        assert_eq!(home.of_kind("close").await[0]["outcome"], "failed");
    }
}
