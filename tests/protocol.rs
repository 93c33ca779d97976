//! P5: nothing breaks. What no edit names arrives as it was sent, in both directions, over HTTP/1.1 and 2.

use crate::support::client::{Client, request};
use crate::support::vendor::{find, response};
use crate::support::{Answer, Household, Http2Vendor, Scripted, TestCa, TestDisk, Vendor, a_while, until};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Both kinds of client, with their names.
fn clients(home: &Household) -> [(&'static str, Client); 2] {
    [("http/1.1", home.client()), ("h2", home.client().http2())]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_meets_each() {
    let ca = TestCa::new();
    let one = Vendor::https("one.test").start(&ca).await;
    let two = Http2Vendor::start("two.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca).knowing(&one).host("two.test", two.address).start().await;
    let body = Bytes::from_static(b"\x00\xffbytes");
    for (name, client) in clients(&home) {
        for host in ["one.test", "two.test"] {
            let url = format!("https://{host}/a%20b?x=1&x=2&y=%C3%BC;z");
            assert_eq!(client.get(&url).await.text(), "ok", "{name} to {host}");
            let reply = client.post(&url, "application/octet-stream", body.clone()).await;
            assert_eq!(reply.text(), "ok", "{name} to {host}");
        }
    }
    assert_eq!(one.received().len() + two.asked().len(), 8);
    for request in one.received() {
        assert_eq!(request.target(), "/a%20b?x=1&x=2&y=%C3%BC;z");
        assert!(request.body().is_empty() || request.body() == body);
    }
    for asked in two.asked() {
        assert_eq!(asked.head.uri.to_string(), "https://two.test/a%20b?x=1&x=2&y=%C3%BC;z");
        assert!(asked.body.is_empty() || asked.body == body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_to_a_vendor_is_kept() {
    let ca = TestCa::new();
    let one = Vendor::https("one.test").start(&ca).await;
    let two = Http2Vendor::start("two.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca).knowing(&one).host("two.test", two.address).start().await;
    for _ in 0..3 {
        home.client().get("https://one.test/").await;
        home.client().get("https://two.test/").await;
    }
    assert_eq!(one.connections(), 1);
    assert!(two.asked().iter().all(|asked| asked.connection == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_connection_is_retried_once_where_that_is_safe() {
    let ca = TestCa::new();
    let scripts = || vec![vec![OK.to_vec()], vec![OK.to_vec(), OK.to_vec()]];
    let get = Scripted::start("get.test", &ca, scripts()).await;
    let post = Scripted::start("post.test", &ca, scripts()).await;
    let home =
        Household::trusting(&ca).host("get.test", get.address).host("post.test", post.address).start().await;
    let client = home.client();
    client.get("https://get.test/1").await;
    assert_eq!(client.get("https://get.test/2").await.text(), "ok");
    let lines = |vendor: &Scripted| {
        let heads = vendor.heads().into_iter();
        heads.map(|(number, head)| format!("{number} {}", head.lines().next().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(lines(&get), ["0 GET /1 HTTP/1.1", "0 GET /2 HTTP/1.1", "1 GET /2 HTTP/1.1"]);
    client.post("https://post.test/1", "text/plain", "").await;
    let reply = client.post("https://post.test/2", "text/plain", "").await;
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    assert_eq!(lines(&post), ["0 POST /1 HTTP/1.1", "0 POST /2 HTTP/1.1"]);
    let closes = home.of_kind("close").await;
    let attempts: Vec<_> = closes.iter().map(|close| close["attempts"].as_u64().unwrap()).collect();
    assert_eq!(attempts, [1, 2, 1, 1]);
}

/// The vendor closes while OPEN is being written: the request finds its connection gone before a byte was sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_not_sent_goes_out_on_a_new_connection_whatever_it_is() {
    let ca = TestCa::new();
    let long = "x".repeat(200 * 1024);
    let framed = |length: bool, body: &str| match length {
        true => format!("Content-Length: {}\r\n\r\n{body}", body.len()),
        false => format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    };
    let ann = &[("email.primary", "ann@home.example")][..];
    for (members, length, sent, attempts) in [
        (&[][..], true, &long[..], 2),
        // Edited as it flows.
        (ann, false, &long, 2),
        // Held until its length is known: by then the connection is known to be gone.
        (ann, true, &long, 1),
        (&[], true, "", 2),
    ] {
        let shop = Vendor::https("shop.test").start(&ca).await;
        let disk = TestDisk::default();
        let home =
            Household::trusting(&ca).knowing(&shop).seams(disk.seams()).member("ann", members).start().await;
        let client = home.client();
        client.get("https://shop.test/1").await;
        home.awaited("close", 1).await;
        disk.hold();
        let head = "POST /2 HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nConnection: close\r\n";
        let (asked, request) = (client.clone(), format!("{head}{}", framed(length, sent)));
        let asking = tokio::spawn(async move {
            let mut stream = asked.tunnel("shop.test", "shop.test").await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer).await;
            answer
        });
        until("a held sync", || disk.waiting() > 0).await;
        a_while().await;
        shop.hang_up();
        a_while().await;
        disk.release();
        assert!(asking.await.unwrap().starts_with("HTTP/1.1 200 "));
        let post = shop.last();
        assert_eq!((post.connection, post.line().as_str()), (1, "POST /2 HTTP/1.1"));
        assert_eq!(String::from_utf8(post.body()).unwrap(), sent);
        let close = home.awaited("close", 2).await.pop().unwrap();
        assert_eq!((&close["attempts"], &close["sent"]), (&attempts.into(), &sent.len().into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_body_keep_their_fields() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test")
        .route("/head", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n".to_vec())
        .route("/204", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n".to_vec())
        .route("/304", b"HTTP/1.1 304 Not Modified\r\nETag: W/\"b\"\r\n\r\n".to_vec())
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for (name, client) in clients(&home) {
        let mut opened = client.open("shop.test").await;
        let head = opened.send(request(Method::HEAD, "https://shop.test/head", &[], "")).await;
        assert_eq!(head.header("content-length"), Some("1234"), "{name}");
        assert_eq!((head.header("etag"), head.body.len()), (Some("\"a\""), 0), "{name}");
        let empty = opened.send(request(Method::GET, "https://shop.test/204", &[], "")).await;
        assert_eq!((empty.status.as_u16(), empty.header("x-a"), empty.body.len()), (204, Some("1"), 0));
        let conditional = [("if-none-match", "W/\"b\"")];
        let same = opened.send(request(Method::GET, "https://shop.test/304", &conditional, "")).await;
        assert_eq!((same.status.as_u16(), same.header("etag")), (304, Some("W/\"b\"")), "{name}");
        assert_eq!(shop.last().header("if-none-match"), ["W/\"b\""]);
    }
    assert!(home.of_kind("close").await.iter().all(|close| close["outcome"] == "complete"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_pass_untouched() {
    let ca = TestCa::new();
    let part = response(
        "206 Partial Content",
        &[("Content-Range", "bytes 2-5/10"), ("Content-Encoding", "gzip"), ("Content-Type", "text/html")],
        b"\x00\x1f\x8b\xff",
    );
    let shop = Vendor::https("shop.test").route("/file", part).start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let asked = [("range", "bytes=2-5"), ("if-range", "\"v1\""), ("accept-encoding", "gzip, zstd, x-odd")];
    for (name, client) in clients(&home) {
        let reply = client.get_with("https://shop.test/file", &asked).await;
        assert_eq!(reply.status, StatusCode::PARTIAL_CONTENT, "{name}");
        assert_eq!(reply.header("content-range"), Some("bytes 2-5/10"));
        assert_eq!(&reply.body[..], b"\x00\x1f\x8b\xff");
        for (name, value) in asked {
            assert_eq!(shop.last().header(name), [value]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_and_trailers_come_back() {
    let ca = TestCa::new();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
        3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\nX-Sum: 7\r\n\r\n";
    let one = Vendor::https("one.test").route("/", chunked.to_vec()).start(&ca).await;
    let grpc = Answer {
        status: 200,
        headers: vec![("content-type", "application/grpc".to_owned()), ("trailer", "x-sum".to_owned())],
        body: vec![Bytes::from_static(b"abc"), Bytes::from_static(b"defg")],
        trailers: vec![("grpc-status", "0"), ("x-sum", "7")],
    };
    let two = Http2Vendor::start("two.test", &ca, vec![("/", grpc)]).await;
    let home = Household::trusting(&ca).knowing(&one).host("two.test", two.address).start().await;
    for (name, client) in clients(&home) {
        for host in ["one.test", "two.test"] {
            let reply = client.get_with(&format!("https://{host}/"), &[("te", "trailers")]).await;
            assert_eq!(reply.text(), "abcdefg", "{name} from {host}");
            let trailers = reply.trailers.unwrap_or_else(|| panic!("{name} from {host}: no trailers"));
            assert_eq!(trailers["x-sum"], "7", "{name} from {host}");
        }
    }
    let reply = home.client().http2().get_with("https://two.test/", &[("te", "trailers")]).await;
    assert_eq!(reply.trailers.unwrap()["grpc-status"], "0");
    assert_eq!(two.asked()[0].header("te"), ["trailers"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_hint_does_not_stand_in_for_the_answer() {
    let ca = TestCa::new();
    let hinted = [b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", OK].concat();
    let shop = Vendor::https("shop.test").route("/", hinted).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for (name, client) in clients(&home) {
        assert_eq!(client.get("https://shop.test/").await.text(), "ok", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_keep_their_order_and_over_http1_the_case_of_their_names() {
    let ca = TestCa::new();
    let answer = b"HTTP/1.1 200 OK\r\nX-First: 1\r\nServer: s\r\nx-second: 2\r\nX-MiXed: 3\r\nContent-Length: 2\r\n\r\nok";
    let shop = Vendor::https("shop.test").route("/", answer.to_vec()).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let raw = b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Zulu: z\r\nACCEPT: */*\r\nx-alpha: a, b\r\nUser-Agent: u\r\n\
        Connection: keep-alive\r\nX-Zulu: second\r\n\r\n";
    let got = home.client().raw_inside("shop.test", raw).await;
    let head = got.split("\r\n\r\n").next().unwrap();
    let names: Vec<_> =
        head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    assert_eq!(names, ["X-First", "Server", "x-second", "X-MiXed", "Content-Length"]);
    let sent: Vec<_> =
        shop.only().headers().into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let expected =
        ["Host: shop.test", "X-Zulu: z", "X-Zulu: second", "ACCEPT: */*", "x-alpha: a, b", "User-Agent: u"];
    assert_eq!(sent[..6], expected);
    assert_eq!(sent[6..].iter().map(|line| line.to_ascii_lowercase()).collect::<Vec<_>>(), ["sec-gpc: 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_are_joined_for_http1_and_set_cookie_never_is() {
    let ca = TestCa::new();
    let answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: __Host-b=2; Secure; Path=/\r\n\
        Content-Length: 0\r\n\r\n";
    let one = Vendor::https("one.test").route("/", answer.to_vec()).start(&ca).await;
    let two = Http2Vendor::start("two.test", &ca, Vec::new()).await;
    let home = Household::trusting(&ca).knowing(&one).host("two.test", two.address).start().await;
    let split = [("cookie", "a=1"), ("cookie", "b=2; c=3")];
    let reply = home.client().http2().get_with("https://one.test/", &split).await;
    assert_eq!(one.only().header("cookie"), ["a=1; b=2; c=3"]);
    let set: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    assert_eq!(set, ["a=1; Path=/", "__Host-b=2; Secure; Path=/"]);
    home.client().get_with("https://two.test/", &[("cookie", "a=1; b=2")]).await;
    assert_eq!(two.only().header("cookie").join("; "), "a=1; b=2");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_flow_both_ways() {
    let ca = TestCa::new();
    let large: Vec<u8> =
        (0..10 * 1024 * 1024u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let digest = Sha256::digest(&large);
    let typed = [("Content-Type", "application/octet-stream")];
    let one = Vendor::https("one.test")
        .route("/down", response("200 OK", &typed, &large))
        .route("/up", OK.to_vec())
        .start(&ca)
        .await;
    let pieces = large.chunks(64 * 1024).map(Bytes::copy_from_slice).collect();
    let down = Answer { status: 200, body: pieces, ..Answer::default() };
    let two = Http2Vendor::start("two.test", &ca, vec![("/down", down)]).await;
    let home = Household::trusting(&ca)
        .knowing(&one)
        .host("two.test", two.address)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    for (name, client) in clients(&home) {
        for host in ["one.test", "two.test"] {
            let reply = client.get(&format!("https://{host}/down")).await;
            assert_eq!(Sha256::digest(&reply.body), digest, "{name} from {host}");
            let sent =
                client.post(&format!("https://{host}/up"), "application/octet-stream", large.clone()).await;
            assert_eq!(sent.status, StatusCode::OK, "{name} to {host}");
        }
    }
    assert_eq!(Sha256::digest(one.last().body()), digest);
    assert_eq!(Sha256::digest(&two.asked().pop().unwrap().body), digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_come_before_the_upload_is_over() {
    let ca = TestCa::new();
    let early =
        b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig".to_vec();
    let shop = Scripted::start("shop.test", &ca, vec![vec![early]]).await;
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head =
        "POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Type: video/mp4\r\nContent-Length: 9000000\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    tls.write_all(&[7; 1000]).await.unwrap();
    let mut answer = Vec::new();
    while find(&answer, b"\r\n\r\nbig").is_none() {
        let mut chunk = [0; 1024];
        let read = tls.read(&mut chunk).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&chunk[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 413"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_goes_on_behind_its_answer_holds_up_nobody() {
    let ca = TestCa::new();
    let shop = Scripted::start("shop.test", &ca, vec![vec![OK.to_vec()]]).await;
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head =
        "POST /slow HTTP/1.1\r\nHost: shop.test\r\nContent-Type: video/mp4\r\nContent-Length: 900000\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tls.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    // The upload is not over, and never will be.
    assert_eq!(home.client().get("https://shop.test/quick").await.text(), "ok");
    let last = shop.heads().pop().unwrap();
    assert!(last.0 == 1 && last.1.starts_with("GET /quick"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http10_client_gets_what_it_can_read() {
    let ca = TestCa::new();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    let plain = Vendor::http("plain.test").route("/", chunked.to_vec()).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&plain).start().await;
    let mut stream = home.client().proxy().await;
    stream.write_all(b"GET http://plain.test/ HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("transfer-encoding"), "{answer}");
    assert_eq!(plain.only().line(), "GET / HTTP/1.1");
    assert_eq!(plain.only().header("host"), ["plain.test"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_breaks_off_is_no_good_end_for_the_client() {
    let ca = TestCa::new();
    let short = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this";
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\nonly\r\n";
    let shop = Vendor::https("shop.test")
        .route("/short", short.to_vec())
        .route("/endless", endless.to_vec())
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    for (name, client) in clients(&home) {
        for path in ["/short", "/endless"] {
            let mut opened = client.open("shop.test").await;
            let reply =
                opened.stream(request(Method::GET, &format!("https://shop.test{path}"), &[], "")).await;
            assert_eq!(reply.status(), StatusCode::OK);
            assert!(reply.into_body().collect().await.is_err(), "{name} {path}");
        }
    }
    assert!(home.of_kind("close").await.iter().all(|close| close["outcome"] == "cut-by-vendor"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_the_request_along() {
    let ca = TestCa::new();
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst";
    let shop = Scripted::start("shop.test", &ca, vec![vec![begun.to_vec()]]).await;
    let home = Household::trusting(&ca).host("shop.test", shop.address).start().await;
    for (count, (name, client)) in clients(&home).into_iter().enumerate() {
        let mut opened = client.open("shop.test").await;
        let mut reply = opened.stream(request(Method::GET, "https://shop.test/", &[], "")).await.into_body();
        assert!(reply.frame().await.is_some());
        drop((reply, opened));
        let closes = home.awaited("close", count + 1).await;
        assert_eq!(closes[count]["outcome"], "cut-by-client", "{name}");
        for _ in 0..200 {
            if shop.gone().len() > count {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(shop.gone().len(), count + 1, "{name}: the vendor still sends");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_a_stream_arrives_when_it_was_sent() {
    let ca = TestCa::new();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    let now = format!("{head}d\r\ndata: first\n\n\r\n");
    let shop =
        Vendor::https("shop.test").held_route("/", now, "d\r\ndata: later\n\n\r\n0\r\n\r\n").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    for (name, client) in clients(&home) {
        let mut opened = client.open("shop.test").await;
        let mut reply = opened.stream(request(Method::GET, "https://shop.test/", &[], "")).await.into_body();
        let first = reply.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "data: first\n\n", "{name}");
        shop.let_go();
        assert_eq!(reply.collect().await.unwrap().to_bytes(), "data: later\n\n", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_expects_to_be_asked_is_asked() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let mut tls = home.client().tunnel("shop.test", "shop.test").await.unwrap();
    let head = "POST /up HTTP/1.1\r\nHost: shop.test\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\
        Expect: 100-continue\r\nConnection: close\r\n\r\n";
    tls.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    tls.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    tls.write_all(b"hello").await.unwrap();
    let mut answer = String::new();
    let _ = tls.read_to_string(&mut answer).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
    assert_eq!(shop.only().text(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn hop_by_hop_fields_end_here_in_both_directions() {
    let ca = TestCa::new();
    let answer =
        b"HTTP/1.1 200 OK\r\nConnection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
        Proxy-Authenticate: Basic\r\nAlt-Svc: h3=\":443\"\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok";
    let shop = Vendor::https("shop.test").route("/", answer.to_vec()).start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let raw = b"GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: X-Hop, X-Other\r\nConnection: close\r\nX-Hop: 1\r\n\
        x-other: 2\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nKeep-Alive: 1\r\n\
        Upgrade: h2c\r\nHTTP2-Settings: AAMA\r\nTE: gzip\r\nX-End: 3\r\n\r\n";
    let got = home.client().raw_inside("shop.test", raw).await.to_ascii_lowercase();
    let sent: Vec<_> = shop.only().headers().into_iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    assert_eq!(sent, ["host", "x-end", "sec-gpc"]);
    for gone in ["x-private", "keep-alive", "proxy-authenticate", "alt-svc"] {
        assert!(!got.contains(gone), "{gone}: {got}");
    }
    assert!(got.contains("x-kept: 1"), "{got}");
    let close = &home.of_kind("close").await[0];
    assert_eq!(close["edits"][0]["place"], "response.header:alt-svc");
}
