//! A vendor's first pseudonym: in the log before it leaves, made once, and the same for good.

use crate::support::{Household, TestCa, TestDisk, Vendor};
use doorward::gateway::Seams;
use doorward::model::VendorId;
use serde_json::Value;
use std::sync::Arc;

const VALUES: &[(&str, &str)] = &[("email.primary", "ann@home.example"), ("username", "annreal77")];
const IDENTITY: &str = "[identity]\ndomain = \"alias.example\"";
const FORM: &str = "application/x-www-form-urlencoded";

async fn household(ca: &TestCa, shop: &Vendor, config: &str) -> Household {
    Household::trusting(ca).knowing(shop).member("ann", VALUES).config(config).start().await
}

async fn sign_up(home: &Household, host: &str) -> u16 {
    let url = format!("https://{host}/signup");
    home.client().post(&url, FORM, "email=ann%40home.example").await.status.as_u16()
}

fn address(form: &str) -> String {
    form.strip_prefix("email=").expect("the field").replace("%40", "@")
}

fn kinds(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["kind"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_stands_before_the_open_that_carries_the_value() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &shop, IDENTITY).await;
    let planned = home
        .explain("POST", "https://shop.test/signup", &[("content-type", FORM)], "email=ann%40home.example")
        .await;
    assert!(home.of_kind("issue").await.is_empty(), "asking issues nothing");
    assert_eq!(sign_up(&home, "shop.test").await, 200);

    let sent = shop.only().text();
    assert_eq!(planned["body_after"], sent.as_str(), "what was announced is what went");
    let records = home.records().await;
    let at = records.iter().position(|record| record["kind"] == "issue").expect("an issue record");
    assert_eq!(kinds(&records[at..at + 3]), ["issue", "open", "close"]);
    assert_eq!(records[at]["seq"].as_u64().unwrap() + 1, records[at + 1]["seq"].as_u64().unwrap());
    assert_eq!(records[at]["value"].as_str().unwrap(), address(&sent));
    assert_eq!(records[at]["slot"], "email.primary");
    assert_eq!(records[at]["vendor"], "shop.test");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_first_requests_make_one_value_and_one_record() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &shop, IDENTITY).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let client = home.client();
        requests.spawn(async move {
            client.post("https://shop.test/signup", FORM, "email=ann%40home.example").await.status
        });
    }
    while let Some(status) = requests.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    let sent: std::collections::BTreeSet<_> = shop.received().iter().map(|one| one.text()).collect();
    assert_eq!((shop.received().len(), sent.len()), (64, 1));
    let records = home.records().await;
    let issues: Vec<_> = records.iter().filter(|record| record["kind"] == "issue").collect();
    assert_eq!(issues.len(), 1);
    let first_open = records.iter().find(|record| record["kind"] == "open").unwrap();
    assert!(issues[0]["seq"].as_u64() < first_open["seq"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_recorded_was_not_issued() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let disk = TestDisk::default();
    let seams = Seams { disk: Arc::new(disk.clone()), ..Seams::default() };
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", VALUES)
        .config(IDENTITY)
        .seams(seams)
        .start()
        .await;
    let form = [("content-type", FORM)];
    let announced = home.explain("POST", "https://shop.test/signup", &form, "email=ann%40home.example").await;
    disk.full(true);
    for _ in 0..3 {
        assert_eq!(sign_up(&home, "shop.test").await, 503);
    }
    assert!(shop.received().is_empty(), "nothing left");
    let persona = home.house.rooms().personas.of(home.id("ann")).unwrap();
    assert!(persona.wardrobe.vendors().is_empty() && !persona.wardrobe.standing(&"shop.test".into()).known);
    disk.full(false);
    let home = home.pauses().await.start().await;
    assert!(home.of_kind("issue").await.is_empty());
    assert_eq!(sign_up(&home, "shop.test").await, 200);
    assert_eq!(announced["body_after"], shop.only().text().as_str(), "the value was nobody else's meanwhile");
    assert_eq!(home.of_kind("issue").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_issues_nothing() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &shop, &format!("{IDENTITY}\nusername = \"withhold\"")).await;
    let text = "ann@home.example is annreal77";
    assert_eq!(home.client().post("https://shop.test/a", "text/plain", text).await.status, 403);
    assert!(home.of_kind("issue").await.is_empty());
    assert!(!home.house.rooms().personas.standing(home.id("ann"), &"shop.test".into()).known);
    sign_up(&home, "shop.test").await;
    assert_eq!(home.of_kind("issue").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_first_met_in_the_middle_of_an_upload_is_recorded_before_it_leaves() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &shop, IDENTITY).await;
    let body = format!("note={}&email=ann%40home.example", "x".repeat(200_000));
    assert_eq!(home.client().post("https://shop.test/a", FORM, body.clone()).await.status, 200);
    let sent = shop.last().text();
    let (_, sent) = sent.rsplit_once('&').unwrap();
    home.client().post("https://shop.test/b", FORM, body).await;
    assert!(shop.last().text().ends_with(sent));
    let records = home.records().await;
    let issues: Vec<_> = records.iter().filter(|record| record["kind"] == "issue").collect();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0]["value"].as_str().unwrap(), address(sent));
    let close = records.iter().find(|record| record["kind"] == "close").unwrap();
    assert!(issues[0]["seq"].as_u64() < close["seq"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_survives_an_end_without_goodbye_and_is_recorded_once() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    for derivation in ["seed", "random"] {
        let config = format!("{IDENTITY}\nderivation = {derivation:?}");
        let home = household(&ca, &shop, &config).await;
        sign_up(&home, "shop.test").await;
        let before = shop.last().text();
        let home = home.dies().await;
        // The owner's address changes, the one this vendor knows does not.
        let member = home.house.rooms().vault.members().unwrap()[0].id;
        home.set("ann", "email.primary", "ann@elsewhere.example");
        home.client().post("https://shop.test/again", FORM, "email=ann%40elsewhere.example").await;
        assert_eq!(shop.last().text(), before, "{derivation}");
        assert_eq!(home.of_kind("issue").await.len(), 1, "{derivation}");
        assert!(home.house.rooms().personas.standing(member, &VendorId::from("shop.test")).known);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_map_is_put_back_from_the_log() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = household(&ca, &shop, &format!("{IDENTITY}\nderivation = \"random\"")).await;
    sign_up(&home, "shop.test").await;
    let before = shop.last().text();
    let stopped = home.pauses().await;
    let state = rusqlite::Connection::open(stopped.dir.path().join("state.db")).unwrap();
    for table in ["pseudonym", "claimed", "known_host", "relationship"] {
        state.execute(&format!("DELETE FROM {table}"), []).unwrap();
    }
    state.execute("DELETE FROM meta WHERE key = 'pseudonyms-from'", []).unwrap();
    drop(state);
    // The vendor is grouped under a name meanwhile: it is still the one that knows this address.
    let home = stopped.start_with(&format!("{IDENTITY}\n[vendor.shop]\nhosts = [\"shop.test\"]")).await;
    sign_up(&home, "shop.test").await;
    assert_eq!(shop.last().text(), before);
    assert_eq!(home.of_kind("issue").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_issued_keeps_its_person_whatever_the_vendor_is_called() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let grouped =
        format!("{IDENTITY}\n[vendor.shop]\nhosts = [\"shop.test\", \"*.shop.test\", \"cdn.test\"]");
    let renamed = grouped.replace("vendor.shop", "vendor.store");
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .alias("www.shop.test", &shop)
        .alias("cdn.test", &shop)
        .member("ann", VALUES)
        .config(IDENTITY)
        .start()
        .await;

    sign_up(&home, "shop.test").await;
    let before = shop.last().text();
    let member = home.house.rooms().vault.members().unwrap()[0].id;
    // First by a reload, then over restarts.
    home.reload(&grouped).await;
    sign_up(&home, "shop.test").await;
    assert_eq!(shop.last().text(), before, "grouped");
    assert_eq!(home.house.sector_of(member, &"shop".into()), "shop.test".into());
    let home = home.pauses().await.start_with(&renamed).await;
    sign_up(&home, "shop.test").await;
    assert_eq!(shop.last().text(), before, "renamed");
    let home = home.pauses().await.start_with(IDENTITY).await;
    sign_up(&home, "shop.test").await;
    assert_eq!(shop.last().text(), before, "taken out again");
    assert_eq!(home.of_kind("issue").await.len(), 1);
}
