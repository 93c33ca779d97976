//! P5: an upload that came with a length reaches an HTTP/1.1 vendor with one, although what is edited in it is known only
//! at its end.

use crate::support::client::Client;
use crate::support::http2::Http2Vendor;
use crate::support::{Household, TestCa, Vendor};
use serde_json::Value;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const EMAIL: &str = "ann@home.example";
const HELD: &str = "the body is edited as it comes; over HTTP/1.1 it waits until its new length is known";
const WITHOUT: &str = "the body is edited as it flows and leaves without its length";
const MEBIBYTE: usize = 1 << 20;

struct Scene {
    home: Household,
    shop: Vendor,
}

impl Scene {
    async fn new() -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .member("ann", &[("email.primary", EMAIL)])
            .member("bea", &[("email.primary", "bea@home.example")])
            .config("[identity]\ndomain = \"alias.example\"")
            .start()
            .await;
        Self { home, shop }
    }

    /// The alias that the vendor knows.
    async fn alias(&self) -> String {
        self.home.client().post("https://shop.test/", "text/plain", EMAIL).await;
        self.shop.last().text()
    }

    /// What the record of the request to that path says, once it is there.
    async fn notes(&self, path: &str) -> Value {
        for _ in 0..400 {
            if let Some(open) = self.home.of_open(path).await {
                return open["notes"].clone();
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("no record of {path}");
    }
}

/// So many bytes of text with the address at the beginning, in the middle and at the end.
fn text(length: usize) -> String {
    let filler = "lorem ipsum dolor sit amet ".repeat(length / 54 + 1);
    let half = &filler[..(length - 3 * EMAIL.len()) / 2 - 2];
    format!("{EMAIL} {half} {EMAIL} {half} {EMAIL}")
}

/// A request of which the head was sent, and its connection.
async fn begun(client: &Client, path: &str, length: usize, fields: &str) -> TlsStream<TcpStream> {
    let mut stream = client.tunnel("shop.test", "shop.test").await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\n{fields}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_with_its_new_length_from_memory_and_from_disk() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    for length in [MEBIBYTE / 8, 3 * MEBIBYTE] {
        let body = text(length);
        let want = body.replace(EMAIL, &alias);
        let path = format!("/{length}");
        let url = format!("https://shop.test{path}");
        let reply = scene.home.client().post(&url, "text/plain", body).await;
        assert_eq!(reply.status, 200);
        let got = scene.shop.last();
        assert!(got.text() == want, "{length}");
        assert_eq!(got.header("content-length"), [want.len().to_string()]);
        assert!(got.header("transfer-encoding").is_empty());
        assert_eq!(scene.notes(&path).await, Value::from(vec![HELD]));
        let close = scene.home.of_kind("close").await.pop().unwrap();
        assert_eq!(close["sent"], want.len());
        assert_eq!(close["edits"].as_array().unwrap().len(), 3);
    }
    // What waited on the disk stays nowhere.
    let everything = scene.home.every_file();
    assert!(!everything.windows(11).any(|window| window == b"lorem ipsum"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_that_was_to_carry_it_need_not_outlive_the_wait() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    let body = text(MEBIBYTE / 4);
    let (first, rest) = body.split_at(1000);
    let mut stream = begun(&scene.home.client(), "/slow", body.len(), "").await;
    stream.write_all(first.as_bytes()).await.unwrap();
    assert_eq!(scene.notes("/slow").await, Value::from(vec![HELD]));
    scene.shop.hang_up();
    stream.write_all(rest.as_bytes()).await.unwrap();
    scene.home.awaited("close", 2).await;
    let got = scene.shop.last();
    assert!(got.text() == body.replace(EMAIL, &alias));
    assert_eq!((got.target().as_str(), scene.shop.connections()), ("/slow", 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_breaks_off_never_begins_at_the_vendor() {
    let scene = Scene::new().await;
    let mut stream = begun(&scene.home.client(), "/broken", MEBIBYTE, "").await;
    stream.write_all(&vec![b'x'; 3000]).await.unwrap();
    assert_eq!(scene.notes("/broken").await, Value::from(vec![HELD]));
    drop(stream);
    let close = scene.home.awaited("close", 1).await.pop().unwrap();
    assert!(close["outcome"] != "complete" && close["sent"] == 0, "{close}");
    assert!(scene.shop.arrived().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_longer_one_and_one_with_an_expectation_go_as_they_come_and_the_record_says_so() {
    let scene = Scene::new().await;
    for (path, length, fields) in
        [("/long", 32 * MEBIBYTE + 1, ""), ("/expected", MEBIBYTE, "Expect: 100-continue\r\n")]
    {
        let mut stream = begun(&scene.home.client(), path, length, fields).await;
        let words = format!("words to {path} ");
        stream.write_all(words.repeat(1000).as_bytes()).await.unwrap();
        scene.shop.arrival_of(words.as_bytes()).await;
        let arrived = String::from_utf8(scene.shop.arrived()).unwrap();
        let (_, head) = arrived.split_once(&format!("POST {path} ")).unwrap();
        let (head, _) = head.split_once("\r\n\r\n").unwrap();
        assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        assert!(!head.to_lowercase().contains("content-length"), "{head}");
        assert_eq!(scene.notes(path).await, Value::from(vec![WITHOUT]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_2_it_goes_as_it_comes() {
    let ca = TestCa::new();
    let shop = Http2Vendor::start("shop.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca)
        .host("shop.test", shop.address)
        .member("ann", &[("email.primary", EMAIL)])
        .start()
        .await;
    let body = "lorem ipsum ".repeat(10_000);
    let reply = home.client().post("https://shop.test/", "text/plain", body.clone()).await;
    assert_eq!(reply.status, 200);
    assert_eq!((shop.only().header("content-length").len(), shop.only().body.len()), (0, body.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_of_a_member_wait_at_a_time() {
    let scene = Scene::new().await;
    let ann = scene.home.client();
    let mut waiting = Vec::new();
    for number in 1..=8 {
        let path = format!("/waits/{number}");
        waiting.push(begun(&ann, &path, MEBIBYTE, "").await);
        assert_eq!(scene.notes(&path).await, Value::from(vec![HELD]));
    }
    waiting.push(begun(&ann, "/crowded", MEBIBYTE, "").await);
    let crowded = "too many uploads wait for their length already: this one leaves without";
    assert_eq!(scene.notes("/crowded").await, Value::from(vec![HELD, crowded]));
    scene.shop.arrival_of(b"POST /crowded").await;
    waiting.push(begun(&scene.home.client_of("bea"), "/other", MEBIBYTE, "").await);
    assert_eq!(scene.notes("/other").await, Value::from(vec![HELD]), "another member's");
}
