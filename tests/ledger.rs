//! P1: what a vendor received and what the log says agree one to one, and nothing leaves before it stands there.

use crate::support::client::request;
use crate::support::vendor::response;
use crate::support::{Household, TestCa, TestDisk, Vendor, a_while, until};
use http::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod flows;
mod index;
mod recovery;

fn find<'a>(records: &'a [Value], kind: &str, host: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["kind"] == kind && record["host"] == host).collect()
}

/// The CLOSE of a flow.
fn end_of<'a>(records: &'a [Value], opening: &Value) -> &'a Value {
    let ends: Vec<_> = records
        .iter()
        .filter(|record| record["kind"] == "close" && record["flow"] == opening["flow"])
        .collect();
    assert_eq!(ends.len(), 1, "{opening}");
    ends[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn wire_and_log_agree_one_to_one() {
    let ca = TestCa::new();
    let half = response("200 OK", &[("Content-Type", "text/plain")], b"0123456789");
    let shop = Vendor::https("shop.test")
        .route("/dead", Vec::new())
        .held_route("/slow", half[..half.len() - 4].to_vec(), half[half.len() - 4..].to_vec())
        .route(
            "/broken",
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n012345".to_vec(),
        )
        .start(&ca)
        .await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let spy = Vendor::https("spy.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&plain)
        .knowing(&bank)
        .knowing(&spy)
        .file("mine.txt", "||spy.test^\n")
        .member("ann", &[("email.primary", "ann@home.example")])
        .config("[trackers]\nlists = [\"mine.txt\"]\n[intercept]\nnever = [\"bank.test\"]")
        .start()
        .await;
    let client = home.client();

    assert_eq!(client.get("https://shop.test/a?x=1&utm_source=y").await.status, 200);
    assert_eq!(client.post("https://shop.test/b", "text/plain", "hello").await.status, 200);
    assert_eq!(client.get("http://plain.test/c").await.status, 200);
    assert_eq!(client.get("https://shop.test/dead").await.status, 502);
    let broken = client.raw_inside("shop.test", b"GET /broken HTTP/1.1\r\nHost: shop.test\r\n\r\n").await;
    assert!(broken.ends_with("012345"), "{broken}");
    {
        let mut leaving = client.tunnel("shop.test", "shop.test").await.unwrap();
        leaving.write_all(b"GET /slow HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
        let mut some = [0; 16];
        leaving.read_exact(&mut some).await.unwrap();
    }
    let blocked = client.get("https://spy.test/p?id=secret-query").await;
    assert!(blocked.status.is_success(), "{blocked:?}");
    let (refused, ..) = client.connect("shop.test:25").await;
    assert_eq!(refused, 403);
    let (tunnelled, _, mut tunnel) = client.connect("bank.test:443").await;
    assert_eq!(tunnelled, 200);
    tunnel.write_all(b"not a handshake").await.unwrap();
    tunnel.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = tunnel.read_to_end(&mut answer).await;
    drop(tunnel);

    let records = home.records().await;
    // Every request that arrived has its OPEN with what was sent, in the order they came, and no OPEN is left over; one
    // that went twice, as its kept connection was closed, says so.
    for (vendor, scheme) in [(&shop, "https"), (&plain, "http")] {
        let sent: Vec<String> = vendor
            .received()
            .iter()
            .map(|got| {
                let line = got.line();
                let mut words = line.split(' ');
                let (method, target) = (words.next().unwrap(), words.next().unwrap());
                format!("{method} {scheme}://{}{}", vendor.host, target.replace("=1", "=…"))
            })
            .collect();
        let said: Vec<String> = find(&records, "open", &vendor.host)
            .iter()
            .flat_map(|open| {
                let times = end_of(&records, open)["attempts"].as_u64().unwrap() as usize;
                let said = format!("{} {}", open["method"].as_str().unwrap(), open["url"].as_str().unwrap());
                vec![said; times]
            })
            .collect();
        assert_eq!(said, sent);
    }
    assert_eq!(find(&records, "open", "shop.test").len(), 5);
    let ends: Vec<(&str, u64, u64)> = find(&records, "open", "shop.test")
        .iter()
        .map(|open| {
            let end = end_of(&records, open);
            let number = |field: &str| end[field].as_u64().unwrap();
            (end["outcome"].as_str().unwrap(), number("sent"), number("received"))
        })
        .collect();
    assert_eq!(
        ends[..4],
        [("complete", 0, 2), ("complete", 5, 2), ("failed", 0, 0), ("cut-by-vendor", 0, 6)]
    );
    assert_eq!(ends[4].0, "cut-by-client");
    // Nothing of what was blocked or refused left, and its record says so without the query.
    assert_eq!((spy.arrived().len(), spy.connections()), (0, 0));
    let block = find(&records, "blocked", "spy.test");
    assert_eq!(block.len(), 1);
    assert_eq!(block[0]["url"], "https://spy.test/p");
    assert!(records.iter().all(|record| !record.to_string().contains("secret-query")));
    assert_eq!(records.iter().filter(|record| record["kind"] == "refused").count(), 1);
    // A tunnel is opened and ended like a request, with its bytes.
    let tunnel = find(&records, "tunnel", "bank.test");
    assert_eq!(tunnel.len(), 1);
    assert_eq!(end_of(&records, tunnel[0])["sent"], "not a handshake".len());
    assert_eq!(bank.connections(), 1);
    let report = home.verify_stopped().await;
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.opened, report.unended), (7, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_arrives_before_its_record_is_durable() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let bank = Vendor::http("bank.test").start(&ca).await;
    let disk = TestDisk::default();
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&bank)
        .config("[intercept]\nnever = [\"bank.test\"]")
        .seams(disk.seams())
        .start()
        .await;
    let client = home.client();
    // On a kept connection too: then there is no connect to hide behind.
    for round in 1..=2 {
        let before = shop.arrived().len();
        disk.hold();
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.post("https://shop.test/a", "text/plain", "hello").await }
        });
        until("a held sync", || disk.waiting() > 0).await;
        until("the connection", || shop.connections() == 1).await;
        a_while().await;
        assert_eq!(shop.arrived().len(), before, "round {round}");
        assert!(!asking.is_finished());
        disk.release();
        assert_eq!(asking.await.unwrap().status, 200);
        assert_eq!(shop.received().len(), round);
    }
    disk.hold();
    let asking = tokio::spawn(async move {
        let (status, _, mut stream) = client.connect("bank.test:443").await;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let mut some = [0; 12];
        stream.read_exact(&mut some).await.unwrap();
        (status, some)
    });
    until("a held sync", || disk.waiting() > 0).await;
    a_while().await;
    assert_eq!(bank.arrived().len(), 0);
    disk.release();
    assert_eq!(asking.await.unwrap(), (200, *b"HTTP/1.1 200"));
    assert_eq!(home.of_kind("tunnel").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_is_new_until_there_is_room() {
    let ca = TestCa::new();
    let whole = response("200 OK", &[("Content-Type", "text/plain")], b"0123456789");
    let (now, later) = whole.split_at(whole.len() - 4);
    let shop = Vendor::https("shop.test").held_route("/slow", now, later).start(&ca).await;
    let bank = Vendor::http("bank.test").start(&ca).await;
    let disk = TestDisk::default();
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&bank)
        .config("[intercept]\nnever = [\"bank.test\"]")
        .seams(disk.seams())
        .start()
        .await;
    let client = home.client();
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.get("https://shop.test/slow").await }
    });
    until("the first request", || shop.received().len() == 1).await;
    let heard = shop.arrived().len();
    disk.full(true);
    for _ in 0..3 {
        let refused = client.get("https://shop.test/b").await;
        assert_eq!(refused.status, 503);
        let why = refused.header("proxy-status").unwrap();
        assert!(why.contains("error=proxy_internal_error"), "{why}");
    }
    let (status, answer, _) = client.connect("bank.test:443").await;
    assert_eq!(status, 503, "{answer}");
    assert_eq!((shop.arrived().len(), bank.arrived().len()), (heard, 0));
    shop.let_go();
    let finished = under_way.await.unwrap();
    disk.full(false);
    let mut again = 503;
    while again == 503 {
        a_while().await;
        again = client.get("https://shop.test/c").await.status.as_u16();
    }
    assert_eq!(again, 200);
    let records = home.records().await;
    // What was under way while nothing could be written got its end when the log was taken up again.
    let slow = find(&records, "open", "shop.test")[0];
    assert_eq!(end_of(&records, slow)["outcome"], "unknown");
    assert!(records.iter().any(|record| record["kind"] == "gap" && record["count"].as_u64() >= Some(4)));
    let report = home.verify_stopped().await;
    assert!(report.holds(), "{report:?}");
    assert_eq!((finished.status.as_u16(), finished.text().as_str()), (200, "0123456789"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_real_value_lies_below_the_home() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann.canary@home.example"), ("name.full", "Ann Canary-Real")])
        .config("[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"")
        .start()
        .await;
    let client = home.client();
    let form = "application/x-www-form-urlencoded";
    let sent = client
        .post(
            "https://shop.test/signup?ref=ann.canary%40home.example",
            form,
            "email=ann.canary%40home.example",
        )
        .await;
    assert_eq!(sent.status, 200);
    let get = request(
        Method::GET,
        "https://shop.test/?q=Ann+Canary-Real",
        &[("x-mail", "ann.canary@home.example")],
        "",
    );
    assert_eq!(client.send(get).await.status, 200);
    let records = home.records().await;
    assert!(records.iter().any(|record| record["kind"] == "issue"));
    assert!(records.iter().all(|record| !record.to_string().to_lowercase().contains("canary")));
    let files = home.every_file().to_ascii_lowercase();
    assert!(!files.is_empty());
    for needle in [&b"canary"[..], b"ann.canary", b"shop.test/signup"] {
        let at = crate::support::vendor::find(&files, needle);
        assert_eq!(at, None, "{:?}", String::from_utf8_lossy(needle));
    }
}
