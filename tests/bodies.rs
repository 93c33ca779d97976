//! Bodies are edited the same way whole and as they flow, wherever they are cut, or they do not leave.

use crate::support::client::Client;
use crate::support::{Household, TestCa, Vendor};
use bytes::Bytes;
use doorward::model::{Secret, Slot};
use doorward::rewrite::codec::{Coding, Decoders, Encoder, Limits};
use doorward::rewrite::{
    Decision, Hit, Identifier, Identifiers, StreamEditor, Strength, Syntax, find_in_body, splice,
};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const EMAIL: &str = "ann@home.example";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn ann() -> Arc<Identifiers> {
    let list = [
        ("email.primary", EMAIL, Strength::Strong),
        ("name.full", "Ann Real", Strength::Strong),
        ("name.given", "Ann", Strength::Weak),
        ("phone.primary", "+4915112345678", Strength::Strong),
        ("address.street", "Lindenstraße 5", Strength::Strong),
        ("address.postcode", "12345", Strength::Weak),
    ];
    let list = list.map(|(slot, value, strength)| Identifier {
        slot: Slot::parse(slot).unwrap(),
        value: Secret::new(value.to_owned()),
        strength,
    });
    Arc::new(Identifiers::compile(list.into()).unwrap())
}

/// What is put in the place of a hit: the whole value where it is one.
fn decision(hit: &Hit) -> (std::ops::Range<usize>, Vec<u8>) {
    match &hit.token {
        Some(token) if hit.identifier == 2 => (token.clone(), b"null".to_vec()),
        _ => (hit.span.clone(), hit.spelling.respell("Mia Kay +12025550123 q@x.example")),
    }
}

fn whole(identifiers: &Arc<Identifiers>, syntax: &Syntax, body: &[u8]) -> Vec<u8> {
    let decisions: Vec<_> = find_in_body(identifiers, syntax.clone(), body).iter().map(decision).collect();
    let edits: Vec<_> = decisions.iter().map(|(span, bytes)| (span.clone(), bytes.as_slice())).collect();
    splice(body, &edits)
}

fn streamed(
    identifiers: &Arc<Identifiers>,
    syntax: &Syntax,
    codings: &[Coding],
    pieces: &[&[u8]],
) -> Vec<u8> {
    let mut editor =
        StreamEditor::new(Arc::clone(identifiers), syntax.clone(), codings, Limits::default()).unwrap();
    let mut out = Vec::new();
    let settle = |editor: &mut StreamEditor, numbers: std::ops::Range<usize>, out: &mut Vec<u8>| {
        for number in numbers {
            let (span, bytes) = decision(editor.hit(number).unwrap());
            editor.decide(number, Decision::Replace { span, bytes: Secret::new(bytes) });
        }
        out.extend(editor.take_output().unwrap());
    };
    for piece in pieces {
        let numbers = editor.push(piece).unwrap();
        settle(&mut editor, numbers, &mut out);
    }
    let numbers = editor.finish().unwrap();
    settle(&mut editor, numbers, &mut out);
    assert!(editor.is_done());
    decode(codings, &out)
}

fn encode(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = Encoder::new(coding).unwrap();
    let mut out = Vec::new();
    encoder.push(bytes, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

fn decode(codings: &[Coding], bytes: &[u8]) -> Vec<u8> {
    let mut decoders = Decoders::new(codings, Limits::default()).unwrap();
    let mut out = Vec::new();
    decoders.push(bytes, &mut out).unwrap();
    decoders.finish().unwrap();
    out
}

/// Bodies close to 512 bytes with identifiers in many spellings.
fn bodies() -> Vec<(Syntax, Vec<u8>)> {
    let json = r#"{"user":{"email":"ann\u0040home.example","first_name":"Ann","zip":12345},"list":["Ann Real","ANN\u0040HOME.EXAMPLE","to ann@home.example.","joann@home.example"],"phone":"+49 (0)151\/1234-5678","nested":"{\"mail\":\"ann\\u0040home.example\",\"n\":\"Real, Ann\"}","url":"https:\/\/a.test\/?m=ann%2540home.example&n=Ann+Real","street":"Lindenstra\u00dfe 5","x":[1,2.5,null,true,"\ud83d\ude00 &commat; ann&#64;home.example \\ann@home.example"],"ann@home.example":1}"#;
    let form = "email=ann%40home.example&name=Ann+Real&first_name=Ann&zip=12345&phone=%2B49%20151-12345678&url=https%3A%2F%2Fa.test%2F%3Fm%3Dann%2540home.example%26n%3DReal%252C%2BAnn&note=hi+ann%40home.example%2e+and+joann%40home.example&zip=12345&q=%61nn%40home.example&street=Lindenstra%C3%9Fe+5&empty=&=&&ann%40home.example=1&last=0151%2012345678";
    let multipart = "preamble ann@home.example\r\n--XX\r\nContent-Disposition: form-data; name=\"mail\"\r\n\r\nann@home.example\r\n--XX\r\nContent-Disposition: form-data; name=\"first_name\"\r\n\r\nAnn\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"ann@home.example\"\r\nContent-Type: image/png\r\n\r\n\x01\x02 ann@home.example \r\n-\r\n--X\r\n--XX\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nline\r\n--X Ann Real\r\n--XX--\r\nbye ann@home.example";
    let text = "Dear Ann Real, ann@home.example. ann@home.example.org joann@home.example Real, Ann\r\n%61nn%2540home.example ann\\u0040home.example 0151 1234 5678 (0151)12345678 +49\u{a0}151\u{a0}12345678 %E2%80 \\ & % &#64; lindenstra%c3%9fe%205, 12345 Ann &amp;#64; ann&amp;#x40;home.example Ann\n   Real";
    let html = "<a href='mailto:ann&#64;home.example?x'>ann&commat;home&period;example</a> Lindenstra&szlig;e&nbsp;5 <input name=first_name value=Ann> <p title=\"Ann&#32;Real\">ANN REAL &amp; Ann&nbsp;Real &#x61;nn@home.example</p><!-- ann@home.example -->";
    let mut raw = b"\xff\xfe ann@home.example \xc3 Ann Real \xe9\x80".to_vec();
    raw.extend_from_slice(b"ann%40home.example\xf0\x9f");
    vec![
        (Syntax::Json, json.into()),
        (Syntax::Form, form.into()),
        (Syntax::Multipart { boundary: "XX".into() }, multipart.into()),
        (Syntax::Text, text.into()),
        (Syntax::Html, html.into()),
        (Syntax::Text, raw),
    ]
}

#[test]
fn every_split_point_gives_the_whole_result() {
    let ann = ann();
    for (syntax, body) in bodies() {
        assert!(body.len() <= 512, "{syntax:?}: {}", body.len());
        let want = whole(&ann, &syntax, &body);
        assert_ne!(want, body);
        for at in 0..=body.len() {
            let (head, tail) = body.split_at(at);
            assert_eq!(streamed(&ann, &syntax, &[], &[head, tail]), want, "{syntax:?} cut at {at}");
        }
        let bytes: Vec<&[u8]> = body.chunks(1).collect();
        assert_eq!(streamed(&ann, &syntax, &[], &bytes), want, "{syntax:?} byte by byte");
    }
}

#[test]
fn every_split_point_of_a_coded_body_gives_the_whole_result() {
    let ann = ann();
    for (syntax, body) in bodies() {
        let want = whole(&ann, &syntax, &body);
        for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd, Coding::Deflate, Coding::RawDeflate] {
            let coded = encode(coding, &body);
            // Small pieces cost a flush each: only gzip is cut everywhere.
            let step = if coding == Coding::Gzip { 1 } else { 23 };
            for at in (0..=coded.len()).step_by(step) {
                let (head, tail) = coded.split_at(at);
                assert_eq!(streamed(&ann, &syntax, &[coding], &[head, tail]), want, "{coding:?} cut at {at}");
            }
        }
    }
}

#[test]
fn three_pieces_around_every_escape() {
    let ann = ann();
    for (syntax, body) in bodies() {
        let want = whole(&ann, &syntax, &body);
        let escapes = (0..body.len()).filter(|&at| matches!(body[at], b'%' | b'\\' | b'&'));
        for at in escapes {
            for length in 1..=6 {
                let (one, two) = (at + 1, (at + 1 + length).min(body.len()));
                let pieces = [&body[..one], &body[one..two], &body[two..]];
                assert_eq!(streamed(&ann, &syntax, &[], &pieces), want, "{syntax:?} at {at}, {length} long");
            }
        }
    }
}

struct Scene {
    home: Household,
    shop: Vendor,
}

impl Scene {
    async fn with(config: &str, eager: bool) -> Self {
        let ca = TestCa::new();
        let shop = Vendor::https("shop.test");
        let shop = if eager { shop.eager() } else { shop }.start(&ca).await;
        let home = Household::trusting(&ca)
            .knowing(&shop)
            .member(
                "ann",
                &[("email.primary", EMAIL), ("name.full", "Ann Real"), ("phone.primary", "+4915112345678")],
            )
            .config(&format!("[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"\n{config}"))
            .start()
            .await;
        Self { home, shop }
    }

    async fn new() -> Self {
        Self::with("", false).await
    }

    /// Sends a whole body and gives what the vendor got of it.
    async fn whole(&self, kind: &str, body: &[u8]) -> String {
        let reply = self.home.client().post("https://shop.test/", kind, body.to_vec()).await;
        assert_eq!(reply.status, 200);
        self.shop.last().text()
    }

    /// The alias that the vendor knows.
    async fn alias(&self) -> String {
        self.whole("text/plain", EMAIL.as_bytes()).await
    }

    async fn last_open(&self) -> serde_json::Value {
        self.home.of_kind("open").await.pop().unwrap()
    }
}

/// Sends these chunks, then `end`; gives the status of the answer, 0 for none.
async fn chunked(client: &Client, fields: &str, chunks: &[&[u8]], end: &str) -> u16 {
    let mut stream = client.tunnel("shop.test", "shop.test").await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n{fields}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
        let framed = [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat();
        // The gateway may have given up already.
        if stream.write_all(&framed).await.is_err() {
            break;
        }
    }
    let _ = stream.write_all(end.as_bytes()).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => break,
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

const END: &str = "0\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn chunks_cut_anywhere_give_what_a_whole_body_gives() {
    let scene = Scene::new().await;
    let client = scene.home.client();
    for (kind, body) in [
        (JSON, r#"{"mail":"ann\u0040home.example","n":["Ann Real","+49 151 12345678"]}"#),
        (FORM, "mail=ann%40home.example&n=Ann+Real&p=%2B4915112345678"),
    ] {
        let want = scene.whole(kind, body.as_bytes()).await;
        assert_ne!(want, body);
        for at in (1..body.len()).step_by(7).chain(body.find("40").into_iter().flat_map(|at| at - 4..at + 3))
        {
            let (head, tail) = body.as_bytes().split_at(at);
            let fields = format!("Content-Type: {kind}\r\n");
            assert_eq!(chunked(&client, &fields, &[head, tail], END).await, 200);
            assert_eq!(scene.shop.last().text(), want, "{kind} cut at {at}");
        }
        let coded = encode(Coding::Gzip, body.as_bytes());
        for at in (1..coded.len()).step_by(11) {
            let (head, tail) = coded.split_at(at);
            let fields = format!("Content-Type: {kind}\r\nContent-Encoding: gzip\r\n");
            assert_eq!(chunked(&client, &fields, &[head, tail], END).await, 200);
            let got = decode(&[Coding::Gzip], &scene.shop.last().body());
            assert_eq!(String::from_utf8(got).unwrap(), want, "gzip cut at {at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_survive_and_are_edited() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    let fields = "Content-Type: text/plain\r\nTrailer: x-sum, x-by\r\n";
    let end = "0\r\nx-sum: 17\r\nx-by: <ann@home.example>\r\n\r\n";
    assert_eq!(chunked(&scene.home.client(), fields, &[b"to ann@home.", b"example"], end).await, 200);
    let got = scene.shop.last();
    assert_eq!(got.text(), format!("to {alias}"));
    let want = [("x-sum".to_owned(), "17".to_owned()), ("x-by".to_owned(), format!("<{alias}>"))];
    assert_eq!(got.trailers(), want);
    let close = scene.home.of_kind("close").await.pop().unwrap();
    assert_eq!(close["edits"][1]["place"], "request.trailer:x-by");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_upload_is_edited_in_the_middle_and_at_its_very_end() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    let filler = "lorem ipsum dolor sit amet, ".repeat(3000);
    let body = format!("{filler}{EMAIL} {filler}{EMAIL}");
    let want = format!("{filler}{alias} {filler}{alias}");
    assert!(scene.whole("text/plain", body.as_bytes()).await == want, "with a length");

    let pieces: Vec<&[u8]> = body.as_bytes().chunks(4093).collect();
    assert_eq!(chunked(&scene.home.client(), "Content-Type: text/plain\r\n", &pieces, END).await, 200);
    assert!(scene.shop.last().text() == want, "in chunks");
    let close = scene.home.of_kind("close").await.pop().unwrap();
    let spans: Vec<_> =
        close["edits"].as_array().unwrap().iter().map(|edit| edit["span"][0].clone()).collect();
    assert_eq!(spans, [filler.len(), 2 * filler.len() + EMAIL.len() + 1]);

    let coded = encode(Coding::Gzip, body.as_bytes());
    let fields = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    let pieces: Vec<&[u8]> = coded.chunks(97).collect();
    assert_eq!(chunked(&scene.home.client(), fields, &pieces, END).await, 200);
    assert!(decode(&[Coding::Gzip], &scene.shop.last().body()) == want.as_bytes(), "gzip");
    assert_eq!(scene.last_open().await["notes"][0], "the body is decoded and coded again as it flows");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_edits_of_a_long_upload_go_to_the_log_as_it_flows() {
    let scene = Scene::new().await;
    let line = format!("to {EMAIL}\n").repeat(100);
    let pieces = [line.as_bytes(); 11];
    let fields = "Content-Type: text/plain\r\n";
    assert_eq!(chunked(&scene.home.client(), fields, &pieces, END).await, 200);
    assert!(!scene.shop.last().text().contains(EMAIL));
    let close = scene.home.of_kind("close").await.pop().unwrap();
    let more = scene.home.of_kind("edits").await;
    let ids = |record: &serde_json::Value| {
        let edits = record["edits"].as_array().cloned().unwrap_or_default();
        edits.iter().map(|edit| edit["id"].to_string()).collect::<Vec<_>>()
    };
    let open = scene.last_open().await;
    let all: Vec<_> = [&open].into_iter().chain(&more).chain([&close]).flat_map(ids).collect();
    let want: Vec<_> = (1..=all.len()).map(|number| format!("\"e{number}\"")).collect();
    assert!(all == want && all.len() >= 1100, "each once, in order");
    assert!(ids(&close).len() <= 256, "most are durable before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_without_an_identifier_leaves_byte_for_byte() {
    let scene = Scene::new().await;
    let mut body = b"bytes \xff\xfe\x80 that are no text: \xc3\x28 100% &c \\x ".repeat(3000);
    body.extend_from_slice(b"ann@home.exampl");
    let reply = scene.home.client().post("https://shop.test/", "text/plain", body.clone()).await;
    assert_eq!(reply.status, 200);
    assert!(scene.shop.last().body() == body);
    // What cannot hold text keeps even its length.
    let reply =
        scene.home.client().post("https://shop.test/", "application/octet-stream", body.clone()).await;
    assert_eq!(reply.status, 200);
    assert_eq!(scene.shop.last().header("content-length"), [body.len().to_string()]);
    assert!(scene.shop.last().body() == body);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_held_when_both_sides_wait() {
    let scene = Scene::with("", true).await;
    let client = scene.home.client();
    let mut stream = client.tunnel("shop.test", "shop.test").await.unwrap();
    stream
        .write_all(b"POST /talk HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    // "a" may begin an address, "0" a phone: they leave although nothing follows.
    for (piece, want) in [("see you a", "see you "), ("t 0", "t "), ("!", "!")] {
        stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).await.unwrap();
        scene.shop.arrival_of(want.as_bytes()).await;
        let held = piece.trim_start_matches(want);
        if !held.is_empty() {
            scene.shop.arrival_of(format!("\r\n{held}\r\n").as_bytes()).await;
        }
    }
    stream.write_all(END.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("0\r\n\r\n") {
        answer.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert_eq!(scene.shop.only().text(), "see you at 0!");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identifier_typed_slowly_never_arrives_whole() {
    let scene = Scene::with("", true).await;
    let mut stream = scene.home.client().tunnel("shop.test", "shop.test").await.unwrap();
    stream
        .write_all(b"POST /talk HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(b"4\r\nann@\r\n").await.unwrap();
    scene.shop.arrival_of(b"ann@").await;
    let rest = "home.example and more";
    let _ = stream.write_all(format!("{:x}\r\n{rest}\r\n{END}", rest.len()).as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let close = scene.home.of_kind("close").await.pop().unwrap();
    assert_ne!(close["outcome"], "complete");
    assert!(scene.shop.received().is_empty(), "the request never came to its end");
    assert!(!String::from_utf8_lossy(&scene.shop.arrived()).contains("home"));
}

async fn post_coded(scene: &Scene, coding: &str, body: &[u8]) -> u16 {
    let fields = [("content-type", "text/plain"), ("content-encoding", coding)];
    let request =
        crate::support::client::request(http::Method::POST, "https://shop.test/", &fields, body.to_vec());
    scene.home.client().send(request).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_body_in_every_coding() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    for (name, coding) in [
        ("gzip", Coding::Gzip),
        ("br", Coding::Brotli),
        ("zstd", Coding::Zstd),
        ("deflate", Coding::Deflate),
        ("deflate", Coding::RawDeflate),
    ] {
        assert_eq!(post_coded(&scene, name, &encode(coding, EMAIL.as_bytes())).await, 200);
        let got = scene.shop.last();
        assert_eq!(decode(&[coding], &got.body()), alias.as_bytes(), "{coding:?}");
        assert_eq!(got.header("content-length"), [got.body().len().to_string()]);
        let untouched = encode(coding, b"nothing to see here");
        assert_eq!(post_coded(&scene, name, &untouched).await, 200);
        assert_eq!(scene.shop.last().body(), untouched, "{coding:?} as it came");
    }
    let two = [encode(Coding::Gzip, b"to ann@home."), encode(Coding::Gzip, b"example")].concat();
    assert_eq!(post_coded(&scene, "gzip", &two).await, 200);
    assert_eq!(
        decode(&[Coding::Gzip], &scene.shop.last().body()),
        format!("to {alias}").as_bytes(),
        "two members"
    );
    let both = encode(Coding::Brotli, &encode(Coding::Gzip, EMAIL.as_bytes()));
    assert_eq!(post_coded(&scene, "gzip, br", &both).await, 200);
    assert_eq!(decode(&[Coding::Gzip, Coding::Brotli], &scene.shop.last().body()), alias.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_body_that_cannot_be_decoded_passes_as_it_is_and_is_noted() {
    let scene = Scene::new().await;
    let gzip = encode(Coding::Gzip, b"some text of Ann");
    let mut wrong = gzip.clone();
    let last = wrong.len() - 6;
    wrong[last] ^= 1;
    let garbage = [gzip.as_slice(), b"garbage"].concat();
    for body in [&gzip[..gzip.len() - 3], &wrong, &garbage, b"not gzip at all"] {
        assert_eq!(post_coded(&scene, "gzip", body).await, 200);
        assert_eq!(scene.shop.last().body(), body);
        assert_eq!(scene.last_open().await["notes"][0], "could not inspect: the body cannot be decoded");
    }
    let alias = scene.alias().await;
    assert_eq!(post_coded(&scene, "gzip", b"plain ann@home.example").await, 200);
    assert_eq!(
        scene.shop.last().text(),
        format!("plain {alias}"),
        "what only claims a coding is read as it is"
    );
    assert_eq!(post_coded(&scene, "compress", b"\x1f\x9d\x90").await, 200);
    let note = scene.last_open().await["notes"][0].clone();
    assert_eq!(note, "could not inspect: a content coding this gateway does not know");

    let strict = Scene::with("strict = true", false).await;
    for (coding, body) in [("gzip", garbage.as_slice()), ("compress", b"\x1f\x9d\x90")] {
        assert_eq!(post_coded(&strict, coding, body).await, 403);
    }
    assert!(strict.shop.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flowing_body_that_cannot_be_decoded_never_comes_to_its_end() {
    let scene = Scene::new().await;
    let client = scene.home.client();
    let gzip = encode(Coding::Gzip, &b"some text, ".repeat(20));
    let (head, tail) = gzip.split_at(20);
    let fields = "Content-Type: text/plain\r\nContent-Encoding: gzip\r\n";
    for pieces in [&[head][..], &[head, tail, b"garbage"], &[b"not gzip", tail]] {
        assert_eq!(chunked(&client, fields, pieces, END).await, 400);
    }
    assert!(scene.shop.received().is_empty());
    let records = scene.home.of_kind("close").await;
    assert!(records.iter().all(|record| record["outcome"] == "cut-by-client"), "{records:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_refused() {
    let scene = Scene::new().await;
    let zeros = vec![b'0'; 8 << 20];
    for (name, coding) in [("gzip", Coding::Gzip), ("br", Coding::Brotli), ("zstd", Coding::Zstd)] {
        let bomb = encode(coding, &zeros);
        let fields = format!("Content-Type: text/plain\r\nContent-Encoding: {name}\r\n");
        let pieces: Vec<&[u8]> = bomb.chunks(500).collect();
        assert_eq!(chunked(&scene.home.client(), &fields, &pieces, END).await, 413, "{name}, as it flows");
        if bomb.len() <= 64 << 10 {
            assert_eq!(post_coded(&scene, name, &bomb).await, 413, "{name}, whole");
        }
    }
    let address = encode(Coding::Gzip, &format!("{EMAIL} ").repeat(100_000).into_bytes());
    assert_eq!(post_coded(&scene, "gzip", &address).await, 413, "more values than anybody types");
    // A coding on top of another one does not multiply what they may unfold to.
    let twice = encode(Coding::Gzip, &encode(Coding::Gzip, &vec![b'0'; 64 << 20]));
    assert_eq!(post_coded(&scene, "gzip, gzip", &twice).await, 413, "twice, whole");
    let fields = "Content-Type: text/plain\r\nContent-Encoding: gzip, gzip\r\n";
    assert_eq!(chunked(&scene.home.client(), fields, &[&twice], END).await, 413, "twice, as it flows");
    assert!(scene.shop.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_behind_a_body_that_is_no_text_are_edited_too() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    let fields = "Content-Type: image/png\r\nTrailer: x-sum, x-by\r\n";
    let end = "0\r\nx-sum: 17\r\nx-by: <ann@home.example>\r\n\r\n";
    assert_eq!(chunked(&scene.home.client(), fields, &[b"\x89PN", b"G\x00"], end).await, 200);
    let got = scene.shop.last();
    assert_eq!(got.body(), b"\x89PNG\x00");
    let want = [("x-sum".to_owned(), "17".to_owned()), ("x-by".to_owned(), format!("<{alias}>"))];
    assert_eq!(got.trailers(), want);
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_an_http_2_client_reach_a_vendor_of_http_1() {
    let scene = Scene::new().await;
    let alias = scene.alias().await;
    for (kind, length) in [("text/plain", None), ("image/png", None), ("text/plain", Some("9"))] {
        let tls = scene.home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let trailers = [("x-sum", "17"), ("x-by", EMAIL)].map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        });
        let frames: [Result<_, Infallible>; 3] = [
            Ok(Frame::data(Bytes::from_static(b"first "))),
            Ok(Frame::data(Bytes::from_static(b"one"))),
            Ok(Frame::trailers(HeaderMap::from_iter(trailers))),
        ];
        let mut request = http::Request::post("https://shop.test/").header("content-type", kind);
        request = request.header("trailer", "x-sum, x-by").header("te", "trailers");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let answer = sender.send_request(request.body(body).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200, "{kind} {length:?}");
        let got = scene.shop.last();
        assert_eq!(got.text(), "first one");
        let want = [("x-sum".to_owned(), "17".to_owned()), ("x-by".to_owned(), alias.clone())];
        assert_eq!(got.trailers(), want, "{kind} {length:?}");
    }
}
