//! What clients say over HTTP/1.1, inside an intercepted tunnel and to the proxy port.

use super::messages::{Expected, HEADS, MESSAGES, PROXY_HEADS};
use crate::support::vendor::Received;
use crate::support::{Household, TestCa, Vendor};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How a client comes in.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Way {
    Tunnel,
    ProxyPort,
}

/// A household with one vendor, and what it has written so far.
struct Stage {
    way: Way,
    vendor: Vendor,
    home: Household,
    ended: usize,
    said: usize,
}

impl Stage {
    async fn set(way: Way) -> Self {
        let ca = TestCa::new();
        let vendor = match way {
            Way::Tunnel => Vendor::https("shop.test").start(&ca).await,
            Way::ProxyPort => Vendor::http("shop.test").start(&ca).await,
        };
        let home =
            Household::trusting(&ca).knowing(&vendor).member("ann", &[("email.primary", "ann@home.example")]);
        Self { way, home: home.start().await, vendor, ended: 0, said: 0 }
    }

    /// The URL before the path, as it stands in a request line.
    fn before_path(&self) -> &'static str {
        if self.way == Way::Tunnel { "" } else { "http://shop.test" }
    }

    /// Says `message` with a good request behind it, on one connection, and holds what became of it against `expected`.
    async fn says(
        &mut self,
        name: &str,
        message: &[u8],
        line: &str,
        expected: Expected,
    ) -> Result<(), String> {
        let after = format!(
            "GET {}/after HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n",
            self.before_path()
        );
        let bytes = [message, after.as_bytes()].concat();
        // One address may write only so many refusals into the log.
        let client = self.home.client().from(&format!("127.0.0.{}", 2 + self.said / 20));
        self.said += 1;
        let before = self.vendor.received().len();
        let answer = match self.way {
            Way::Tunnel => say(&mut client.tunnel("shop.test", "shop.test").await.unwrap(), &bytes).await,
            Way::ProxyPort => say(&mut client.proxy().await, &bytes).await,
        };
        let statuses = statuses(&answer);
        let requests = expected.requests();
        let ends = self.endings(requests.max(1)).await;
        let received = self.vendor.received()[before..].to_vec();
        let seen = || {
            let received: Vec<_> = received.iter().map(|one| String::from_utf8_lossy(&one.bytes)).collect();
            let told =
                |end: &Value| ["kind", "status", "reason", "outcome", "sent"].map(|key| end[key].clone());
            let ends: Vec<_> = ends.iter().map(told).collect();
            format!("{:?} {name}: {statuses:?} {received:?} {ends:?}", self.way)
        };
        let whole = statuses == expected.statuses()
            && received.len() == requests
            && received.first().is_none_or(|one| expected.is_met_by(one, line))
            && self.is_recorded(expected, line, &ends, &received);
        if whole { Ok(()) } else { Err(seen()) }
    }

    /// The records that end flows, since they were last asked for: at least `count`.
    async fn endings(&mut self, count: usize) -> Vec<Value> {
        for _ in 0..300 {
            let all = self.home.export().await;
            let of = |kind: &str| all.iter().filter(|one| one["kind"] == kind).count();
            let over = of("open") == of("close");
            let ends = all.iter().filter(|one| one["kind"] == "close" || one["kind"] == "refused");
            let new: Vec<Value> = ends.skip(self.ended).cloned().collect();
            if new.len() >= count && over {
                self.ended += new.len();
                return new;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no record");
    }

    fn is_recorded(&self, expected: Expected, line: &str, ends: &[Value], received: &[Received]) -> bool {
        let end = &ends[0];
        match expected {
            // Before it is known who is asking, the log keeps only that somebody was refused.
            Expected::NoAnswer => self.is_recorded(Expected::NotHttp(400), line, ends, received),
            Expected::NotHttp(status) => {
                let told =
                    if status == 431 { "the head is too large" } else { "the bytes are not an HTTP request" };
                let reason = if self.way == Way::Tunnel { told } else { "http_request_error" };
                end["status"] == status && end["reason"] == reason
            }
            Expected::Refused(status, reason) | Expected::Kept(status, reason) => {
                end["kind"] == "refused" && end["status"] == status && end["reason"] == reason
            }
            Expected::Broken => end["outcome"] == "cut-by-client" && end["status"].is_null(),
            Expected::Read(..) | Expected::ReadAndClosed(..) => {
                let body = received[0].body().len();
                end["outcome"] == "complete"
                    && end["status"] == 200
                    && end["sent"] == body
                    && !line.is_empty()
            }
        }
    }
}

fn statuses(answer: &str) -> Vec<u16> {
    // Bodies of the gateway's own answers and of the vendor's hold no such line.
    answer.split("HTTP/1.").skip(1).map(|rest| rest[2..5].parse().unwrap()).collect()
}

/// Says it all and reads until the gateway closes.
async fn say<T: AsyncRead + AsyncWrite + Unpin>(stream: &mut T, bytes: &[u8]) -> String {
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(read.is_ok(), "the connection stays open: {answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_has_one_reading() {
    let mut wrong = Vec::new();
    for way in [Way::Tunnel, Way::ProxyPort] {
        let mut stage = Stage::set(way).await;
        for (name, rest, expected) in MESSAGES {
            let line = format!("POST {}/x HTTP/1.1", stage.before_path());
            let message = format!("{line}\r\nHost: shop.test\r\n{rest}");
            wrong.extend(stage.says(name, message.as_bytes(), "POST /x HTTP/1.1", *expected).await.err());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_head_names_one_target_and_one_host() {
    let mut wrong = Vec::new();
    for (way, heads) in [(Way::Tunnel, HEADS), (Way::ProxyPort, PROXY_HEADS)] {
        let mut stage = Stage::set(way).await;
        for (name, message, line, expected) in heads {
            wrong.extend(stage.says(name, message, line, *expected).await.err());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_whose_client_leaves_is_no_request() {
    let mut stage = Stage::set(Way::Tunnel).await;
    for rest in [
        "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nabc",
        "Content-Type: video/mp4\r\nContent-Length: 900000\r\n\r\nabc",
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
        "Content-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut tls = stage.home.client().tunnel("shop.test", "shop.test").await.unwrap();
        let _ = tls.write_all(format!("POST /x HTTP/1.1\r\nHost: shop.test\r\n{rest}").as_bytes()).await;
        tls.shutdown().await.unwrap();
        let _ = tls.read_to_end(&mut Vec::new()).await;
        let end = stage.endings(1).await.remove(0);
        let told = if end["kind"] == "close" { "outcome" } else { "code" };
        // Whether it was opened before its client had left is a matter of time.
        assert!(
            ["cut-by-client", "http_request_error", "client_gone"].iter().any(|one| end[told] == *one),
            "{end}"
        );
    }
    assert!(stage.vendor.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_extensions_and_trailers_have_their_size() {
    let mut wrong = Vec::new();
    let mut stage = Stage::set(Way::Tunnel).await;
    let extension = "e".repeat(20 * 1024);
    let (many, long) = ("X-A: 1\r\n".repeat(300), format!("X-A: {}\r\n", "x".repeat(80 * 1024)));
    for (name, size, trailers) in [
        ("an endless extension", format!("1;{extension}"), ""),
        ("many trailers", "1".to_owned(), many.as_str()),
        ("a long trailer", "1".to_owned(), &long),
    ] {
        let message = format!(
            "POST /x HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\nx\r\n0\r\n{trailers}\r\n"
        );
        wrong.extend(stage.says(name, message.as_bytes(), "", Expected::Broken).await.err());
    }
    for (name, fields) in [("many fields", &many), ("a long field", &long)] {
        let message = format!("GET /x HTTP/1.1\r\nHost: shop.test\r\n{fields}\r\n");
        wrong.extend(stage.says(name, message.as_bytes(), "", Expected::NotHttp(431)).await.err());
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
