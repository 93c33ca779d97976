//! TLS to the proxy itself: HTTP/1.1 and HTTP/2 inside, and never a certificate with a vendor's name.

use crate::support::curl::curl;
use crate::support::nginx::Nginx;
use crate::support::program::Program;
use crate::support::{Household, TestCa, Vendor, a_while, crypto};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// One request, and what comes back.
async fn ask<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, target: &str, host: &str) -> String {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") && stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_http2_connection_to_the_proxy_carries_tunnels_to_many_vendors() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let other = Vendor::https("other.test").start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&other).knowing(&plain).start().await;
    let client = home.client();
    let mut proxy = client.proxy_http2().await;
    let to_shop = proxy.connect("shop.test:443").await.unwrap();
    let to_other = proxy.connect("other.test:443").await.unwrap();
    let mut shop_tls = client.handshake("shop.test", to_shop).await.unwrap();
    let mut other_tls = client.handshake("other.test", to_other).await.unwrap();
    for _ in 0..2 {
        assert!(ask(&mut other_tls, "/o?utm_source=x", "other.test").await.starts_with("HTTP/1.1 200"));
        assert!(ask(&mut shop_tls, "/s?utm_source=x", "shop.test").await.starts_with("HTTP/1.1 200"));
    }
    // What is not for TLS is named with its scheme, as browsers do.
    assert_eq!(proxy.get("http://plain.test/p?utm_source=x").await.text(), "ok");
    let mut to_plain = proxy.connect("plain.test:80").await.unwrap();
    assert!(ask(&mut to_plain, "/q?utm_source=x", "plain.test").await.ends_with("ok"));
    assert_eq!((shop.last().target(), other.last().target()), ("/s".to_owned(), "/o".to_owned()));
    let plain: Vec<_> = plain.received().iter().map(|received| received.target()).collect();
    assert_eq!(plain, ["/p", "/q"]);
    assert_eq!(home.of_kind("open").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_too_each_stream_says_who_is_asking_and_is_refused_by_itself() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).member("ben", &[]).start().await;
    let (ann, ben) = (home.client_of("ann"), home.client_of("ben"));
    let mut proxy = ann.proxy_http2().await;
    for client in [&ann, &ben] {
        proxy.speak_for(client);
        let tunnel = proxy.connect("shop.test:443").await.unwrap();
        ask(&mut client.handshake("shop.test", tunnel).await.unwrap(), "/", "shop.test").await;
    }
    let members: Vec<_> = home.of_kind("open").await.iter().map(|open| open["member"].clone()).collect();
    assert_eq!(members, ["ann", "ben"]);

    proxy.speak_for(&home.client().with_credential("ben", "guessed"));
    let refused = proxy.connect("shop.test:443").await.unwrap_err();
    assert_eq!(refused.status, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    assert!(refused.header("proxy-authenticate").unwrap().starts_with("Basic realm="));
    proxy.speak_for(&ben);
    assert_eq!(proxy.connect("shop.test:25").await.unwrap_err().status, StatusCode::FORBIDDEN);
    assert!(proxy.connect("shop.test:443").await.is_ok());
    assert_eq!(home.awaited("refused", 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tunnel_of_an_http2_connection_takes_a_place() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .config("[limits]\nconnections_per_member = 3")
        .start()
        .await;
    let mut proxy = home.client_of("ann").proxy_http2().await;
    let first = proxy.connect("shop.test:443").await.unwrap();
    let _second = proxy.connect("shop.test:443").await.unwrap();
    assert_eq!(proxy.connect("shop.test:443").await.unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
    drop(first);
    for _ in 0..400 {
        if proxy.connect("shop.test:443").await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("a place that was left stays taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_with_a_tunnel_on_it_is_not_idle() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let off = "[limits]\nidle = \"100ms\"\n[intercept]\nmode = \"off\"";
    let home = Household::trusting(&ca).knowing(&shop).config(off).start().await;
    let mut proxy = home.client().proxy_http2().await;
    let _tunnel = proxy.connect("shop.test:443").await.unwrap();
    a_while().await;
    assert!(proxy.connect("shop.test:443").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_shows_its_own_name_or_address_and_nobody_elses() {
    let ca = TestCa::new();
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&plain)
        .config("[listen]\nnames = [\"doorward.test\"]")
        .start()
        .await;
    let client = home.client();
    for name in ["127.0.0.1", "localhost", "doorward.test"] {
        let mut tls = client.handshake(name, client.proxy().await).await.unwrap();
        let answer = ask(&mut tls, "http://plain.test/", "plain.test").await;
        assert!(answer.ends_with("ok"), "{name}: {answer}");
    }
    // A client that takes us for a vendor does not believe us.
    assert!(client.handshake("shop.test", client.proxy().await).await.is_err());
    let refused = &home.awaited("refused", 1).await[0];
    assert_eq!((&refused["status"], &refused["code"]), (&400.into(), &"certificate_not_accepted".into()));
    assert_eq!(home.metric("doorward_handshakes_total{result=\"untrusted\",side=\"downstream\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_begins_like_tls_and_is_not_is_refused_and_recorded() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    for bytes in [&[22, 3, 1, 0, 4, 2, 0, 0, 0][..], b"\x16GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = home.client().proxy().await;
        stream.write_all(bytes).await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    assert!(home.awaited("refused", 2).await.iter().all(|refused| refused["status"] == 400));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_the_gateway_answers_for_itself_only_when_it_is_addressed() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).config("[listen]\nnames = [\"doorward.test\"]").start().await;
    let mut proxy = home.client().proxy_http2().await;
    let own = home.proxy;
    for authority in [own.to_string(), format!("localhost:{}", own.port()), "doorward.test".to_owned()] {
        let reply = proxy.get(&format!("https://{authority}/ca.pem")).await;
        assert!(reply.text().contains("BEGIN CERTIFICATE"), "{authority}: {}", reply.text());
        let pac = proxy.get(&format!("https://{authority}/proxy.pac")).await.text();
        assert!(pac.contains(&format!("PROXY {authority}\"")), "{pac}");
    }
    // Anything else is somebody else, and not reached where it is the gateway all the same.
    for url in [format!("http://{own}/ca.pem"), format!("https://evil.invalid:{}/ca.pem", own.port())] {
        let reply = proxy.get(&url).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{url}");
        assert!(!reply.text().contains("BEGIN CERTIFICATE"), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_chosen_vendors_are_decrypted_the_gateway_still_has_its_own_name() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let chosen = "[intercept]\nmode = \"chosen\"\n[listen]\nnames = [\"doorward.test\"]\n\
        [vendor.shop]\nhosts = [\"shop.test\"]";
    let home = Household::trusting(&ca).knowing(&shop).config(chosen).start().await;
    let client = home.client();
    for name in ["127.0.0.1", "localhost", "doorward.test"] {
        client.handshake(name, client.proxy().await).await.unwrap();
    }
    let mut proxy = client.proxy_http2().await;
    let tunnel = proxy.connect("shop.test:443").await.unwrap();
    let mut tls = client.handshake("shop.test", tunnel).await.unwrap();
    assert!(ask(&mut tls, "/?utm_source=x", "shop.test").await.ends_with("ok"));
    assert_eq!(shop.only().target(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_tls_to_the_program_itself() {
    crypto();
    let ca = TestCa::new();
    let nginx = Nginx::start(&ca, &["one.shop.test"], &[]);
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Program::configured(&format!(
        "[upstream]\nextra_ca = [\"vendors.pem\"]\nallow_private = [\"127.0.0.1/32\"]\n\
         hosts = {{ \"one.shop.test\" = \"{}\", \"plain.test\" = \"{}\" }}",
        nginx.http1, plain.address
    ));
    std::fs::write(home.home().join("vendors.pem"), ca.pem()).unwrap();
    home.ok(&["member", "add", "ann"]);
    let token = home.ok(&["--json", "member", "token", "ann"]).json()["token"].as_str().unwrap().to_owned();
    let gateway = home.start();
    let (proxy, user) = (format!("https://{}", gateway.address("proxy")), format!("ann:{token}"));
    let root = home.home().join("ca/root.pem");
    let way = ["--proxy", &proxy, "--proxy-cacert", root.to_str().unwrap(), "--proxy-user", &user];
    for (url, http) in [
        ("https://one.shop.test/take/a?utm_source=x", "--http2"),
        ("https://one.shop.test/take/a?utm_source=x", "--http1.1"),
        ("http://plain.test/a?utm_source=x", "--http1.1"),
    ] {
        let got = curl(&home, &gateway, url, &[&way[..], &[http]].concat(), b"");
        assert_eq!(got.status, 200, "{http} {url}");
    }
    assert!(nginx.requests("/take/a", 2).iter().all(|line| line.field("request_uri") == "/take/a"));
    assert_eq!(plain.only().target(), "/a");
    assert!(plain.only().header("proxy-authorization").is_empty());
}
