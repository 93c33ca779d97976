//! An answer that comes before the request is whole reaches a client that reads only once it has sent everything.

use crate::support::{Household, TestCa, Vendor};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// More than the buffers between a client and the gateway hold.
const LONG: usize = 24 * 1024 * 1024;

/// Sends all of it, then reads: as most HTTP libraries do.
async fn status_behind<T: AsyncRead + AsyncWrite + Unpin>(mut stream: T, head: &str, rest: &[u8]) -> u16 {
    let exchange = async {
        stream.write_all(head.as_bytes()).await.expect("the head is taken");
        for piece in rest.chunks(64 * 1024) {
            stream.write_all(piece).await.expect("what comes behind the answer is taken");
        }
        // Meanwhile the answer has long been given.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.expect("the answer is heard");
        drop(stream);
        String::from_utf8(answer).unwrap()
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), exchange).await.expect("it hangs");
    answer.strip_prefix("HTTP/1.1 ").expect("an answer").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn is_heard_behind_a_long_request_wherever_it_was_refused() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).member("ben", &[]).start().await;
    let (client, long) = (home.client_of("ann"), vec![b'x'; LONG]);
    let upload = |target: &str, host: &str| {
        format!("POST {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {LONG}\r\n\r\n")
    };
    let far_too_long = format!("GET / HTTP/1.1\r\nHost: shop.test\r\nX-Long: {}", "x".repeat(256));

    // Of somebody who is not Ann.
    let stranger = upload("http://shop.test/", "shop.test\r\nProxy-Authorization: Basic YW5uOm5vdGhlcnM=");
    assert_eq!(status_behind(client.proxy().await, &stranger, &long).await, 407);
    assert_eq!(status_behind(client.proxy().await, &far_too_long, &long).await, 431);
    let tunnel = || async { client.tunnel("shop.test", "shop.test").await.unwrap() };
    assert_eq!(status_behind(tunnel().await, &upload("/", "other.test"), &long).await, 421);
    assert_eq!(status_behind(tunnel().await, &far_too_long, &long).await, 431);
    assert_eq!(shop.received().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_behind_a_vendor_that_has_spoken_goes_on_to_it() {
    let vendor = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = vendor.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = vendor.accept().await.unwrap();
        stream.write_all(b"bye").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    });
    let ca = TestCa::new();
    let home = Household::trusting(&ca)
        .host("plain.test", address)
        .config("[intercept]\nnever = [\"plain.test\"]")
        .start()
        .await;
    let (status, _, mut stream) = home.client().connect("plain.test:443").await;
    assert_eq!(status, 200);
    let mut word = String::new();
    stream.read_to_string(&mut word).await.unwrap();
    assert_eq!(word, "bye");
    stream.write_all(b"and yet there is more").await.unwrap();
    drop(stream);
    assert_eq!(heard.await.unwrap(), b"and yet there is more");
}
