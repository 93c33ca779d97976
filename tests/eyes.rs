//! What the gateway says about itself: metrics and readiness, without a name in them.

use crate::support::vendor::response;
use crate::support::{Household, TestCa, TestDisk, Vendor};
use doorward::console::{Call, Speaker, router};
use doorward::gateway::Seams;
use http::StatusCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn time_in_the_gateway_and_time_at_the_vendor_are_told_apart() {
    let ca = TestCa::new();
    let late = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let shop = Vendor::https("shop.test").held_route("/late", "", late).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let began = Instant::now();
    let held = Duration::from_millis(700);
    let reply = tokio::spawn({
        let client = home.client();
        async move { client.get("https://shop.test/late").await }
    });
    shop.arrival_of(b"GET /late").await;
    tokio::time::sleep(held).await;
    shop.let_go();
    assert_eq!(reply.await.unwrap().text(), "ok");
    let whole = began.elapsed().as_secs_f64();
    let (upstream, added) =
        (home.metric("doorward_upstream_seconds_sum"), home.metric("doorward_added_latency_seconds_sum"));
    assert!(upstream >= held.as_secs_f64(), "{upstream}");
    // No second counts twice.
    assert!(added > 0.0 && upstream + added <= whole, "{upstream} + {added} > {whole}");
    for name in ["doorward_upstream_seconds_count", "doorward_added_latency_seconds_count"] {
        assert_eq!(home.metric(name), 1.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exchanges_handshakes_and_the_pool_are_counted_by_kind_and_never_by_name() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[])
        .config("[vendor.shop]\nhosts = [\"shop.test\"]")
        .start()
        .await;
    let ann = home.client_of("ann");
    ann.get("https://shop.test/?utm_source=x").await;
    ann.get("https://shop.test/").await;
    home.records().await;
    assert_eq!(home.metric("doorward_handshakes_total{result=\"full\",side=\"upstream\"}"), 1.0);
    let clients = home.metric("doorward_handshakes_total{result=\"full\",side=\"downstream\"}")
        + home.metric("doorward_handshakes_total{result=\"resumed\",side=\"downstream\"}");
    assert_eq!(clients, 2.0);
    assert_eq!(home.metric("doorward_exchanges_total{verdict=\"changed\"}"), 2.0);
    assert_eq!(home.metric("doorward_edits_total{action=\"removed\",stage=\"trackers\"}"), 1.0);
    assert_eq!(home.metric("doorward_upstream_pool"), 1.0);
    let text = home.house.rooms().metrics.render();
    for name in ["shop", "ann", "127.0.0.1"] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_log_cannot_be_written_is_not_ready() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let disk = TestDisk::lax();
    let seams = Seams { disk: Arc::new(disk.clone()), ..Seams::default() };
    let home = Household::trusting(&ca).knowing(&shop).seams(seams).start().await;
    home.house.measure();
    let report = home.house.readiness.report();
    assert!(report.ready, "{report:?}");
    for condition in ["listeners", "lists", "ledger", "authority"] {
        assert_eq!(report.conditions.get(condition).map(|state| &**state), Some("ok"), "{condition}");
    }
    disk.full(true);
    assert_eq!(home.client().get("https://shop.test/").await.status, StatusCode::SERVICE_UNAVAILABLE);
    home.house.measure();
    let report = home.house.readiness.report();
    assert!(!report.ready && report.conditions["ledger"] == "the log cannot be written", "{report:?}");
    assert!(shop.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_nobody_can_come_to_is_not_ready() {
    crate::support::crypto();
    let dir = tempfile::tempdir().unwrap();
    let home = doorward::vault::Home::open(dir.path()).unwrap();
    let config = doorward::config::Config::defaults(doorward::config::schema::Profile::Household);
    let house = doorward::gateway::House::open(home, config, Seams::default()).unwrap();
    let report = house.readiness.report();
    assert!(!report.ready && report.conditions["listeners"] == "starting", "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_the_counters_and_explain_give_one_verdict() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test")
        .route("/reports", response("200 OK", &[("NEL", "{}")], b"ok"))
        .start(&ca)
        .await;
    let bank = Vendor::http("bank.test").start(&ca).await;
    let covered = "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host;sec-gpc, Signature=0a";
    let signed = [("authorization", covered)];
    let changed = [signed[0], ("x-client-data", "abc")];
    for (url, fields, want) in [
        // A signature keeps the signal away: noted as what would have been done.
        ("https://shop.test/", &signed[..], "passed"),
        ("https://shop.test/?utm_source=x", &[], "changed"),
        ("https://shop.test/", &[], "changed"),
        ("http://bank.test/", &changed, "not-inspected"),
    ] {
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .knowing(&bank)
            .config("[intercept]\nnever = [\"bank.test\"]")
            .start()
            .await;
        let explained = home.explain("GET", url, fields, "").await;
        assert_eq!(explained["verdict"], want, "{url}: {explained}");
        home.client().get_with(url, fields).await;
        assert_eq!(home.metric(&format!("doorward_exchanges_total{{verdict={want:?}}}")), 1.0, "{url}");
        home.records().await;
        let listed = flows(&home, "").await;
        let flow = &listed[0];
        assert_eq!(
            (&flow["verdict"], &flow["reason"]),
            (&want.into(), &explained["reason"]),
            "{url}: {flow}"
        );
    }
    let home = Household::trusting(&ca).knowing(&shop).config("[terms]\ngpc = false").start().await;
    home.client().get("https://shop.test/reports").await;
    // Known only once the answer is there.
    assert_eq!(home.metric("doorward_exchanges_total{verdict=\"changed\"}"), 1.0);
}

/// What `ledger list` shows.
async fn flows(home: &Household, query: &str) -> serde_json::Value {
    let call = Call::get(format!("/flows{query}"));
    let listed = Speaker::Here(router(Arc::clone(&home.house))).ask(call).await.unwrap();
    let mut listed: serde_json::Value = serde_json::from_slice(&listed.whole().await.unwrap().body).unwrap();
    listed["flows"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_was_given_another_name_is_found_by_it() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let identity = "[identity]\ndomain = \"alias.example\"\nfirst = \"pseudonym\"";
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .config(identity)
        .start()
        .await;
    let form = "application/x-www-form-urlencoded";
    home.client().post("https://shop.test/signup", form, "m=ann%40home.example").await;
    home.reload(&format!("{identity}\n[vendor.store]\nhosts = [\"shop.test\"]")).await;
    home.client().get("https://shop.test/").await;
    home.records().await;
    for name in ["store", "shop.test"] {
        let found = flows(&home, &format!("?vendor={name}")).await;
        assert_eq!(found.as_array().unwrap().len(), 2, "{name}: {found:#}");
    }
}
