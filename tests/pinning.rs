//! P5: an application that accepts only its vendor's own certificate works as without the gateway, once that is known of
//! it, and the log says that it was not inspected.

use crate::support::client::Client;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::Host;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PASSES: &str =
    "this application accepts only its vendor's own certificate: what it opens next passes uninspected";
const ASKS: &str = "this application accepts only its vendor's own certificate: to let it pass uninspected, add its host to [intercept] never";
const CLOSED: &str =
    "this application accepts only its vendor's own certificate, and may not pass uninspected";
const DISTRUST: &str = "this device does not trust Doorward: it has not accepted its certificate yet";

/// A household with a vendor that is reached by browsers, and one whose application has its certificate pinned.
struct Scene {
    home: Household,
    app: Vendor,
    ca: TestCa,
}

impl Scene {
    async fn with(config: &str) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let app = Vendor::https("app.test").start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .knowing(&app)
            .member("ann", &[("email.primary", "ann@home.example")])
            .config(&format!("[identity]\ndomain = \"alias.example\"\n{config}"))
            .start()
            .await;
        Self { home, app, ca }
    }

    /// The device trusts the household: its browser has asked something.
    async fn browses(&self) {
        assert_eq!(self.home.client().get("https://shop.test/").await.status, 200);
    }

    /// The application: it knows nobody but its vendor.
    fn application(&self) -> Client {
        self.home.client().trusting(self.ca.root())
    }

    /// Whether the application gets its answer.
    async fn works(&self, application: &Client) -> bool {
        let Ok(mut stream) = application.tunnel("app.test", "app.test").await else { return false };
        stream.write_all(b"GET /feed?me=ann@home.example HTTP/1.1\r\nHost: app.test\r\n\r\n").await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        answer == *b"HTTP/1.1 200 OK"
    }

    /// Why the application's last connection was refused.
    async fn refusal(&self) -> Value {
        self.home.awaited("refused", 1).await.pop().unwrap()["reason"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_says_so_passes_the_next_time_and_stands_in_the_log() {
    let scene = Scene::with("").await;
    scene.browses().await;
    let application = scene.application();
    assert!(!scene.works(&application).await);
    assert_eq!(scene.refusal().await, PASSES);
    assert!(scene.works(&application).await);
    assert_eq!(scene.app.only().target(), "/feed?me=ann@home.example", "nobody looks into it");
    let tunnel = scene.home.of_kind("tunnel").await.pop().unwrap();
    assert_eq!((tunnel["host"].as_str(), tunnel["reason"].as_str()), (Some("app.test"), Some("pinned")));
    // The browser of the same device is still looked into elsewhere, and so are other devices.
    scene.browses().await;
    let other = scene.home.client().from("127.0.0.2");
    assert_eq!(other.get("https://app.test/").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_sees_what_passes_and_has_it_inspected_again() {
    let scene = Scene::with("").await;
    scene.browses().await;
    let application = scene.application();
    assert!(!scene.works(&application).await && scene.works(&application).await);
    let (house, ann) = (&scene.home.house, scene.home.id("ann"));
    let seen = house.uninspected(ann);
    assert_eq!(seen.len(), 1);
    assert_eq!((&*seen[0].host, &*seen[0].device, seen[0].why), ("app.test", "address:127.0.0.1", "pinned"));
    let again = |host: &str| house.inspect_again(ann, &Host::parse(host).unwrap()).unwrap();
    assert_eq!((again("shop.test"), again("app.test"), again("app.test")), (0, 1, 0));
    assert!(!scene.works(&application).await, "it is inspected again");
    assert!(scene.works(&application).await, "and passes again where it does not bear that");
    again("app.test");
    let restarted = scene.home.pauses().await.start().await;
    assert_eq!(restarted.house.uninspected(restarted.id("ann")), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_without_a_word_passes_after_the_third_time() {
    let scene = Scene::with("").await;
    scene.browses().await;
    for time in 1..=3 {
        // It checks its pins behind a handshake that the system's roots allow.
        drop(scene.home.client().tunnel("app.test", "app.test").await.unwrap());
        if time < 3 {
            crate::support::a_while().await;
            assert!(scene.home.of_kind("refused").await.is_empty(), "{time}");
        }
    }
    assert_eq!(scene.refusal().await, PASSES);
    assert!(scene.works(&scene.application()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_opens_more_than_it_needs_is_none() {
    let scene = Scene::with("").await;
    assert_eq!(scene.home.client().get("https://app.test/").await.status, 200);
    for _ in 0..5 {
        drop(scene.home.client().tunnel("app.test", "app.test").await.unwrap());
    }
    crate::support::a_while().await;
    assert_eq!(scene.home.client().get("https://app.test/").await.status, 200);
    assert!(scene.home.of_kind("tunnel").await.is_empty() && scene.home.of_kind("refused").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_trusts_nothing_of_ours_is_told_apart() {
    let scene = Scene::with("").await;
    let application = scene.application();
    for _ in 0..4 {
        assert!(!scene.works(&application).await);
    }
    assert_eq!(scene.refusal().await, DISTRUST);
    assert!(scene.app.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_pass_is_refused_with_the_reason() {
    for (config, want) in [
        ("[vendor.app]\nhosts = [\"app.test\"]", ASKS),
        ("[intercept]\non_pinned = \"block\"", CLOSED),
        ("strict = true", CLOSED),
    ] {
        let scene = Scene::with(config).await;
        scene.browses().await;
        for _ in 0..2 {
            assert!(!scene.works(&scene.application()).await, "{config}");
            assert_eq!(scene.refusal().await, want, "{config}");
        }
        assert!(scene.app.arrived().is_empty(), "{config}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_knows_an_alias_does_not_pass_unasked() {
    let scene = Scene::with("").await;
    let signed_up = scene.home.client().post("https://app.test/", "text/plain", "ann@home.example").await;
    assert_eq!(signed_up.status, 200);
    assert!(!scene.works(&scene.application()).await);
    assert_eq!(scene.refusal().await, ASKS);
    assert!(!scene.works(&scene.application()).await);
}
