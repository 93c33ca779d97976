//! After a sleep nobody at the other end of a kept connection may still know of it: the next request takes a new one.

use crate::support::clock::TestClock;
use crate::support::{Household, TestCa, Vendor};

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
