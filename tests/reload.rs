//! A configuration is taken up again while the gateway runs: when told to, and when its file has become another.

use crate::support::client::{Client, Opened, request};
use crate::support::program::without_revocations;
use crate::support::{Household, TestCa, Vendor, crypto};
use doorward::config::Config;
use doorward::config::schema::Profile;
use doorward::config::value::RevocationSource;
use doorward::gateway::{House, ReloadError, Seams};
use doorward::model::Level;
use doorward::vault::Home;
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// A home that was opened before there was a file in it.
struct Scene {
    _dir: TempDir,
    house: Arc<House>,
    file: PathBuf,
}

impl Scene {
    fn set() -> Self {
        crypto();
        let dir = tempfile::tempdir().unwrap();
        let config = Config::defaults(Profile::Household).adjusted(|settings| {
            settings.trackers.lists.clear();
            settings.upstream.revocations = RevocationSource::Off;
        });
        let home = Home::open(dir.path()).unwrap();
        let file = home.config_file();
        let house = House::open(home, config, Seams::default()).unwrap();
        Self { _dir: dir, house, file }
    }

    fn write(&self, lines: &str) {
        let lines = without_revocations(lines);
        std::fs::write(&self.file, format!("schema = 1\n[trackers]\nlists = []\n{lines}")).unwrap();
    }

    fn new_vendor(&self) -> Level {
        self.house.rooms().generation.load().config.settings.identity.new_vendor
    }

    async fn until(&self, level: Level) {
        for _ in 0..600 {
            if self.new_vendor() == level {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the file was not taken up");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_after_the_first_start_is_found() {
    let scene = Scene::set();
    assert!(matches!(scene.house.reload().await, Err(ReloadError::NoFile(_))));
    scene.write("[identity]\nnew_vendor = \"stranger\"");
    let reloaded = scene.house.reload().await.unwrap();
    assert_eq!((reloaded.file, scene.new_vendor()), (scene.file.clone(), Level::Stranger));
    assert!(reloaded.waiting.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_holds_from_the_next_start_is_said_to_wait() {
    let scene = Scene::set();
    for (lines, waiting) in [
        ("[limits]\nconnect = \"3s\"\n[listen]\ntrust_network = [\"192.168.0.0/16\"]", vec![]),
        (
            "[listen]\nproxy = \"127.0.0.1:9999\"\n[ledger]\nwrite = \"batched\"",
            vec!["listen.proxy", "ledger.write"],
        ),
    ] {
        scene.write(lines);
        assert_eq!(scene.house.reload().await.unwrap().waiting, waiting, "{lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_becomes_another_is_taken_up_and_a_bad_one_is_not() {
    let scene = Scene::set();
    tokio::spawn(Arc::clone(&scene.house).keep());
    scene.write("[identity]\nnew_vendor = \"stranger\"");
    scene.until(Level::Stranger).await;
    scene.write("[identity]\nnew_vendor = \"nobody\"");
    assert!(matches!(scene.house.reload().await, Err(ReloadError::Config(_))));
    assert_eq!(scene.new_vendor(), Level::Stranger);
    scene.write("[identity]\nnew_vendor = \"known\"\nfirst = \"pseudonym\"");
    scene.until(Level::Known).await;
    scene.house.close(Duration::ZERO).await;
}

/// A head that says the body goes on, and its first bytes.
const BEGUN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst";

async fn household(ca: &TestCa, shop: &Vendor, bank: &Vendor, lines: &str) -> Household {
    let home = Household::trusting(ca).knowing(shop).knowing(bank).config(lines);
    home.member("ann", &[]).member("ben", &[]).start().await
}

/// Resolves when the gateway has ended this stream.
async fn ended<T: AsyncRead + Unpin>(mut stream: T) {
    let mut rest = Vec::new();
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await.expect("it stays open");
}

/// A download that has begun.
async fn download(client: &Client, url: &str) -> (Opened, Incoming) {
    let host = url.parse::<http::Uri>().unwrap().host().unwrap().to_owned();
    let mut opened = client.open(&host).await;
    let mut body = opened.stream(request(Method::GET, url, &[], "")).await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    (opened, body)
}

/// How the flows at that host ended, once `count` have.
async fn outcomes(home: &Household, count: usize) -> Vec<String> {
    let closed = home.awaited("close", count).await;
    closed.iter().map(|record| record["outcome"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_removed_loses_what_is_open_and_nobody_else_does() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").held_route("/file", BEGUN, "last").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let home = household(&ca, &shop, &bank, "[intercept]\nnever = [\"bank.test\"]").await;
    let (ann, ben) = (home.client_of("ann"), home.client_of("ben"));
    let (_kept, hers) = download(&ann, "https://shop.test/file").await;
    let (_one, his) = download(&ben, "https://shop.test/file").await;
    let (_two, over_http2) = download(&ben.clone().http2(), "https://shop.test/file").await;
    let (status, _, tunnel) = ben.connect("bank.test:443").await;
    assert_eq!(status, 200);

    assert!(home.house.rooms().vault.remove_member(home.id("ben")).unwrap());
    home.house.renew_members().unwrap();

    assert!(his.collect().await.is_err());
    assert!(over_http2.collect().await.is_err());
    ended(tunnel).await;
    // Nobody can open the records of somebody whose keys are gone; the log still has an end for each flow.
    for _ in 0..3 {
        shop.let_go();
    }
    let whole = hers.collect().await.unwrap().to_bytes();
    assert_eq!(whole, "last");
    assert_eq!(ben.connect("bank.test:443").await.0, 407);
    assert!(home.verify_stopped().await.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_holds_no_longer_ends_what_it_opened() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").held_route("/file", BEGUN, "last").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let home = household(&ca, &shop, &bank, "[intercept]\nnever = [\"bank.test\"]").await;
    let lost = home.client_of("ben");
    let (_one, by_the_lost) = download(&lost, "https://shop.test/file").await;
    let (_, _, tunnel) = lost.connect("bank.test:443").await;
    // Sixteen are kept: the seventeenth takes the place of the oldest.
    let mut newer = home.client_of("ben");
    for _ in 0..15 {
        newer = home.client_of("ben");
    }
    let (_two, by_the_newer) = download(&newer, "https://shop.test/file").await;
    home.house.front.look_again();
    assert!(by_the_lost.collect().await.is_err());
    ended(tunnel).await;
    // One for the vendor's end of what was lost, where it has not heard of that yet.
    shop.let_go();
    shop.let_go();
    assert_eq!(by_the_newer.collect().await.unwrap().to_bytes(), "last");
    let mut outcomes = outcomes(&home, 3).await;
    outcomes.sort();
    assert_eq!(outcomes, ["complete", "failed", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_to_be_opened_up_any_more_is_not() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").held_route("/file", BEGUN, "last").start(&ca).await;
    let bank = Vendor::https("bank.test").held_route("/file", BEGUN, "last").start(&ca).await;
    for lines in ["[intercept]\nnever = [\"bank.test\"]", "[intercept]\nmode = \"off\""] {
        let home = household(&ca, &shop, &bank, "").await;
        let ann = home.client_of("ann");
        let (_one, at_the_bank) = download(&ann, "https://bank.test/file").await;
        let (_two, over_http2) = download(&ann.clone().http2(), "https://bank.test/file").await;
        home.reload("").await;
        let (_kept, after_a_reload) = download(&ann, "https://shop.test/file").await;
        home.reload(lines).await;
        assert!(at_the_bank.collect().await.is_err(), "{lines}");
        assert!(over_http2.collect().await.is_err(), "{lines}");
        let is_off = lines.contains("off");
        if is_off {
            assert!(after_a_reload.collect().await.is_err());
        } else {
            shop.let_go();
            assert_eq!(after_a_reload.collect().await.unwrap().to_bytes(), "last");
        }
        let failed = outcomes(&home, 3).await.iter().filter(|outcome| *outcome == "failed").count();
        assert_eq!(failed, if is_off { 3 } else { 2 }, "{lines}");
        // From now on its own certificate is what a client sees.
        let (_, _, stream) = ann.connect("bank.test:443").await;
        let direct = ann.clone().trusting(ca.root());
        assert!(direct.handshake("bank.test", stream).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_configuration_again_gives_nobody_a_second_share() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let other = Vendor::https("other.test").start(&ca).await;
    let vendor = "[vendor.shop]\nhosts = [\"shop.test\"]\nlimit = \"1/h\"\n";
    let lines = format!("[limits]\nper_member = \"2/h\"\n{vendor}");
    let home = household(&ca, &shop, &other, &lines).await;
    let (ann, ben) = (home.client_of("ann"), home.client_of("ben"));
    let status =
        async |client: &Client, host: &str| client.get(&format!("https://{host}/")).await.status.as_u16();
    assert_eq!(status(&ann, "shop.test").await, 200);
    home.reload(&lines).await;
    assert_eq!(status(&ann, "shop.test").await, 429);
    assert_eq!(status(&ben, "shop.test").await, 200);
    assert_eq!(status(&ann, "other.test").await, 429, "both of two are taken");
    // Another quota begins anew; one that is written as before does not.
    home.reload(&lines.replace("2/h", "3/h")).await;
    assert_eq!(status(&ann, "other.test").await, 200);
    assert_eq!(status(&ann, "shop.test").await, 429);
}
