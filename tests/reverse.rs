//! Reverse mode, `/v/VENDOR/…`: for API clients with a credential, for nobody's pages, and without cookies.

use crate::support::client::Client;
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use serde_json::Value;

const CONFIG: &str = "[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"\n\
    [vendor.shop]\nhosts = [\"*.shop.test\", \"api.shop.test\"]\n[vendor.wild]\nhosts = [\"*.wild.test\"]";

struct Scene {
    api: Vendor,
    home: Household,
}

impl Scene {
    async fn set(api: crate::support::vendor::VendorBuilder) -> Self {
        let ca = TestCa::new();
        let api = api.start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&api)
            .member("ann", &[("email.primary", "ann@home.example")])
            .member("ben", &[("email.primary", "ben@home.example")])
            .config(CONFIG)
            .start()
            .await;
        Self { api, home }
    }

    async fn plain() -> Self {
        Self::set(Vendor::https("api.shop.test")).await
    }

    /// One request in the gateway's own name.
    async fn ask(&self, client: &Client, line: &str, fields: &[&str], body: &str) -> String {
        self.ask_as(client, &self.home.proxy.to_string(), line, fields, body).await
    }

    async fn ask_as(&self, client: &Client, host: &str, line: &str, fields: &[&str], body: &str) -> String {
        let credential = client.credential().map(|value| format!("Proxy-Authorization: {value}\r\n"));
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\n{}{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            credential.unwrap_or_default(),
            body.len()
        );
        client.raw(head.as_bytes()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_vendor_as_one_of_the_members_over_https() {
    let scene = Scene::plain().await;
    let ben = scene.home.client_of("ben");
    let fields =
        ["Authorization: Bearer vendors-own", "X-First: 1", "Content-Type: application/json", "X-Last: 2"];
    let body = "{\"email\":\"ben@home.example\"}";
    for name in ["shop", "api.shop.test"] {
        let line = format!("POST /v/{name}/users/1?utm_source=x&q=a%20b");
        let answer = scene.ask(&ben, &line, &fields, body).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{name}: {answer}");
    }
    for received in scene.api.received() {
        assert_eq!(received.target(), "/users/1?q=a%20b");
        assert_eq!(received.header("host"), ["api.shop.test"]);
        assert_eq!(received.header("authorization"), ["Bearer vendors-own"]);
        assert!(received.header("proxy-authorization").is_empty());
        let names: Vec<_> = received.headers().into_iter().map(|(name, _)| name).collect();
        let at = |name: &str| names.iter().position(|is| is == name).unwrap();
        assert!(at("X-First") < at("X-Last"), "{names:?}");
        assert!(received.text().contains("@alias.example") && !received.text().contains("ben@"));
    }
    let opens = scene.home.of_kind("open").await;
    assert_eq!(opens.len(), 2);
    for open in &opens {
        assert_eq!(
            (&open["member"], &open["vendor"], &open["party"]),
            (&"ben".into(), &"shop".into(), &"first".into())
        );
        let url = open["url"].as_str().unwrap();
        assert!(url.starts_with("https://api.shop.test/users/1"), "{url}");
        assert_eq!(open["notes"][0], "asked of the gateway itself: cookies do not pass");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_of_ours_nothing_is_sent_not_even_for_loopback() {
    let scene = Scene::plain().await;
    let wrong = scene.home.client().with_credential("ann", "guessed");
    for client in [scene.home.client(), wrong] {
        let answer = scene.ask(&client, "GET /v/shop/", &[], "").await;
        assert!(answer.starts_with("HTTP/1.1 407"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("proxy-authenticate: basic"), "{answer}");
    }
    assert!(scene.home.awaited("refused", 2).await.iter().all(|refused| refused["status"] == 407));
    assert_eq!(scene.api.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_in_a_browser_and_other_names_get_nothing() {
    let scene = Scene::plain().await;
    let ann = scene.home.client_of("ann");
    let fields = [
        "Origin: https://evil.test",
        "Origin: null",
        "Sec-Fetch-Site: none",
        "Sec-Fetch-Mode: navigate",
        "sec-fetch-dest: empty",
    ];
    for field in fields {
        let answer = scene.ask(&ann, "GET /v/shop/", &[field], "").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{field}: {answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
    }
    for host in ["evil.test", "api.shop.test", "127.0.0.1.evil.test:8118"] {
        let answer = scene.ask_as(&ann, host, "GET /v/shop/", &[], "").await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
    }
    let refused = scene.home.awaited("refused", fields.len() + 3).await;
    let statuses: Vec<_> = refused.iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, [403, 403, 403, 403, 403, 421, 421, 421].map(Value::from));
    assert_eq!(scene.api.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_do_not_pass_either_way_and_redirects_pass_as_they_come() {
    let fields = [
        ("Set-Cookie", "a=1"),
        ("Location", "https://api.shop.test/next"),
        ("set-cookie", "b=2"),
        ("X-Last", "1"),
    ];
    let scene =
        Scene::set(Vendor::https("api.shop.test").route("/jar", response("302 Found", &fields, b"ok"))).await;
    let ann = scene.home.client_of("ann");
    let answer =
        scene.ask(&ann, "GET /v/shop/jar", &["Cookie: real=1", "X-Last: 1", "cookie: real=2"], "").await;
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    assert!(
        answer.contains("https://api.shop.test/next") && answer.to_ascii_lowercase().contains("x-last: 1")
    );
    assert!(!answer.to_ascii_lowercase().contains("set-cookie"), "{answer}");
    assert!(scene.api.only().header("cookie").is_empty());
    assert_eq!(scene.api.only().header("x-last"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_cannot_be_asked_is_not_found_and_the_rules_of_the_house_hold() {
    let scene = Scene::plain().await;
    let ann = scene.home.client_of("ann");
    for name in ["shopp", "wild", "localhost", "a b.test", "", "ann@api.shop.test"] {
        let answer = scene.ask(&ann, &format!("GET /v/{}/", name.replace(' ', "%20")), &[], "").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{name}: {answer}");
    }
    for name in ["10.0.0.1", "169.254.169.254", "0xa.1"] {
        let answer = scene.ask(&ann, &format!("GET /v/{name}/latest/meta-data"), &[], "").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{name}: {answer}");
        assert!(answer.contains("destination_ip_prohibited"), "{name}: {answer}");
    }
    assert_eq!(scene.api.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_tls_with_the_gateway_it_is_the_same_over_http1_and_http2() {
    let scene = Scene::plain().await;
    let ann = scene.home.client_of("ann");
    let reply =
        ann.proxy_http2().await.get(&format!("https://{}/v/shop/a?utm_source=x", scene.home.proxy)).await;
    assert_eq!(reply.text(), "ok");
    let nobody =
        scene.home.client().proxy_http2().await.get(&format!("https://{}/v/shop/a", scene.home.proxy)).await;
    assert_eq!(nobody.status, 407);
    assert_eq!(scene.api.only().target(), "/a");
    assert_eq!(scene.home.of_kind("open").await[0]["member"], "ann");
}
