//! What a stream on the proxy port becomes, who is asking, and what cannot be reached through it.

use crate::support::client::request;
use crate::support::resolver::resolving;
use crate::support::{Household, TestCa, Vendor, a_while};
use doorward::vault::Holder;
use http::{Method, StatusCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test(flavor = "multi_thread")]
async fn absolute_form_and_connect_both_reach_the_vendor() {
    let ca = TestCa::new();
    let plain = Vendor::http("plain.test").start(&ca).await;
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&plain).knowing(&shop).start().await;
    assert_eq!(home.client().get("http://plain.test/a").await.text(), "ok");
    assert_eq!(home.client().get("https://shop.test/b").await.text(), "ok");
    assert_eq!((plain.only().target(), shop.only().target()), ("/a".to_owned(), "/b".to_owned()));
    assert_eq!(home.of_kind("open").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_the_owner_a_credential_a_member_and_a_static_address_a_device() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let device = "[member.cid]\ndevices = [{ address = \"127.0.0.2\", static = true }, \
        { name = \"tablet\", address = \"127.0.0.3\", static = true }]";
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .member("ben", &[])
        .member("cid", &[])
        .config(device)
        .start()
        .await;
    home.client().get("https://shop.test/").await;
    home.client_of("ben").get("https://shop.test/").await;
    home.client().from("127.0.0.2").get("https://shop.test/").await;
    home.client().from("127.0.0.3").get("https://shop.test/").await;
    let token = home.house.rooms().vault.new_token(home.id("ben"), Holder::Device).unwrap();
    home.client().with_credential("BEN", token.expose()).get("https://shop.test/").await;
    let records = home.of_kind("open").await;
    let owner = home.house.front.roster.load().owner().unwrap().name.to_string();
    let members: Vec<_> = records.iter().map(|record| record["member"].as_str().unwrap()).collect();
    assert_eq!(members, [owner.as_str(), "ben", "cid", "cid", "ben"]);
    assert_eq!(records[2]["device"], "127.0.0.2");
    assert_eq!(records[3]["device"], "tablet");
    assert!(shop.received().iter().all(|request| request.header("proxy-authorization").is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_not_ours_gets_a_challenge_and_sends_nothing() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&plain).member("ann", &[]).start().await;
    let wrong = home.client().with_credential("ann", "guessed");
    let (status, answer, mut stream) = wrong.connect("shop.test:443").await;
    assert_eq!(status, 407);
    let answer = answer.to_ascii_lowercase();
    assert!(answer.contains("proxy-authenticate: basic realm=\"doorward\""), "{answer}");
    // What was sent right behind it is not taken for a request.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let reply = wrong.get("http://plain.test/").await;
    assert_eq!(reply.status, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    assert!(reply.header("proxy-status").unwrap().starts_with("doorward; error="));
    assert_eq!(shop.connections() + plain.connections(), 0);
    assert_eq!(home.awaited("refused", 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_device_of_an_organisation_needs_a_credential() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).config("profile = \"organisation\"").knowing(&shop).start().await;
    let stranger = home.client_at("192.0.2.7").await;
    assert_eq!(stranger.connect("shop.test:443").await.0, 407);
    assert_eq!(shop.connections(), 0);
}

/// The log cannot be filled from outside, and says how much it left out.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_above_an_addresss_ration_are_counted_instead_of_recorded() {
    const FLOOD: usize = 120;
    let ca = TestCa::new();
    let home = Household::trusting(&ca).member("ann", &[]).start().await;
    let wrong = |address: &str| home.client().from(address).with_credential("ann", "guessed");
    let (flooding, other) = (wrong("127.0.0.2"), wrong("127.0.0.3"));
    for _ in 0..FLOOD {
        assert_eq!(flooding.connect("shop.test:443").await.0, 407);
    }
    home.awaited("refused", 1).await;
    a_while().await;
    let before = home.of_kind("refused").await.len();
    assert!(before < FLOOD / 2, "{before}");
    assert_eq!(other.connect("shop.test:443").await.0, 407);
    home.awaited("refused", before + 1).await;
    let home = home.pauses().await.start().await;
    let records = home.records().await;
    let refused = records.iter().filter(|record| record["kind"] == "refused").count();
    let untold: Vec<_> = records
        .iter()
        .filter(|record| record["reason"] == "refused at the front door, without a record each")
        .map(|record| record["count"].as_u64().unwrap())
        .collect();
    assert_eq!(refused + usize::try_from(untold.iter().sum::<u64>()).unwrap(), FLOOD + 1);
    assert_eq!(untold.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_tunnelled_unread_and_the_log_keeps_counts() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&plain)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let guest = home.client_at("192.0.2.7").await;
    // The certificate is the vendor's own: nobody looked in between.
    let reply = guest.clone().trusting(ca.root()).get("https://shop.test/?utm_source=x").await;
    assert_eq!(reply.text(), "ok");
    assert_eq!(shop.only().target(), "/?utm_source=x");
    guest.get("http://plain.test/?utm_source=x&mail=ann@home.example").await;
    assert_eq!(plain.only().target(), "/?utm_source=x&mail=ann@home.example");
    assert!(plain.only().header("sec-gpc").is_empty());
    let (status, answer, _) = guest.connect("google-analytics.com:443").await;
    assert_eq!(status, 403, "{answer}");
    home.awaited("refused", 1).await;
    let records = home.records().await;
    let text = serde_json::to_string(&records).unwrap();
    assert!(!text.contains("shop.test") && !text.contains("plain.test"), "{text}");
    assert!(!text.contains("google-analytics.com\""), "{text}");
    assert_eq!(home.of_kind("tunnel").await.len(), 2);
    assert_eq!(home.metric("doorward_tunnels_total{reason=\"guest\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateways_own_listeners_are_not_reached_through_it() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    let port = home.proxy.port();
    let lines = format!("[intercept]\nmode = \"off\"\n[upstream]\nports = [80, 443, {port}]");
    home.reload(&lines).await;
    let names = [
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}"),
        format!("[::1]:{port}"),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("[::ffff:7f00:1]:{port}"),
        format!("2130706433:{port}"),
        format!("0x7f.1:{port}"),
        format!("127.1:{port}"),
        format!("0.0.0.0:{port}"),
    ];
    for name in names {
        let (status, answer, _) = home.client().connect(&name).await;
        assert_eq!(status, 403, "CONNECT {name}: {answer}");
        let raw = format!("GET http://{name}/ca.pem HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        let answer = home.client().raw(raw.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "GET {name}: {answer}");
        assert!(!answer.contains("BEGIN CERTIFICATE"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_name_for_the_gateway_itself_is_no_way_in() {
    let ca = TestCa::new();
    let mut home = Household::trusting(&ca).start().await;
    home.hosts.push(("me.test".to_owned(), home.proxy));
    home.reload("[intercept]\nmode = \"off\"").await;
    assert_eq!(home.client().connect("me.test:443").await.0, 403);
    assert_eq!(home.client().get("http://me.test/").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_addresses_are_refused_after_resolution() {
    let ca = TestCa::new();
    let seams = resolving(&[
        ("intranet.test", &["10.1.2.3"]),
        ("mixed.test", &["93.184.216.34", "192.168.1.1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("mapped.test", &["::ffff:10.0.0.1"]),
    ]);
    let home = Household::trusting(&ca).seams(seams).config("[intercept]\nmode = \"off\"").start().await;
    for name in ["intranet.test", "mixed.test", "metadata.test", "mapped.test"] {
        let (status, answer, _) = home.client().connect(&format!("{name}:443")).await;
        assert_eq!(status, 403, "{name}: {answer}");
        assert!(answer.contains("destination_ip_prohibited"), "{name}: {answer}");
        assert_eq!(home.client().get(&format!("http://{name}/")).await.status, StatusCode::FORBIDDEN);
    }
    for literal in ["10.0.0.1:443", "[fe80::1]:443", "[::ffff:10.0.0.1]:443", "167772161:443"] {
        assert_eq!(home.client().connect(literal).await.0, 403, "{literal}");
    }
    assert_eq!(home.client().connect("nowhere.test:443").await.0, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn allow_private_and_ports_open_what_they_name() {
    let ca = TestCa::new();
    let near = Vendor::http("near.test").start(&ca).await;
    let port = near.address.port();
    let seams = resolving(&[("near.test", &["127.0.0.1"])]);
    let home = Household::trusting(&ca).seams(seams).start().await;
    let url = format!("http://near.test:{port}/");
    assert_eq!(home.client().get(&url).await.status, StatusCode::FORBIDDEN);
    home.reload(&format!("[upstream]\nports = [{port}]")).await;
    assert_eq!(home.client().get(&url).await.text(), "ok");
    for port in ["25", "22", "0"] {
        assert_eq!(home.client().connect(&format!("near.test:{port}")).await.0, 403, "{port}");
    }
    for bad in ["near.test", "near.test:", "near.test:x", "ann@near.test:443", "near.test:99999"] {
        let status = home.client().connect(bad).await.0;
        assert!(status == 400 || status == 0, "{bad}: {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_carries_requests_for_its_own_host_alone() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let other = Vendor::https("other.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&other).start().await;
    let answer = home
        .client()
        .raw_inside("shop.test", b"GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
    let mut opened = home.client().http2().open("shop.test").await;
    let reply = opened.send(request(Method::GET, "https://other.test/", &[], "")).await;
    assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST);
    // The connection is still good for its own host.
    assert_eq!(opened.send(request(Method::GET, "https://shop.test/", &[], "")).await.text(), "ok");
    assert_eq!(other.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_name_other_than_the_connect_host_is_misdirected() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let other = Vendor::https("other.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&other).start().await;
    for host in ["shop.test", "other.test"] {
        let mut tls = home.client().tunnel("shop.test", "other.test").await.unwrap();
        let head = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        tls.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = tls.read_to_string(&mut answer).await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
    }
    assert_eq!(shop.connections() + other.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_shall_not_be_read_is_tunnelled_with_its_reason() {
    let ca = TestCa::new();
    let bank = Vendor::https("bank.test").start(&ca).await;
    let shop = Vendor::https("shop.test").start(&ca).await;
    let cases = [
        ("[intercept]\nnever = [\"bank.test\"]", "intercept.never=bank.test", "never"),
        ("[intercept]\nmode = \"off\"", "intercept.mode=off", "intercept-off"),
        (
            "[intercept]\nmode = \"chosen\"\n[vendor.shop]\nhosts = [\"shop.test\"]",
            "intercept.mode=chosen",
            "not-chosen",
        ),
    ];
    for (config, reason, label) in cases {
        let home = Household::trusting(&ca).knowing(&bank).knowing(&shop).config(config).start().await;
        let reply = home.client().trusting(ca.root()).get("https://bank.test/?utm_source=x").await;
        assert_eq!(reply.text(), "ok", "{config}");
        assert_eq!(bank.last().target(), "/?utm_source=x");
        let tunnels = home.of_kind("tunnel").await;
        assert_eq!((&tunnels[0]["reason"], &tunnels[0]["host"]), (&reason.into(), &"bank.test".into()));
        assert_eq!(home.metric(&format!("doorward_tunnels_total{{reason=\"{label}\"}}")), 1.0);
        let inspected = home.client().tunnel("shop.test", "shop.test").await.is_ok();
        assert_eq!(inspected, label != "intercept-off", "{config}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cleartext_that_shall_not_be_read_passes_as_it_is_too() {
    let ca = TestCa::new();
    let bank = Vendor::http("bank.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&bank)
        .member("ann", &[("email.primary", "ann@home.example")])
        .config("[intercept]\nnever = [\"bank.test\"]")
        .start()
        .await;
    let url = "http://bank.test/?utm_source=x&mail=ann@home.example";
    assert_eq!(home.explain("GET", url, &[], "").await["verdict"], "not-inspected");
    home.client().get(url).await;
    assert_eq!(bank.only().target(), "/?utm_source=x&mail=ann@home.example");
    assert!(bank.only().header("sec-gpc").is_empty());
    let open = &home.of_kind("open").await[0];
    assert_eq!(open["notes"][0], "not inspected: intercept.never=bank.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_speaks_tls_late_is_still_inspected() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[limits]\nhead = \"300ms\"").start().await;
    let (_, _, stream) = home.client().connect("shop.test:443").await;
    // The gateway has dialled once it thinks that the server may speak first.
    for _ in 0..400 {
        if shop.connections() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let mut tls = home.client().handshake("shop.test", stream).await.unwrap();
    let head = b"GET /?utm_source=x HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n";
    tls.write_all(head).await.unwrap();
    let mut answer = String::new();
    let _ = tls.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(shop.only().target(), "/");
    assert_eq!((home.of_kind("open").await.len(), home.of_kind("tunnel").await.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_speaks_first_is_tunnelled() {
    let ca = TestCa::new();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        stream.write_all(b"220 mail").await.unwrap();
        let mut said = [0; 4];
        stream.read_exact(&mut said).await.unwrap();
        stream.write_all(&said).await.unwrap();
    });
    let home = Household::trusting(&ca)
        .host("mail.test", address)
        .config("[limits]\nhead = \"300ms\"")
        .start()
        .await;
    let (_, _, mut stream) = home.client().connect("mail.test:443").await;
    let mut greeting = [0; 8];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 mail");
    stream.write_all(b"EHLO").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "EHLO");
    drop(stream);
    assert_eq!(home.of_kind("tunnel").await[0]["reason"], "not TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_connects_and_leaves_reaches_nobody() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let (status, _, mut stream) = home.client().connect("shop.test:443").await;
    assert_eq!(status, 200);
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert_eq!(shop.connections(), 0);
    assert!(home.of_kind("tunnel").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_go_unread_what_is_not_tls_is_refused() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).config("[identity]\nstrict = true").start().await;
    let (_, _, mut stream) = home.client().connect("shop.test:443").await;
    stream.write_all(b"HELO\n").await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let refused = &home.awaited("refused", 1).await[0];
    assert_eq!((&refused["host"], &refused["status"]), (&"shop.test".into(), &403.into()));
    assert_eq!(shop.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_tls_is_tunnelled() {
    let ca = TestCa::new();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        stream.write_all(b"ok: ").await.unwrap();
        stream.write_all(&hello).await.unwrap();
    });
    let home = Household::trusting(&ca).host("raw.test", address).start().await;
    let (status, _, mut stream) = home.client().connect("raw.test:443").await;
    assert_eq!(status, 200);
    stream.write_all(b"HELO\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "ok: HELO\n");
    drop(stream);
    assert_eq!(home.of_kind("tunnel").await[0]["reason"], "not TLS");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_speaks_for_itself_only_when_it_is_addressed() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).config("[listen]\nnames = [\"doorward.home.arpa\"]").start().await;
    let ask = async |path: &str, host: &str, more: &str| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{more}Connection: close\r\n\r\n");
        home.client().raw(head.as_bytes()).await
    };
    let own = home.proxy.to_string();
    let pac = ask("/proxy.pac", &own, "").await;
    assert!(pac.contains(&format!("PROXY {own}")) && pac.contains("application/x-ns-proxy-autoconfig"));
    assert!(ask("/ca.pem", &own, "").await.contains("BEGIN CERTIFICATE"));
    assert!(ask("/ca.pem", "doorward.home.arpa", "").await.contains("BEGIN CERTIFICATE"));
    assert!(ask("/trust", "localhost", "").await.contains("certificate"));
    for (host, more) in [
        ("evil.test", ""),
        (own.as_str(), "Origin: https://evil.test\r\n"),
        (own.as_str(), "Sec-Fetch-Site: cross-site\r\n"),
    ] {
        let answer = ask("/ca.pem", host, more).await;
        assert!(!answer.contains("BEGIN CERTIFICATE"), "{host} {more}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
    }
}
