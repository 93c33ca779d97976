//! P5: vendors that do not serve who is inspected are told of; where their owner wants that, they work as without the gateway
//! once that is known of them, and the log says that they were not inspected.

use crate::support::nginx::Nginx;
use crate::support::vendor::response;
use crate::support::{Household, TestCa, Vendor, a_while};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const PASS: &str = "[intercept]\non_refused = \"pass-through\"";
const PAGE: &[(&str, &str)] = &[("accept", "text/html"), ("sec-fetch-dest", "document")];

/// What curl gets of the page, as a device that has a certificate of its own.
async fn fetch(proxy: SocketAddr, device: &Path, url: String) -> String {
    let (device, proxy) = (device.to_owned(), format!("http://{proxy}"));
    let fetched = tokio::task::spawn_blocking(move || {
        let file = |name: &str| device.join(name).to_str().unwrap().to_owned();
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "-m",
            "30",
            "-w",
            "%{http_code}",
            "--proxy",
            &proxy,
            "--cacert",
            &file("trusted.pem"),
        ]);
        curl.args(["--cert", &file("vendor.pem"), "--key", &file("vendor.key"), &url]).output().unwrap()
    });
    let fetched = fetched.await.unwrap();
    [fetched.stdout, fetched.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_that_wants_a_certificate_gets_the_devices_the_next_time() {
    let ca = TestCa::new();
    let nginx = Nginx::wanting_certificates(&ca, &["office.test", "office2.test"]);
    let home = Household::trusting(&ca)
        .host("office.test", nginx.http1)
        .host("office2.test", nginx.http2)
        .config(PASS)
        .member("ann", &[])
        .start()
        .await;
    let device = tempfile::tempdir().unwrap();
    ca.write_certificate(device.path(), &["ann.test"]);
    let own = home.house.front.leaves.certificates().root_pem().to_owned();
    std::fs::write(device.path().join("trusted.pem"), format!("{own}{}", ca.pem())).unwrap();
    for host in ["office.test", "office2.test"] {
        let url = format!("https://{host}/r/{host}");
        let first = fetch(home.proxy, device.path(), url.clone()).await;
        assert!(first.contains("No required SSL certificate was sent") && first.ends_with("400"), "{first}");
        assert_eq!(fetch(home.proxy, device.path(), url).await, "ok\n200", "{host}");
        assert_eq!(nginx.requests(&format!("/r/{host}"), 2).last().unwrap().field("gpc"), "");
    }
    let tunnels = home.awaited("tunnel", 2).await;
    assert!(tunnels.iter().all(|tunnel| tunnel["reason"] == "client-certificate"), "{tunnels:?}");
}

/// A vendor that ends the handshake, or what is behind it, with an alert where no certificate of `ca` comes.
fn demanding(ca: &TestCa, version: &'static SupportedProtocolVersion, protocol: &[u8]) -> ServerConfig {
    let (certificate, key) = ca.certificate_for(&["office.test"]);
    let mut roots = RootCertStore::empty();
    roots.add(ca.root()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let mut config = ServerConfig::builder_with_protocol_versions(&[version])
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.to_vec()];
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_it_at_once_in_every_version() {
    for (version, protocol) in
        [(&version::TLS12, &b"http/1.1"[..]), (&version::TLS13, b"http/1.1"), (&version::TLS13, b"h2")]
    {
        let ca = TestCa::new();
        let office = Vendor::https("office.test").tls(demanding(&ca, version, protocol)).start(&ca).await;
        let home = Household::trusting(&ca).knowing(&office).config(PASS).member("ann", &[]).start().await;
        let client = home.client();
        let first = client.get("https://office.test/").await;
        assert_eq!(first.status, 502, "{version:?}");
        let said = "the vendor wants a certificate that only its user's device has";
        assert!(first.text().contains(said), "{version:?}: {}", first.text());
        // Its own certificate is the device's to show: here it shows none, and hears so from the vendor itself.
        let _ = client.clone().trusting(ca.root()).tunnel("office.test", "office.test").await;
        assert_eq!(home.awaited("tunnel", 1).await[0]["reason"], "client-certificate", "{version:?}");
        assert!(office.arrived().is_empty(), "{version:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_asks_for_a_certificate_and_serves_without_is_inspected() {
    let ca = TestCa::new();
    let (certificate, key) = ca.certificate_for(&["office.test"]);
    let mut roots = RootCertStore::empty();
    roots.add(ca.root()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build().unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let office = Vendor::https("office.test")
        .tls(config)
        .route("/gone", response("404 Not Found", &[], b""))
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&office).config(PASS).member("ann", &[]).start().await;
    let client = home.client();
    for path in ["/", "/gone", "/?utm_source=x"] {
        client.get(&format!("https://office.test{path}")).await;
    }
    assert_eq!(office.last().target(), "/");
    assert!(home.of_kind("tunnel").await.is_empty());
}

/// A household, and a vendor that refuses every page but one.
async fn walled(config: &str) -> (TestCa, Vendor, Household) {
    let ca = TestCa::new();
    let wall = Vendor::https("wall.test")
        .route("/", response("403 Forbidden", &[("cf-mitigated", "challenge")], b"prove it"))
        .route("/plain", response("403 Forbidden", &[], b"no"))
        .start(&ca)
        .await;
    let home = Household::trusting(&ca).knowing(&wall).config(config).member("ann", &[]).start().await;
    (ca, wall, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_refuses_three_pages_in_a_row_is_met_uninspected_for_a_week_and_over_a_restart() {
    let (ca, wall, home) = walled(PASS).await;
    let client = home.client();
    for (path, fields) in [
        ("/", PAGE),
        ("/plain", PAGE),
        // In between it serves one: it does not refuse us.
        ("/other", PAGE),
        ("/", &[]),
        // Whatever else is refused is no page.
        ("/plain", &[]),
        ("/plain", &[]),
        ("/plain", PAGE),
    ] {
        client.get_with(&format!("https://wall.test{path}"), fields).await;
        assert!(home.of_kind("tunnel").await.is_empty(), "{path}");
    }
    assert_eq!(client.get_with("https://wall.test/", PAGE).await.text(), "prove it");
    let own = client.trusting(ca.root());
    assert!(own.tunnel("wall.test", "wall.test").await.is_ok());
    assert_eq!(home.awaited("tunnel", 1).await[0]["reason"], "challenged");
    a_while().await;
    let seen = wall.received().len();
    let home = home.pauses().await.start().await;
    assert!(home.client().trusting(ca.root()).tunnel("wall.test", "wall.test").await.is_ok());
    assert_eq!((home.awaited("tunnel", 2).await.len(), wall.received().len()), (2, seen));
    // Another device is inspected all the same.
    assert_eq!(home.client().from("127.0.0.2").get("https://wall.test/other").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_passes_unasked_by_itself() {
    for (config, want) in [
        (
            "",
            "this vendor refuses what is inspected: to let it pass uninspected, add its host to [intercept] never",
        ),
        (
            "[intercept]\non_refused = \"pass-through\"\n[vendor.wall]\nhosts = [\"wall.test\"]",
            "this vendor refuses what is inspected: to let it pass uninspected, add its host to [intercept] never",
        ),
        (
            "[intercept]\non_refused = \"pass-through\"\non_pinned = \"block\"",
            "this vendor refuses what is inspected, and may not pass uninspected",
        ),
    ] {
        let (_ca, _wall, home) = walled(config).await;
        for _ in 0..3 {
            assert_eq!(home.client().get_with("https://wall.test/", PAGE).await.status, 403);
        }
        let refused = home.awaited("refused", 1).await;
        assert_eq!((&refused[0]["reason"], &refused[0]["status"]), (&want.into(), &502.into()));
        assert_eq!(home.client().get_with("https://wall.test/other", PAGE).await.status, 200, "{config}");
    }
}
