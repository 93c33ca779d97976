//! P7: no byte of a vendor that failed verification reaches a client, nothing reaches that vendor, and the page says why.

use crate::support::{Household, TestCa, Vendor};
use doorward::model::MemberId;
use http::StatusCode;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What every one of these vendors would say.
const WORDS: &str = "words of somebody";

/// What a client sees of a vendor that cannot be verified.
async fn is_refused(home: &Household, host: &str, error: &str) -> String {
    let url = format!("https://{host}/account?id=7");
    let page = home.client().get_with(&url, &[("accept", "text/html")]).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY, "{host}: {}", page.text());
    let status = page.header("proxy-status").unwrap().to_owned();
    assert!(status.contains(&format!("error={error}")), "{host}: {status}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.header("strict-transport-security").is_none());
    let text = page.text();
    assert!(!["<script", "<form", "<a ", WORDS].iter().any(|found| text.contains(found)), "{host}: {text}");
    text
}

/// Nothing was sent, and the log says so.
async fn nothing_was_sent(home: &Household, flows: usize) {
    let closes = home.of_kind("close").await;
    assert_eq!(closes.len(), flows);
    let failed = |close: &serde_json::Value| {
        close["outcome"] == "failed" && close["attempts"] == 0 && close["sent"] == 0 && close["received"] == 0
    };
    assert!(closes.iter().all(failed), "{closes:#?}");
}

fn own(params: &CertificateParams) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.der().clone()], key).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_right_says_which_way() {
    crate::support::crypto();
    let (ca, namesake) = (TestCa::new(), TestCa::new());
    let day = time::Duration::days(1);
    let now = time::OffsetDateTime::now_utc();
    let mut alone = CertificateParams::new(vec!["self.test".to_owned()]).unwrap();
    alone.distinguished_name.push(rcgen::DnType::CommonName, "self.test");
    let table = [
        (
            "expired.test",
            ca.server_config_with("expired.test", |made| made.not_after = now - day),
            "has expired",
        ),
        (
            "early.test",
            ca.server_config_with("early.test", |made| made.not_before = now + day),
            "is not valid yet",
        ),
        ("wrong.test", ca.server_config("other.test"), "is for another host"),
        (
            "nameless.test",
            ca.server_config_with("nameless.test", |made| made.subject_alt_names.clear()),
            "is for another host",
        ),
        ("self.test", own(&alone), "was issued by nobody this machine trusts"),
        (
            "unknown.test",
            TestCa::new().below().server_config("unknown.test"),
            "was issued by nobody this machine trusts",
        ),
        // Its authority has the name of the trusted one, and another key.
        (
            "namesake.test",
            namesake.server_config("namesake.test"),
            "has a signature that is wrong or too weak",
        ),
        // Whoever signed it is trusted, but did not come along.
        ("gap.test", ca.below().server_config("gap.test"), "was issued by nobody this machine trusts"),
        (
            "client.test",
            ca.server_config_with("client.test", |made| {
                made.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            "is not one for servers",
        ),
        (
            "authority.test",
            ca.server_config_with("authority.test", |made| {
                made.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            }),
            "is not valid",
        ),
    ];
    let mut vendors = Vec::new();
    let mut builder = Household::trusting(&ca);
    for (host, config, reason) in table {
        let vendor = Vendor::https(host).tls(config).start(&ca).await;
        builder = builder.knowing(&vendor);
        vendors.push((vendor, reason));
    }
    let home = builder.start().await;
    for (vendor, reason) in &vendors {
        let page = is_refused(&home, &vendor.host, "tls_certificate_error").await;
        assert!(page.contains(reason) && !page.contains("other.test"), "{}: {page}", vendor.host);
        assert!(vendor.arrived().is_empty(), "{}", vendor.host);
    }
    let untrusted = home.metric("doorward_handshakes_total{result=\"untrusted\",side=\"upstream\"}");
    assert_eq!(untrusted as usize, vendors.len());
    nothing_was_sent(&home, vendors.len()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_authority_vouches_for_no_vendor() {
    let ca = TestCa::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = Household::trusting(&ca).host("ours.test", listener.local_addr().unwrap()).start().await;
    let host = doorward::model::Host::parse("ours.test").unwrap();
    let leaf = home.house.front.leaves.server_config(MemberId::GATEWAY, &host).unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut tls) = TlsAcceptor::from(Arc::clone(&leaf)).accept(stream).await {
                let _ = tls.write_all(WORDS.as_bytes()).await;
            }
        }
    });
    let page = is_refused(&home, "ours.test", "tls_certificate_error").await;
    assert!(page.contains("was issued by nobody this machine trusts"), "{page}");
    nothing_was_sent(&home, 1).await;
}

/// OpenSSL as a server that takes what is long out of use.
struct OutOfUse {
    address: SocketAddr,
    process: Child,
}

impl OutOfUse {
    fn start(folder: &Path, name: &str, more: &[&str]) -> Self {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new("openssl")
            .current_dir(folder)
            .args(["s_server", "-quiet", "-WWW", "-accept", &address.to_string()])
            .args(["-cert", &format!("{name}.pem"), "-key", &format!("{name}.key")])
            .args(["-cipher", "ALL:@SECLEVEL=0"])
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { address, process }
    }

    /// Waits until it listens.
    async fn up(&self) {
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("openssl s_server does not listen");
    }
}

impl Drop for OutOfUse {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Makes an authority and, signed by it, a certificate for `NAME.test` whose key has so many bits, by this digest.
fn openssl(folder: &Path, script: &str) {
    let mut shell = Command::new("sh")
        .current_dir(folder)
        .arg("-es")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success(), "{script}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_of_use_is_refused() {
    let (ca, folder) = (TestCa::new(), tempfile::tempdir().unwrap());
    let at = folder.path();
    openssl(
        at,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj /CN=root -days 9",
    );
    for (name, bits, digest) in [("weak", 1024, "sha256"), ("sha1", 2048, "sha1"), ("tls11", 2048, "sha256")]
    {
        openssl(
            at,
            &format!(
                "printf 'subjectAltName=DNS:{name}.test\\nbasicConstraints=CA:FALSE\\n' > {name}.ext
                 openssl req -new -newkey rsa:{bits} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}
                 openssl x509 -req -in {name}.csr -CA root.pem -CAkey root.key -set_serial 7 -days 9 \
                   -extfile {name}.ext -{digest} -out {name}.pem"
            ),
        );
    }
    std::fs::write(at.join("account?id=7"), WORDS).unwrap();
    let old = [("weak", &[][..]), ("sha1", &[][..]), ("tls11", &["-tls1_1"][..])];
    let mut builder = Household::trusting(&ca);
    let mut running = Vec::new();
    for (name, more) in old {
        let server = OutOfUse::start(at, name, more);
        server.up().await;
        builder = builder.host(&format!("{name}.test"), server.address);
        running.push(server);
    }
    let root = std::fs::read_to_string(at.join("root.pem")).unwrap();
    let home = builder.file("vendors.pem", &root).start().await;
    for (name, error, reason) in [
        ("weak", "tls_certificate_error", "has a signature that is wrong or too weak"),
        ("sha1", "tls_certificate_error", "is signed in a way that is no longer safe"),
        ("tls11", "tls_protocol_error", "the TLS handshake with the vendor failed"),
    ] {
        let page = is_refused(&home, &format!("{name}.test"), error).await;
        assert!(page.contains(reason), "{name}: {page}");
    }
    nothing_was_sent(&home, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_of_an_old_protocol_or_none_is_never_heard() {
    let ca = TestCa::new();
    // Answers a ClientHello with a TLS 1.0 ServerHello, and another with HTTP.
    let mut old_hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    old_hello.extend([7; 32]);
    old_hello.extend([0, 0, 47, 0]);
    let mut builder = Household::trusting(&ca);
    for (host, words) in [("old.test", old_hello), ("plain.test", b"HTTP/1.1 200 OK\r\n\r\nhello".to_vec())] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        builder = builder.host(host, listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut hello = [0; 1024];
                let _ = stream.read(&mut hello).await;
                let _ = stream.write_all(&words).await;
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        });
    }
    let home = builder.start().await;
    is_refused(&home, "old.test", "tls_protocol_error").await;
    is_refused(&home, "plain.test", "tls_protocol_error").await;
}
