//! A vendor that tries to have a real value put where its script, or anybody else, could read it.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward::rewrite::codec::{Coding, Decoders, Encoder, Limits};

/// `bytes` with that content coding.
pub fn coded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(named(coding)).unwrap();
    encoder.push(bytes, &mut out).unwrap();
    encoder.finish(&mut out).unwrap();
    out
}

/// `bytes` without it.
pub fn decoded(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut decoders = Decoders::new(&[named(coding)], Limits::default()).unwrap();
    decoders.push(bytes, &mut out).unwrap();
    decoders.finish().unwrap();
    out
}

fn named(coding: &str) -> Coding {
    let headers = http::HeaderMap::from_iter([(http::header::CONTENT_ENCODING, coding.parse().unwrap())]);
    Coding::of(&headers).unwrap()[0]
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// Everything a vendor may send that knows the alias `known`: none of it may change.
fn attempts(known: &str) -> Vec<(&'static str, Vec<u8>)> {
    let of = |kind: &str, body: &str| response("200 OK", &[("Content-Type", kind)], body.as_bytes());
    let json = |body: &str| of(JSON, body);
    let right = json!({ "user": { "email": known } }).to_string();
    let with = |status: &str, field: (&str, &str)| {
        response(status, &[("Content-Type", JSON), field], right.as_bytes())
    };
    let (local, domain) = known.split_once('@').unwrap();
    vec![
        ("html text", of("text/html", &format!("<p id=x>{known}</p>"))),
        ("an attribute", of("text/html", &format!("<img src=\"https://other.test/{known}\">"))),
        (
            "a script's string",
            of("text/html", &format!("<script>let user={{\"email\":\"{known}\"}}</script>")),
        ),
        ("json-ld", of("text/html", &format!("<script type=application/ld+json>{right}</script>"))),
        ("a script", of("text/javascript", &format!("window.user={right}"))),
        ("jsonp", of("text/javascript", &format!("back({right})"))),
        ("jsonp that says it is json", json(&format!("back({right})"))),
        ("css", of("text/css", &format!("a{{background:url(//other.test/{known})}}"))),
        ("svg", of("image/svg+xml", &format!("<svg><text>{known}</text></svg>"))),
        ("xml", of("application/xml", &format!("<user><email>{known}</email></user>"))),
        ("events", of("text/event-stream", &format!("data: {right}\n\n"))),
        ("plain text", of("text/plain", &right)),
        ("no type", response("200 OK", &[], right.as_bytes())),
        (
            "two types",
            response("200 OK", &[("Content-Type", JSON), ("Content-Type", "text/html")], right.as_bytes()),
        ),
        ("another charset", of("application/json; charset=utf-16", &right)),
        ("lines of json", of("application/x-ndjson", &format!("{right}\n{right}\n"))),
        ("two documents", json(&format!("{right}{right}"))),
        ("a polyglot", json(&format!("{right}<script>1</script>"))),
        ("a comment", json(&format!("/* x */{right}"))),
        ("cut short", json(&right[..right.len() - 1])),
        ("a name twice", json(&format!("{{\"user\":{{\"email\":\"{known}\",\"email\":\"{known}\"}}}}"))),
        (
            "an object twice",
            json(&format!("{{\"user\":{{\"email\":\"{known}\"}},\"user\":{{\"email\":\"x\"}}}}")),
        ),
        ("another place", json(&json!({ "account": { "email": known } }).to_string())),
        ("another index", json(&json!([{ "user": { "email": known } }]).to_string())),
        ("a name", json(&json!({ "user": { "email": { known: 1 } } }).to_string())),
        ("a pointer's escape", json(&json!({ "user/email": known }).to_string())),
        ("inside a longer string", json(&json!({ "user": { "email": format!("to {known}") } }).to_string())),
        (
            "an address in a URL",
            json(&json!({ "user": { "email": format!("https://x.test/{known}") } }).to_string()),
        ),
        (
            "json in a string",
            json(&json!({ "user": { "email": json!({ "email": known }).to_string() } }).to_string()),
        ),
        ("capitals", json(&json!({ "user": { "email": known.to_uppercase() } }).to_string())),
        ("backwards", json(&json!({ "user": { "email": reversed(known) } }).to_string())),
        ("base64", json(&json!({ "user": { "email": STANDARD.encode(known) } }).to_string())),
        ("percent", json(&json!({ "user": { "email": known.replace('@', "%40") } }).to_string())),
        ("with a tag", json(&json!({ "user": { "email": format!("{local}+x@{domain}") } }).to_string())),
        ("with a space", json(&json!({ "user": { "email": format!(" {known}") } }).to_string())),
        ("without its domain", json(&json!({ "user": { "email": local } }).to_string())),
        ("a list", json(&json!({ "user": { "email": [known] } }).to_string())),
        ("an error", with("404 Not Found", ("X-Why", "gone"))),
        ("a failure", with("500 Internal Server Error", ("X-Why", "gone"))),
        ("a part", with("206 Partial Content", ("Content-Range", "bytes 0-9/10"))),
        ("a range", with("200 OK", ("Content-Range", "bytes 0-9/10"))),
        ("signed", with("200 OK", ("Signature", "sig1=:AAAA:"))),
        ("not coded as it says", with("200 OK", ("Content-Encoding", "gzip"))),
        ("a coding nobody knows", with("200 OK", ("Content-Encoding", "rot13"))),
        ("too long", json(&format!("{}{right}", " ".repeat(300 << 10)))),
        ("unfolding too far", {
            let body = coded("gzip", format!("{}{right}", " ".repeat(300 << 10)).as_bytes());
            response("200 OK", &[("Content-Type", JSON), ("Content-Encoding", "gzip")], &body)
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_changes_by_a_byte() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    let alias = stage.alias();
    for (what, answer) in attempts(&alias) {
        let sent = answer.clone();
        stage.answers(move |_| answer.clone());
        let reply = ann.get(ME).await;
        let body = sent.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        assert!(reply.body == sent[body..], "{what}: {}", reply.text().chars().take(300).collect::<String>());
        assert!(!format!("{:?}", reply.headers).contains(REAL), "{what}");
    }
    stage.answers(|known| user(&known[0]));
    assert_eq!(email(&ann.get(ME).await), REAL, "the right one still does");
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_trailers_stay_as_they_came() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    let alias = stage.alias();
    stage.answers(|known| {
        let location = format!("https://other.test/?to={}", known[0]);
        let cookie = format!("me={}; Secure", known[0]);
        let link = format!("<https://other.test/{}>; rel=preload", known[0]);
        let fields = format!(
            "Content-Type: application/json\r\nLocation: {location}\r\nSet-Cookie: {cookie}\r\nLink: {link}\r\n\
             Refresh: 0;url={location}\r\nTransfer-Encoding: chunked\r\nTrailer: x-mail"
        );
        let body = json!({ "user": { "email": known[0] } }).to_string();
        let chunks = format!("{:x}\r\n{body}\r\n0\r\nx-mail: {}\r\n\r\n", body.len(), known[0]);
        format!("HTTP/1.1 201 Created\r\n{fields}\r\n\r\n{chunks}").into_bytes()
    });
    let reply = ann.get_with(ME, &[("te", "trailers")]).await;
    assert_eq!(email(&reply), REAL);
    for name in ["location", "set-cookie", "link", "refresh"] {
        let value = reply.header(name).unwrap();
        assert!(value.contains(&alias) && !value.contains(REAL), "{name}: {value}");
    }
    let trailers = reply.trailers.unwrap();
    assert_eq!(trailers["x-mail"], *alias);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_and_what_another_vendor_knows_are_words_like_any_other() {
    let stage =
        Stage::with(&format!("{CONFIG}[vendor.other]\nhosts = [\"other.test\"]\nreveal = \"api\"\n")).await;
    let ann = stage.program().await;
    let shops = stage.alias();
    let theirs = "https://other.test/me";
    put(&ann, theirs, &json!({ "user": { "email": REAL } })).await;
    let others = stage.known.lock().unwrap()[1].clone();
    assert_ne!(shops, others);
    // Each has its own, and gets nothing for the other's.
    let both = (others.clone(), shops.clone());
    stage.answers(move |_| user(&both.0));
    assert_eq!((email(&ann.get(theirs).await), email(&ann.get(ME).await)), (REAL.to_owned(), others.clone()));
    let both = (others, shops.clone());
    stage.answers(move |_| user(&both.1));
    assert_eq!((email(&ann.get(theirs).await), email(&ann.get(ME).await)), (shops.clone(), REAL.to_owned()));
    // One letter beside the right one.
    for at in 0..shops.find('@').unwrap() {
        let mut guess = shops.clone().into_bytes();
        guess[at] = if guess[at] == b'x' { b'y' } else { b'x' };
        let guess = String::from_utf8(guess).unwrap();
        let sent = guess.clone();
        stage.answers(move |_| user(&sent));
        assert_eq!(email(&ann.get(ME).await), guess, "{at}");
    }
    // Another address of hers at the same place, of which the shop knows nothing.
    stage.answers(|_| user("ann@work.example"));
    assert_eq!(email(&ann.get(ME).await), "ann@work.example");
    assert!(
        !stage.shop.received().iter().chain(&stage.other.received()).any(|got| got.text().contains(REAL))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_harvests_is_noticed() {
    let stage = Stage::set().await;
    let ann = stage.program().await;
    stage.answers(|known| {
        json_answer(&json!({ "user": { "email": known[0] }, "also": [known[0], known[0]] }))
    });
    let reply = ann.get(ME).await;
    assert_eq!((email(&reply), reply.text().matches(&stage.alias()).count()), (REAL.to_owned(), 2));
    let edits = stage.last_edits().await;
    assert!(
        edits.iter().any(|edit| edit["action"] == "would-have" && edit["place"] == "response.message"),
        "{edits:?}"
    );
}
