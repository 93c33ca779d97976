//! After a sleep, or on another network, nobody at the other end of a kept connection may still know of it: the next request takes a new one.

use crate::support::clock::TestClock;
use crate::support::namespace::{is_inside, router};
use crate::support::{Household, TestCa, Vendor};
use std::process::Command;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_from_before_a_sleep_is_not_used_again() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let clock = TestClock::default();
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).seams(clock.seams()).start().await;
    let client = home.client().at(&clock);
    let get = || client.get("https://shop.test/");
    assert_eq!((get().await.status, get().await.status), (200.try_into().unwrap(), 200.try_into().unwrap()));
    assert_eq!(shop.connections(), 1);
    // The clock on the wall went on, the one of waking time did not.
    clock.minutes(9);
    assert_eq!(get().await.status, 200);
    assert_eq!(shop.connections(), 2);
    assert_eq!(get().await.status, 200);
    assert_eq!(shop.connections(), 2, "kept again");
    for close in home.of_kind("close").await {
        assert_eq!((&close["attempts"], &close["outcome"]), (&1.into(), &"complete".into()));
    }
}

/// The machine's address on its way out. Nothing goes that way.
fn speaks_from(address: &str) {
    let route = ["route", "replace", "default", "dev", "lo", "src", address];
    assert!(Command::new("/usr/sbin/ip").args(route).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_from_another_network_is_not_used_again() {
    if !is_inside("waking::a_connection_from_another_network_is_not_used_again") {
        return;
    }
    router("");
    speaks_from("127.0.0.7");
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).member("ann", &[]).start().await;
    let client = home.client();
    for (address, connections) in
        [("127.0.0.7", 1), ("127.0.0.7", 1), ("127.0.0.8", 2), ("127.0.0.8", 2), ("127.0.0.7", 3)]
    {
        speaks_from(address);
        // It is looked at once a second.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(client.get("https://shop.test/").await.status, 200);
        assert_eq!(shop.connections(), connections, "{address}");
    }
    for close in home.of_kind("close").await {
        assert_eq!((&close["attempts"], &close["outcome"]), (&1.into(), &"complete".into()));
    }
}
