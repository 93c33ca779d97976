//! Who wants to be asked is asked: what would carry the value waits, and without an answer the value does not go.

use crate::support::scene::{REAL, Scene};
use crate::support::{Household, TestCa, Vendor, until};
use doorward::exchange::questions::Question;
use doorward::model::Policy;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Command;
use std::time::Duration;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const PHONE: &str = "+12025551234";
const SIGN_UP: &str = r#"{"tel":"+12025551234"}"#;
const ANN: &[(&str, &str)] =
    &[("phone.primary", PHONE), ("name.full", "Ann Real"), ("username", "annreal77")];

struct Asked {
    home: Household,
    shop: Vendor,
}

impl Asked {
    async fn about(identity: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN);
        let home = home.config(&format!("[identity]\n{identity}")).start().await;
        Self { home, shop }
    }

    async fn post(&self, kind: &str, body: impl Into<String>) -> u16 {
        self.home.client().post("https://shop.test/a", kind, body.into()).await.status.as_u16()
    }

    fn open(&self) -> Vec<Question> {
        self.home.house.rooms().questions.of(self.home.id("ann"))
    }

    /// Waits until so many questions are open.
    async fn questions(&self, count: usize) -> Vec<Question> {
        until("so many questions", || self.open().len() == count).await;
        self.open()
    }

    /// Answers the only question.
    async fn answer(&self, policy: Policy) -> Question {
        let question = self.questions(1).await.remove(0);
        let answered = self.home.house.rooms().questions.answer(self.home.id("ann"), question.id, policy);
        assert_eq!(answered.as_ref(), Some(&question.about));
        question
    }

    fn got(&self) -> Value {
        serde_json::from_slice(&self.shop.last().body()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_answer_and_goes_by_it() {
    let asked = Asked::about("phone = \"ask\"").await;
    for (policy, action, goes) in [
        (Policy::Real, "would-have", true),
        (Policy::Withhold, "removed", false),
        (Policy::Coarse, "removed", false),
        (Policy::Pseudonym, "replaced", false),
    ] {
        let before = asked.shop.received().len();
        let (status, question) = tokio::join!(asked.post(JSON, SIGN_UP), async {
            asked.questions(1).await;
            assert_eq!(asked.shop.received().len(), before, "nothing goes before");
            asked.answer(policy).await
        });
        assert_eq!(
            (status, &*question.host, question.about.slot.as_str()),
            (200, "shop.test", "phone.primary")
        );
        assert_eq!(asked.got()["tel"] == PHONE, goes, "{policy:?}");
        assert_eq!(asked.got()["tel"].is_null(), action == "removed", "{policy:?}");
        let open = asked.home.of_kind("open").await.pop().unwrap();
        let edit = &open["edits"][0];
        assert_eq!(
            (&edit["action"], &edit["rule"]),
            (&json!(action), &json!("identity.phone=ask")),
            "{edit}"
        );
        if policy != Policy::Coarse {
            assert_eq!(edit["reason"], "as you said when you were asked");
        }
    }
    assert!(asked.open().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_serves_all_that_wait_for_it() {
    let asked = Asked::about("phone = \"ask\"\nname = \"ask\"").await;
    let both = r#"{"tel":"+12025551234","name":"Ann Real"}"#;
    let answering = async {
        let open = asked.questions(2).await;
        let id = asked.home.id("ann");
        for question in open {
            let policy =
                if question.about.slot.as_str() == "name.full" { Policy::Withhold } else { Policy::Real };
            tokio::time::sleep(Duration::from_millis(100)).await;
            asked.home.house.rooms().questions.answer(id, question.id, policy).unwrap();
        }
    };
    let (one, two, ()) = tokio::join!(asked.post(JSON, both), asked.post(JSON, both), answering);
    assert_eq!((one, two), (200, 200));
    for got in asked.shop.received() {
        assert_eq!(got.text(), r#"{"tel":"+12025551234","name":null}"#);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_flows_waits_where_the_value_stands() {
    let asked = Asked::about("phone = \"ask\"").await;
    let noise = "all that flows ".repeat(20_000);
    let body = |tel: &str| format!("{noise}{tel} {noise}{tel} {noise}");
    let (status, _) = tokio::join!(asked.post(TEXT, body(PHONE)), asked.answer(Policy::Pseudonym));
    assert_eq!(status, 200);
    let got = asked.shop.last().text();
    let made_up = got[noise.len()..].split(' ').next().unwrap();
    assert!(made_up != PHONE && got == body(made_up), "both of them, by one answer: {made_up}");
    // What cannot be left out makes the upload end.
    let (status, _) = tokio::join!(asked.post(TEXT, body(PHONE)), asked.answer(Policy::Withhold));
    assert_eq!(status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_question_back_and_explaining_asks_none() {
    let asked = Asked::about("phone = \"ask\"").await;
    tokio::select! {
        status = asked.post(JSON, SIGN_UP) => panic!("{status}"),
        _ = asked.questions(1) => {}
    }
    asked.questions(0).await;
    let explained = asked.home.explain("POST", "https://shop.test/a?tel=%2B12025551234", &[], "").await;
    assert_eq!(explained["url_after"], "https://shop.test/a?tel=");
    assert_eq!(explained["edits"][0]["reason"], "withheld until you say what is to become of it");
    let from_news = [("referer", "https://news.test/"), ("sec-fetch-dest", "image")];
    asked.home.client().get_with("https://shop.test/p.gif?tel=%2B12025551234", &from_news).await;
    assert_eq!(asked.shop.last().target(), "/p.gif?tel=", "for others nobody is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_time_asks_where_nothing_is_written() {
    let asked = Asked::about("first = \"ask\"\nname = \"real\"").await;
    let body = r#"{"user":"annreal77","name":"Ann Real"}"#;
    let (status, question) = tokio::join!(asked.post(JSON, body), asked.answer(Policy::Pseudonym));
    assert_eq!((status, question.about.slot.as_str()), (200, "username"));
    let got = asked.got();
    assert!(got["user"] != "annreal77" && got["name"] == "Ann Real", "{got}");
    assert_eq!(asked.post(JSON, body).await, 200);
    assert_eq!(asked.got(), got, "what the vendor knows is not asked again");
}

#[test]
fn whoever_watches_is_asked_as_it_comes() {
    let ca = TestCa::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Vendor::https("shop.test").start(&ca));
    let scene = Scene::set(&ca, &[("shop.test", shop.address)]);
    scene.home.ok(&["vendor", "set", "shop.test", "identity.email=ask"]);
    let mut watching = scene.home.spawn(&["question", "watch"]);
    watching.stdin.take().unwrap().write_all(b"yes\nwithhold once\n").unwrap();
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--data", &format!("mail={REAL}"), "https://shop.test/"]);
    assert!(scene.around(curl).status().unwrap().success());
    assert_eq!(shop.last().text(), "mail=");
    assert_eq!(scene.gateway.stop(), 0);
    let said = String::from_utf8(watching.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.starts_with("shop.test (shop.test) would get your email.primary, until "), "{said}");
    assert!(said.ends_with("shop.test: email.primary of ann is withhold this once\n"), "{said}");
    let late = scene.home.run(&["question", "watch"]);
    assert!(late.code == 1 && late.err.contains("does not run"), "{late:?}");
}

#[test]
fn the_owner_answers_by_a_command_for_good_or_nobody_does() {
    let ca = TestCa::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let shop = runtime.block_on(Vendor::https("shop.test").start(&ca));
    let scene = Scene::set(&ca, &[("shop.test", shop.address)]);
    scene.home.ok(&["vendor", "set", "shop.test", "identity.email=ask"]);
    let typed = format!("{{\"mail\":\"{REAL}\"}}");
    let sign_up = || {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--data",
            &typed,
            "--header",
            "content-type: application/json",
        ]);
        scene.around(curl).arg("https://shop.test/").spawn().unwrap()
    };
    assert!(scene.home.ok(&["question", "list"]).out.contains("is asked nothing now"));

    let mut waits = sign_up();
    let asked = loop {
        if let Some(asked) = scene.home.ok(&["--json", "question", "list"]).lines().pop() {
            break asked;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!((&asked["vendor"], &asked["slot"]), (&json!("shop.test"), &json!("email.primary")));
    assert!(scene.home.ok(&["status"]).out.contains("question 1 open"));
    let number = asked["question"].to_string();
    assert_eq!(scene.home.run(&["question", "answer", &number, "ask"]).code, 2, "that is no answer");
    let said = scene.home.ok(&["question", "answer", &number, "pseudonym"]).out;
    assert!(said.contains("email.primary of ann is pseudonym from now on"), "{said}");
    assert!(waits.wait().unwrap().success());
    assert_eq!(scene.home.run(&["question", "answer", &number, "real"]).code, 3, "nobody waits any more");
    assert!(shop.last().text().contains("@alias.example"));
    assert!(sign_up().wait().unwrap().success(), "asked once, kept");
    assert!(shop.last().text().contains("@alias.example"));
    let shown = scene.home.ok(&["--json", "vendor", "show", "shop.test"]).json();
    assert_eq!(shown["own"]["identity.email.primary"], "pseudonym");

    scene.home.ok(&["vendor", "set", "shop.test", "identity.email.primary=ask"]);
    assert!(sign_up().wait().unwrap().success(), "half a minute later");
    assert_eq!(shop.last().text(), r#"{"mail":null}"#);
    let open = scene.closed(3).into_iter().rfind(|record| record["kind"] == "open").unwrap();
    assert_eq!(open["edits"][0]["reason"], "withheld: nobody answered");
}
