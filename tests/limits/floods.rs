//! Floods over HTTP/2: what each costs the one who sends it, what stands in the log, and that others go on.

use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, block, frame,
    speak,
};
use crate::support::{Household, TestCa, Vendor};
use std::time::Duration;

/// RFC 9113 section 7.
const PROTOCOL_ERROR: u32 = 1;
const FRAME_SIZE_ERROR: u32 = 6;
const ENHANCE_YOUR_CALM: u32 = 11;

const FLOODED: &str = "the connection was flooded";
const NOT_HTTP2: &str = "the frames are not HTTP/2";

/// A flood, and the code and reason by which its connection ends, if it does.
type Case<'a> = (&'a str, Vec<u8>, Option<(u32, &'a str)>);

#[tokio::test(flavor = "multi_thread")]
async fn floods_over_http2_end_their_connection_alone() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let head = block(&[
        (":method", b"GET"),
        (":scheme", b"https"),
        (":authority", b"shop.test"),
        (":path", b"/flood"),
    ]);
    let get = |stream: u32| frame(HEADERS, END_STREAM | END_HEADERS, stream, &head);
    let endless = {
        let fields = block(&[("x-a", &[b'x'; 100])]).repeat(100);
        [frame(HEADERS, END_STREAM, 1, &head), frame(CONTINUATION, 0, 1, &fields).repeat(100)].concat()
    };
    let empty =
        [frame(HEADERS, END_STREAM, 1, &head), frame(CONTINUATION, 0, 1, &[]).repeat(20_000)].concat();
    // One literal that goes into the table, and then again and again by its number (RFC 7541 section 6.1).
    let referred = {
        let value = vec![b'x'; 3000];
        let mut fields = head.clone();
        fields.extend([0x40, 3, b'x', b'-', b'a', 0x7f]);
        fields.extend([0x80 | ((value.len() - 127) % 128) as u8, ((value.len() - 127) / 128) as u8]);
        fields.extend(&value);
        fields.extend([0xbe; 8000]);
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &fields)
    };
    let resets =
        (0..3000u32).flat_map(|at| [get(1 + 2 * at), frame(RST_STREAM, 0, 1 + 2 * at, &[0, 0, 0, 8])]);
    // RFC 9113 section 6.9: an increment of 0 is an error of its stream, which we have to reset.
    let provoked = (0..3000u32).flat_map(|at| [get(1 + 2 * at), frame(8, 0, 1 + 2 * at, &[0, 0, 0, 0])]);
    let streams = (0..3000u32).flat_map(|at| [frame(HEADERS, END_HEADERS, 1 + 2 * at, &head)]);
    let cases: Vec<Case<'_>> = vec![
        ("an endless head", endless, Some((ENHANCE_YOUR_CALM, FLOODED))),
        ("empty continuations", empty, Some((ENHANCE_YOUR_CALM, FLOODED))),
        ("a head by reference", referred, Some((ENHANCE_YOUR_CALM, FLOODED))),
        ("rapid resets", resets.flatten().collect(), Some((ENHANCE_YOUR_CALM, FLOODED))),
        ("provoked resets", provoked.flatten().collect(), Some((PROTOCOL_ERROR, NOT_HTTP2))),
        ("streams that stay open", streams.flatten().collect(), Some((ENHANCE_YOUR_CALM, FLOODED))),
        (
            "empty data",
            [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, &[]).repeat(20_000)].concat(),
            Some((ENHANCE_YOUR_CALM, FLOODED)),
        ),
        // These cost nothing but their reading, which is the pace of whoever sends them.
        ("pings", frame(PING, 0, 0, &[0; 8]).repeat(20_000), None),
        ("settings", frame(SETTINGS, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff]).repeat(5_000), None),
        ("window updates", frame(8, 0, 0, &[0, 0, 0, 1]).repeat(20_000), None),
        ("priorities", frame(2, 0, 1, &[0, 0, 0, 0, 1]).repeat(20_000), None),
        ("frames of no kind", frame(0xee, 0, 0, &[0; 8]).repeat(20_000), None),
        ("data of no stream", frame(DATA, 0, 0, &[1; 100]), Some((PROTOCOL_ERROR, NOT_HTTP2))),
        ("a frame beyond its size", vec![0xff; 4096], Some((FRAME_SIZE_ERROR, NOT_HTTP2))),
    ];
    for (name, mut frames, expected) in cases {
        let before = refusals(&home).await.len();
        frames.extend(get(20_001));
        let mut tls = home.client().http2().tunnel("shop.test", "shop.test").await.unwrap();
        let read = speak(&mut tls, &frames, |frame| frame.kind == HEADERS && frame.stream == 20_001);
        let read = tokio::time::timeout(Duration::from_secs(60), read).await.expect(name);
        let going = read.iter().find(|one| one.kind == GOAWAY).map(|one| one.code());
        assert_eq!(going, expected.map(|(code, _)| code), "{name}");
        if let Some((_, reason)) = expected {
            let told = home.awaited("refused", before + 1).await.pop().unwrap();
            assert_eq!((&told["status"], &told["reason"]), (&400.into(), &reason.into()), "{name}");
        }
        assert_eq!(home.client().http2().get("https://shop.test/after").await.text(), "ok", "{name}");
        assert_eq!(home.client().get("https://shop.test/after").await.text(), "ok", "{name}");
    }
    // Of thousands that were taken back at once, hardly any was passed on.
    let passed = shop.received().iter().filter(|one| one.target() == "/flood").count();
    assert!(passed < 100, "{passed}");
}

async fn refusals(home: &Household) -> Vec<serde_json::Value> {
    home.export().await.into_iter().filter(|one| one["kind"] == "refused").collect()
}
