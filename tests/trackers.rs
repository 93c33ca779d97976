//! Trackers get no request, no parameter and no field, and the log says by which rule.

use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use http::StatusCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_request_gets_what_was_asked_for_and_is_not_sent() {
    let ca = TestCa::new();
    let ads = Vendor::https("ads.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&ads)
        .file("mine.txt", "||ads.test^\n")
        .config("[trackers]\nlists = [\"mine.txt\"]")
        .start()
        .await;
    for (dest, status, media, body) in [
        ("image", 200, Some("image/gif"), &b"GIF89a"[..]),
        ("script", 200, Some("text/javascript; charset=utf-8"), b""),
        ("style", 200, Some("text/css; charset=utf-8"), b""),
        ("empty", 204, None, b""),
        ("document", 200, Some("text/html; charset=utf-8"), b"<!doctype html>"),
    ] {
        let fields = [("sec-fetch-dest", dest), ("sec-fetch-site", "cross-site")];
        let reply = home.client().get_with("https://ads.test/t?id=7", &fields).await;
        assert_eq!((reply.status.as_u16(), reply.header("content-type")), (status, media), "{dest}");
        assert!(reply.body.starts_with(body) && reply.body.is_empty() == body.is_empty(), "{dest}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    }
    assert_eq!(ads.connections(), 0);
    for blocked in home.awaited("blocked", 5).await {
        assert_eq!((&blocked["rule"], &blocked["verdict"]), (&"||ads.test^".into(), &"blocked".into()));
        assert!(blocked["reason"].as_str().unwrap().contains("mine.txt"), "{blocked}");
        assert!(!blocked["url"].as_str().unwrap().contains('7'), "{blocked}");
    }
    assert_eq!(home.metric("doorward_blocked_total{stage=\"trackers\"}"), 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_and_parties_are_heeded() {
    let ca = TestCa::new();
    let stats = Vendor::https("stats.test").start(&ca).await;
    let rules = "||stats.test/track^$third-party\n||stats.test/both^\n@@||stats.test/both/fine^\n";
    let home = Household::trusting(&ca)
        .knowing(&stats)
        .file("mine.txt", rules)
        .config("[trackers]\nlists = [\"mine.txt\"]")
        .start()
        .await;
    let third =
        [("sec-fetch-dest", "image"), ("referer", "https://shop.test/"), ("sec-fetch-site", "cross-site")];
    let first =
        [("sec-fetch-dest", "image"), ("referer", "https://stats.test/"), ("sec-fetch-site", "same-origin")];
    let ask = async |path: &str, fields: &[(&str, &str)]| {
        let url = format!("https://stats.test{path}");
        let explained = home.explain("GET", &url, fields, "").await;
        let reply = home.client().get_with(&url, fields).await;
        let blocked = reply.body.starts_with(b"GIF89a");
        assert_eq!(explained["verdict"] == "blocked", blocked, "{path}: {explained}");
        blocked
    };
    assert!(ask("/track/1", &third).await);
    assert!(!ask("/track/2", &first).await);
    // An app without any context is no third party.
    assert!(!ask("/track/3", &[]).await);
    assert!(ask("/both/x", &third).await);
    assert!(!ask("/both/fine", &third).await);
    let arrived: Vec<_> = stats.received().iter().map(|request| request.target()).collect();
    assert_eq!(arrived, ["/track/2", "/track/3", "/both/fine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_parameters_go_and_the_rest_stays_byte_for_byte() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for (sent, arrived) in [
        ("/p?a=%C3%bc&utm_source=x&b=1+2&&c", "/p?a=%C3%bc&b=1+2&&c"),
        ("/p?utm_source=x", "/p"),
        ("/p?gclid=1&z=~%7E&fbclid=2&z=;", "/p?z=~%7E&z=;"),
        ("/p?b=2&a=1", "/p?b=2&a=1"),
        ("/p?", "/p?"),
    ] {
        let url = format!("https://shop.test{sent}");
        let explained = home.explain("GET", &url, &[], "").await;
        home.client().get(&url).await;
        assert_eq!(shop.last().target(), arrived, "{sent}");
        assert_eq!(explained["url_after"], format!("https://shop.test{arrived}"));
    }
    let open = &home.of_kind("open").await[0];
    let edit = open["edits"].as_array().unwrap().iter().find(|edit| edit["action"] == "removed").unwrap();
    assert_eq!(edit["place"], "request.url.query:utm_source");
    assert_eq!(edit["rule"], "builtin/params:utm_source");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_stays_as_it_is() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let signed = "/o?utm_source=x&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0a";
    home.client().get(&format!("https://shop.test{signed}")).await;
    assert_eq!(shop.last().target(), signed);
    let covered = "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host;x-client-data, Signature=0a";
    let fields = [("authorization", covered), ("x-client-data", "abc")];
    home.client().get_with("https://shop.test/o?utm_source=x", &fields).await;
    assert_eq!(shop.last().target(), "/o?utm_source=x");
    assert_eq!(shop.last().header("x-client-data"), ["abc"]);
    for open in home.of_kind("open").await {
        assert!(open["notes"].to_string().contains("signed (aws-sigv4)"), "{open}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_only_follow_people_go_in_both_directions() {
    let ca = TestCa::new();
    let fields = [
        ("NEL", "{}"),
        ("Report-To", "{}"),
        ("Alt-Svc", "h3=\":443\""),
        ("Accept-CH", "Sec-CH-UA-Model"),
        ("X-Kept", "1"),
    ];
    let shop = Vendor::https("shop.test").route("/", response("200 OK", &fields, b"ok")).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let sent = [("x-client-data", "abc"), ("dnt", "1"), ("x-forwarded-for", "192.0.2.7"), ("x-kept", "1")];
    for client in [home.client(), home.client().http2()] {
        let reply = client.get_with("https://shop.test/", &sent).await;
        for gone in ["nel", "report-to", "alt-svc", "accept-ch"] {
            assert!(reply.header(gone).is_none(), "{gone}");
        }
        assert_eq!(reply.header("x-kept"), Some("1"));
        let names: Vec<_> = shop.last().headers().into_iter().map(|(name, _)| name.to_lowercase()).collect();
        assert_eq!(names, ["host", "x-kept", "sec-gpc"]);
    }
    let closes = home.of_kind("close").await;
    let places: Vec<_> =
        closes[0]["edits"].as_array().unwrap().iter().map(|edit| edit["place"].as_str().unwrap()).collect();
    assert!(places.contains(&"response.header:nel") && places.len() == 4, "{places:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_hides_a_real_value_in_the_path_of_what_was_blocked_or_let_through() {
    let ca = TestCa::new();
    let ads = Vendor::https("ads.test").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let config =
        "[trackers]\nlists = [\"mine.txt\"]\n[vendor.bank]\nhosts = [\"bank.test\"]\nlevel = \"known\"";
    let home = Household::trusting(&ca)
        .knowing(&ads)
        .knowing(&bank)
        .member("ann", &[("email.primary", "ann@home.example")])
        .file("mine.txt", "||ads.test^\n")
        .config(config)
        .start()
        .await;
    let ann = home.client_of("ann");
    ann.get("https://ads.test/of/ann%40home.example/p.gif?x=ann@home.example").await;
    ann.get("https://bank.test/of/ann@home.example/page?x=1").await;
    assert_eq!(bank.only().target(), "/of/ann@home.example/page?x=1");
    assert_eq!(home.awaited("blocked", 1).await[0]["url"], "https://ads.test/of/…/p.gif");
    assert_eq!(home.of_kind("open").await[0]["url"], "https://bank.test/of/…/page?x=…");
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_says_of_a_tracker_host_that_nobody_looks_into_what_becomes_of_it() {
    let ca = TestCa::new();
    let ads = Vendor::https("ads.test").start(&ca).await;
    for intercept in ["mode = \"off\"", "mode = \"chosen\"", "never = [\"*.test\"]"] {
        let test = "[[test]]\nurl = \"https://ads.test/p\"\nwant = \"refused\"";
        let home = Household::trusting(&ca)
            .knowing(&ads)
            .file("mine.txt", "||ads.test^\n")
            .config(&format!("[trackers]\nlists = [\"mine.txt\"]\n[intercept]\n{intercept}\n{test}"))
            .start()
            .await;
        for url in ["https://ads.test/p", "http://ads.test/p"] {
            let explained = home.explain("GET", url, &[], "").await;
            assert_eq!(explained["verdict"], "refused", "{intercept} {url}: {explained}");
            assert_eq!(explained["rules"][0]["rule"], "||ads.test^", "{intercept} {url}");
        }
        assert_eq!(home.client().get("http://ads.test/p").await.status, StatusCode::FORBIDDEN);
        let generation = home.house.rooms().generation.load_full();
        assert_eq!(home.house.failing_tests(&generation).await, []);
    }
    assert_eq!(ads.connections(), 0);
}

async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{what} did not come about");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_downloaded_recorded_kept_and_asked_for_again_by_its_tag() {
    let ca = TestCa::new();
    let text = response("200 OK", &[("ETag", "\"v1\"")], b"! a list\n||ads.test^\n");
    let lists = Vendor::https("lists.test").route("/l.txt", text).start(&ca).await;
    let ads = Vendor::https("ads.test").start(&ca).await;
    let config = "[trackers]\nlists = [\"https://lists.test/l.txt\"]";
    let home = Household::trusting(&ca).knowing(&lists).knowing(&ads).config(config).start().await;
    assert_eq!(home.client().get("https://ads.test/").await.text(), "ok");
    tokio::spawn(Arc::clone(&home.house).keep());
    let pixel = [("sec-fetch-dest", "image")];
    until("blocking", || async {
        home.client().get_with("https://ads.test/p", &pixel).await.body.starts_with(b"GIF89a")
    })
    .await;
    let asked = lists.only();
    let names: Vec<_> = asked.headers().into_iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names, ["host", "accept", "accept-encoding"]);
    let own = home.of_kind("open").await.into_iter().find(|open| open["party"] == "gateway").unwrap();
    assert_eq!((&own["member"], &own["source"]), (&"gateway".into(), &"gateway".into()));
    assert_eq!(own["url"], "https://lists.test/l.txt");

    // A day later it asks whether there is another one.
    let dir = home.dir.path().join("lists");
    for file in std::fs::read_dir(&dir).unwrap().flatten() {
        let old = SystemTime::now() - Duration::from_secs(25 * 3600);
        std::fs::File::options().append(true).open(file.path()).unwrap().set_modified(old).unwrap();
    }
    home.reload(config).await;
    until("the second look", || async { lists.received().len() == 2 }).await;
    assert_eq!(lists.last().header("if-none-match"), ["\"v1\""]);

    // Without its source the copy goes on.
    let mut stopped = home.pauses().await;
    stopped.forget("lists.test");
    let home = stopped.start().await;
    let reply = home.client().get_with("https://ads.test/p", &pixel).await;
    assert!(reply.body.starts_with(b"GIF89a"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_from_a_vendor_that_cannot_be_verified_is_not_taken() {
    let (ca, stranger) = (TestCa::new(), TestCa::new());
    let text = response("200 OK", &[], b"||ads.test^\n");
    let lists = Vendor::https("lists.test").route("/l.txt", text).start(&stranger).await;
    let ads = Vendor::https("ads.test").start(&ca).await;
    let config = "[trackers]\nlists = [\"https://lists.test/l.txt\"]";
    let home = Household::trusting(&ca).knowing(&lists).knowing(&ads).config(config).start().await;
    tokio::spawn(Arc::clone(&home.house).keep());
    let tries = home.awaited("close", 1).await;
    assert_eq!(tries[0]["outcome"], "failed");
    assert!(lists.arrived().is_empty());
    assert_eq!(home.client().get("https://ads.test/").await.status, StatusCode::OK);
    assert!(home.house.readiness.is_ready(), "{:?}", home.house.readiness.report());
}
