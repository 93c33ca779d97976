//! Python's `h2`, which raises at every frame that breaks a rule of HTTP/2: trailers, resets, windows, GOAWAY.

use crate::support::peer::{Peer, python};
use crate::support::scene::Scene;
use crate::support::vendor::response;
use crate::support::{TestCa, Vendor, until};
use serde_json::{Value, json};

const TRAILERS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                        4\r\nlong\r\n3\r\ner!\r\n0\r\nX-Sum: 7\r\n\r\n";
const CUT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nten bytes.";

struct Shop {
    scene: Scene,
    vendor: Vendor,
}

impl Shop {
    async fn open() -> Self {
        let ca = TestCa::new();
        let vendor = Vendor::https("shop.test")
            .route("/trailers", TRAILERS)
            .route("/long", response("200 OK", &[], &[b'x'; 200_000]))
            .route("/cut", CUT)
            .held_route("/held", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe", "ld")
            .start(&ca)
            .await;
        let scene = Scene::set(&ca, &[("shop.test", vendor.address)]);
        Self { scene, vendor }
    }

    fn client(&self, doing: &[&str]) -> Peer {
        Peer::start(self.scene.around(python("h2_client.py")).args(doing))
    }
}

fn quick() -> Value {
    json!({"status": "200", "length": 2, "trailers": []})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_trailers_arrive_and_a_ping_is_answered() {
    let shop = Shop::open().await;
    let said = shop.client(&["trailers", "ping"]).ends();
    let answer = json!({"status": "200", "length": 7, "trailers": [["x-sum", "7"]]});
    assert_eq!(said, [answer, json!({"pong": "are you?"})]);
    assert_eq!(shop.vendor.only().text(), "first last");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_broken_off_leaves_its_neighbours_alone() {
    let shop = Shop::open().await;
    let mut client = shop.client(&["reset"]);
    assert_eq!(client.says(), quick());
    until("the held request", || shop.vendor.received().len() == 2).await;
    client.hears("break it off");
    assert_eq!(client.ends(), [quick()]);
    let records = shop.scene.closed(3);
    let outcomes = records.iter().filter(|record| record["kind"] == "close");
    let mut outcomes: Vec<_> = outcomes.map(|close| close["outcome"].as_str().unwrap()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["complete", "complete", "cut-by-client"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_take_an_answer_as_slowly_as_it_likes() {
    let shop = Shop::open().await;
    assert_eq!(shop.client(&["window"]).ends()[0]["length"], 199_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_does_not_end_well() {
    let shop = Shop::open().await;
    let said = shop.client(&["cut"]).ends();
    assert!(said[0]["reset"].as_u64().is_some_and(|code| code != 0), "{said:?}");
    assert_eq!(said[1], quick());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_says_that_it_takes_nothing_more() {
    let shop = Shop::open().await;
    let mut client = shop.client(&["goaway"]);
    assert_eq!(client.says(), quick());
    shop.scene.gateway.signal("TERM");
    client.hears("it is ending");
    assert_eq!(client.ends(), [json!({"goaway": 0})]);
}
