//! P5: whether a body is wanted says the vendor. `Expect: 100-continue` is passed on, and so is what it is answered.

use crate::support::vendor::find;
use crate::support::{Household, TestCa, a_while};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const ANN: &[(&str, &str)] = &[("email.primary", "ann@home.example")];
const BODY: &str = "mail=ann%40home.example&rest=of+it";

/// What a vendor says once it has the head, and after it has the body.
#[derive(Clone, Copy)]
struct Script {
    first: &'static str,
    then: &'static str,
}

/// Says its first word a while after the head came, and keeps all that came, and when it spoke.
async fn vendor(ca: &TestCa, script: Script) -> (SocketAddr, Arc<Mutex<Vec<(&'static str, String)>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, heard) = (TlsAcceptor::from(Arc::new(ca.server_config("shop.test"))), Arc::default());
    let kept: Arc<Mutex<Vec<_>>> = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut tls = acceptor.accept(stream).await.unwrap();
            let head = until(&mut tls, b"\r\n\r\n").await;
            kept.lock().unwrap().push(("head", head));
            let mut early = [0; 1];
            let early = tokio::time::timeout(Duration::from_millis(300), tls.read(&mut early)).await;
            if early.is_ok() {
                kept.lock().unwrap().push(("early", String::new()));
            }
            kept.lock().unwrap().push(("spoke", String::new()));
            tls.write_all(script.first.as_bytes()).await.unwrap();
            tls.flush().await.unwrap();
            if !script.then.is_empty() {
                let body = until(&mut tls, b"of+it").await;
                kept.lock().unwrap().push(("body", body));
                tls.write_all(script.then.as_bytes()).await.unwrap();
                tls.flush().await.unwrap();
            }
            a_while().await;
        }
    });
    (address, heard)
}

async fn until<T: AsyncRead + Unpin>(stream: &mut T, end: &[u8]) -> String {
    let mut bytes = Vec::new();
    while find(&bytes, end).is_none() {
        let mut some = [0; 1024];
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => break,
            Ok(read) => bytes.extend_from_slice(&some[..read]),
        }
    }
    String::from_utf8(bytes).unwrap()
}

struct Seen {
    /// What the client was told first.
    first: String,
    /// What it was told after its body, if it was to send one.
    last: Option<String>,
    /// What happened, in its order; `told` is when the client was told something.
    heard: Vec<(&'static str, String)>,
    close: serde_json::Value,
}

async fn upload(script: Script, values: &[(&str, &str)]) -> Seen {
    let ca = TestCa::new();
    let (address, heard) = vendor(&ca, script).await;
    let home = Household::trusting(&ca)
        .host("shop.test", address)
        .config("[identity]\ndomain = \"alias.example\"")
        .member("ann", values)
        .start()
        .await;
    let mut stream = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head = format!(
        "POST /up HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let first = until(&mut stream, b"\r\n\r\n").await;
    heard.lock().unwrap().push(("told", String::new()));
    let mut last = None;
    if first.starts_with("HTTP/1.1 100") {
        stream.write_all(BODY.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        last = Some(until(&mut stream, b"ok").await);
    }
    drop(stream);
    let close = home.awaited("close", 1).await.pop().unwrap();
    let heard = heard.lock().unwrap().clone();
    Seen { first, last, heard, close }
}

fn kinds(seen: &Seen) -> Vec<&'static str> {
    seen.heard.iter().map(|(kind, _)| *kind).collect()
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test(flavor = "multi_thread")]
async fn a_body_waits_for_the_vendors_word() {
    for values in [&[][..], ANN] {
        let script = Script { first: "HTTP/1.1 100 Continue\r\n\r\n", then: OK };
        let seen = upload(script, values).await;
        assert!(seen.first.starts_with("HTTP/1.1 100"), "{}", seen.first);
        assert!(seen.last.as_ref().unwrap().starts_with("HTTP/1.1 200"));
        assert_eq!(kinds(&seen), ["head", "spoke", "told", "body"]);
        assert!(seen.heard[0].1.to_ascii_lowercase().contains("expect: 100-continue"), "{}", seen.heard[0].1);
        assert_eq!(seen.heard[3].1.contains("ann%40home"), values.is_empty(), "{}", seen.heard[3].1);
        assert_eq!(seen.close["outcome"], "complete");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_wanted_is_not_asked_for() {
    for values in [&[][..], ANN] {
        let script =
            Script { first: "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno", then: "" };
        let seen = upload(script, values).await;
        assert!(seen.first.starts_with("HTTP/1.1 417"), "{}", seen.first);
        assert_eq!(kinds(&seen), ["head", "spoke", "told"]);
        assert_eq!((&seen.close["status"], &seen.close["sent"]), (&417.into(), &0.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_know_the_expectation_gets_the_body_all_the_same() {
    let seen = upload(Script { first: "", then: OK }, ANN).await;
    assert!(seen.first.starts_with("HTTP/1.1 100"), "{}", seen.first);
    assert_eq!(kinds(&seen), ["head", "spoke", "told", "body"]);
    assert!(seen.last.as_ref().unwrap().starts_with("HTTP/1.1 200"));
}
