//! Whoever sends away what somebody else of the household has can see it in their own log, and nobody else can.

use crate::support::client::{Client, request};
use crate::support::{Household, TestCa, Vendor};
use doorward::model::MemberKind;
use http::Method;
use serde_json::{Value, json};

const ANN: &[(&str, &str)] = &[("email.primary", "ann@home.example"), ("address.street", "Home Street 12")];
const BEN: &[(&str, &str)] = &[
    ("email.primary", "ben@work.example"),
    ("name.full", "Ben Realskov"),
    ("name.given", "Ben"),
    ("phone.primary", "+4915112345678"),
    ("address.street", "Home Street 12"),
];
const THEIRS: [&str; 3] = ["ben@work.example", "Realskov", "15112345678"];

struct Home {
    home: Household,
    shop: Vendor,
}

impl Home {
    async fn of(profile: &str, ann: &[(&str, &str)]) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let config = format!(
            "profile = \"{profile}\"\n[identity]\nnew_vendor = \"stranger\"\ndomain = \"alias.example\"\n\
             [intercept]\nmode = \"all\"\n[ledger]\ndetail = \"metadata\""
        );
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .config(&config)
            .member("ann", ann)
            .member("ben", BEN)
            .member_of_kind("tablet", MemberKind::Shared, &[])
            .start()
            .await;
        Self { home, shop }
    }

    async fn posts(&self, client: &Client, url: &str, body: &str) {
        let reply =
            client.send(request(Method::POST, url, &[("content-type", "application/json")], body.to_owned()));
        assert_eq!(reply.await.status, 200);
    }

    /// What is noted of the others' in the newest OPEN.
    async fn noted(&self) -> Vec<(String, String)> {
        let open = self.home.of_kind("open").await.pop().unwrap();
        for theirs in THEIRS {
            assert!(!open.to_string().contains(theirs), "{open}");
        }
        let edits = open["edits"].as_array().unwrap();
        let of = |rule: &str, place: &Value| {
            edits.iter().any(|edit| edit["rule"] == rule && edit["place"] == *place)
        };
        let is_twice = |edit: &Value| of("household", &edit["place"]) && of("unknown", &edit["place"]);
        assert!(!edits.iter().any(is_twice), "told once, and as what it is: {open}");
        let edits = edits.iter().filter(|edit| edit["rule"] == "household");
        let text = |edit: &Value, name: &str| edit[name].as_str().unwrap().to_owned();
        edits.map(|edit| (text(edit, "place"), text(edit, "category"))).collect()
    }
}

fn letter() -> String {
    json!({ "to": "ben@work.example", "name": "Ben Realskov", "call": "0151 12345678", "first": "Ben", "at": "Home Street 12" })
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_as_it_is_and_is_noted_by_kind_and_place() {
    let home = Home::of("household", ANN).await;
    let ann = home.home.client_of("ann");
    home.posts(&ann, "https://shop.test/gift?cc=ben%40work.example", &letter()).await;
    let got = home.shop.last();
    assert!(got.target().ends_with("cc=ben%40work.example"), "{}", got.target());
    let sent: Value = serde_json::from_str(&got.text()).unwrap();
    assert_eq!((&sent["to"], &sent["call"]), (&json!("ben@work.example"), &json!("0151 12345678")));
    assert_ne!(sent["at"], "Home Street 12", "her own as much as his");
    let want = [
        ("request.url.query:cc", "pd:EmailAddress"),
        ("request.body.json:/to", "pd:EmailAddress"),
        ("request.body.json:/name", "pd:Name"),
        ("request.body.json:/call", "pd:TelephoneNumber"),
    ];
    assert_eq!(home.noted().await, want.map(|(place, category)| (place.to_owned(), category.to_owned())));
    // Where nothing else is in the request, and in a path, whose record must not have it.
    assert_eq!(ann.get("https://shop.test/people/ben@work.example").await.status, 200);
    assert_eq!(home.noted().await.len(), 1);
    // Ben's own is his to replace, not to be noted.
    home.posts(&home.home.client_of("ben"), "https://shop.test/gift", &letter()).await;
    assert_eq!(home.noted().await, []);
    assert!(THEIRS.iter().all(|theirs| !home.shop.last().text().contains(theirs)));
}

#[tokio::test(flavor = "multi_thread")]
async fn also_by_whoever_has_nothing_to_protect() {
    let home = Home::of("household", &[]).await;
    let ann = home.home.client_of("ann");
    home.posts(&ann, "https://shop.test/gift", &letter()).await;
    assert_eq!(home.noted().await.len(), 4, "the street is his alone");
    // What flows is not touched.
    let long = format!("{{\"pad\":\"{}\",\"to\":\"ben@work.example\"}}", "x".repeat(100_000));
    home.posts(&ann, "https://shop.test/gift", &long).await;
    assert_eq!(home.shop.last().text(), long);
    let open = home.home.of_kind("open").await.pop().unwrap();
    assert_eq!(open["notes"].as_array().map_or(0, Vec::len), 0, "{open}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_in_an_organisation_and_a_shared_device_protects_it() {
    let home = Home::of("organisation", ANN).await;
    home.posts(&home.home.client_of("ann"), "https://shop.test/gift", &letter()).await;
    let open = home.home.of_kind("open").await.pop().unwrap();
    assert!(!open.to_string().contains("household"), "{open}");

    let home = Home::of("household", ANN).await;
    home.posts(&home.home.client_of("tablet"), "https://shop.test/gift", &letter()).await;
    assert_eq!(home.noted().await, []);
    assert!(THEIRS.iter().all(|theirs| !home.shop.last().text().contains(theirs)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_goes_or_changes_is_known_at_once() {
    let home = Home::of("household", ANN).await;
    let ann = home.home.client_of("ann");
    home.home.set("ben", "email.primary", "ben@new.example");
    home.posts(&ann, "https://shop.test/gift", r#"{"old":"ben@work.example","new":"ben@new.example"}"#).await;
    assert_eq!(home.noted().await, [("request.body.json:/new".to_owned(), "pd:EmailAddress".to_owned())]);
    home.home
        .reload("profile = \"organisation\"\n[intercept]\nmode = \"all\"\n[ledger]\ndetail = \"metadata\"")
        .await;
    home.posts(&ann, "https://shop.test/gift", r#"{"new":"ben@new.example"}"#).await;
    assert_eq!(home.noted().await, []);
}
