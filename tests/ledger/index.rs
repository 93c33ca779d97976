//! The log's index beside the log: it finds, it says nothing of its own, and it can go at any time.

use crate::support::vendor::find;
use crate::support::{Household, TestCa, Vendor};
use doorward::ledger::Filter;
use std::sync::Arc;

/// The addresses of the owner's flows with a vendor, newest first.
async fn with(home: &Household, vendor: &str) -> Vec<String> {
    let rooms = Arc::clone(home.house.rooms());
    let owner = rooms.vault.members().unwrap().first().unwrap().id;
    let filter = Filter { member: Some(owner), vendor: Some(vendor.into()), limit: 100, since: None };
    let listed = tokio::task::spawn_blocking(move || rooms.ledger.reader().list(&filter).unwrap());
    let listed = listed.await.unwrap();
    assert!(listed.iter().all(|flow| flow.end.is_some()));
    listed
        .iter()
        .map(|flow| match &flow.head.record.as_ref().unwrap().event {
            doorward::model::record::Event::Open { url, .. } => url.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_flows_are_found_with_it_without_it_and_after_it_was_thrown_away() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).knowing(&bank).start().await;
    let client = home.client();
    for number in 0..3 {
        client.get(&format!("https://shop.test/{number}")).await;
        client.get(&format!("https://bank.test/{number}")).await;
    }
    home.records().await;
    let want: Vec<_> = (0..3).rev().map(|number| format!("https://shop.test/{number}")).collect();
    assert_eq!(with(&home, "shop.test").await, want);
    // The next start indexes what the last one left.
    let home = home.pauses().await.start().await;
    assert_eq!(with(&home, "shop.test").await, want);
    let file = home.house.home.index_db();
    let bytes = std::fs::read(&file).unwrap();
    for name in ["shop", "bank", "test"] {
        assert_eq!(find(&bytes, name.as_bytes()), None, "{name} stands in the index");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let stopped = home.pauses().await;
    for name in ["index.db", "index.db-wal", "index.db-shm"] {
        let _ = std::fs::remove_file(stopped.dir.path().join(name));
    }
    let home = stopped.start().await;
    assert_eq!(with(&home, "shop.test").await, want);
    assert_eq!(with(&home, "nobody.test").await, [""; 0]);
}
