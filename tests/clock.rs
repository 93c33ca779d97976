//! The clock moves through a running gateway: the machine slept, or its clock was set.

use crate::support::client::Client;
use crate::support::clock::TestClock;
use crate::support::{Household, TestCa, Vendor};
use http::StatusCode;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

async fn household(ca: &TestCa, shop: &Vendor, clock: &TestClock) -> Household {
    Household::trusting(ca).knowing(shop).member("ann", &[]).seams(clock.seams()).start().await
}

/// Leaf and intermediate as a client sees them that holds them against the time of `clock`.
async fn shown(client: &Client) -> Vec<CertificateDer<'static>> {
    let tls = client.tunnel("shop.test", "shop.test").await.expect("a chain that is valid now");
    tls.get_ref().1.peer_certificates().unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_and_intermediate_are_renewed_while_it_runs() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let clock = TestClock::default();
    let home = household(&ca, &shop, &clock).await;
    // A device whose clock goes with the gateway's; it keeps its TLS sessions.
    let client = home.client().at(&clock);
    let root = home.house.front.leaves.certificates().root().clone();
    let first = shown(&client).await;
    assert_eq!(first, shown(&client).await, "one leaf for as long as it is good");

    clock.days(10);
    let later = shown(&client).await;
    assert_ne!(first[0], later[0], "a leaf lives a week");
    assert_eq!(first[1], later[1]);

    clock.days(70);
    let house = Arc::clone(&home.house);
    tokio::task::spawn_blocking(move || house.look_after()).await.unwrap();
    let renewed = shown(&client).await;
    assert_ne!(first[1], renewed[1], "an intermediate is renewed after sixty days");

    // Longer asleep than an intermediate lives: nobody has looked after it yet.
    clock.days(400);
    let woken = shown(&client).await;
    assert_ne!(renewed[1], woken[1]);

    // Set right again, or wrong: behind every certificate there is.
    for days in [67, 0, -3] {
        clock.days(days);
        shown(&client).await;
    }
    assert_eq!(home.house.front.leaves.certificates().root(), &root, "devices trust one root all the while");
    assert_eq!(client.get("https://shop.test/").await.status, StatusCode::OK);
    assert_eq!(home.of_kind("close").await[0]["outcome"], "complete");
    let log = home.verify_stopped().await;
    assert!(log.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_when_certificates_have_ended_and_when_they_are_renewed() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let clock = TestClock::default();
    let home = household(&ca, &shop, &clock).await;
    home.house.measure();
    assert!(home.house.front.leaves.are_valid());
    clock.days(100);
    assert!(!home.house.front.leaves.are_valid());
    home.house.measure();
    assert!(ended(&home));
    let house = Arc::clone(&home.house);
    tokio::task::spawn_blocking(move || house.look_after()).await.unwrap();
    home.house.measure();
    assert!(!ended(&home));
}

fn ended(home: &Household) -> bool {
    serde_json::to_string(&home.house.readiness.report()).unwrap().contains("its certificates have ended")
}
