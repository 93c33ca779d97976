//! Members are strangers to one another: whatever the gateway keeps of one is of no use to another.

use crate::support::client::{Client, request};
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor};
use doorward::ledger::{Filter, FsDisk, KeyError, Keys, Reader};
use doorward::model::{KeyId, MemberId, MonthKey, Secret, Slot, VendorId};
use doorward::vault::Vault;
use http::Method;
use rustls::HandshakeKind;
use std::collections::BTreeSet;
use std::sync::Arc;

const FORM: &str = "application/x-www-form-urlencoded";
const CONFIG: &str = "[identity]\ndomain = \"alias.example\"";

/// Two people with the same real value, and a vendor that answers on a connection that it keeps, or closes.
async fn two(vendor: &Vendor, ca: &TestCa, config: &str) -> (Household, Client, Client) {
    let home = Household::trusting(ca)
        .knowing(vendor)
        .member("ann", &[("email.primary", "both@home.example")])
        .member("bob", &[("email.primary", "both@home.example")])
        .config(&format!("{CONFIG}\n{config}"))
        .start()
        .await;
    let (ann, bob) = (home.client_of("ann"), home.client_of("bob"));
    (home, ann, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_carries_two_people() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let (_home, ann, bob) = two(&shop, &ca, "").await;
    for round in 0..6 {
        let client = if round % 2 == 0 { &ann } else { &bob };
        client.post("https://shop.test/a", FORM, "m=both%40home.example").await;
    }
    let all = shop.received();
    let of = |first: usize| -> BTreeSet<_> {
        all.iter().skip(first).step_by(2).map(|one| one.connection).collect()
    };
    assert_eq!(of(0).len(), 1, "one's own connection is kept");
    assert_eq!(of(1).len(), 1);
    assert!(of(0).is_disjoint(&of(1)));
    let said = |at: usize| all[at].text();
    assert_eq!(said(0), said(2));
    assert_ne!(said(0), said(1), "nor does the same address become the same alias");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_of_one_person_epoch_or_vendor_resumes_anothers_session() {
    let ca = TestCa::new();
    let bye = response("200 OK", &[("Connection", "close")], b"ok");
    // Two vendors who are one machine with one ticket key: all they could join is there to be joined.
    let both = Vendor::https("shop.test news.test").route("/a", bye).start(&ca).await;
    let home = Household::trusting(&ca)
        .alias("shop.test", &both)
        .alias("news.test", &both)
        .member("ann", &[("email.primary", "ann@home.example")])
        .member("bob", &[("email.primary", "bob@home.example")])
        .config(CONFIG)
        .start()
        .await;
    let (ann, bob) = (home.client_of("ann"), home.client_of("bob"));
    let resumed = async |client: &Client, host: &str| {
        assert_eq!(client.get(&format!("https://{host}/a")).await.status, 200);
        both.last().resumed
    };
    assert!(!resumed(&ann, "shop.test").await);
    assert!(resumed(&ann, "shop.test").await, "one's own session is taken up, or the test shows nothing");
    assert!(!resumed(&bob, "shop.test").await, "another member");
    assert!(!resumed(&ann, "news.test").await, "another vendor");
    home.house.reset(home.id("ann"), &"shop.test".into()).await.unwrap();
    assert!(!resumed(&ann, "shop.test").await, "another epoch");
    assert!(resumed(&ann, "shop.test").await);
    assert!(resumed(&bob, "shop.test").await, "nobody else is disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_shows_its_clients_is_kept_by_member() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    // Both credentials in the hands of one client with one session cache: it would resume if it could.
    let (_home, ann, bob) = two(&shop, &ca, "").await;
    let shake = async |client: &Client| {
        let mut stream = client.tunnel("shop.test", "shop.test").await.unwrap();
        // Tickets come with the first bytes.
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n").await.unwrap();
        let mut some = [0; 64];
        assert_ne!(stream.read(&mut some).await.unwrap(), 0);
        let connection = stream.get_ref().1;
        let leaf = connection.peer_certificates().unwrap()[0].clone();
        (connection.handshake_kind().unwrap(), leaf)
    };
    let ann = ann.sharing_sessions_with(&bob);
    let (first, leaf) = shake(&ann).await;
    assert_eq!(first, HandshakeKind::Full);
    let (again, same) = shake(&ann).await;
    assert_eq!((again, &same), (HandshakeKind::Resumed, &leaf));
    let (other, another) = shake(&bob).await;
    assert_eq!(other, HandshakeKind::Full, "bob's client offers ann's ticket in vain");
    assert_ne!(another, leaf, "and no leaf is warm that was made for ann");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_persons_quota_is_nobody_elses() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let quotas = "[limits]\nper_member = \"6/h\"\n[vendor.shop]\nhosts = [\"shop.test\"]\nlimit = \"3/h\"";
    let (_home, ann, bob) = two(&shop, &ca, quotas).await;
    let statuses = async |client: &Client, times: usize| {
        let mut all = Vec::new();
        for _ in 0..times {
            all.push(client.get("https://shop.test/").await.status.as_u16());
        }
        all
    };
    assert_eq!(statuses(&ann, 5).await, [200, 200, 200, 429, 429]);
    assert_eq!(statuses(&bob, 3).await, [200, 200, 200]);
    assert_eq!(shop.received().len(), 6);
}

/// Somebody who got hold of everything a member can open, and tries it on all there is.
struct OnlyOf {
    member: MemberId,
    vault: Vault,
    keys: Vec<MonthKey>,
}

impl Keys for OnlyOf {
    fn month_key(&self, _: MemberId, vendor: Option<&VendorId>, month: u32) -> Result<MonthKey, KeyError> {
        Keys::month_key(&self.vault, self.member, vendor, month)
    }

    fn names(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, KeyError> {
        Keys::names(&self.vault, member, vendor)
    }

    fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, KeyError> {
        // Their own key under whatever name the record asks for.
        let key = self.keys.first().cloned();
        Ok(key.map(|key| MonthKey { id, ..key }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_record_opens_with_another_persons_key() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let (home, ann, bob) = two(&shop, &ca, "").await;
    for client in [&ann, &bob] {
        client.post("https://shop.test/a", FORM, "m=both%40home.example").await;
    }
    home.records().await;
    let vault = home.house.rooms().vault.clone();
    let (ann, bob) = (home.id("ann"), home.id("bob"));
    let vendor = VendorId::from("shop.test");
    let month = home.house.rooms().clock.now().month();
    let key = vault.month_key(ann, Some(&vendor), month).unwrap();
    let ledger = home.dir.path().join("ledger");
    let keys = OnlyOf { member: ann, vault: vault.clone(), keys: vec![key] };
    let mine = Reader::open(&ledger, Arc::new(FsDisk), Arc::new(keys));
    let mut read = Vec::new();
    let walked = mine.walk(0, |stored, _| {
        read.extend(stored.record.map(|record| record.member));
        std::ops::ControlFlow::Continue(())
    });
    drop(walked);
    assert!(read.iter().all(|member| *member == ann), "{read:?}");
    // With the owner's keys there are records of both.
    let all = home.house.rooms().ledger.reader().list(&Filter { limit: 10, ..Filter::default() }).unwrap();
    let about: BTreeSet<_> = all.into_iter().filter_map(|one| Some(one.head.record?.member)).collect();
    assert!(about.is_superset(&[ann, bob].into()));
    // Nor does a sealed value.
    for row in home.house.store.pseudonyms(bob).unwrap() {
        let context = format!("pseudonym/{}/{}/{}", row.slot, row.epoch, row.vendor);
        assert!(vault.open_sealed(bob, &context, &row.sealed).is_ok());
        assert!(vault.open_sealed(ann, &context, &row.sealed).is_err());
    }
    let sealed = vault.seal(ann, "note", b"x").unwrap();
    assert!(vault.open_sealed(bob, "note", &sealed).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_person_does_changes_nothing_for_another() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let (home, ann, bob) = two(&shop, &ca, "").await;
    let tell = async |client: &Client| {
        client.post("https://shop.test/a", FORM, "m=both%40home.example").await;
        shop.last().text()
    };
    let before = tell(&bob).await;
    tell(&ann).await;
    home.house.reset(home.id("ann"), &"shop.test".into()).await.unwrap();
    home.house.store.set_vendor(home.id("ann"), &"shop.test".into(), "level", Some("known")).unwrap();
    home.house.renew_members().unwrap();
    assert_eq!(tell(&ann).await, "m=both%40home.example");
    assert_eq!(tell(&bob).await, before);
    let email = Slot::parse("email.primary").unwrap();
    home.house.rooms().vault.set_attribute(home.id("ann"), &email, None::<&Secret<String>>).unwrap();
    home.house.renew_members().unwrap();
    assert_eq!(tell(&bob).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_crossed_flows_keep_their_canaries_apart() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let (_home, ann, bob) = two(&shop, &ca, "").await;
    let mut tasks = tokio::task::JoinSet::new();
    for (client, canary) in [(ann, "canary-ann"), (bob, "canary-bob")] {
        for lane in 0..8 {
            let client = client.clone();
            tasks.spawn(async move {
                let mut open = client.open("shop.test").await;
                for number in 0..60 {
                    let url = format!("https://shop.test/{canary}/{lane}/{number}");
                    let fields = [("cookie", canary), ("content-type", FORM)];
                    let sent = request(Method::POST, &url, &fields, format!("c={canary}"));
                    assert_eq!(open.send(sent).await.status, 200);
                }
            });
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let all = shop.received();
    assert_eq!(all.len(), 960);
    let mut owners = std::collections::HashMap::new();
    for one in &all {
        let text = String::from_utf8_lossy(&one.bytes).into_owned();
        let (ann, bob) = (text.contains("canary-ann"), text.contains("canary-bob"));
        assert!(ann != bob, "{text}");
        assert_eq!(*owners.entry(one.connection).or_insert(ann), ann, "a connection changed hands");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_stands_for_somebody_carries_nothing_else() {
    let ca = TestCa::new();
    let asks = response("401 Unauthorized", &[("WWW-Authenticate", "Negotiate")], b"");
    let shop = Vendor::https("shop.test").route("/asks", asks).start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&plain).member("ann", &[]).start().await;
    let ann = home.client_of("ann");
    for _ in 0..2 {
        ann.get_with("https://shop.test/", &[("authorization", "NTLM TlRMTVNTUAAB")]).await;
        ann.get("https://shop.test/asks").await;
    }
    // Guests are many behind one name.
    let guest = home.client_at("192.0.2.7").await;
    for _ in 0..2 {
        guest.get("http://plain.test/").await;
    }
    for vendor in [shop, plain] {
        let all = vendor.received();
        let on: BTreeSet<_> = all.iter().map(|one| one.connection).collect();
        assert_eq!(on.len(), all.len(), "{}", vendor.host);
    }
}
