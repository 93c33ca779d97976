//! SOCKS5 on the proxy port: the same people, the same rules and the same records as over HTTP.

use crate::support::client::{ask, closed};
use crate::support::curl::curl;
use crate::support::nginx::Nginx;
use crate::support::program::Program;
use crate::support::socks::{Got, wish};
use crate::support::{Household, TestCa, Vendor, crypto, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const FAILED: u8 = 1;
const NOT_ALLOWED: u8 = 2;
const HOST_UNREACHABLE: u8 = 4;
const CONNECTION_REFUSED: u8 = 5;
const COMMAND_NOT_SUPPORTED: u8 = 7;
const ADDRESS_TYPE_NOT_SUPPORTED: u8 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn https_through_socks_is_edited_and_recorded_like_https_through_connect() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).start().await;
    let client = home.client();
    for host in ["shop.test", "SHOP.test.", "192.0.2.7"] {
        let stream = client.socks(&wish(host, 443)).await.stream();
        let tls = client.handshake("shop.test", stream).await.unwrap();
        let answer = ask(tls, "/a?utm_source=x&b=1", "shop.test").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
        assert_eq!(shop.last().target(), "/a?b=1", "{host}");
    }
    let opens = home.of_kind("open").await;
    assert_eq!(opens.len(), 3);
    assert!(opens.iter().all(|open| open["host"] == "shop.test" && open["member"] == "ann"), "{opens:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_edited_and_recorded_whether_it_comes_by_socks_or_by_connect() {
    let ca = TestCa::new();
    let plain = Vendor::http("plain.test").start(&ca).await;
    let real = [("email.primary", "ann@home.example")];
    let home = Household::trusting(&ca)
        .knowing(&plain)
        .member("ann", &real)
        .config("[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"")
        .start()
        .await;
    let client = home.client();
    let target = "/a?utm_source=x&mail=ann%40home.example";
    let streams = [
        client.socks(&wish("plain.test", 80)).await.stream(),
        client.socks(&wish("192.0.2.7", 80)).await.stream(),
        client.connect("plain.test:80").await.2,
        client.connect("192.0.2.7:80").await.2,
    ];
    for stream in streams {
        let answer = ask(stream, target, "plain.test").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    }
    // What a client of an HTTP proxy sends gets just that.
    client.get(&format!("http://plain.test{target}")).await;
    let sent: Vec<_> = plain.received().iter().map(|received| received.target()).collect();
    assert!(sent[0].starts_with("/a?mail=") && sent[0].ends_with("alias.example"), "{sent:?}");
    assert!(sent.len() == 5 && sent.iter().all(|target| *target == sent[0]), "{sent:?}");
    assert!(plain.received().iter().all(|received| received.header("sec-gpc") == ["1"]));
    let opens = home.of_kind("open").await;
    let urls: Vec<_> = opens.iter().map(|open| open["url"].clone()).collect();
    assert!(urls.len() == 5 && urls.iter().all(|url| *url == urls[0]), "{urls:?}");
    assert!(home.of_kind("tunnel").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_request_for_another_host_than_was_connected_to_is_misdirected() {
    let ca = TestCa::new();
    let plain = Vendor::http("plain.test").start(&ca).await;
    let other = Vendor::http("other.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&plain).knowing(&other).start().await;
    let streams = [
        home.client().socks(&wish("plain.test", 80)).await.stream(),
        home.client().connect("plain.test:80").await.2,
    ];
    for stream in streams {
        let answer = ask(stream, "/", "other.test").await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    }
    assert_eq!(plain.connections() + other.connections(), 0);
    assert!(home.awaited("refused", 2).await.iter().all(|refused| refused["status"] == 421));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shall_not_be_read_passes_through_socks_unread_with_its_reason() {
    let ca = TestCa::new();
    let bank = Vendor::http("bank.test").start(&ca).await;
    let never = "[intercept]\nnever = [\"bank.test\"]";
    let home = Household::trusting(&ca).knowing(&bank).config(never).start().await;
    // By name the stream is a tunnel, by address the request says for whom it is, and passes as it is.
    for host in ["bank.test", "192.0.2.7"] {
        let stream = home.client().socks(&wish(host, 80)).await.stream();
        assert!(ask(stream, "/?utm_source=x", "bank.test").await.ends_with("ok"));
        assert_eq!(bank.last().target(), "/?utm_source=x");
        assert!(bank.last().header("sec-gpc").is_empty());
    }
    assert_eq!(home.of_kind("tunnel").await[0]["reason"], "intercept.never=bank.test");
    assert_eq!(home.of_kind("open").await[0]["notes"][0], "not inspected: intercept.never=bank.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_tls_nor_http_is_tunnelled() {
    let ca = TestCa::new();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut said = [0; 9];
        stream.read_exact(&mut said).await.unwrap();
        stream.write_all(&said).await.unwrap();
    });
    let home = Household::trusting(&ca).host("raw.test", address).start().await;
    // A client may send what it has to say before it is answered.
    let mut stream = home.client().proxy().await;
    let all = [&[5, 1, 0][..], &wish("raw.test", 80), b"HELO raw\n"].concat();
    stream.write_all(&all).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [&[5, 0][..], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0], b"HELO raw\n"].concat());
    drop(stream);
    assert_eq!(home.of_kind("tunnel").await[0]["reason"], "not TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_name_and_a_password_are_a_members_credential() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).member("ben", &[]).start().await;
    let ben = home.client_of("ben");
    let stream = ben.socks(&wish("shop.test", 443)).await.stream();
    ask(ben.handshake("shop.test", stream).await.unwrap(), "/", "shop.test").await;
    assert_eq!(home.of_kind("open").await[0]["member"], "ben");

    // A wrong one is not nobody's, not even on loopback.
    for (name, token) in [("ben", "guessed"), ("nobody", "guessed"), ("", "")] {
        let wrong = home.client().with_credential(name, token);
        let Got::Unknown(stream) = wrong.socks(&wish("shop.test", 443)).await else { panic!("{name}") };
        closed(stream).await;
    }
    let refused = home.awaited("refused", 3).await;
    assert!(
        refused
            .iter()
            .all(|record| record["status"] == 407 && record["code"] == "proxy_authentication_required")
    );
    assert_eq!(shop.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_an_address_is_who_it_is_over_http() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let device = "[member.cid]\ndevices = [{ name = \"tablet\", address = \"127.0.0.3\", static = true }]";
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .member("cid", &[])
        .config(device)
        .start()
        .await;
    let tablet = home.client().from("127.0.0.3");
    let stream = tablet.socks(&wish("shop.test", 443)).await.stream();
    ask(tablet.handshake("shop.test", stream).await.unwrap(), "/", "shop.test").await;
    let open = &home.of_kind("open").await[0];
    assert_eq!((&open["member"], &open["device"]), (&"cid".into(), &"tablet".into()));

    // A guest meets the vendor itself; the log keeps counts.
    let guest = home.client_at("192.0.2.7").await.trusting(ca.root());
    let stream = guest.socks(&wish("shop.test", 443)).await.stream();
    let tls = guest.handshake("shop.test", stream).await.unwrap();
    ask(tls, "/?utm_source=x", "shop.test").await;
    assert_eq!(shop.last().target(), "/?utm_source=x");
    assert_eq!(guest.socks(&wish("google-analytics.com", 443)).await.answer(), NOT_ALLOWED);
    let tunnel = &home.of_kind("tunnel").await[0];
    assert_eq!((&tunnel["reason"], &tunnel["host"]), (&"guest".into(), &serde_json::Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_http_asks_for_a_credential_socks_has_no_method() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).config("profile = \"organisation\"").knowing(&shop).start().await;
    let stranger = home.client_at("192.0.2.7").await;
    let Got::NoMethod(stream) = stranger.socks(&wish("shop.test", 443)).await else { panic!("a method") };
    closed(stream).await;
    // Neither for who could only show a ticket (GSSAPI), wherever they are.
    let mut stream = home.client().proxy().await;
    stream.write_all(&[5, 1, 1]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [5, 0xff]);
    assert!(home.awaited("refused", 2).await.iter().all(|refused| refused["status"] == 407));
    assert_eq!(shop.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_number_and_its_record() {
    let ca = TestCa::new();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = nobody.local_addr().unwrap();
    drop(nobody);
    let home = Household::trusting(&ca)
        .host("closed.test", closed_port)
        .config("[intercept]\nmode = \"off\"\n[trackers]\nlists = [\"mine.txt\"]")
        .file("mine.txt", "||tracker.test^\n")
        .start()
        .await;
    let own = home.proxy.port();
    home.reload(&format!("[intercept]\nmode = \"off\"\n[trackers]\nlists = [\"mine.txt\"]\n[upstream]\nports = [80, 443, {own}]"))
        .await;
    let mut bind = wish("shop.test", 443);
    bind[1] = 2;
    let mut associate = wish("shop.test", 443);
    associate[1] = 3;
    // What is dialled is in the log before, as a tunnel that failed.
    let dialled = [(wish("closed.test", 443), CONNECTION_REFUSED)];
    let refused = [
        (wish("nowhere.invalid", 443), HOST_UNREACHABLE, 502),
        (wish("10.0.0.1", 443), NOT_ALLOWED, 403),
        (wish("::ffff:10.0.0.1", 443), NOT_ALLOWED, 403),
        (wish("167772161", 443), NOT_ALLOWED, 403),
        (wish("127.0.0.1", own), NOT_ALLOWED, 403),
        (wish("localhost", own), NOT_ALLOWED, 403),
        (wish("tracker.test", 443), NOT_ALLOWED, 403),
        (wish("shop.test", 25), NOT_ALLOWED, 403),
        (bind, COMMAND_NOT_SUPPORTED, 501),
        (associate, COMMAND_NOT_SUPPORTED, 501),
        (vec![5, 1, 0, 2], ADDRESS_TYPE_NOT_SUPPORTED, 400),
        (vec![5, 1, 9, 1], FAILED, 400),
        (wish("a b", 443), FAILED, 400),
        (vec![4, 1], FAILED, 400),
    ];
    for (wish, answer) in &dialled {
        assert_eq!(home.client().socks(wish).await.answer(), *answer, "{wish:?}");
    }
    let closes = home.awaited("close", dialled.len()).await;
    assert!(closes.iter().all(|close| close["outcome"] == "failed" && close["sent"] == 0), "{closes:#?}");
    for (index, (wish, answer, status)) in refused.iter().enumerate() {
        assert_eq!(home.client().socks(wish).await.answer(), *answer, "{wish:?}");
        let records = home.awaited("refused", index + 1).await;
        assert_eq!(records[index]["status"], *status, "{wish:?}: {}", records[index]);
        assert!(!records[index]["reason"].as_str().unwrap().is_empty());
    }
    assert_eq!(home.of_kind("refused").await.len(), refused.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_that_does_not_end_has_the_time_of_a_head_and_a_record() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).config("[limits]\nhead = \"300ms\"").start().await;
    let mut stream = home.client().proxy().await;
    stream.write_all(&[5, 1, 0, 5, 1, 0, 3, 9]).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [&[5, 0][..], &[5, 1, 0, 1, 0, 0, 0, 0, 0, 0]].concat());
    assert_eq!(home.awaited("refused", 1).await[0]["status"], 408);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_holds_only_so_many_connections_through_socks_too() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .config("[limits]\nconnections_per_member = 1")
        .start()
        .await;
    let ann = home.client_of("ann");
    let held = ann.socks(&wish("shop.test", 443)).await.stream();
    assert_eq!(ann.socks(&wish("shop.test", 443)).await.answer(), NOT_ALLOWED);
    assert_eq!(home.awaited("refused", 1).await[0]["status"], 429);
    let connections = std::sync::Arc::clone(&home.house.front.connections);
    drop(held);
    let free =
        || connections.seat([127, 0, 0, 9].into(), 1).is_some_and(|seat| seat.belongs_to(home.id("ann"), 1));
    until("a place that was left", free).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_speaks_socks_to_the_program_itself() {
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
    home.ok(&["member", "add", "ben"]);
    let token = home.ok(&["--json", "member", "token", "ben"]).json()["token"].as_str().unwrap().to_owned();
    let gateway = home.start();
    let proxy = gateway.address("proxy").to_string();
    let (user, resolve) = (format!("ben:{token}"), "one.shop.test:443:192.0.2.7");
    let ways: [&[&str]; 3] = [
        &["--socks5-hostname", &proxy],
        &["--socks5", &proxy, "--resolve", resolve, "--resolve", "plain.test:80:192.0.2.7"],
        &["--socks5-hostname", &proxy, "--proxy-user", &user],
    ];
    for way in ways {
        for (url, http) in [
            ("https://one.shop.test/take/a?utm_source=x", "--http2"),
            ("http://plain.test/a?utm_source=x", "--http1.1"),
        ] {
            let got = curl(&home, &gateway, url, &[way, &[http]].concat(), b"");
            assert_eq!(got.status, 200, "{way:?} {url}");
        }
    }
    assert!(nginx.requests("/take/a", ways.len()).iter().all(|line| line.field("request_uri") == "/take/a"));
    assert!(plain.received().iter().all(|received| received.target() == "/a"));
    assert_eq!(gateway.stop(), 0);
    let opens: Vec<_> = home.records().into_iter().filter(|record| record["kind"] == "open").collect();
    // What ben asked for is his alone: the owner sees that there was something.
    let members: Vec<_> = opens.iter().map(|open| open["member"].as_str().unwrap_or_default()).collect();
    assert_eq!(members, ["ann", "ann", "ann", "ann", "", ""]);
}
