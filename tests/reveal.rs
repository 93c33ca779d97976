//! P4, no way back: what a vendor sends stays as it came wherever its script could read a real value; only a program of the
//! member's own sees one again, where it sent it itself.

mod afterwards;
mod commands;
mod contexts;

use crate::support::client::{Client, Reply, request};
use crate::support::clock::TestClock;
use crate::support::scene::REAL;
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::MemberKind;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const JSON: &str = "application/json";
const ME: &str = "https://shop.test/me";
const CONFIG: &str = "[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"\n[vendor.shop]\nhosts = [\"shop.test\"]\n\
                      reveal = \"api\"\n";

/// What a vendor answers, made of the addresses it was sent.
type Answer = Box<dyn Fn(&[String]) -> Vec<u8> + Send>;

/// A vendor that keeps every address it is sent and answers with them as it likes.
struct Stage {
    home: Household,
    clock: TestClock,
    shop: Vendor,
    other: Vendor,
    known: Arc<Mutex<Vec<String>>>,
    next: Arc<Mutex<Answer>>,
}

impl Stage {
    async fn set() -> Self {
        Self::with(CONFIG).await
    }

    async fn with(config: &str) -> Self {
        let (ca, clock) = (TestCa::new(), TestClock::default());
        let known: Arc<Mutex<Vec<String>>> = Arc::default();
        let next: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(|known| user(&known[0]))));
        let vendor = |host: &str| {
            let (known, next) = (Arc::clone(&known), Arc::clone(&next));
            Vendor::https(host)
                .answering(move |request| {
                    known.lock().unwrap().extend(addresses(&request.text()));
                    next.lock().unwrap()(&known.lock().unwrap())
                })
                .start(&ca)
        };
        let (shop, other) = (vendor("shop.test").await, vendor("other.test").await);
        let plain = Vendor::http("plain.test").answering(|request| user(&addresses(&request.text())[0]));
        let plain = plain.start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .knowing(&other)
            .knowing(&plain)
            .config(config)
            .seams(clock.seams())
            .member("ann", &[("email.primary", REAL), ("email.work", "ann@work.example")])
            .member("ben", &[("email.primary", "ben@home.example")])
            .member_of_kind("tablet", MemberKind::Shared, &[("email.primary", "all@home.example")])
            .start()
            .await;
        Self { home, clock, shop, other, known, next }
    }

    /// From now on it answers like this.
    fn answers(&self, answer: impl Fn(&[String]) -> Vec<u8> + Send + 'static) {
        *self.next.lock().unwrap() = Box::new(answer);
    }

    /// The alias it was sent first.
    fn alias(&self) -> String {
        self.known.lock().unwrap()[0].clone()
    }

    /// Ann's program, which has told the shop her address.
    async fn program(&self) -> Client {
        let agent = self.home.agent_of("ann");
        let reply = put(&agent, ME, &json!({ "user": { "email": REAL } })).await;
        assert_eq!(reply.status, StatusCode::OK);
        let alias = self.alias();
        assert!(alias.ends_with("@alias.example"), "the shop got an alias");
        agent
    }

    /// The edits of the newest flow's CLOSE.
    async fn last_edits(&self) -> Vec<Value> {
        let close = self.home.of_kind("close").await.pop().unwrap();
        close["edits"].as_array().unwrap().clone()
    }
}

async fn put(client: &Client, url: &str, body: &Value) -> Reply {
    client.send(request(Method::PUT, url, &[("content-type", JSON)], body.to_string())).await
}

fn addresses(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"@._-+".contains(letter));
    words.filter(|word| word.contains('@')).map(str::to_owned).collect()
}

fn user(email: &str) -> Vec<u8> {
    json_answer(&json!({ "user": { "email": email, "id": 7 } }))
}

fn json_answer(body: &Value) -> Vec<u8> {
    response("200 OK", &[("Content-Type", JSON)], body.to_string().as_bytes())
}

fn email(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    body["user"]["email"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_back_what_it_sent_and_nobody_else_does() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    let alias = stage.alias();
    assert_eq!(email(&ann.get(ME).await), REAL);
    let edits = stage.last_edits().await;
    let [edit] = &edits[..] else { panic!("{edits:?}") };
    assert_eq!(
        [&edit["place"], &edit["action"], &edit["slot"], &edit["rule"]],
        ["response.body.json:/user/email", "revealed", "email.primary", "reveal=api"]
    );
    for (who, client) in [
        ("ann's device", stage.home.client_of("ann")),
        ("the owner on loopback", stage.home.client()),
        ("ben's program", stage.home.agent_of("ben")),
    ] {
        assert_eq!(email(&client.get(ME).await), alias, "{who}");
    }
    // What was sent where is known after a restart; a new identity has sent nothing yet.
    let Stage { home, known, .. } = stage;
    let home = home.dies().await;
    assert_eq!(email(&home.agent_of("ann").get(ME).await), REAL);
    let persona = home.house.rooms().personas.of(home.id("ann")).unwrap();
    persona.wardrobe.reset(&"shop".into()).unwrap();
    assert_eq!(email(&home.agent_of("ann").get(ME).await), alias);
    assert_eq!(known.lock().unwrap().len(), 1);
    assert!(!home.export().await.iter().any(|record| record.to_string().contains("ann@")));
    assert!(!String::from_utf8_lossy(&home.every_file()).contains(REAL));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_whole_and_its_head_agrees() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    stage.answers(|known| {
        let body = json!({ "user": { "email": known[0], "note": "€ \u{1F600}" } }).to_string();
        let fields = [
            ("Content-Type", "application/vnd.shop+json; charset=utf-8"),
            ("ETag", "\"7\""),
            ("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="),
            ("Content-Digest", "sha-256=:AAAA:"),
            ("Repr-Digest", "sha-256=:AAAA:"),
            ("Cache-Control", "no-store"),
        ];
        response("200 OK", &fields, body.as_bytes())
    });
    let reply = ann.get(ME).await;
    assert_eq!(email(&reply), REAL);
    assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
    assert_eq!(reply.header("etag"), Some("W/\"7\""));
    for gone in ["content-md5", "content-digest", "repr-digest"] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }
    let close = stage.home.of_kind("close").await.pop().unwrap();
    assert_eq!(close["outcome"], "complete");
    assert!(close["received"].as_u64().unwrap() > reply.body.len() as u64, "the alias is the longer one");
}

#[tokio::test(flavor = "multi_thread")]
async fn however_it_comes() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    for coding in ["gzip", "br", "zstd", "deflate"] {
        stage.answers(move |known| {
            let body = json!({ "user": { "email": known[0] } }).to_string();
            let body = contexts::coded(coding, body.as_bytes());
            response("200 OK", &[("Content-Type", JSON), ("Content-Encoding", coding)], &body)
        });
        let reply = ann.get(ME).await;
        assert_eq!(reply.header("content-encoding"), Some(coding));
        let body = contexts::decoded(coding, &reply.body);
        assert_eq!(body, json!({ "user": { "email": REAL } }).to_string().into_bytes(), "{coding}");
    }
    // In chunks, at every split, with a trailer behind.
    for at in [1, 9, 20, 26, 40] {
        stage.answers(move |known| {
            let body = json!({ "user": { "email": known[0] } }).to_string();
            let (head, rest) = body.split_at(at);
            let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum";
            let chunks =
                format!("{:x}\r\n{head}\r\n{:x}\r\n{rest}\r\n0\r\nx-sum: 1\r\n\r\n", head.len(), rest.len());
            format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{chunks}").into_bytes()
        });
        let fields = [("te", "trailers")];
        let reply = ann.get_with(ME, &fields).await;
        assert_eq!(email(&reply), REAL, "{at}");
        assert_eq!(reply.trailers.as_ref().and_then(|fields| fields.get("x-sum")).unwrap(), "1");
    }
    let http2 = ann.clone().http2();
    assert_eq!(email(&http2.get(ME).await), REAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_be_a_browser_sees_the_alias() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    let alias = stage.alias();
    for sign in [
        ("origin", "https://shop.test"),
        ("referer", "https://shop.test/"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "navigate"),
        ("sec-ch-ua", "\"Chromium\""),
        ("upgrade-insecure-requests", "1"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ] {
        assert_eq!(email(&ann.get_with(ME, &[sign]).await), alias, "{}", sign.0);
    }
    assert_eq!(email(&ann.get(ME).await), REAL);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_where_it_was_asked_for() {
    let stage = Stage::with(&CONFIG.replace("\"api\"", "\"none\"")).await;
    let ann = stage.program().await;
    let alias = stage.alias();
    assert_eq!(email(&ann.get(ME).await), alias);
    // What was sent before does not count: only a program that may see it teaches where.
    stage.home.reload(CONFIG).await;
    assert_eq!(email(&ann.get(ME).await), alias);
    put(&ann, ME, &json!({ "user": { "email": REAL } })).await;
    assert_eq!(email(&ann.get(ME).await), REAL);
    // A device teaches nothing either.
    let device = stage.home.client_of("ann");
    put(&device, ME, &json!({ "contact": REAL })).await;
    stage.answers(|known| json_answer(&json!({ "contact": known[0] })));
    let reply = ann.get(ME).await;
    assert!(reply.text().contains(&alias), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn not_in_the_clear_nor_where_several_people_are_at_home() {
    let stage = Stage::with(&CONFIG.replace("\"shop.test\"", "\"shop.test\", \"plain.test\"")).await;
    let ann = stage.program().await;
    let alias = stage.alias();
    let sent = json!({ "user": { "email": REAL } });
    assert_eq!(email(&put(&ann, "http://plain.test/me", &sent).await), alias);
    assert_eq!(email(&put(&ann, ME, &sent).await), REAL);

    let tablet = stage.home.agent_of("tablet");
    for real in ["all@home.example", REAL] {
        let reply = put(&tablet, ME, &json!({ "user": { "email": real } })).await;
        assert_eq!(email(&reply), alias, "the shop answers with what it knows of ann");
        let theirs = stage.known.lock().unwrap().last().unwrap().clone();
        stage.answers(move |_| user(&theirs));
        assert!(email(&tablet.get(ME).await).ends_with("@alias.example"), "{real}");
        stage.answers(|known| user(&known[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn so_much_in_an_answer_and_so_much_in_an_hour() {
    let stage = Stage::set().await;
    let ann = stage.home.agent_of("ann");
    let all: Vec<_> = (0..10).map(|_| REAL).collect();
    put(&ann, ME, &json!({ "all": all })).await;
    stage.answers(|known| json_answer(&json!({ "all": vec![&known[0]; 10] })));
    let shown = |reply: &Reply| reply.text().matches(REAL).count();
    assert_eq!(shown(&ann.get(ME).await), 8);
    let edits = stage.last_edits().await;
    assert_eq!(edits.iter().filter(|edit| edit["action"] == "would-have").count(), 2, "{edits:?}");
    for want in [8, 8, 8, 0, 0] {
        assert_eq!(shown(&ann.get(ME).await), want);
    }
    stage.clock.minutes(59);
    assert_eq!(shown(&ann.get(ME).await), 0);
    stage.clock.minutes(61);
    assert_eq!(shown(&ann.get(ME).await), 8);
}
