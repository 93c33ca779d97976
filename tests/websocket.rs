//! P2 and P5 on a WebSocket: the handshake walks the corridor, messages pass as they are, and real values leave in none.

use crate::support::chat::{Chat, open};
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor, until};
use doorward::model::Policy;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

const ANN: &[(&str, &str)] = &[("email.primary", "ann@home.example"), ("name.full", "Ann Real")];
const IDENTITY: &str = "[identity]\ndomain = \"alias.example\"";

async fn household(ca: &TestCa, chat: &Chat, values: &[(&str, &str)]) -> Household {
    household_with(ca, chat, values, IDENTITY).await
}

async fn household_with(ca: &TestCa, chat: &Chat, values: &[(&str, &str)], config: &str) -> Household {
    let builder = Household::trusting(ca).host("chat.test", chat.address).config(config);
    builder.member("ann", values).start().await
}

async fn close_of(home: &Household) -> Value {
    home.awaited("close", 1).await.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_sides_say_passes_as_it_is_and_stands_in_the_log() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, &[]).await;
    let offer = [("sec-websocket-protocol", "chat"), ("sec-websocket-extensions", "permessage-deflate")];
    let mut socket = open(&home, &offer).await;
    let long = "grüße ".repeat(50_000);
    let bytes: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
    for said in [Message::text("hello"), Message::text(long), Message::binary(bytes), Message::text("")] {
        socket.send(said.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), said);
    }
    socket.send(Message::Ping("are you there".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("are you there".into()));
    let bye = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
    socket.close(Some(bye.clone())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(Some(bye)));
    while let Some(Ok(_)) = socket.next().await {}
    drop(socket);

    // Nobody is to be protected, so nothing is looked into and compression is theirs to agree on.
    assert_eq!(chat.field("sec-websocket-extensions"), ["permessage-deflate"]);
    assert_eq!(
        (chat.field("sec-gpc"), chat.field("sec-websocket-protocol")),
        (vec!["1".into()], vec!["chat".into()])
    );
    let open = home.awaited("open", 1).await.pop().unwrap();
    assert_eq!(open["url"], "https://chat.test/room");
    let close = close_of(&home).await;
    assert_eq!((&close["status"], &close["outcome"]), (&101.into(), &"complete".into()));
    assert!(
        close["sent"].as_u64().unwrap() > 500_000 && close["received"].as_u64().unwrap() > 500_000,
        "{close}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_value_leaves_in_no_text_message() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, ANN).await;
    let mut socket = open(&home, &[("sec-websocket-extensions", "permessage-deflate")]).await;
    assert_eq!(chat.field("sec-websocket-extensions"), [""; 0]);
    let long = "nothing to see here. ".repeat(10_000);
    for (said, around) in [
        (r#"{"mail":"ann@home.example","n":1}"#, [r#"{"mail":""#, r#"","n":1}"#]),
        (r#"42["join",{"mail":"ANN@home.example"}]"#, [r#"42["join",{"mail":""#, r#""}]"#]),
        (r#"{"mail":"ann\u0040home.example"}"#, [r#"{"mail":""#, r#""}"#]),
        ("write to ann@home.example please", ["write to ", " please"]),
        (&format!("{long}ann@home.example, {long}"), [&long, &format!(", {long}")]),
    ] {
        socket.send(Message::text(said)).await.unwrap();
        let heard = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
        assert!(heard.starts_with(around[0]) && heard.ends_with(around[1]), "{heard}");
        let plain = heard.replace("\\u0040", "@");
        assert!(plain.contains("@alias.example") && !plain.to_lowercase().contains("ann@"), "{heard}");
    }
    for untouched in
        [Message::text(r#"{"mail":"bob@home.example"}"#), Message::binary(b"ann@home.example".to_vec())]
    {
        socket.send(untouched.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), untouched);
    }
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = socket.next().await {}
    drop(socket);
    let close = close_of(&home).await;
    let edits = close["edits"].as_array().unwrap();
    let replaced =
        edits.iter().filter(|edit| edit["action"] == "replaced" && edit["slot"] == "email.primary");
    assert_eq!(replaced.count(), 5, "{edits:#?}");
    // Nobody looked into the binary message, and the log says so.
    assert_eq!(edits.iter().filter(|edit| edit["rule"] == "could not inspect").count(), 1, "{edits:#?}");
    let opened = home.of_kind("open").await.pop().unwrap();
    let offer =
        opened["edits"].as_array().unwrap().iter().find(|edit| edit["rule"] == "websocket.extensions");
    assert_eq!(offer.unwrap()["place"], "request.header:sec-websocket-extensions");
    assert!(!home.records().await.iter().any(|record| record.to_string().contains("ann@home")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_made_for_another_vendor_becomes_this_ones() {
    let ca = TestCa::new();
    let (chat, shop) = (Chat::start(&ca).await, Vendor::https("shop.test").start(&ca).await);
    let home = Household::trusting(&ca)
        .host("chat.test", chat.address)
        .knowing(&shop)
        .member("ann", ANN)
        .config(IDENTITY)
        .start()
        .await;
    home.client().post("https://shop.test/", "text/plain", "ann@home.example").await;
    let shops = shop.only().text();
    let mut socket = open(&home, &[]).await;
    for said in [format!("I am {shops}"), format!("{shops} is ann@home.example"), format!("I am {shops}")] {
        socket.send(Message::text(said.clone())).await.unwrap();
        let heard = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();
        let words = said.split(' ').count();
        assert!(!heard.contains(&shops) && heard.split(' ').count() == words, "{heard}");
        assert_eq!(heard.matches("@alias.example").count(), said.matches('@').count(), "{heard}");
    }
    drop(socket);
    let close = home.awaited("close", 2).await.pop().unwrap();
    let edits = close["edits"].as_array().unwrap();
    assert_eq!(edits.len(), 4, "{edits:#?}");
    assert_eq!(edits[0]["reason"], "made for another vendor; chat.test knows you by an alias");
    assert!(edits.iter().all(|edit| edit["place"] == "request.ws.text"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_the_answer_and_what_comes_behind_it_waits_too() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household_with(&ca, &chat, ANN, &format!("{IDENTITY}\nemail = \"ask\"")).await;
    let mut socket = open(&home, &[]).await;
    for said in ["I am ann@home.example", "hello", "ann@home.example again"] {
        socket.send(Message::text(said)).await.unwrap();
    }
    let (questions, ann) = (&home.house.rooms().questions, home.id("ann"));
    until("a question", || questions.of(ann).len() == 1).await;
    assert!(chat.messages().is_empty());
    questions.answer(ann, questions.of(ann)[0].id, Policy::Pseudonym).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.push(socket.next().await.unwrap().unwrap().into_text().unwrap().to_string());
    }
    let alias = heard[0].strip_prefix("I am ").unwrap();
    assert!(alias.ends_with("@alias.example"), "{alias}");
    assert_eq!(heard[1..], ["hello".to_owned(), format!("{alias} again")], "asked once for this channel");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_may_pass_unread_a_binary_message_does_not() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household_with(&ca, &chat, ANN, &format!("{IDENTITY}\nstrict = true")).await;
    let mut socket = open(&home, &[]).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    socket.send(Message::binary(b"ann@home.example".to_vec())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), closing(CloseCode::Policy));
    let close = close_of(&home).await;
    assert_eq!(
        (&close["outcome"], &close["edits"][0]["rule"]),
        (&"failed".into(), &"websocket.ended".into())
    );
    // What was wrong is none of the vendor's business.
    until("the vendor's end", || chat.messages().len() == 2).await;
    assert_eq!(chat.messages(), [Message::text("hello"), closing(CloseCode::Away)]);
}

/// An end with this code and no reason.
fn closing(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code, reason: "".into() }))
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_gateway_stops_both_sides_hear_that_it_goes_away() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    for values in [&[][..], ANN] {
        let home = household(&ca, &chat, values).await;
        let mut socket = open(&home, &[]).await;
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
        let before = chat.messages().len();
        let house = Arc::clone(&home.house);
        let stops = tokio::spawn(async move { house.close(Duration::from_secs(20)).await });
        assert_eq!(socket.next().await.unwrap().unwrap(), closing(CloseCode::Away));
        until("the vendor's end", || chat.messages().len() > before).await;
        assert_eq!(chat.messages().last(), Some(&closing(CloseCode::Away)));
        stops.await.unwrap();
    }
}

/// Base64 that is too long to be looked into, in a text message: whether it holds her address nobody says.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_too_long_to_be_undone_is_told_or_ends_the_channel() {
    use base64::Engine;
    let long = format!("{} ann@home.example", "x".repeat(60_000));
    let long = base64::engine::general_purpose::STANDARD.encode(long);
    for strict in [false, true] {
        let ca = TestCa::new();
        let chat = Chat::start(&ca).await;
        let home = household_with(&ca, &chat, ANN, &format!("{IDENTITY}\nstrict = {strict}")).await;
        let mut socket = open(&home, &[]).await;
        socket.send(Message::text(long.clone())).await.unwrap();
        if !strict {
            assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(long.clone()));
            socket.close(None).await.unwrap();
        }
        while let Some(Ok(_)) = socket.next().await {}
        drop(socket);
        assert_eq!(chat.messages().contains(&Message::text(long.clone())), !strict);
        let rule = if strict { "websocket.ended" } else { "could not inspect" };
        assert_eq!(close_of(&home).await["edits"][0]["rule"], rule);
    }
}

/// The frames of one message, each with a mask of its own, a ping between them.
fn in_pieces(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(7).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let last = if number + 1 == pieces.len() { 0x80 } else { 0 };
        let opcode = u8::from(number == 0);
        bytes.extend(frame(last | opcode, piece, [number as u8, 7, 99, 3]));
        if number == 1 {
            bytes.extend(frame(0x89, b"ping", [1, 2, 3, 4]));
        }
    }
    bytes
}

fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    assert!(payload.len() < 126);
    let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [first, 0x80 | payload.len() as u8].into_iter().chain(mask).chain(masked).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_pieces_is_looked_into_as_one_wherever_it_is_cut() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, ANN).await;
    let socket = open(&home, &[]).await;
    let mut stream = socket.into_inner();
    for (number, pace) in [(1, usize::MAX), (2, 1), (3, 5)] {
        let said = format!("{{\"number\":{number},\"mail\":\"ann@home.example\"}}");
        for chunk in in_pieces(&said).chunks(pace.min(10_000)) {
            stream.write_all(chunk).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
    until("three messages", || chat.messages().iter().filter(|one| one.is_text()).count() == 3).await;
    let heard = chat.messages();
    assert_eq!(heard.iter().filter(|one| **one == Message::Ping("ping".into())).count(), 3);
    let texts: Vec<Value> = heard
        .iter()
        .filter(|one| one.is_text())
        .map(|one| serde_json::from_str(one.to_text().unwrap()).unwrap())
        .collect();
    for (number, text) in (1..).zip(&texts) {
        assert_eq!(text["number"], number);
        assert_eq!(text["mail"], texts[0]["mail"]);
        assert!(text["mail"].as_str().unwrap().ends_with("@alias.example"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_break_the_rules_end_the_channel_and_nothing_of_them_leaves() {
    const PROTOCOL_ERROR: u16 = 1002;
    const TOO_BIG: u16 = 1009;
    let ca = TestCa::new();
    let long = [&[0x81, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 1, 2, 3, 4][..], &[7; 4000]].concat();
    for (case, bytes, code) in [
        ("not masked", vec![0x81, 0x02, b'h', b'i'], PROTOCOL_ERROR),
        ("an extension", frame(0xc1, b"hi", [1; 4]), PROTOCOL_ERROR),
        ("belongs to no message", frame(0x80, b"hi", [1; 4]), PROTOCOL_ERROR),
        (
            "belongs to no message",
            [frame(0x01, b"h", [1; 4]), frame(0x81, b"i", [1; 4])].concat(),
            PROTOCOL_ERROR,
        ),
        ("too long to be looked into", long, TOO_BIG),
    ] {
        let chat = Chat::start(&ca).await;
        let home = household(&ca, &chat, ANN).await;
        let mut stream = open(&home, &[]).await.into_inner();
        stream.write_all(&bytes).await.unwrap();
        stream.flush().await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert_eq!(rest, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{case}");
        let close = close_of(&home).await;
        assert_eq!(close["outcome"], "cut-by-client", "{case}");
        let why = close["edits"][0]["reason"].as_str().unwrap();
        assert!(why.contains(case), "{case}: {why}");
        until("the vendor's end", || chat.messages() == [closing(CloseCode::Away)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_does_not_accept_is_heard_and_one_that_pretends_to_is_not() {
    let ca = TestCa::new();
    let forged = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n";
    let chat = Vendor::https("chat.test")
        .route("/no", response("403 Forbidden", &[("X-Why", "closed")], b"no"))
        .route("/forged", forged.to_vec())
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&chat).start().await;
    let asked = |path: &str, more: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: chat.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        )
    };
    let version = "Sec-WebSocket-Version: 13\r\n";
    for (path, more, want) in [
        ("/no", version, "HTTP/1.1 403"),
        ("/forged", version, "HTTP/1.1 502"),
        ("/old", "Sec-WebSocket-Version: 8\r\n", "HTTP/1.1 400"),
    ] {
        let mut stream = home.client().tunnel("chat.test", "chat.test").await.unwrap();
        stream.write_all(asked(path, more).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), want, "{path}");
    }
    let paths: Vec<_> = chat.received().iter().map(|one| one.target()).collect();
    assert_eq!(paths, ["/no", "/forged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_ends_with_the_gateway_and_its_flow_with_it() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, &[]).await;
    let mut socket = open(&home, &[]).await;
    socket.send(Message::text("hello")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!(home.export().await.iter().filter(|record| record["kind"] == "close").count(), 0);
    let report = home.verify_stopped().await;
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.opened, report.unended), (1, 0));
    assert!(!matches!(socket.next().await, Some(Ok(Message::Text(_)))));
}

/// A vendor's side that is not asked to speak first: the role is only there to show that frames come through unmasked.
#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_frames_are_its_own() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, ANN).await;
    let mut stream = open(&home, &[]).await.into_inner();
    stream.write_all(&frame(0x81, b"echo", [5; 4])).await.unwrap();
    stream.flush().await.unwrap();
    let mut heard = [0; 6];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, *b"\x81\x04echo");
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    socket.close(None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_not_to_be_opened_up_any_more_loses_its_sockets() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca).await;
    let home = household(&ca, &chat, &[]).await;
    let mut socket = open(&home, &[]).await;
    home.reload(IDENTITY).await;
    socket.send(Message::text("still there")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("still there"));
    home.reload("[intercept]\nnever = [\"chat.test\"]").await;
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    assert_eq!(close_of(&home).await["outcome"], "failed");
}
