//! P7: no byte of a vendor that failed verification reaches a client; and the certificates that clients are shown.

use crate::support::client::request;
use crate::support::{Household, TestCa, Vendor};
use doorward::model::{Host, MemberId};
use http::{Method, StatusCode};
use rustls::pki_types::CertificateDer;
use std::process::Command;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The chain a client is shown for `host`, leaf first.
async fn chain(home: &Household, host: &str) -> Vec<CertificateDer<'static>> {
    let tls = home.client().tunnel(host, host).await.unwrap();
    tls.get_ref().1.peer_certificates().unwrap().iter().map(|one| one.clone().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_is_short_lived_names_one_host_and_chains_to_the_root() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    let mut serials = Vec::new();
    for host in ["shop.test", "192.0.2.7"] {
        let chain = chain(&home, host).await;
        assert_eq!(chain.len(), 2, "leaf and intermediate; the root is known");
        let (_, leaf) = X509Certificate::from_der(&chain[0]).unwrap();
        let (_, intermediate) = X509Certificate::from_der(&chain[1]).unwrap();
        let certificates = home.house.front.leaves.certificates();
        let (_, root) = X509Certificate::from_der(certificates.root()).unwrap();
        let names = &leaf.subject_alternative_name().unwrap().unwrap().value.general_names;
        match &names[..] {
            [GeneralName::DNSName(name)] => assert_eq!(*name, host),
            [GeneralName::IPAddress(bytes)] => assert_eq!(*bytes, [192, 0, 2, 7]),
            other => panic!("{other:?}"),
        }
        let (begins, ends) = (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
        let now = time::OffsetDateTime::now_utc().unix_timestamp();
        assert!(ends - begins <= 7 * 86_400 && now - begins >= 47 * 3600 && ends > now);
        assert!(!leaf.is_ca() && intermediate.is_ca() && root.is_ca());
        leaf.verify_signature(Some(intermediate.public_key())).unwrap();
        intermediate.verify_signature(Some(root.public_key())).unwrap();
        let keys = [&leaf, &intermediate, &root].map(|one| one.public_key().raw.to_vec());
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
        let life = intermediate.validity().not_after.timestamp() - now;
        assert!((89 * 86_400..=90 * 86_400).contains(&life), "{life}");
        serials.push(leaf.raw_serial().to_vec());
    }
    assert!(serials[0] != serials[1] && serials.iter().all(|serial| serial.len() == 16));
}

fn openssl_accepts(dir: &std::path::Path, chain: &[CertificateDer<'_>], root: &str, host: &str) -> bool {
    let pem = |der: &[u8]| {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", wrapped(&text))
    };
    for (name, text) in [("leaf", pem(&chain[0])), ("between", pem(&chain[1])), ("root", root.to_owned())] {
        std::fs::write(dir.join(format!("{name}.pem")), text).unwrap();
    }
    let flag = if host.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    let verified = Command::new("openssl")
        .current_dir(dir)
        .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "root.pem"])
        .args(["-untrusted", "between.pem", flag, host, "leaf.pem"])
        .output()
        .unwrap();
    verified.status.success()
}

fn wrapped(text: &str) -> String {
    text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_verifies_the_chain_strictly() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    let root = home.house.front.leaves.certificates().root_pem().to_owned();
    for host in ["shop.test", "192.0.2.7"] {
        let chain = chain(&home, host).await;
        assert!(openssl_accepts(home.dir.path(), &chain, &root, host), "{host}");
    }
    let shop = chain(&home, "shop.test").await;
    assert!(!openssl_accepts(home.dir.path(), &shop, &root, "other.test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_chosen_vendors_the_intermediate_signs_for_nobody_else() {
    let ca = TestCa::new();
    let chosen = "[intercept]\nmode = \"chosen\"\n[vendor.shop]\nhosts = [\"shop.test\"]";
    let home = Household::trusting(&ca).config(chosen).start().await;
    home.house.warm_up().unwrap();
    let root = home.house.front.leaves.certificates().root_pem().to_owned();
    let shop = chain(&home, "shop.test").await;
    assert!(openssl_accepts(home.dir.path(), &shop, &root, "shop.test"));
    // A leaf that should never be: openssl and rustls refuse it.
    for outside in ["bank.test", "192.0.2.7", "2001:db8::7"] {
        let host = Host::parse(outside).unwrap();
        let config = home.house.front.leaves.server_config(MemberId::random(), &host).unwrap();
        let (client, server) = tokio::io::duplex(16 * 1024);
        let accepting =
            tokio::spawn(
                async move { tokio_rustls::TlsAcceptor::from(config).accept(server).await.map(|_| ()) },
            );
        let mut roots = rustls::RootCertStore::empty();
        roots.add(home.house.front.leaves.certificates().root().clone()).unwrap();
        let strict = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from(outside.to_owned()).unwrap();
        let refused = TlsConnector::from(Arc::new(strict)).connect(name, client).await.unwrap_err();
        assert!(refused.to_string().contains("NameConstraint"), "{outside}: {refused}");
        accepting.await.unwrap().unwrap_err();
    }
    // Another list, another intermediate; the root that devices trust stays.
    home.reload("[intercept]\nmode = \"chosen\"\n[vendor.bank]\nhosts = [\"*.bank.test\"]").await;
    assert_eq!(home.house.front.leaves.certificates().root_pem(), root);
    let bank = chain(&home, "my.bank.test").await;
    assert!(openssl_accepts(home.dir.path(), &bank, &root, "my.bank.test"));
    home.reload("").await;
    assert!(openssl_accepts(home.dir.path(), &chain(&home, "any.test").await, &root, "any.test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stampede_meets_one_leaf() {
    let ca = TestCa::new();
    let home = Arc::new(Household::trusting(&ca).start().await);
    let meetings = (0..16).map(|_| {
        let home = Arc::clone(&home);
        tokio::spawn(async move { chain(&home, "shop.test").await[0].clone() })
    });
    let mut leaves = Vec::new();
    for meeting in meetings.collect::<Vec<_>>() {
        leaves.push(meeting.await.unwrap());
    }
    assert!(leaves.iter().all(|leaf| *leaf == leaves[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_trust_us_is_told_apart() {
    let ca = TestCa::new();
    let home = Household::trusting(&ca).start().await;
    let pinned = home.client().trusting(ca.root());
    assert!(pinned.tunnel("shop.test", "shop.test").await.is_err());
    let name = "doorward_handshakes_total{result=\"untrusted\",side=\"downstream\"}";
    for _ in 0..100 {
        if home.metric(name) == 1.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(home.metric(name), 1.0);
    // Its owner sees which application does not come through.
    let refused = &home.awaited("refused", 1).await[0];
    assert_eq!(
        (&refused["host"], &refused["code"]),
        (&"shop.test".into(), &"certificate_not_accepted".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_set_of_roots_ends_old_trust() {
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let home = Household::trusting(&ca).knowing(&shop).start().await;
    let mut opened = home.client().open("shop.test").await;
    let ask = || request(Method::GET, "https://shop.test/", &[], "");
    assert_eq!(opened.send(ask()).await.text(), "ok");
    let other = TestCa::new();
    std::fs::write(home.dir.path().join("other.pem"), other.pem()).unwrap();
    let file = home.dir.path().join("doorward.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("vendors.pem", "other.pem");
    std::fs::write(&file, text).unwrap();
    home.house.adopt(doorward::config::Config::load(&file).unwrap()).await.unwrap();
    // Neither the kept connection nor a ticket is used.
    assert_eq!(opened.send(ask()).await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(shop.received().len(), 1);
}
