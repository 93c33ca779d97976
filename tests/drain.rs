//! The gateway ends: what is under way finishes, and what does not in time has its end in the log all the same.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor, until};
use http::Method;
use http_body_util::BodyExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BEGUN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfirst";
/// Longer than any test.
const LONG: Duration = Duration::from_secs(300);

async fn household(ca: &TestCa, shop: &Vendor, bank: &Vendor) -> Household {
    let never = "[intercept]\nnever = [\"bank.test\"]";
    Household::trusting(ca).knowing(shop).knowing(bank).member("ann", &[]).config(never).start().await
}

fn kinds(records: &[Value], kind: &str) -> Vec<Value> {
    records.iter().filter(|record| record["kind"] == kind).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_finishes_and_nothing_new_begins() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").held_route("/file", BEGUN, "last").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let home = household(&ca, &shop, &bank).await;
    let mut downloads = Vec::new();
    for client in [home.client(), home.client().http2()] {
        let mut opened = client.open("shop.test").await;
        let mut body =
            opened.stream(request(Method::GET, "https://shop.test/file", &[], "")).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
        downloads.push((opened, body));
    }
    // A tunnel has no end of its own: it goes on while something moves.
    let (_, _, tunnel) = home.client().connect("bank.test:443").await;
    let mut inside = home.client().trusting(ca.root()).handshake("bank.test", tunnel).await.unwrap();

    let house = Arc::clone(&home.house);
    let closing = tokio::spawn(async move { house.close(LONG).await });
    until("closed doors", || home.house.front.stop.is_cancelled()).await;
    inside.write_all(b"GET / HTTP/1.1\r\nHost: bank.test\r\n\r\n").await.unwrap();
    assert_eq!(inside.read_u8().await.unwrap(), b'H');
    shop.let_go();
    shop.let_go();
    for (_opened, body) in downloads {
        assert_eq!(body.collect().await.unwrap().to_bytes(), "last");
    }
    closing.await.unwrap();
    assert!(TcpStream::connect(home.proxy).await.is_err());
    let records = home.export().await;
    let complete = kinds(&records, "close").iter().filter(|record| record["outcome"] == "complete").count();
    assert_eq!((complete, kinds(&records, "close").len()), (2, 3), "{records:#?}");
    assert!(home.verify_stopped().await.holds());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_finish_in_time_is_ended_and_says_so() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").held_route("/file", BEGUN, "last").start(&ca).await;
    let bank = Vendor::https("bank.test").start(&ca).await;
    let home = household(&ca, &shop, &bank).await;
    let mut open = Vec::new();
    for client in [home.client(), home.client().http2()] {
        let mut opened = client.open("shop.test").await;
        let mut body =
            opened.stream(request(Method::GET, "https://shop.test/file", &[], "")).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
        open.push((opened, body));
    }
    let (status, _, _tunnel) = home.client().connect("bank.test:443").await;
    assert_eq!(status, 200);
    home.house.close(Duration::ZERO).await;
    for (_opened, body) in open {
        assert!(body.collect().await.is_err());
    }
    let records = home.export().await;
    let ends = kinds(&records, "close");
    assert_eq!(ends.len(), 3, "{records:#?}");
    assert!(ends.iter().all(|record| record["outcome"] == "failed"), "{ends:#?}");
    let report = home.verify_stopped().await;
    assert!(report.holds());
}
