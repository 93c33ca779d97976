//! Nothing real leaks, judged by somebody else: a script that shares no code with the gateway writes every value in every
//! way into every place, and reads what the vendor got.

use crate::support::peer::{Peer, python};
use crate::support::{Household, TestCa, Vendor};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

const ANN: &[(&str, &str)] = &[
    ("email.primary", "ann.real@home.example"),
    ("email.work", "ann+work@office.example"),
    ("name.full", "Ann Realskova"),
    ("phone.primary", "+4915112345678"),
    ("address.street", "Lindenstraße 57"),
    ("username", "annreal77"),
    ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("device.mac", "3c:22:fb:9a:01:7e"),
    ("ad.id", "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44"),
    ("account.iban", "DE89370400440532013000"),
    ("account.loyalty", "4471-0093-5521-8"),
    ("custom.badge", "BADGE-00-4711"),
];

struct Scene {
    home: Household,
    shop: Vendor,
    tls: TlsStream<TcpStream>,
}

impl Scene {
    async fn new() -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let config = "[identity]\nnew_vendor = \"stranger\"\ndomain = \"alias.example\"\n\
                      [limits]\nper_member = \"100000/s\"";
        let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN).config(config).start().await;
        let tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
        Self { home, shop, tls }
    }

    /// Sends a request in pieces. Gives what the vendor got of it: nothing where it was refused.
    async fn send(&mut self, pieces: &[Vec<u8>]) -> Option<Vec<u8>> {
        for piece in pieces {
            self.tls.write_all(piece).await.unwrap();
            self.tls.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let status = self.answer().await;
        if status == 200 {
            return Some(self.shop.last().bytes);
        }
        assert_eq!(status, 403, "refused, and for no other reason");
        self.tls = self.home.client().tunnel("shop.test", "shop.test").await.unwrap();
        None
    }

    /// The status of the next answer, whose body is short.
    async fn answer(&mut self) -> u16 {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.tls.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.tls.read_exact(&mut body).await.unwrap();
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Plays what the oracle asks for: how many requests, and how many of them the vendor got.
async fn play(which: &str) -> (u64, u64) {
    let mut scene = Scene::new().await;
    let mut oracle = Peer::start(python("oracle.py").arg(which));
    let values: Map<String, Value> =
        ANN.iter().map(|(slot, value)| ((*slot).to_owned(), json!(value))).collect();
    oracle.hears(&Value::from(values).to_string());
    let (mut leaks, mut sent) = (Vec::new(), 0);
    loop {
        let asked = oracle.says();
        if let Some(count) = asked["count"].as_u64() {
            assert!(leaks.is_empty(), "{} of {count}:\n{}", leaks.len(), leaks.join("\n"));
            return (count, sent);
        }
        assert_eq!(asked["blind"], false, "the oracle sees what was written: {}", asked["label"]);
        let pieces = asked["pieces"].as_array().unwrap().iter();
        let pieces: Vec<_> = pieces.map(|piece| STANDARD.decode(piece.as_str().unwrap()).unwrap()).collect();
        let before = scene.shop.received().len();
        let got = scene.send(&pieces).await;
        sent += u64::from(got.is_some());
        assert_eq!(
            scene.shop.received().len() - before,
            usize::from(got.is_some()),
            "what is refused is not sent"
        );
        oracle.hears(&json!(STANDARD.encode(got.unwrap_or_default())).to_string());
        let told = oracle.says();
        if told["leaks"] != json!([]) {
            leaks.push(format!("{}: {}", asked["label"], told["leaks"]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_can_be_read_by_another_program() {
    let (asked, sent) = play("scenes").await;
    assert!(asked > 5_000 && sent > asked / 2, "{sent} of {asked} were sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_a_body_is_cut() {
    let (asked, sent) = play("cuts").await;
    assert!(asked > 1_000 && sent == asked, "{sent} of {asked} were sent");
}
