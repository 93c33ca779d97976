//! Node's undici with its ProxyAgent: bodies of every kind, streams, trailers, and many requests at once.

use crate::support::peer::{Peer, node};
use crate::support::scene::{REAL, Scene};
use crate::support::views::found;
use crate::support::{TestCa, Vendor};
use serde_json::json;

struct Shop {
    scene: Scene,
    vendor: Vendor,
}

impl Shop {
    async fn open() -> Self {
        let ca = TestCa::new();
        let first = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nfirst\r\n";
        let last = "4\r\nlast\r\n0\r\nX-Sum: 9\r\n\r\n";
        let vendor = Vendor::https("shop.test")
            .held_route("/download", first, last)
            .held_route("/held", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhe", "ld")
            .start(&ca)
            .await;
        let scene = Scene::set(&ca, &[("shop.test", vendor.address)]);
        Self { scene, vendor }
    }

    fn client(&self, what: &str, path: &str) -> Peer {
        let url = format!("https://shop.test{path}");
        Peer::start(self.scene.around(node("undici_client.js")).args([what, &url]))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_and_json_go_out_under_the_alias() {
    let shop = Shop::open().await;
    let said = shop.client("sign_up", "/signup").ends();
    assert_eq!(said, vec![json!({"status": 200, "text": "ok"}); 2]);
    for request in shop.vendor.received() {
        assert!(found(&request.bytes, &[REAL]).is_empty(), "{}", request.text());
        assert!(request.header("x-mail")[0].ends_with("@alias.example"));
        assert_eq!(found(&request.body(), &["@alias.example"]).len(), 1, "{}", request.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_up_whole() {
    let shop = Shop::open().await;
    assert_eq!(shop.client("upload", "/upload").ends(), [json!({"status": 200, "text": "ok"})]);
    let want: String = (0..500).map(|number| format!("{number:06}").repeat(1000)).collect();
    assert!(shop.vendor.only().text() == want);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_comes_down_piece_by_piece_with_its_trailers() {
    let shop = Shop::open().await;
    let mut client = shop.client("download", "/download");
    assert_eq!(client.says(), json!({"piece": "first"}));
    shop.vendor.let_go();
    assert_eq!(client.ends(), [json!({"piece": "last"}), json!({"trailers": {"x-sum": "9"}})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_at_once_are_each_answered() {
    let shop = Shop::open().await;
    assert_eq!(shop.client("many", "/many").ends(), [json!({"answers": 50})]);
    assert_eq!(shop.vendor.received().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_client_breaks_off_ends_at_the_vendor_and_in_the_log() {
    let shop = Shop::open().await;
    assert_eq!(shop.client("abort", "/held").ends(), [json!({"status": 200})]);
    assert_eq!(shop.scene.close()["outcome"], "cut-by-client");
}
