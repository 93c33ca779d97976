//! Nothing real leaks, judged by somebody else: a script that shares no code with the gateway writes every value in every
//! way into every place, and reads what the vendor got.

use crate::support::chat::{self, Chat, Socket};
use crate::support::peer::{Peer, python};
use crate::support::{Household, TestCa, Vendor};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

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

const CONFIG: &str = "[identity]\nnew_vendor = \"stranger\"\ndomain = \"alias.example\"\n\
                      [limits]\nper_member = \"100000/s\"";

/// Where what the oracle writes is sent.
trait Way {
    /// Sends it in pieces. Gives what the vendor got of it: nothing where it was refused.
    async fn send(&mut self, pieces: &[Vec<u8>]) -> Option<Vec<u8>>;

    /// How much the vendor got by now.
    fn received(&self) -> usize;
}

/// One request after another.
struct Requests {
    home: Household,
    shop: Vendor,
    tls: TlsStream<TcpStream>,
}

impl Requests {
    async fn new() -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test").start(&ca).await;
        let home = Household::trusting(&ca).knowing(&shop).member("ann", ANN).config(CONFIG).start().await;
        let tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
        Self { home, shop, tls }
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

impl Way for Requests {
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

    fn received(&self) -> usize {
        self.shop.received().len()
    }
}

/// One message after another, each frame a piece.
struct Messages {
    home: Household,
    chat: Chat,
    socket: Socket,
}

impl Messages {
    async fn new() -> Self {
        let ca = TestCa::new();
        let chat = Chat::start(&ca).await;
        let home = Household::trusting(&ca).host("chat.test", chat.address).member("ann", ANN);
        let home = home.config(CONFIG).start().await;
        let socket = chat::open(&home, &[]).await;
        Self { home, chat, socket }
    }
}

impl Way for Messages {
    async fn send(&mut self, pieces: &[Vec<u8>]) -> Option<Vec<u8>> {
        for (at, piece) in pieces.iter().enumerate() {
            let kind = OpCode::Data(if at == 0 { Data::Text } else { Data::Continue });
            let frame = Frame::message(piece.clone(), kind, at + 1 == pieces.len());
            self.socket.send(Message::Frame(frame)).await.unwrap();
        }
        match self.socket.next().await {
            Some(Ok(Message::Text(said))) => Some(said.as_bytes().to_vec()),
            Some(Ok(Message::Close(Some(close)))) => {
                assert_eq!(close.code, CloseCode::Policy, "refused, and for no other reason");
                self.socket = chat::open(&self.home, &[]).await;
                None
            }
            other => panic!("{other:?}"),
        }
    }

    fn received(&self) -> usize {
        self.chat.messages().iter().filter(|message| message.is_text()).count()
    }
}

/// Plays what the oracle asks for: how many requests, and how many of them the vendor got.
async fn play(which: &str, mut way: impl Way) -> (u64, u64) {
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
        let before = way.received();
        let got = way.send(&pieces).await;
        sent += u64::from(got.is_some());
        assert_eq!(way.received() - before, usize::from(got.is_some()), "what is refused is not sent");
        oracle.hears(&json!(STANDARD.encode(got.unwrap_or_default())).to_string());
        let told = oracle.says();
        if told["leaks"] != json!([]) {
            leaks.push(format!("{}: {}", asked["label"], told["leaks"]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_can_be_read_by_another_program() {
    let (asked, sent) = play("scenes", Requests::new().await).await;
    assert!(asked > 5_000 && sent > asked / 2, "{sent} of {asked} were sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_where_a_body_is_cut() {
    let (asked, sent) = play("cuts", Requests::new().await).await;
    assert!(asked > 1_000 && sent == asked, "{sent} of {asked} were sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_what_is_said_on_a_websocket() {
    let (asked, sent) = play("messages", Messages::new().await).await;
    assert!(asked > 1_000 && sent > asked / 2, "{sent} of {asked} were sent");
}
