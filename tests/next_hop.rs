//! `[upstream] proxy`: everything leaves through it, names travel as names, and what it refuses is told apart.

use crate::support::client::{Reply, request};
use crate::support::next_hop::{NextHop, PASSWORD, USER, behind_tls};
use crate::support::vendor::find;
use crate::support::{Household, TestCa, Vendor, until};
use doorward::gateway::Seams;
use doorward::upstream::Resolve;
use http::{Method, StatusCode};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Knows nothing, and keeps what it was asked.
#[derive(Clone, Default)]
struct Ignorant(Arc<Mutex<Vec<String>>>);

impl Ignorant {
    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Resolve for Ignorant {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        self.0.lock().unwrap().push(name.to_owned());
        Box::pin(async { Ok(Vec::new()) })
    }
}

/// The password of a next hop, in a file outside the home.
struct Password {
    dir: TempDir,
}

impl Password {
    fn new(word: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pass"), format!("{word}\n")).unwrap();
        Self { dir }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("pass")
    }

    /// `[upstream]` with this next hop; these `ports` may be named.
    fn leaving_by(&self, url: &str, ports: &[u16]) -> String {
        let known = format!("user = \"{USER}\", password = {{ file = {:?} }}", self.file());
        format!("[upstream]\nports = {ports:?}\nproxy = {{ url = \"{url}\", {known} }}\n")
    }
}

async fn household(ca: &TestCa, config: &str) -> (Household, Ignorant) {
    let resolver = Ignorant::default();
    let seams = Seams { resolver: Arc::new(resolver.clone()), ..Seams::default() };
    (Household::trusting(ca).config(config).seams(seams).start().await, resolver)
}

/// Two requests on one connection over TLS, one in the clear, and one in a tunnel, by a next hop that resolves the names.
async fn carries_everything(scheme: &str) {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test never.test").start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let (secure, clear) = (shop.address.port(), plain.address.port());
    let names = ["shop.test", "never.test", "plain.test"];
    let hop = match scheme {
        "http" | "https" => NextHop::http(&names, &[secure, clear]),
        _ => NextHop::socks5(&names),
    };
    let door = match scheme {
        "https" => behind_tls(&ca, "127.0.0.1", hop.address).await,
        _ => hop.address,
    };
    let password = Password::new(PASSWORD);
    let config = password.leaving_by(&format!("{scheme}://{door}"), &[secure, clear]);
    let (home, resolver) = household(&ca, &format!("{config}[intercept]\nnever = [\"never.test\"]\n")).await;

    let mut opened = home.client().open(&format!("shop.test:{secure}")).await;
    for _ in 0..2 {
        let asked = request(Method::GET, &format!("https://shop.test:{secure}/one"), &[], "");
        assert_eq!(opened.send(asked).await.text(), "ok", "{scheme}");
    }
    assert_eq!(home.client().get(&format!("http://plain.test:{clear}/two")).await.text(), "ok");
    let mut tunnel = home.client().trusting(ca.root()).open(&format!("never.test:{secure}")).await;
    let asked = request(Method::GET, &format!("https://never.test:{secure}/three"), &[], "");
    assert_eq!(tunnel.send(asked).await.text(), "ok", "{scheme}");

    assert_eq!((shop.received().len(), shop.connections()), (3, 2));
    // In the clear, too, the next hop made a tunnel: the vendor got what it would have got directly.
    assert_eq!(plain.only().line(), "GET /two HTTP/1.1");
    for received in shop.received().into_iter().chain(plain.received()) {
        assert!(received.header("proxy-authorization").is_empty() && received.header("via").is_empty());
    }
    for wanted in
        [format!("shop.test:{secure}"), format!("plain.test:{clear}"), format!("never.test:{secure}")]
    {
        until(&wanted, || hop.log().contains(&wanted)).await;
    }
    assert_eq!(resolver.asked(), [""; 0], "{scheme}");
    drop((opened, tunnel));
    assert_eq!(home.of_kind("open").await.len(), 3);
    assert!(find(&home.every_file(), PASSWORD.as_bytes()).is_none(), "{scheme}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_leaves_through_an_http_proxy() {
    carries_everything("http").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_leaves_through_an_http_proxy_behind_tls() {
    carries_everything("https").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_leaves_through_a_socks_proxy() {
    carries_everything("socks5").await;
    carries_everything("socks5h").await;
}

/// What a client hears; the password is nowhere, and no vendor was asked.
async fn is_told(home: &Household, url: &str, status: StatusCode, error: &str, why: &str) {
    let reply: Reply = home.client().get_with(url, &[("accept", "text/html")]).await;
    let said = reply.header("proxy-status").unwrap_or_default().to_owned();
    assert_eq!(reply.status, status, "{url}: {said}");
    assert_eq!(said, format!("doorward; error={error}; details=\"{why}\""), "{url}");
    assert!(!reply.text().contains(PASSWORD) && !reply.text().contains(USER));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_refuses_is_told_apart() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let (port, closed) = (shop.address.port(), nobody().await.port());
    let (http, socks) = (NextHop::http(&["shop.test"], &[port, closed]), NextHop::socks5(&["shop.test"]));
    let (right, wrong) = (Password::new(PASSWORD), Password::new("neap-tide-14"));
    let (web, sock) = (format!("http://{}", http.address), format!("socks5://{}", socks.address));
    let ports = [port, closed, 81];
    let nowhere = format!("http://{}", nobody().await);
    let not_a_proxy = format!("socks5://{}", shop.address);
    let stranger = format!("https://{}", behind_tls(&TestCa::new(), "127.0.0.1", http.address).await);
    let other_name = format!("https://{}", behind_tls(&ca, "other.test", http.address).await);
    let anonymous = format!("[upstream]\nports = {ports:?}\nproxy = \"{sock}\"\n");
    let credentials = "the next hop does not accept our credentials";
    let (bad, internal) = (StatusCode::BAD_GATEWAY, StatusCode::INTERNAL_SERVER_ERROR);
    let unreached = "the next hop cannot reach the vendor";
    let (home, _) = household(&ca, &right.leaving_by(&web, &ports)).await;
    let table = [
        (wrong.leaving_by(&web, &ports), port, internal, "proxy_configuration_error", credentials),
        (wrong.leaving_by(&sock, &ports), port, internal, "proxy_configuration_error", credentials),
        (anonymous, port, internal, "proxy_configuration_error", credentials),
        (
            right.leaving_by(&web, &ports),
            81,
            bad,
            "connection_refused",
            "the next hop refuses this destination",
        ),
        (right.leaving_by(&web, &ports), closed, bad, "destination_unavailable", unreached),
        (right.leaving_by(&sock, &ports), closed, bad, "destination_unavailable", unreached),
        (
            right.leaving_by(&nowhere, &ports),
            port,
            bad,
            "connection_refused",
            "the next hop cannot be reached",
        ),
        (
            right.leaving_by(&not_a_proxy, &ports),
            port,
            bad,
            "connection_terminated",
            "the next hop does not speak SOCKS version 5",
        ),
        (
            right.leaving_by(&stranger, &ports),
            port,
            bad,
            "tls_certificate_error",
            "the next hop's certificate has a signature that is wrong or too weak",
        ),
        (
            right.leaving_by(&other_name, &ports),
            port,
            bad,
            "tls_certificate_error",
            "the next hop's certificate is for another host",
        ),
    ];
    for (config, port, status, error, why) in &table {
        home.reload(config).await;
        is_told(&home, &format!("https://shop.test:{port}/"), *status, error, why).await;
    }
    assert_eq!(shop.received().len(), 0);
    let closes = home.of_kind("close").await;
    assert_eq!(closes.len(), table.len());
    assert!(closes.iter().all(|close| close["outcome"] == "failed" && close["attempts"] == 0), "{closes:#?}");
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_a_house_and_private_addresses_are_not_asked_for() {
    let ca = TestCa::new();
    let hop = NextHop::socks5(&["localhost", "router.lan", "tv.local", "nas"]);
    let shop = Vendor::https("shop.test").start(&ca).await;
    let port = shop.address.port();
    let password = Password::new(PASSWORD);
    let config = password.leaving_by(&format!("socks5://{}", hop.address), &[port]);
    let resolver = Ignorant::default();
    let seams = Seams { resolver: Arc::new(resolver.clone()), ..Seams::default() };
    let home = Household::trusting(&ca).knowing(&shop).config(&config).seams(seams).start().await;
    let local = "the name is one of a house or a machine, not of a vendor";
    for (host, why) in [
        ("localhost", local),
        ("router.lan", local),
        ("tv.local", local),
        ("nas", local),
        ("192.168.1.1", "the address is private"),
        ("[::ffff:10.0.0.1]", "the address is private"),
    ] {
        let url = format!("http://{host}:{port}/");
        is_told(&home, &url, StatusCode::FORBIDDEN, "destination_ip_prohibited", why).await;
    }
    assert!(!hop.log().contains("connected to"), "{}", hop.log());
    assert_eq!(resolver.asked(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_host_is_asked_for_by_its_address() {
    let ca = TestCa::new();
    let hop = NextHop::socks5(&[]);
    let shop = Vendor::https("shop.test").start(&ca).await;
    let password = Password::new(PASSWORD);
    let config = password.leaving_by(&format!("socks5://{}", hop.address), &[443]);
    let home = Household::trusting(&ca).knowing(&shop).config(&config).start().await;
    assert_eq!(home.client().get("https://shop.test/").await.text(), "ok");
    until("the address", || hop.log().contains(&shop.address.to_string())).await;
    assert!(!hop.log().contains("shop.test"), "{}", hop.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_hop_that_is_this_gateway_is_not_entered() {
    let ca = TestCa::new();
    let (home, _) = household(&ca, "").await;
    home.reload(&format!("[upstream]\nproxy = \"http://{}\"\n", home.proxy)).await;
    let why = "the next hop is this gateway itself";
    is_told(&home, "https://shop.test/", StatusCode::BAD_GATEWAY, "proxy_loop_detected", why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_next_hop_means_other_connections() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let port = shop.address.port();
    let (first, second) = (NextHop::http(&["shop.test"], &[port]), NextHop::socks5(&["shop.test"]));
    let password = Password::new(PASSWORD);
    let (home, _) = household(&ca, &password.leaving_by(&format!("http://{}", first.address), &[port])).await;
    let mut opened = home.client().open(&format!("shop.test:{port}")).await;
    let ask = || request(Method::GET, &format!("https://shop.test:{port}/"), &[], "");
    assert_eq!(opened.send(ask()).await.text(), "ok");
    home.reload(&password.leaving_by(&format!("socks5://{}", second.address), &[port])).await;
    assert_eq!(opened.send(ask()).await.text(), "ok");
    assert_eq!(shop.connections(), 2);
    until("the second one's log", || second.log().contains("shop.test")).await;
    // Nor does a connection outlive the credentials it was made with.
    std::fs::write(password.file(), "neap-tide-14").unwrap();
    home.reload(&password.leaving_by(&format!("socks5://{}", second.address), &[port])).await;
    assert_eq!(opened.send(ask()).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_speaks_first_is_heard_from_its_first_byte() {
    let ca = TestCa::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"220 never.test\r\n").await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    let hop = NextHop::http(&["never.test"], &[port]);
    let password = Password::new(PASSWORD);
    let config = password.leaving_by(&format!("http://{}", hop.address), &[port]);
    let (home, _) = household(&ca, &format!("{config}[intercept]\nnever = [\"never.test\"]\n")).await;
    let (status, answer, mut stream) = home.client().connect(&format!("never.test:{port}")).await;
    assert_eq!(status, 200, "{answer}");
    let mut greeting = [0; 16];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 never.test\r\n");
}
