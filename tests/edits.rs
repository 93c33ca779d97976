//! Every change explains itself: `explain`, what the vendor received and what the log says are one and the same, and
//! the recorded spans replay on the original.

use crate::support::{Household, TestCa, Vendor};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::exchange::explain::{Question, explain};
use doorward::model::{Slot, VendorId};
use doorward::persona::Worn;
use doorward::rewrite::codec::{Coding, Decoders, Encoder, Limits};
use doorward::rewrite::{
    Hit, Identifiers, find_in_body, find_in_header, find_in_target, seal, splice, syntax_of,
};
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// One request.
#[derive(Clone, Default)]
struct Scenario {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    fields: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    coding: Option<Coding>,
    /// Places of the edits, in order.
    places: &'static [&'static str],
}

fn get(name: &'static str, target: &'static str, places: &'static [&'static str]) -> Scenario {
    Scenario { name, method: "GET", target, places, ..Scenario::default() }
}

fn post(name: &'static str, kind: &'static str, body: &str, places: &'static [&'static str]) -> Scenario {
    let fields = vec![("content-type", kind)];
    Scenario { name, method: "POST", target: "/form", fields, body: body.into(), places, coding: None }
}

impl Scenario {
    fn field(mut self, name: &'static str, value: &'static str) -> Self {
        self.fields.push((name, value));
        self
    }

    fn coded(mut self, name: &'static str, coding: Coding) -> Self {
        self.coding = Some(coding);
        self.field("content-encoding", name)
    }

    fn sent_body(&self) -> Vec<u8> {
        match self.coding {
            Some(coding) => encode(coding, &self.body),
            None => self.body.clone(),
        }
    }
}

fn encode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::new();
    encoder.push(bytes, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

fn decode(coding: Option<Coding>, bytes: &[u8]) -> Vec<u8> {
    let mut decoders = Decoders::new(coding.as_slice(), Limits::default()).unwrap();
    let mut out = Vec::new();
    decoders.push(bytes, &mut out).unwrap();
    decoders.finish().unwrap();
    out
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const SIGN_UP: &str =
    r#"{"user":{"email":"ann\u0040home.example","name":"Ann Real"},"phone":"+49 151 12345678"}"#;
const PARTS: &str = "--XX\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\nann@home.example\r\n--XX\r\nContent-Disposition: form-data; name=\"pic\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\x01\x02\r\n--XX--\r\n";

fn scenarios() -> Vec<Scenario> {
    let signed_up = &[
        "request.body.json:/user/email",
        "request.body.json:/user/name",
        "request.body.json:/phone",
        "request.header:sec-gpc",
    ];
    vec![
        get("nothing to change", "/a?b=1", &["request.header:sec-gpc"]),
        get("path", "/users/ann@home.example/edit", &["request.url.path[1]", "request.header:sec-gpc"]),
        get(
            "query",
            "/s?q=to+ann%40home.example&e=ann%2540home.example&e=Ann+Real",
            &[
                "request.url.query:q",
                "request.url.query:e",
                "request.url.query:e#2",
                "request.header:sec-gpc",
            ],
        ),
        get(
            "removed parameters",
            "/a?fbclid=1&b=2&gclid=x%20y&c",
            &["request.url.query:fbclid", "request.url.query:gclid", "request.header:sec-gpc"],
        ),
        get(
            "removed parameter that held an address",
            "/a?fbclid=ann@home.example&b=2",
            &["request.url.query:fbclid", "request.url.query:fbclid", "request.header:sec-gpc"],
        ),
        get("header", "/a", &["request.header:x-user", "request.header:x-user", "request.header:sec-gpc"])
            .field("x-user", "Ann Real <ann@home.example>"),
        get(
            "dropped fields",
            "/a",
            &["request.header:x-client-data", "request.header:dnt", "request.header:sec-gpc"],
        )
        .field("x-client-data", "CJO2yQE=")
        .field("accept", "*/*")
        .field("dnt", "1"),
        get("cookies", "/a", &["request.cookie:mail", "request.cookie:u", "request.header:sec-gpc"])
            .field("cookie", "sid=1; mail=ann%40home.example; u=\"Ann Real\"; t=dark"),
        get("referer", "/a", &["request.header:referer", "request.header:sec-gpc"])
            .field("referer", "https://shop.test/?m=ann%40home.example"),
        post(
            "form",
            FORM,
            "email=ann%40home.example&name=Ann+Real&tel=%2B49151+12345678&x=1",
            &[
                "request.body.form:email",
                "request.body.form:name",
                "request.body.form:tel",
                "request.header:sec-gpc",
            ],
        ),
        post("json", JSON, SIGN_UP, signed_up),
        post("json, gzip", JSON, SIGN_UP, signed_up).coded("gzip", Coding::Gzip),
        post("json, br", JSON, SIGN_UP, signed_up).coded("br", Coding::Brotli),
        post("json, zstd", JSON, SIGN_UP, signed_up).coded("zstd", Coding::Zstd),
        post("json, deflate", JSON, SIGN_UP, signed_up).coded("deflate", Coding::Deflate),
        post("json, raw deflate", JSON, SIGN_UP, signed_up).coded("deflate", Coding::RawDeflate),
        post(
            "multipart",
            "multipart/form-data; boundary=XX",
            PARTS,
            &["request.body.part:mail", "request.header:sec-gpc"],
        ),
        post(
            "text",
            "text/plain",
            "Dear ann@home.example, ann\\u0040home.example & \u{ff}",
            &["request.body.text", "request.body.text", "request.header:sec-gpc"],
        ),
        post(
            "html",
            "text/html",
            "<a href=\"mailto:ann&#64;home.example\">Ann&nbsp;Real</a>",
            &["request.body.text", "request.body.text", "request.header:sec-gpc"],
        ),
        get(
            "base64 and a digest in a query",
            concat!(
                "/c?em=",
                "b730a37535f336932308cfd3699709f699d7e912135e647739b3b769015a2542",
                "&d=",
                "eyJtIjoiYW5uQGhvbWUuZXhhbXBsZSIsIm4iOiJBbm4gUmVhbCJ9"
            ),
            &["request.url.query:em", "request.url.query:d", "request.url.query:d", "request.header:sec-gpc"],
        ),
        post(
            "base64 in json",
            JSON,
            r#"{"e":"eyJtIjoiYW5uQGhvbWUuZXhhbXBsZSIsIm4iOiJBbm4gUmVhbCJ9"}"#,
            &["request.body.json:/e", "request.body.json:/e", "request.header:sec-gpc"],
        ),
        post("no type", "", "ann@home.example", &["request.body.text", "request.header:sec-gpc"]),
        post("not text", "application/octet-stream", "\x01\x02\x03", &["request.header:sec-gpc"]),
    ]
}

struct Scene {
    home: Household,
    shop: Vendor,
    tls: TlsStream<TcpStream>,
}

impl Scene {
    async fn new() -> Self {
        Self::with("", "").await
    }

    /// With lines before `[identity]` and in it.
    async fn with(config: &str, identity: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .alias("www.google-analytics.com", &shop)
            .member(
                "ann",
                &[
                    ("email.primary", "ann@home.example"),
                    ("name.full", "Ann Real"),
                    ("phone.primary", "+4915112345678"),
                ],
            )
            .config(&format!(
                "{config}\n[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"\n{identity}"
            ))
            .start()
            .await;
        let tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
        Self { home, shop, tls }
    }

    async fn explain(&self, url: &str, scenario: &Scenario) -> Value {
        let roster = self.home.house.front.roster.load();
        let fields = scenario.fields.iter().filter(|(_, value)| !value.is_empty());
        let question = Question {
            who: roster.owner().expect("a member").clone(),
            uri: url.parse().unwrap(),
            method: scenario.method.parse().unwrap(),
            headers: fields
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect(),
            body: scenario.sent_body().into(),
        };
        serde_json::to_value(explain(self.home.house.rooms(), question).await.unwrap()).unwrap()
    }

    /// Sends a request as these bytes and waits for the short answer.
    async fn send(&mut self, request: &[u8]) {
        self.tls.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\nok") {
            answer.push(self.tls.read_u8().await.unwrap());
        }
    }

    async fn send_scenario(&mut self, scenario: &Scenario) {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: shop.test\r\n", scenario.method, scenario.target);
        for (name, value) in scenario.fields.iter().filter(|(_, value)| !value.is_empty()) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = scenario.sent_body();
        if !body.is_empty() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        self.send(&[head.as_bytes(), b"\r\n", &body].concat()).await;
    }
}

/// Edits without their digests, which are salted by flow.
fn bare(edits: &Value) -> Vec<Value> {
    let mut edits = edits.as_array().cloned().unwrap_or_default();
    for edit in &mut edits {
        edit.as_object_mut().unwrap().remove("digest");
    }
    edits
}

fn notes(told: &Value) -> Vec<Value> {
    told["notes"].as_array().cloned().unwrap_or_default()
}

fn places(edits: &Value) -> Vec<String> {
    edits.as_array().unwrap().iter().map(|edit| edit["place"].as_str().unwrap().to_owned()).collect()
}

fn body_of(explained: &Value) -> Vec<u8> {
    match &explained["body_after"] {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(coded) => STANDARD.decode(coded["base64"].as_str().unwrap()).unwrap(),
        _ => Vec::new(),
    }
}

async fn check_all(scene: &mut Scene, scenarios: Vec<Scenario>) {
    for scenario in scenarios {
        let name = scenario.name;
        let explained = scene.explain(&format!("https://shop.test{}", scenario.target), &scenario).await;
        assert_eq!(places(&explained["edits"]), scenario.places, "{name}");

        scene.send_scenario(&scenario).await;
        let got = scene.shop.last();
        assert_eq!(explained["url_after"], format!("https://shop.test{}", got.target()), "{name}");
        let lines: Vec<Value> = got
            .headers()
            .into_iter()
            .map(|(field, value)| Value::from(vec![field.to_ascii_lowercase(), value]))
            .collect();
        assert_eq!(explained["headers_after"], Value::from(lines), "{name}");
        assert_eq!(body_of(&explained), got.body(), "{name}");

        let open = scene.home.of_kind("open").await.pop().unwrap();
        assert_eq!(bare(&open["edits"]), bare(&explained["edits"]), "{name}");
        assert_eq!(notes(&open), notes(&explained), "{name}");
        replay(scene, &scenario, &open).await;
    }
    let real = b"ann@home.example";
    assert!(scene.shop.arrived().windows(real.len()).all(|bytes| bytes != real));
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_the_wire_and_the_log_agree() {
    check_all(&mut Scene::new().await, scenarios()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_replays_from_the_record_alone() {
    let mut scene = Scene::with("[terms]\ngpc = false", "email = \"withhold\"").await;
    let withheld = vec![
        get("query", "/s?e=ann%40home.example&x=1", &["request.url.query:e"]),
        get(
            "base64",
            "/c?d=eyJtIjoiYW5uQGhvbWUuZXhhbXBsZSIsIm4iOiJBbm4gUmVhbCJ9&x=1",
            &["request.url.query:d", "request.url.query:d"],
        ),
        get("cookie", "/a", &["request.cookie:mail"])
            .field("cookie", "sid=1; mail=ann%40home.example; t=dark"),
        get("only cookie", "/a", &["request.cookie:mail"]).field("cookie", "mail=ann%40home.example"),
        get("field", "/a", &["request.header:x-user"])
            .field("x-user", "<ann@home.example>")
            .field("accept", "*/*"),
        post("form", FORM, "email=ann%40home.example&x=1", &["request.body.form:email"]),
        post("json", JSON, r#"{"email":"ann@home.example","x":1}"#, &["request.body.json:/email"]),
        post("json, gzip", JSON, r#"["ann@home.example"]"#, &["request.body.json:/0"])
            .coded("gzip", Coding::Gzip),
        post("multipart", "multipart/form-data; boundary=XX", PARTS, &["request.body.part:mail"]),
    ];
    check_all(&mut scene, withheld).await;
    // Nothing can be left out of running text.
    let running = post("text", "text/plain", "Dear ann@home.example", &[]);
    assert_eq!(scene.explain("https://shop.test/form", &running).await["verdict"], "refused");
}

/// Applies the record to the original and compares with what the vendor got.
async fn replay(scene: &Scene, scenario: &Scenario, open: &Value) {
    let rooms = scene.home.house.rooms();
    let member = rooms.vault.member("ann").unwrap().unwrap().id;
    let persona = rooms.personas.of(member).unwrap();
    let worn = persona.wardrobe.worn(&VendorId::from(open["vendor"].as_str().unwrap()), 1);
    let identifiers = persona.identity.identifiers();
    let edits = open["edits"].as_array().unwrap();
    // What the record and the vault say stands at the spans of one container.
    let applied = |original: &[u8], hits: Vec<Hit>, here: &dyn Fn(&str) -> bool| -> Vec<u8> {
        let standing = edits.iter().filter(|edit| here(edit["place"].as_str().unwrap()));
        let spliced: Vec<_> = standing
            .filter(|edit| matches!(edit["action"].as_str(), Some("removed" | "replaced")))
            .map(|edit| {
                let at = |end: usize| usize::try_from(edit["span"][end].as_u64().unwrap()).unwrap();
                let span = at(0)..at(1);
                if edit["action"] == "removed" {
                    // A JSON value has to be one.
                    let is_json = edit["place"].as_str().unwrap().starts_with("request.body.json:");
                    return (span, if is_json { b"null".to_vec() } else { Vec::new() });
                }
                let slot = Slot::parse(edit["slot"].as_str().unwrap()).unwrap();
                let here: Vec<&Hit> = hits.iter().filter(|hit| hit.span == span).collect();
                assert!(
                    here.iter().any(|hit| identifiers.get(hit.identifier).unwrap().slot == slot),
                    "{}",
                    scenario.name
                );
                (span, written(&here, identifiers, &worn))
            })
            .collect();
        splice(original, &spliced)
    };
    let got = scene.shop.last();
    let hits = find_in_target(identifiers, scenario.target);
    let target = applied(scenario.target.as_bytes(), hits, &|place| place.starts_with("request.url."));
    assert_eq!(String::from_utf8(target).unwrap(), got.target(), "{}", scenario.name);
    assert_eq!(replayed_fields(scenario, identifiers, &applied), fields_of(&got, edits), "{}", scenario.name);
    let kind = scenario.fields.iter().find(|(name, value)| *name == "content-type" && !value.is_empty());
    let kind = kind.map(|(_, value)| HeaderValue::from_static(value));
    let hits = syntax_of(kind.as_ref())
        .map(|syntax| find_in_body(identifiers, syntax, &scenario.body))
        .unwrap_or_default();
    let body = applied(&scenario.body, hits, &|place| place.starts_with("request.body."));
    assert_eq!(body, decode(scenario.coding, &got.body()), "{}", scenario.name);
}

/// What stands in the place of these finds, which are one, or all that one text of another alphabet holds.
fn written(hits: &[&Hit], identifiers: &Identifiers, worn: &Worn) -> Vec<u8> {
    // What goes as typed was not issued.
    let respelt = |hit: &&Hit| {
        let issued = worn.get(&identifiers.get(hit.identifier)?.slot)?;
        Some((hit.within.clone(), hit.spelling.respell(issued.value.expose())))
    };
    let respelt: Vec<_> = hits.iter().filter_map(respelt).collect();
    let within = respelt.iter().filter_map(|(within, bytes)| Some((within.as_ref()?, bytes.as_slice())));
    let within: Vec<_> = within.collect();
    if within.is_empty() { respelt[0].1.clone() } else { seal(&within) }
}

type Applied<'a> = dyn Fn(&[u8], Vec<Hit>, &dyn Fn(&str) -> bool) -> Vec<u8> + 'a;

fn replayed_fields(
    scenario: &Scenario,
    identifiers: &Arc<Identifiers>,
    applied: &Applied<'_>,
) -> Vec<(String, String)> {
    let fields = scenario.fields.iter().filter(|(_, value)| !value.is_empty());
    fields
        .filter_map(|(name, value)| {
            let hits = find_in_header(identifiers, name, 0, value.as_bytes());
            let here = |place: &str| {
                place == format!("request.header:{name}")
                    || *name == "cookie" && place.starts_with("request.cookie:")
            };
            let after = applied(value.as_bytes(), hits, &here);
            (!after.is_empty()).then(|| ((*name).to_owned(), String::from_utf8(after).unwrap()))
        })
        .collect()
}

/// What arrived but the framing, Host, and the fields that the record says were put in.
fn fields_of(got: &crate::support::vendor::Received, edits: &[Value]) -> Vec<(String, String)> {
    let injected = |name: &str| {
        edits.iter().any(|edit| {
            edit["action"] == "injected"
                && edit["place"] == format!("request.header:{}", name.to_ascii_lowercase())
        })
    };
    let own = |name: &str| matches!(name, "Host" | "host" | "content-length") || injected(name);
    got.headers().into_iter().filter(|(name, _)| !own(name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_tracker_is_explained_recorded_and_never_sent() {
    let scene = Scene::new().await;
    let url = "https://www.google-analytics.com/collect?tid=1&em=ann@home.example";
    let scenario = get("tracker", "/collect?tid=1&em=ann@home.example", &[]);
    let explained = scene.explain(url, &scenario).await;
    assert_eq!(explained["verdict"], "blocked");
    let rules = explained["rules"].as_array().unwrap();
    let winner = rules.iter().find(|rule| rule["winner"] == true).expect("the rule that decides");
    scene.home.client().get(url).await;
    let blocked = loop {
        // Nobody waits for the record of what was not sent.
        match scene.home.of_kind("blocked").await.pop() {
            Some(record) => break record,
            None => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    assert_eq!(blocked["rule"], winner["rule"]);
    assert_eq!(blocked["reason"], explained["reason"]);
    assert!(scene.shop.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_explained_as_it_will_flow() {
    let mut scene = Scene::new().await;
    let filler = "lorem ipsum dolor sit amet, ".repeat(3000);
    let scenario = post("long", "text/plain", &format!("{filler}ann@home.example {filler}"), &[]);
    let explained = scene.explain("https://shop.test/form", &scenario).await;
    scene.send_scenario(&scenario).await;
    let got = scene.shop.last();
    assert!(body_of(&explained) == got.body());
    let open = scene.home.of_kind("open").await.pop().unwrap();
    assert_eq!(notes(&open), notes(&explained));
    let close = scene.home.of_kind("close").await.pop().unwrap();
    let flowed = &close["edits"][0];
    let told =
        explained["edits"].as_array().unwrap().iter().find(|edit| edit["place"] == flowed["place"]).unwrap();
    for field in ["span", "action", "slot", "category", "rule", "reason"] {
        assert_eq!(flowed[field], told[field], "{field}");
    }
    let lines = explained["headers_after"].as_array().unwrap();
    let length = lines.iter().find(|line| line[0] == "content-length").unwrap();
    assert_eq!(got.header("content-length"), [length[1].as_str().unwrap()]);
}

/// A request with nothing in it that any rule is about.
#[derive(Clone, Debug)]
struct Plain {
    method: &'static str,
    target: String,
    fields: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    chunks: Option<usize>,
}

fn plain() -> impl Strategy<Value = Plain> {
    let method =
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE"), Just("OPTIONS"), Just("PATCH")];
    // Percent signs with and without hex behind them, odd but legal signs, empty segments and parameters.
    let target = "/[a-z0-9/._~!$'()*+,;:@-]{0,30}(%[0-9a-fA-F]{2}|%25){0,3}(\\?[a-z0-9=&/?%_.+-]{0,40})?";
    let name = "[Xx]-[A-Za-z0-9-]{1,12}";
    // White space around a value is no part of it (RFC 9110 section 5.5).
    let value = "([!-~]([ -~\t]{0,40}[!-~])?)?";
    let fields = proptest::collection::btree_map(name, value, 0..8).prop_shuffle_pairs();
    let body = proptest::option::of(proptest::collection::vec(any::<u8>(), 1..300));
    (method, target, fields, body, proptest::option::of(1usize..60)).prop_map(
        |(method, target, fields, body, chunks)| {
            let body = body.filter(|_| method != "GET");
            Plain { method, target, fields, chunks: chunks.filter(|_| body.is_some()), body }
        },
    )
}

/// Header fields in any order, each name once whatever its case.
trait Shuffled {
    fn prop_shuffle_pairs(self) -> BoxedStrategy<Vec<(String, String)>>;
}

impl<S: Strategy<Value = std::collections::BTreeMap<String, String>> + 'static> Shuffled for S {
    fn prop_shuffle_pairs(self) -> BoxedStrategy<Vec<(String, String)>> {
        self.prop_map(|fields| {
            let mut seen = std::collections::BTreeSet::new();
            fields.into_iter().filter(|(name, _)| seen.insert(name.to_ascii_lowercase())).collect::<Vec<_>>()
        })
        .prop_shuffle()
        .boxed()
    }
}

impl Plain {
    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: shop.test\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut bytes = head.into_bytes();
        match (&self.body, self.chunks) {
            (None, _) => bytes.extend_from_slice(b"\r\n"),
            (Some(body), None) => {
                bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
                bytes.extend_from_slice(body);
            }
            (Some(body), Some(size)) => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(size) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

#[test]
fn what_no_rule_is_about_arrives_as_it_was_sent() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let scene = runtime.block_on(Scene::with("[terms]\ngpc = false", ""));
    let scene = std::cell::RefCell::new(scene);
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    let ran = runner.run(&plain(), |request| {
        let mut scene = scene.borrow_mut();
        runtime.block_on(scene.send(&request.bytes()));
        let got = scene.shop.last();
        prop_assert_eq!(got.line(), format!("{} {} HTTP/1.1", request.method, request.target));
        let framing = |name: &str| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        };
        let head = got.split().0;
        let lines: Vec<_> = head.split("\r\n").skip(1).map(str::trim_end).collect();
        let lines: Vec<_> =
            lines.into_iter().filter(|line| !framing(line.split(':').next().unwrap())).collect();
        let want =
            request.fields.iter().map(|(name, value)| format!("{name}: {value}").trim_end().to_owned());
        let want: Vec<_> = want.collect();
        prop_assert_eq!(lines[0].to_ascii_lowercase(), "host: shop.test");
        prop_assert_eq!(&lines[1..], want.as_slice());
        prop_assert_eq!(got.header("transfer-encoding").is_empty(), request.chunks.is_none());
        prop_assert_eq!(got.body(), request.body.unwrap_or_default());
        Ok(())
    });
    ran.unwrap_or_else(|error| panic!("{error}"));
}
