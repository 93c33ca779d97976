//! Every bound of `[limits]` holds, and says so.

mod answers;
mod dials;
mod floods;

use crate::support::client::{Opened, request};
use crate::support::{Household, Scripted, TestCa, Vendor};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn get(url: &str) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    request(Method::GET, url, &[], "")
}

/// Resolves when the other side has closed.
async fn closed<T: tokio::io::AsyncRead + Unpin>(stream: &mut T) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest))
        .await
        .expect("the connection stays open");
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_members_quota_is_their_own_and_says_when_to_come_back() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .member("ben", &[])
        .config("[limits]\nper_member = \"2/min\"")
        .start()
        .await;
    let ann = home.client_of("ann");
    for _ in 0..2 {
        assert_eq!(ann.get("https://shop.test/").await.status, StatusCode::OK);
    }
    let reply = ann.get("https://shop.test/").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert!(reply.header("proxy-status").unwrap().contains("error=http_request_denied"));
    assert_eq!(home.client_of("ben").get("https://shop.test/").await.status, StatusCode::OK);
    assert_eq!(shop.received().len(), 3);
    assert_eq!(home.awaited("refused", 1).await[0]["status"], 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_limit_is_for_that_vendor() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let other = Vendor::https("other.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&other)
        .config("[vendor.shop]\nhosts = [\"shop.test\"]\nlimit = \"1/min\"")
        .start()
        .await;
    let client = home.client();
    assert_eq!(client.get("https://shop.test/").await.status, StatusCode::OK);
    assert_eq!(client.get("https://shop.test/").await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(client.get("https://other.test/").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_holds_only_so_many_connections_tunnels_among_them() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .member("ben", &[])
        .config("[limits]\nconnections_per_member = 1")
        .start()
        .await;
    let ann = home.client_of("ann");
    let mut held = ann.open("shop.test").await;
    assert_eq!(held.send(get("https://shop.test/")).await.text(), "ok");
    let (status, answer, _) = ann.connect("shop.test:443").await;
    assert_eq!(status, 429, "{answer}");
    assert_eq!(home.client_of("ben").get("https://shop.test/").await.text(), "ok");
    // Of whom nothing is known the address counts: a second one that says nothing is closed unread.
    let silent = home.client().proxy().await;
    assert!(closed(&mut home.client().proxy().await).await.is_empty());
    drop((held, silent));
    for _ in 0..200 {
        let (status, _, _) = ann.connect("shop.test:443").await;
        if status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a place that was left stays taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_counts_in_the_quota_and_among_what_is_under_way() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let off = "[intercept]\nmode = \"off\"\n[limits]\n";
    let home =
        Household::trusting(&ca).knowing(&shop).config(&format!("{off}per_member = \"1/min\"")).start().await;
    let client = home.client();
    let _first = client.connect("shop.test:443").await;
    let (status, answer, _) = client.connect("shop.test:443").await;
    assert_eq!(status, 429, "{answer}");
    let home = Household::trusting(&ca).knowing(&shop).config(&format!("{off}requests = 1")).start().await;
    let held = home.client().connect("shop.test:443").await;
    assert_eq!((held.0, home.client().connect("shop.test:443").await.0), (200, 503));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upload_takes_none_of_the_vendors_time_to_answer() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[limits]\nfirst_byte = \"2s\"").start().await;
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head =
        "POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..6 {
        tls.write_all(b"1\r\nx\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    tls.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = tls.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(shop.only().text(), "xxxxxx");
}

#[tokio::test(flavor = "multi_thread")]
async fn above_all_exchanges_under_way_new_ones_are_shed() {
    let ca = TestCa::new();
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab";
    let shop = Vendor::https("shop.test").held_route("/held", begun, "cd").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[limits]\nrequests = 1").start().await;
    let mut opened = home.client().open("shop.test").await;
    let held = opened.stream(get("https://shop.test/held")).await;
    let reply = home.client().get("https://shop.test/").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.header("proxy-status").unwrap().contains("connection_limit_reached"));
    shop.let_go();
    assert_eq!(held.into_body().collect().await.unwrap().to_bytes(), "abcd");
    assert_eq!(home.client().get("https://shop.test/").await.text(), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_end_ends_the_connection() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .config("[limits]\nhead = \"300ms\"\nidle = \"60s\"")
        .start()
        .await;
    let mut plain = home.client().proxy().await;
    plain.write_all(b"GET http://shop.test/ HT").await.unwrap();
    closed(&mut plain).await;
    // The second head of a kept connection, inside a tunnel.
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    tls.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    tls.write_all(b"GET /again").await.unwrap();
    closed(&mut tls).await;
    // A TLS handshake that does not go on.
    let (_, _, mut silent) = home.client().connect("shop.test:443").await;
    silent.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).await.unwrap();
    closed(&mut silent).await;
    assert_eq!(home.awaited("refused", 2).await[0]["status"], 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_is_closed() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .config("[limits]\nidle = \"300ms\"\nhead = \"60s\"")
        .start()
        .await;
    closed(&mut home.client().proxy().await).await;
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    tls.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
    assert!(closed(&mut tls).await.ends_with(b"ok"));
    let mut opened = home.client().http2().open("shop.test").await;
    assert_eq!(opened.send(get("https://shop.test/")).await.text(), "ok");
    let Opened::Http2(sender) = opened else { panic!("not HTTP/2") };
    for _ in 0..500 {
        if sender.is_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_falls_silent_is_broken_off() {
    let ca = TestCa::new();
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab";
    let shop = Vendor::https("shop.test").held_route("/held", begun, "cd").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[limits]\nidle = \"300ms\"").start().await;
    let mut opened = home.client().open("shop.test").await;
    let held = opened.stream(get("https://shop.test/held")).await;
    assert!(held.into_body().collect().await.is_err());
    assert_eq!(home.of_kind("close").await[0]["outcome"], "cut-by-vendor");
    // An upload that stops.
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head =
        "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: video/mp4\r\nContent-Length: 900000\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    let answer = String::from_utf8_lossy(&closed(&mut tls).await).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_begin_is_given_up() {
    let ca = TestCa::new();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            kept.push(stream);
        }
    });
    let slow = Vendor::https("slow.test").held_route("/", "", "").start(&ca).await;
    let home = Household::trusting(&ca)
        .host("silent.test", address)
        .knowing(&slow)
        .config("[limits]\nconnect = \"2s\"\nfirst_byte = \"300ms\"")
        .start()
        .await;
    let reply = home.client().get("https://silent.test/").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(reply.header("proxy-status").unwrap().contains("connection_timeout"));
    let reply = home.client().get("https://slow.test/").await;
    assert_eq!(reply.status, StatusCode::GATEWAY_TIMEOUT);
    assert!(reply.header("proxy-status").unwrap().contains("http_response_timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_targets_have_their_size() {
    let ca = TestCa::new();
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(9000));
    let shop = Vendor::https("shop.test").start(&ca).await;
    let wordy = Scripted::start("wordy.test", &ca, vec![vec![long.into_bytes()]]).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .host("wordy.test", wordy.address)
        .config("[limits]\nhead_bytes = 8192\nuri_bytes = 1024")
        .start()
        .await;
    for (name, client) in [("http/1.1", home.client()), ("h2", home.client().http2())] {
        let url = |length| format!("https://shop.test/{}", "a".repeat(length));
        assert_eq!(client.get(&url(1000)).await.status, StatusCode::OK, "{name}");
        assert_eq!(client.get(&url(1024)).await.status, StatusCode::URI_TOO_LONG, "{name}");
        let field = "x".repeat(9000);
        let reply = client.get_with("https://shop.test/", &[("x-long", &field)]).await;
        assert_eq!(reply.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{name}");
    }
    assert_eq!(home.client().get("https://wordy.test/").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(shop.received().len(), 2);
    let refused = home.awaited("refused", 3).await;
    let mut codes: Vec<_> = refused.iter().map(|one| one["status"].as_u64().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes[..3], [414, 414, 431]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http2_client_is_told_how_many_streams_it_may_have() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).config("[limits]\nstreams = 7").start().await;
    let mut tls = home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
    tls.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut head = [0; 9];
    tls.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], 4, "SETTINGS come first");
    let mut settings = vec![0; usize::from(head[2])];
    tls.read_exact(&mut settings).await.unwrap();
    // RFC 9113 section 6.5.2: SETTINGS_MAX_CONCURRENT_STREAMS is 3.
    let streams = settings.chunks(6).find(|pair| pair[..2] == [0, 3]).unwrap();
    assert_eq!(streams[2..], [0, 0, 0, 7]);
}
