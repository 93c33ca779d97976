//! A field that its owner names holds what they say, whatever is typed into it.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor};
use http::Method;
use serde_json::{Value, json};
use std::fmt::Write;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const REAL: &str = "ann@home.example";
const ANN: &[(&str, &str)] =
    &[("email.primary", REAL), ("name.full", "Ann Real"), ("phone.primary", "+12025551234")];

/// What is typed instead of what the gateway knows: it stands nowhere else.
const TYPED: &str = "annie@work.example";

struct Ruled {
    home: Household,
    shop: Vendor,
}

impl Ruled {
    /// The shop gets rules, each as its `when`, `select` and slot.
    async fn by(rules: &[(&str, &str, &str)], identity: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let mut config = format!(
            "[identity]\ndomain = \"alias.example\"\nfirst = \"pseudonym\"\nphone = \"withhold\"\n{identity}\n\
             [vendor.shop]\nhosts = [\"shop.test\"]\n"
        );
        for (when, select, slot) in rules {
            write!(
                config,
                "[[vendor.shop.rule]]\nwhen = {{ {when} }}\nselect = {{ {select} }}\nslot = \"{slot}\"\n"
            )
            .unwrap();
        }
        let home = Household::trusting(&ca).knowing(&shop).config(&config).member("ann", ANN).start().await;
        Self { home, shop }
    }

    async fn post(&self, path: &str, kind: &str, body: impl Into<String>) -> String {
        let url = format!("https://shop.test{path}");
        let reply = self.home.client().post(&url, kind, body.into()).await;
        if reply.status == 200 { self.shop.last().text() } else { reply.status.to_string() }
    }

    /// The address that the shop knows, from where it is found by its value.
    async fn alias(&self) -> String {
        let got: Value =
            serde_json::from_str(&self.post("/known", JSON, format!("{{\"m\":\"{REAL}\"}}")).await).unwrap();
        let alias = got["m"].as_str().unwrap().to_owned();
        assert!(alias.ends_with("@alias.example"), "{alias}");
        alias
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_field_holds_what_its_rule_says() {
    let ruled = Ruled::by(
        &[
            ("", "json = \"$.user.mail\"", "email.primary"),
            ("", "json = \"$..contacts[?@.kind == 'mail'].value\"", "email.primary"),
            ("", "form = \"user[email]\"", "email.primary"),
            ("", "query = \"e mail\"", "email.primary"),
            ("path = \"/b/*/c\"", "segment = 1", "email.primary"),
            ("", "header = \"X-User\"", "email.primary"),
            ("", "cookie = \"who\"", "email.primary"),
            ("", "multipart = \"mail\"", "email.primary"),
            ("", "form = \"tel\"", "phone.primary"),
        ],
        "",
    )
    .await;
    let alias = ruled.alias().await;
    let encoded = alias.replace('@', "%40");
    let typed = TYPED.replace('@', "%40");
    for (kind, sent, want) in [
        (JSON, json!({"user": {"mail": TYPED, "x": TYPED}}), json!({"user": {"mail": alias, "x": TYPED}})),
        (
            JSON,
            json!({"a": {"contacts": [{"kind": "mail", "value": TYPED}, {"kind": "tel", "value": "7"}]}}),
            json!({"a": {"contacts": [{"kind": "mail", "value": alias}, {"kind": "tel", "value": "7"}]}}),
        ),
        // What is nothing stays nothing.
        (JSON, json!({"user": {"mail": ""}}), json!({"user": {"mail": ""}})),
        (JSON, json!({"user": {"mail": null}}), json!({"user": {"mail": null}})),
        (JSON, json!({"user": {"mail": 77}}), json!({"user": {"mail": alias}})),
    ] {
        assert_eq!(
            serde_json::from_str::<Value>(&ruled.post("/a", kind, sent.to_string()).await).unwrap(),
            want
        );
    }
    for (kind, sent, want) in [
        (
            FORM,
            format!("a={typed}&user%5Bemail%5D={typed}&b=1"),
            format!("a={typed}&user%5Bemail%5D={encoded}&b=1"),
        ),
        (FORM, "tel=555&x=555".to_owned(), "tel=&x=555".to_owned()),
        (
            "multipart/form-data; boundary=b",
            format!("--b\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\n{TYPED}\r\n--b--\r\n"),
            format!("--b\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\n{alias}\r\n--b--\r\n"),
        ),
    ] {
        assert_eq!(ruled.post("/a", kind, sent).await, want);
    }
    let fields = [("x-user", TYPED), ("cookie", "a=1; who=annie; b=2"), ("x-other", TYPED)];
    let url = format!("https://shop.test/b?e%20mail={typed}&e+mail={typed}&x={typed}");
    ruled.home.client().get_with(&url, &fields).await;
    let got = ruled.shop.last();
    assert_eq!(got.target(), format!("/b?e%20mail={encoded}&e+mail={encoded}&x={typed}"));
    assert_eq!(got.header("x-user"), [alias.as_str()]);
    assert_eq!(got.header("cookie"), [format!("a=1; who={alias}; b=2")]);
    assert_eq!(got.header("x-other"), [TYPED]);
    ruled.home.client().get("https://shop.test/b/annie/c").await;
    let segment = alias.replace('@', "%40");
    assert!([format!("/b/{alias}/c"), format!("/b/{segment}/c")].contains(&ruled.shop.last().target()));
    ruled.home.client().get_with(&url, &fields).await;
    // The record and the explanation say so like of any other value.
    let open = ruled.home.of_kind("open").await.pop().unwrap();
    let edits: Vec<_> =
        open["edits"].as_array().unwrap().iter().filter(|edit| edit["slot"] == "email.primary").collect();
    let places: Vec<_> = edits.iter().map(|edit| edit["place"].as_str().unwrap()).collect();
    assert_eq!(
        places,
        [
            "request.url.query:e%20mail",
            "request.url.query:e+mail",
            "request.header:x-user",
            "request.cookie:who"
        ]
    );
    let explained = ruled.home.explain("GET", &url, &fields, "").await;
    assert_eq!(
        explained["url_after"],
        format!("https://shop.test/b?e%20mail={encoded}&e+mail={encoded}&x={typed}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_a_field_that_goes_as_it_is_is_protected_still() {
    let rules = &[("", "form = \"n\"", "name.full"), ("", "header = \"x-n\"", "name.full")];
    let ruled = Ruled::by(rules, "name = \"real\"").await;
    let alias = ruled.alias().await;
    let encoded = alias.replace('@', "%40");
    let noise = "x".repeat(200_000);
    for rest in ["", &noise] {
        let sent = format!("n=annie+ann%40home.example&a={rest}");
        assert!(ruled.post("/a", FORM, sent).await == format!("n=annie+{encoded}&a={rest}"));
    }
    let url = "https://shop.test/a";
    ruled.home.client().get_with(url, &[("x-n", "annie ann@home.example")]).await;
    assert_eq!(ruled.shop.last().header("x-n"), [format!("annie {alias}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_say_which_requests_and_third_parties_get_nothing_by_a_rule() {
    let ruled = Ruled::by(
        &[
            ("method = \"POST\", path = \"/users/*/mail\"", "form = \"m\"", "email.primary"),
            ("terms = \"accepted\"", "form = \"n\"", "email.primary"),
            ("", "form = \"nobodys\"", "username"),
        ],
        "",
    )
    .await;
    let alias = ruled.alias().await.replace('@', "%40");
    assert_eq!(ruled.post("/users/7/mail", FORM, "m=annie&n=annie").await, format!("m={alias}&n=annie"));
    assert_eq!(ruled.post("/users/7/8/mail?m=annie", FORM, "m=annie").await, "m=annie");
    // What the member has no value of is nobody's.
    assert_eq!(ruled.post("/x", FORM, "nobodys=annie").await, "nobodys=annie");
    let from_news =
        [("referer", "https://news.test/"), ("sec-fetch-site", "cross-site"), ("content-type", FORM)];
    let client = ruled.home.client();
    let posted = request(Method::POST, "https://shop.test/users/7/mail", &from_news, "m=annie");
    assert_eq!(client.send(posted).await.status, 200);
    assert_eq!(ruled.shop.last().text(), "m=annie");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_flow_are_ruled_too_as_far_as_names_go() {
    let rules = &[("", "form = \"m\"", "email.primary"), ("", "json = \"$.m\"", "email.primary")];
    let ruled = Ruled::by(rules, "").await;
    let alias = ruled.alias().await;
    let encoded = alias.replace('@', "%40");
    let noise = "x".repeat(200_000);
    let sent = format!("a={noise}&m=annie&b={noise}");
    assert!(ruled.post("/a", FORM, sent.as_str()).await == sent.replace("annie", &encoded));
    // What is longer than any value is searched like everything else, and told.
    let sent = format!("a={noise}&m={}+ann%40home.example", "y".repeat(10_000));
    assert!(ruled.post("/a", FORM, sent.as_str()).await == sent.replace("ann%40home.example", &encoded));
    let close = ruled.home.of_kind("close").await.pop().unwrap();
    assert!(close.to_string().contains("could not inspect"), "{close}");
    for body in [json!({"a": noise, "m": TYPED}).to_string(), "no json".to_owned()] {
        assert!(ruled.post("/a", JSON, body.as_str()).await == body);
        let open = ruled.home.of_kind("open").await.pop().unwrap();
        assert!(open.to_string().contains("a rule's JSONPath"), "{open}");
    }
    let strict = Ruled::by(rules, "strict = true").await;
    for body in [json!({"a": noise, "m": TYPED}).to_string(), json!({"m": {"deep": 1}}).to_string()] {
        assert_eq!(strict.post("/a", JSON, body).await, "403 Forbidden");
    }
    assert_eq!(strict.shop.received().len(), 0);
}
