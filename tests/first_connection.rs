//! Many first requests at once to one origin: one connection where one is enough, and nobody held up where it is not.

use crate::support::vendor::response;
use crate::support::{Household, Http2Vendor, TestCa, Vendor, until};
use http::StatusCode;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const CLIENTS: usize = 16;

/// The statuses of as many first requests as there are clients, sent at once.
fn burst(home: &Household, url: &str) -> JoinSet<StatusCode> {
    let mut asking = JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, url) = (home.client(), url.to_owned());
        asking.spawn(async move { client.get(&url).await.status });
    }
    asking
}

#[tokio::test(flavor = "multi_thread")]
async fn all_share_the_connection_of_the_first_where_the_vendor_speaks_http2() {
    let ca = TestCa::new();
    let shop = Http2Vendor::start("shop.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    assert_eq!(burst(&home, "https://shop.test/").join_all().await, [StatusCode::OK; CLIENTS]);
    assert_eq!((shop.asked().len(), shop.connections()), (CLIENTS, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_do_not_share_it() {
    let ca = TestCa::new();
    let shop = Http2Vendor::start("shop.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca)
        .host("shop.test", shop.address)
        .member("ann", &[])
        .member("ben", &[])
        .start()
        .await;
    let (ann, ben) = (home.client_of("ann"), home.client_of("ben"));
    tokio::join!(ann.get("https://shop.test/"), ben.get("https://shop.test/"));
    assert_eq!(shop.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_waits_for_anothers_answer_where_it_speaks_http1() {
    let ca = TestCa::new();
    let ok = response("200 OK", &[], b"ok");
    let (now, later) = ok.split_at(4);
    let shop = Vendor::https("shop.test").held_route("/slow", now, later).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let asking = burst(&home, "https://shop.test/slow");
    until("every request", || shop.received().len() == CLIENTS).await;
    (0..CLIENTS).for_each(|_| shop.let_go());
    assert_eq!(asking.join_all().await, [StatusCode::OK; CLIENTS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hears_of_a_vendor_that_is_not_there() {
    let ca = TestCa::new();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let home = Household::trusting(&ca).host("gone.test", nobody).start().await;
    assert_eq!(burst(&home, "https://gone.test/").join_all().await, [StatusCode::BAD_GATEWAY; CLIENTS]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_one_connects_when_the_first_leaves() {
    let ca = TestCa::new();
    let shop = Http2Vendor::start("shop.test", &ca, Vec::new()).await;
    let (door, seen) = door_that_keeps_the_first(shop.address).await;
    let home = Household::trusting(&ca).host("shop.test", door).start().await;
    let first = tokio::spawn({
        let client = home.client();
        async move { client.get("https://shop.test/1").await.status }
    });
    until("the first connection", || seen.load(Ordering::Relaxed) == 1).await;
    let second = tokio::spawn({
        let client = home.client();
        async move { client.get("https://shop.test/2").await.status }
    });
    // The second is on its way in; were it not to wait, it would be through by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!second.is_finished());
    first.abort();
    assert_eq!(second.await.unwrap(), StatusCode::OK);
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}

/// Leads to `vendor`, but says nothing on the first connection; counts all.
async fn door_that_keeps_the_first(vendor: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&seen);
    tokio::spawn(async move {
        let (kept, _) = listener.accept().await.unwrap();
        count.store(1, Ordering::Relaxed);
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut vendor = TcpStream::connect(vendor).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut vendor).await;
            });
            // Held as long as the listener.
            let _ = kept.nodelay();
        }
    });
    (address, seen)
}
