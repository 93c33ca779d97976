//! Streams that a vendor over HTTP/2 did not process, and says so: they are sent again, whatever they ask.

use crate::support::frames::{END_HEADERS, END_STREAM, HEADERS, block, frame};
use crate::support::{Household, RawHttp2Vendor, TestCa};
use bytes::Bytes;
use h2::Reason;
use h2::server::{Connection, SendResponse};
use http::{Request, Response, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A vendor that answers the first stream of each connection, and resets any after it.
struct OneAConnection {
    address: SocketAddr,
    answered: Arc<Mutex<Vec<String>>>,
}

impl OneAConnection {
    async fn start(ca: &TestCa, reason: Reason) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Self { address: listener.local_addr().unwrap(), answered: Arc::default() };
        let mut tls = ca.server_config("shop.test");
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let (acceptor, answered) = (TlsAcceptor::from(Arc::new(tls)), Arc::clone(&vendor.answered));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, answered) = (acceptor.clone(), Arc::clone(&answered));
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(stream).await else { return };
                    serve(h2::server::handshake(tls).await.unwrap(), reason, &answered).await;
                });
            }
        });
        vendor
    }

    /// What was answered, as method and body.
    fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }
}

async fn serve(
    mut connection: Connection<TlsStream<TcpStream>, Bytes>,
    reason: Reason,
    answered: &Arc<Mutex<Vec<String>>>,
) {
    let mut is_first = true;
    while let Some(Ok((request, mut answer))) = connection.accept().await {
        if is_first {
            tokio::spawn(take(request, answer, Arc::clone(answered)));
            is_first = false;
            continue;
        }
        answer.send_reset(reason);
    }
}

async fn take(
    request: Request<h2::RecvStream>,
    mut answer: SendResponse<Bytes>,
    answered: Arc<Mutex<Vec<String>>>,
) {
    let (head, mut body) = request.into_parts();
    let mut took = format!("{} ", head.method);
    while let Some(Ok(data)) = body.data().await {
        let _ = body.flow_control().release_capacity(data.len());
        took.push_str(std::str::from_utf8(&data).unwrap());
    }
    answered.lock().unwrap().push(took);
    answer.send_response(Response::new(()), true).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_sent_once_more_and_others_are_not() {
    let ca = TestCa::new();
    for (reason, status, attempts) in [
        (Reason::REFUSED_STREAM, StatusCode::OK, 2),
        // It may have been processed.
        (Reason::INTERNAL_ERROR, StatusCode::BAD_GATEWAY, 1),
    ] {
        let shop = OneAConnection::start(&ca, reason).await;
        let home = Household::trusting(&ca)
            .host("shop.test", shop.address)
            .member("ann", &[("email.primary", "ann@home.example")])
            .start()
            .await;
        let client = home.client();
        client.post("https://shop.test/order", "application/json", "{\"n\":1}").await;
        let reply = client.post("https://shop.test/order", "application/json", "{\"n\":2}").await;
        assert_eq!(reply.status, status, "{reason:?}");
        let repeated =
            if attempts == 2 { vec!["POST {\"n\":1}", "POST {\"n\":2}"] } else { vec!["POST {\"n\":1}"] };
        assert_eq!(shop.answered(), repeated, "{reason:?}");
        let close = home.awaited("close", 2).await.pop().unwrap();
        assert_eq!(close["attempts"], attempts, "{reason:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_too_late_for_a_connection_that_goes_is_sent_on_another() {
    let ca = TestCa::new();
    let shop = RawHttp2Vendor::start("shop.test", &ca).await;
    shop.answers(frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[(":status", b"204")])));
    shop.goes_late();
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    let client = home.client();
    for _ in 0..2 {
        let reply = client.post("https://shop.test/order", "text/plain", "").await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT);
    }
    let attempts: Vec<_> =
        home.awaited("close", 2).await.iter().map(|close| close["attempts"].clone()).collect();
    assert_eq!((attempts, shop.asked()), (vec![Value::from(1), Value::from(2)], 2));
}
