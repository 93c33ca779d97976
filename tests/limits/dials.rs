//! Whoever opens many streams at once waits for the vendor's connections on their own: nobody else does.

use crate::support::client::{collect, request};
use crate::support::{Household, TestCa, Vendor, a_while, until};
use http::Method;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// A vendor behind a door that lets in only so many.
struct Door {
    address: SocketAddr,
    knocked: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
}

impl Door {
    async fn before(vendor: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (knocked, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1)));
        let (count, door) = (Arc::clone(&knocked), Arc::clone(&open));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    door.acquire().await.unwrap().forget();
                    let mut vendor = TcpStream::connect(vendor).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut vendor).await;
                });
            }
        });
        Self { address, knocked, open }
    }

    fn knocked(&self) -> usize {
        self.knocked.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_dial_a_few_at_a_time_and_hold_up_nobody() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").route("/first", LAST).start(&ca).await;
    let door = Door::before(shop.address).await;
    let home = Household::trusting(&ca).host("shop.test", door.address).member("ann", &[]).start().await;
    // From here on it is known that the vendor speaks HTTP/1.1.
    assert_eq!(home.client().get("https://shop.test/first").await.status, 200);
    assert_eq!(door.knocked(), 1);

    let crowd = home.client().http2().open("shop.test").await;
    let crate::support::client::Opened::Http2(sender) = crowd else { panic!("HTTP/2") };
    let asked: Vec<_> = (0..80)
        .map(|number| {
            let url = format!("https://shop.test/crowd/{number}");
            let asked = request(Method::GET, &url, &[], "");
            let mut sender = sender.clone();
            tokio::spawn(async move { collect(sender.send_request(asked).await.unwrap()).await.status })
        })
        .collect();
    until("sixteen more", || door.knocked() >= 17).await;
    a_while().await;
    assert_eq!(door.knocked(), 17);
    let honest = tokio::spawn({
        let client = home.client();
        async move { client.get("https://shop.test/honest").await.status }
    });
    until("the eighteenth", || door.knocked() >= 18).await;
    door.open.add_permits(1_000);
    assert_eq!(honest.await.unwrap(), 200);
    for one in asked {
        assert_eq!(one.await.unwrap(), 200);
    }
    let closes = home.of_kind("close").await;
    assert_eq!(closes.len(), 82);
    assert!(closes.iter().all(|close| close["outcome"] == "complete"));
}
