//! Nothing real leaks: a protected value reaches no vendor in any spelling, place or coding, unless its owner says so.

use crate::support::client::request;
use crate::support::views::found;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::MemberKind;
use doorward::rewrite::codec::{Coding, Encoder};
use http::Method;
use serde_json::Value;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html";
const PARTS: &str = "multipart/form-data; boundary=cut";

const ANN: &[(&str, &str)] = &[
    ("email.primary", "ann@home.example"),
    ("name.full", "Ann Real"),
    ("name.given", "Ann"),
    ("name.family", "Real"),
    ("phone.primary", "+4915112345678"),
    ("username", "annreal77"),
    ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("ad.id", "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44"),
    ("custom.badge", "BADGE-00-4711"),
];

/// As a vendor could recognise them: the strong values, digits for the phone, ids without dashes too.
const SECRETS: &[&str] = &[
    "ann@home.example",
    "ann real",
    "real, ann",
    "15112345678",
    "annreal77",
    "6d92078a-8246-4ba4-ae5b-76104861e7dc",
    "6d92078a82464ba4ae5b76104861e7dc",
    "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44",
    "0f3c2a1091de4c6b8a775c1f0d2b6e44",
    "badge-00-4711",
];

struct Scene {
    home: Household,
    shop: Vendor,
}

impl Scene {
    async fn new(config: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let config = format!("[identity]\ndomain = \"alias.example\"\n{config}");
        let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN).config(&config).start().await;
        Self { home, shop }
    }

    async fn stranger() -> Self {
        Self::new("new_vendor = \"stranger\"").await
    }

    /// Sends a body and gives what the vendor got, its coding undone by nobody.
    async fn post(&self, kind: &str, body: &str) -> Option<Vec<u8>> {
        let reply = self.home.client().post("https://shop.test/a", kind, body.to_owned()).await;
        reply.status.is_success().then(|| self.shop.last().body())
    }

    async fn get(&self, target: &str, fields: &[(&str, &str)]) -> u16 {
        self.home.client().get_with(&format!("https://shop.test{target}"), fields).await.status.as_u16()
    }

    /// What the last request held, all of it.
    fn leaked(&self) -> Vec<&'static str> {
        found(&self.shop.last().bytes, SECRETS)
    }
}

fn percent(text: &str, every: bool, upper: bool) -> String {
    let one = |byte: u8| match (byte.is_ascii_alphanumeric() && !every, upper) {
        (true, _) => char::from(byte).to_string(),
        (false, true) => format!("%{byte:02X}"),
        (false, false) => format!("%{byte:02x}"),
    };
    text.bytes().map(one).collect()
}

fn escaped(text: &str, one: impl Fn(char) -> String) -> String {
    text.chars().map(one).collect()
}

/// Spellings of values that count wherever they stand.
fn values() -> Vec<String> {
    let mut all: Vec<String> = [
        "ann@home.example",
        "ANN@Home.Example",
        "Ann Real",
        "ANN REAL",
        "Real, Ann",
        "+4915112345678",
        "+49 151 12345678",
        "+49 (0)151 / 123 456-78",
        "0049 151 12345678",
        "0151 12345678",
        "0151/12345678",
        "annreal77",
        "AnnReal77",
        "6D92078A-8246-4BA4-AE5B-76104861E7DC",
        "6d92078a82464ba4ae5b76104861e7dc",
        "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44",
        "badge-00-4711",
    ]
    .map(str::to_owned)
    .into();
    all.push("Ann\u{a0}Real".to_owned());
    all
}

fn in_url(text: &str) -> Vec<String> {
    let twice = percent(text, false, true).replace('%', "%25");
    vec![
        percent(text, false, true),
        percent(text, false, false),
        percent(text, true, true),
        percent(&text.replace(' ', "+"), false, true).replace("%2B", "+").replacen(
            '+',
            "%2B",
            usize::from(text.starts_with('+')),
        ),
        twice,
    ]
}

fn in_json(text: &str) -> Vec<String> {
    vec![
        serde_json::to_string(text).unwrap().trim_matches('"').to_owned(),
        escaped(text, |char| format!("\\u{:04x}", u32::from(char))),
        escaped(text, |char| match char {
            '@' | ' ' | '-' | '+' => format!("\\u{:04X}", u32::from(char)),
            '/' => "\\/".to_owned(),
            other => other.to_string(),
        }),
    ]
}

fn in_html(text: &str) -> Vec<String> {
    vec![
        escaped(text, |char| format!("&#{};", u32::from(char))),
        escaped(text, |char| match char {
            '@' => "&commat;".to_owned(),
            '.' => "&#x2E;".to_owned(),
            other => other.to_string(),
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_passes_in_a_head() {
    let scene = Scene::stranger().await;
    for value in values() {
        for spelled in in_url(&value) {
            for target in [
                format!("/u/{spelled}/orders"),
                format!("/?who={spelled}&x=1"),
                format!("/?{spelled}"),
                format!("/?q=hello+{spelled}+there"),
                format!("/?u=https%3A%2F%2Fother.example%2F%3Fm%3D{spelled}"),
            ] {
                assert_ne!(found(target.as_bytes(), SECRETS), [""; 0], "the test can see {target}");
                let status = scene.get(&target, &[]).await;
                assert_eq!(status, 200, "{target}");
                assert_eq!(scene.leaked(), [""; 0], "{target}");
            }
        }
        let Ok(plain) = http::HeaderValue::from_bytes(value.as_bytes()) else { continue };
        let plain = plain.to_str().map_or_else(|_| percent(&value, false, true), str::to_owned);
        let cookie = format!("a=1; who={}; b=2", percent(&value, false, true));
        for (name, text) in [
            ("x-user", plain.clone()),
            ("x-note", format!("for {plain}, please")),
            ("cookie", cookie),
            ("referer", format!("https://shop.test/?who={}", percent(&value, false, true))),
        ] {
            assert_eq!(scene.get("/", &[(name, &text)]).await, 200);
            assert_eq!(scene.leaked(), [""; 0], "{name}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_passes_in_a_body() {
    let scene = Scene::stranger().await;
    for value in values() {
        let mut bodies: Vec<(&str, String)> = Vec::new();
        for spelled in in_url(&value) {
            bodies.push((FORM, format!("a=1&who={spelled}&b=2")));
            bodies.push((FORM, format!("note=hello+{spelled}+there")));
        }
        for spelled in in_json(&value) {
            bodies.push((JSON, format!("{{\"a\":1,\"who\":\"{spelled}\",\"b\":[true]}}")));
            bodies.push((JSON, format!("{{\"deep\":[{{\"text\":\"hi {spelled}, hi\"}}]}}")));
        }
        for spelled in in_html(&value) {
            bodies.push((HTML, format!("<p title=\"{spelled}\">{spelled}</p>")));
        }
        bodies.push((TEXT, format!("I am {value}.")));
        bodies.push((
            PARTS,
            format!("--cut\r\nContent-Disposition: form-data; name=\"who\"\r\n\r\n{value}\r\n--cut--\r\n"),
        ));
        for (kind, body) in bodies {
            assert_ne!(found(body.as_bytes(), SECRETS), [""; 0], "the test can see {body}");
            assert!(scene.post(kind, &body).await.is_some(), "{kind} {body}");
            assert_eq!(scene.leaked(), [""; 0], "{kind} {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_names_are_replaced_in_fields_typed_as_names_and_nowhere_else() {
    let scene = Scene::stranger().await;
    let form = scene.post(FORM, "first_name=Ann&user%5BlastName%5D=real&note=Ann+is+real").await.unwrap();
    let form = String::from_utf8(form).unwrap();
    assert!(form.ends_with("&note=Ann+is+real"), "{form}");
    assert!(!form.starts_with("first_name=Ann&") && !form.contains("=real&"), "{form}");
    let json = scene.post(JSON, r#"{"givenName":"ANN","family_name":"Real","mood":"Real"}"#).await.unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["mood"], "Real");
    assert!(json["givenName"] != "ANN" && json["family_name"] != "Real", "{json}");
    // One person, however it is asked for.
    let full = scene.post(JSON, r#"{"name":"Ann Real"}"#).await.unwrap();
    let full: Value = serde_json::from_slice(&full).unwrap();
    let parts = format!(
        "{} {}",
        json["givenName"].as_str().unwrap().to_lowercase(),
        json["family_name"].as_str().unwrap().to_lowercase()
    );
    assert_eq!(full["name"].as_str().unwrap().to_lowercase(), parts);
}

fn coded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::new();
    encoder.push(bytes, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

fn decoded(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    match coding {
        Coding::Gzip => drop(flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Coding::Deflate => drop(flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap()),
        Coding::Brotli => drop(brotli::Decompressor::new(bytes, 4096).read_to_end(&mut out).unwrap()),
        Coding::Zstd => out = zstd::decode_all(bytes).unwrap(),
        _ => out.extend_from_slice(bytes),
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn no_coding_hides_a_value_whole_or_as_it_flows() {
    let scene = Scene::stranger().await;
    let said: String = values().iter().map(|value| format!("\"{value}\",")).collect();
    for length in [0, 200 * 1024] {
        // Noise that does not shrink, so that a coded body is long as well.
        let mut noise = String::with_capacity(length);
        let mut state = 7_u32;
        while noise.len() < length {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.push(char::from(b'g' + (state >> 24) as u8 % 16));
        }
        let body = format!("[\"{noise}\",{said}\"{noise}\",{said}null]");
        for (name, coding) in [
            ("identity", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("deflate", Coding::Deflate),
            ("br", Coding::Brotli),
            ("zstd", Coding::Zstd),
        ] {
            let fields = [("content-type", JSON), ("content-encoding", name)];
            let sent = coded(coding, body.as_bytes());
            let reply =
                scene.home.client().send(request(Method::POST, "https://shop.test/a", &fields, sent)).await;
            assert_eq!(reply.status, 200, "{name} {length}");
            let got = scene.shop.last();
            assert_eq!(got.header("content-encoding"), [name]);
            let got = decoded(coding, &got.body());
            assert_eq!(found(&got, SECRETS), [""; 0], "{name} {length}");
            let got: Vec<Option<String>> = serde_json::from_slice(&got).unwrap();
            assert_eq!(got.len(), 2 * values().len() + 3);
            assert_eq!(got[0].as_deref(), Some(&*noise), "the rest is as it was");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_say_what_a_vendor_gets() {
    let body = r#"{"email":"ann@home.example","login":"annreal77","device":"6D92078A-8246-4BA4-AE5B-76104861E7DC","ad":"0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44","name":"Ann Real","phone":"+4915112345678","badge":"BADGE-00-4711"}"#;
    for (level, as_typed) in [
        ("known", &["email", "login", "device", "ad", "name", "phone", "badge"][..]),
        ("alias", &["name", "phone", "badge"]),
        ("stranger", &[]),
    ] {
        let vendor = format!("[vendor.shop]\nhosts = [\"shop.test\"]\nlevel = {level:?}");
        let scene = Scene::new(&vendor).await;
        let got: Value = serde_json::from_slice(&scene.post(JSON, body).await.unwrap()).unwrap();
        let typed: Value = serde_json::from_str(body).unwrap();
        for (field, value) in typed.as_object().unwrap() {
            assert_eq!(got[field] == *value, as_typed.contains(&&**field), "{level}: {field}");
            assert!(got[field].is_string(), "{level}: {field}");
        }
        // What went as typed is on record as such.
        let open = scene.home.of_kind("open").await.pop().unwrap();
        let edits = open["edits"].as_array().unwrap();
        let kept = edits.iter().filter(|edit| edit["action"] == "would-have").count();
        assert_eq!(kept, as_typed.len(), "{level}: {edits:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_for_a_slot_or_a_vendor_wins_over_the_level() {
    let scene = Scene::new(
        "new_vendor = \"stranger\"\nname = \"real\"\n[vendor.shop]\nhosts = [\"shop.test\"]\nlevel = \"known\"\n\
         identity = { email = \"pseudonym\", phone = \"withhold\" }",
    )
    .await;
    let body =
        r#"{"email":"ann@home.example","name":"Ann Real","phone":"+4915112345678","login":"annreal77"}"#;
    let got: Value = serde_json::from_slice(&scene.post(JSON, body).await.unwrap()).unwrap();
    assert!(got["email"].as_str().unwrap().ends_with("@alias.example"), "{got}");
    assert_eq!(got["name"], "Ann Real");
    assert_eq!(got["login"], "annreal77");
    assert_eq!(got["phone"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_need_the_real_value_get_it_and_it_is_on_record() {
    let ca = TestCa::new();
    let rail = Vendor::https("www.bahn.de").start(&ca).await;
    for (config, real) in [
        ("[identity]\ndomain = \"alias.example\"\nnew_vendor = \"stranger\"\n", true),
        (
            "[identity]\ndomain = \"alias.example\"\n[vendor.rail]\nhosts = [\"*.bahn.de\"]\nlevel = \"stranger\"\n",
            false,
        ),
    ] {
        let home = Household::trusting(&ca).knowing(&rail).member("ann", ANN).config(config).start().await;
        let reply =
            home.client().post("https://www.bahn.de/", FORM, "mail=ann@home.example".to_owned()).await;
        assert_eq!(reply.status, 200);
        assert_eq!(found(&rail.last().bytes, SECRETS).is_empty(), !real, "{config}");
        let open = home.of_kind("open").await.pop().unwrap();
        let rule = if real { "builtin/categories:@travel" } else { "level=stranger" };
        assert_eq!(open["edits"][0]["rule"], rule, "{open}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_leaves_a_hole_or_nothing_leaves() {
    let scene = Scene::new("email = \"withhold\"").await;
    let mail = "ann@home.example";
    let body = scene.post(JSON, &format!(r#"{{"a":1,"mail":"{mail}","b":2}}"#)).await.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), r#"{"a":1,"mail":null,"b":2}"#);
    let body = scene.post(FORM, "a=1&mail=ann%40home.example&b=2").await.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), "a=1&mail=&b=2");
    assert_eq!(scene.get("/p?a=1&mail=ann%40home.example&b=2", &[]).await, 200);
    assert_eq!(scene.shop.last().target(), "/p?a=1&mail=&b=2");
    assert_eq!(scene.get("/", &[("x-user", mail), ("x-else", "1")]).await, 200);
    let got = scene.shop.last();
    assert!(got.header("x-user").is_empty() && got.header("x-else") == ["1"]);
    assert_eq!(scene.get("/", &[("cookie", "a=1; mail=ann@home.example; b=2")]).await, 200);
    assert_eq!(scene.shop.last().header("cookie"), ["a=1; b=2"]);

    let before = scene.shop.received().len();
    assert_eq!(scene.post(TEXT, "write to ann@home.example").await, None);
    assert_eq!(scene.get("/u/ann@home.example", &[]).await, 403);
    assert_eq!(scene.shop.received().len(), before, "nothing was sent");
    let refused = scene.home.of_kind("refused").await;
    assert!(refused.iter().all(|record| record["reason"].as_str().unwrap().contains("e-mail address")));
    assert_eq!(refused.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn third_parties_get_nothing_of_anybody() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let pixel = Vendor::https("pixel.test").start(&ca).await;
    let config = "[identity]\ndomain = \"alias.example\"\n\
        [vendor.pixel]\nhosts = [\"pixel.test\"]\nlevel = \"known\"\nidentity = { email = \"real\" }";
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&pixel)
        .member("ann", ANN)
        .config(config)
        .start()
        .await;
    let client = home.client();
    let from_shop = [("referer", "https://shop.test/"), ("sec-fetch-dest", "empty"), ("content-type", JSON)];
    let body = r#"{"em":"ann@home.example","x":1}"#;
    let url = "https://pixel.test/c?em=ann%40home.example&n=Ann%20Real&x=1";
    let reply = client.send(request(Method::POST, url, &from_shop, body)).await;
    assert_eq!(reply.status, 200);
    let got = pixel.last();
    assert_eq!(got.target(), "/c?em=&n=&x=1");
    assert_eq!(got.text(), r#"{"em":null,"x":1}"#);
    assert_eq!(found(&got.bytes, SECRETS), [""; 0]);
    // Where nothing can be taken out, nothing is sent.
    let said = client
        .send(request(
            Method::POST,
            "https://pixel.test/c",
            &[from_shop[0], ("content-type", TEXT)],
            "ann@home.example",
        ))
        .await;
    assert_eq!(said.status, 403);
    assert_eq!(pixel.received().len(), 1);
    assert!(home.of_kind("issue").await.is_empty(), "nobody is made up for a third party");
    // The same vendor as the site itself is ruled by what is written for it.
    client.post("https://pixel.test/c", JSON, body).await;
    assert_eq!(pixel.last().text(), body);
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_lets_nothing_pass_that_cannot_be_looked_into() {
    let opaque = [
        request(Method::POST, "https://shop.test/a", &[("content-type", "application/octet-stream")], "x"),
        request(
            Method::POST,
            "https://shop.test/a",
            &[("content-type", JSON), ("content-encoding", "compress")],
            "x",
        ),
        request(
            Method::GET,
            "https://shop.test/?m=ann@home.example",
            &[(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/20260101/eu/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=00",
            )],
            "",
        ),
    ];
    let (lenient, strict) = (Scene::new("").await, Scene::new("strict = true").await);
    for question in opaque {
        assert_eq!(lenient.home.client().send(question.clone()).await.status, 200);
        assert_eq!(strict.home.client().send(question).await.status, 403);
    }
    assert!(strict.shop.received().is_empty());
    for open in lenient.home.of_kind("open").await {
        let notes = open["notes"].as_array().map_or(0, Vec::len);
        assert!(notes > 0, "what passed unread is on record: {open}");
    }
}

/// `fd.append("meta", new Blob([json]))` and the like.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_a_type_of_text_hides_nothing() {
    let part = |kind: &str, content: &str| {
        format!(
            "--cut\r\nContent-Disposition: form-data; name=\"p\"; filename=\"blob\"\r\n{kind}\r\n{content}\r\n--cut--\r\n"
        )
    };
    let json = "{\"mail\":\"ann@home.example\"}";
    let blob = part("Content-Type: application/octet-stream\r\n", json);
    let (lenient, strict) = (Scene::stranger().await, Scene::new("strict = true").await);
    lenient.post(PARTS, &blob).await.unwrap();
    assert_eq!(lenient.leaked(), Vec::<&str>::new());
    assert!(strict.post(PARTS, &blob).await.is_some(), "it was looked into");
    let sent = strict.shop.received().len();
    for unread in [
        part("Content-Type: image/png\r\n", "pixels"),
        part("Content-Transfer-Encoding: base64\r\n", "cGl4ZWxz"),
    ] {
        // Whole, and as it flows.
        for fields in [&[("content-type", PARTS)][..], &[("content-type", PARTS), ("expect", "100-continue")]]
        {
            let question = request(Method::POST, "https://shop.test/a", fields, unread.clone());
            assert_eq!(strict.home.client().send(question.clone()).await.status, 403);
            assert_eq!(lenient.home.client().send(question).await.status, 200);
        }
    }
    assert_eq!(strict.shop.received().len(), sent);
    let told = |record: &Value| {
        record.to_string().contains("request.body.part:p\"")
            && record.to_string().contains("could not inspect")
    };
    let notes = lenient
        .home
        .of_kind("open")
        .await
        .iter()
        .filter(|open| open["notes"].to_string().contains("could not inspect: request.body.part:p"))
        .count();
    let edits = lenient.home.of_kind("close").await.iter().filter(|close| told(close)).count();
    assert_eq!((notes, edits), (2, 2), "what passed unread is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_mail_route_an_address_stays_and_says_so() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN).start().await;
    home.client().post("https://shop.test/a", FORM, "email=ann%40home.example&login=annreal77").await;
    let got = shop.only().text();
    assert!(got.starts_with("email=ann%40home.example&login=") && !got.contains("annreal77"), "{got}");
    let open = home.of_kind("open").await.pop().unwrap();
    let edit = open["edits"].as_array().unwrap().iter().find(|edit| edit["slot"] == "email.primary").unwrap();
    assert_eq!((&edit["action"], &edit["rule"]), (&"would-have".into(), &"no mail route".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_that_stands_there_already_stays() {
    let scene = Scene::stranger().await;
    let first = String::from_utf8(scene.post(FORM, "m=ann%40home.example").await.unwrap()).unwrap();
    let again = String::from_utf8(scene.post(FORM, &first).await.unwrap()).unwrap();
    assert_eq!(again, first);
    let open = scene.home.of_kind("open").await.pop().unwrap();
    let edits = open["edits"].as_array().unwrap();
    assert!(edits.iter().all(|edit| edit["slot"].is_null()), "{edits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_value_in_another_one_in_the_host_and_in_two_peoples_hands() {
    let ca = TestCa::new();
    let shop = Vendor::https("annhome.test").start(&ca).await;
    let shared = "home@house.example";
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member(
            "ann",
            &[
                ("email.primary", "annhome@house.example"),
                ("email.shared", shared),
                ("username", "annhome"),
                ("custom.full", "annhome-membership-1"),
            ],
        )
        .member("bob", &[("email.primary", shared)])
        .config("[identity]\ndomain = \"alias.example\"\nnew_vendor = \"stranger\"")
        .start()
        .await;
    let send = async |who: &str, body: &str| {
        home.client_of(who).post("https://annhome.test/annhome/x", FORM, body.to_owned()).await;
        shop.last()
    };
    let body = "a=annhome%40house.example&b=home%40house.example&c=annhome&d=annhome-membership-1";
    let ann = send("ann", body).await;
    assert_eq!(ann.header("host"), ["annhome.test"], "where it goes is the client's choice");
    let values: Vec<_> = ann.text().split('&').map(|pair| pair[2..].to_owned()).collect();
    assert_eq!(found(ann.text().as_bytes(), &["annhome", "house.example"]), [""; 0], "{values:?}");
    assert_eq!(values.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{values:?}");
    assert!(!ann.target().contains("annhome"), "{}", ann.target());
    // The same address of another person is another alias.
    let bob = send("bob", "b=home%40house.example").await;
    assert_ne!(bob.text()[2..], values[1]);
    assert!(!bob.text().contains("house.example"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_account_keeps_its_value_and_a_real_one_stays_out_of_the_log() {
    let scene = Scene::stranger().await;
    let (house, ann) = (&scene.home.house, scene.home.id("ann"));
    let email = doorward::model::Slot::parse("email.primary").unwrap();
    let shop = "shop.test".into();
    house.adopt_pseudonym(ann, &shop, &email, "old.ann@mail.example").await.unwrap();
    let body = scene.post(FORM, "m=ann%40home.example").await.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), "m=old.ann%40mail.example");

    house.adopt_pseudonym(ann, &shop, &email, "Ann@Home.example").await.unwrap();
    let body = scene.post(FORM, "m=ann%40home.example").await.unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), "m=ann%40home.example", "the account is a real one");
    let issues = scene.home.of_kind("issue").await;
    let values: Vec<_> = issues.iter().map(|issue| issue["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["old.ann@mail.example", "…"]);
    let home = scene.home.dies().await;
    home.client().post("https://shop.test/a", FORM, "m=ann%40home.example").await;
    assert_eq!(scene.shop.last().text(), "m=ann%40home.example");
    let secret = b"ann@home.example";
    let files = home.every_file().to_ascii_lowercase();
    assert_eq!(crate::support::vendor::find(&files, secret), None, "nothing real lies in the clear");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_shared_device_everybodys_values_are_protected_under_its_own_persona() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let bob = [("email.primary", "bob@house.example"), ("name.given", "Robert"), ("name.family", "Roe")];
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", ANN)
        .member("bob", &bob)
        .member_of_kind("tv", MemberKind::Shared, &[("device.id", "TV-SERIAL-000123")])
        .config("[identity]\ndomain = \"alias.example\"\nnew_vendor = \"stranger\"")
        .start()
        .await;
    let secrets = [SECRETS, &["bob@house.example", "robert roe", "tv-serial-000123"]].concat();
    let body = "a=ann%40home.example&b=bob%40house.example&c=Robert+Roe&d=Ann+Real&e=TV-SERIAL-000123";
    let tell = async |who: &str| {
        home.client_of(who).post("https://shop.test/a", FORM, body).await;
        shop.last().text()
    };
    let tv = tell("tv").await;
    assert_eq!(found(tv.as_bytes(), &secrets), [""; 0], "{tv}");
    // Nobody's own persona lives on it, and it tells nothing of how many use it.
    let ann = tell("ann").await;
    let field = |text: &str, at: usize| text.split('&').nth(at).unwrap()[2..].to_owned();
    assert_ne!(field(&tv, 0), field(&ann, 0));
    assert_eq!(field(&tv, 0), field(&tv, 1));
    // A person's own device does not know what others have.
    assert_eq!(field(&ann, 1), "bob%40house.example");
    // What somebody changes is protected there as well.
    home.set("bob", "email.primary", "robert@new.example");
    home.client_of("tv").post("https://shop.test/a", FORM, "b=robert%40new.example").await;
    assert!(shop.last().text().ends_with("%40alias.example"), "{}", shop.last().text());
}

/// A token whose payload a signature covers.
fn token() -> String {
    use base64::Engine;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let payload = r#"{"sub":"7","email":"ann@home.example"}"#;
    format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(payload), part("a signature of some length"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_token_passes_to_the_site_alone_and_is_told() {
    let scene = Scene::new("").await;
    let body = format!(r#"{{"id_token":"{}"}}"#, token());
    assert_eq!(scene.post(JSON, &body).await.unwrap(), body.as_bytes());
    let open = scene.home.of_kind("open").await.pop().unwrap();
    let edit =
        &open["edits"].as_array().unwrap().iter().find(|edit| edit["slot"] == "email.primary").unwrap();
    assert_eq!((&edit["action"], &edit["rule"]), (&"would-have".into(), &"carriers=allow".into()));
    assert!(edit["reason"].as_str().unwrap().starts_with("real, signed"), "{edit}");

    let third =
        [("content-type", JSON), ("origin", "https://elsewhere.test"), ("sec-fetch-site", "cross-site")];
    let asked = request(Method::POST, "https://shop.test/collect", &third, body.clone());
    assert_eq!(scene.home.client().send(asked).await.status, 403, "a third party gets none");
    let bearer = format!("Bearer {}", token());
    assert_eq!(scene.get("/api", &[("authorization", &bearer)]).await, 200);
    assert_eq!(scene.shop.last().header("authorization"), [bearer]);
}

#[tokio::test(flavor = "multi_thread")]
async fn and_is_refused_where_carriers_are_blocked() {
    let scene = Scene::new("carriers = \"block\"").await;
    assert!(scene.post(JSON, &format!(r#"{{"id_token":"{}"}}"#, token())).await.is_none());
    assert!(scene.post(JSON, r#"{"note":"no token"}"#).await.is_some());
    let refused = scene.home.awaited("refused", 1).await.pop().unwrap();
    assert_eq!(
        (&refused["status"], &refused["code"]),
        (&403.into(), &"http_request_denied".into()),
        "{refused}"
    );
}
