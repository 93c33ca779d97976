//! Chromium: a page with everything that pages have. The shell without a window, which asks nobody of its own accord.

use crate::support::peer::{Peer, node};
use crate::support::scene::{REAL, Scene};
use crate::support::{TestCa, views::found};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const HOSTS: [&str; 2] = ["shop.test", "frame.test"];

struct Visit {
    scene: Scene,
    server: Peer,
    profile: TempDir,
}

impl Visit {
    fn new() -> Self {
        let ca = TestCa::new();
        let (server, address) = serve(&ca);
        let scene = Scene::set(&ca, &HOSTS.map(|host| (host, address)));
        let profile = tempfile::tempdir().unwrap();
        trust(profile.path(), &scene.home.home().join("ca/root.pem"));
        Self { scene, server, profile }
    }

    /// What the page found out, and the errors its console shows.
    fn load(&self, url: &str) -> Value {
        self.load_by(&self.scene.gateway.address("proxy"), url)
    }

    fn load_by(&self, proxy: &str, url: &str) -> Value {
        let profile = self.profile.path().to_str().unwrap();
        let proxy = format!("--proxy-server=http://{proxy}");
        let mut said = Peer::start(node("browser_client.js").args([profile, &proxy, url])).ends();
        let told = said.pop().expect("a word");
        assert_eq!(told["title"], "done", "{told}");
        told
    }
}

fn serve(ca: &TestCa) -> (Peer, SocketAddr) {
    let dir = tempfile::tempdir().unwrap();
    ca.write_certificate(dir.path(), &HOSTS);
    let (certificate, key) = (dir.path().join("vendor.pem"), dir.path().join("vendor.key"));
    let mut server = Peer::start(node("browser_server.js").arg(certificate).arg(key));
    let port = server.says()["port"].as_u64().expect("a port");
    (server, SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap())))
}

/// Puts the root into the certificate store of a home, as its owner would.
fn trust(home: &Path, root: &Path) {
    let store = home.join(".pki/nssdb");
    std::fs::create_dir_all(&store).unwrap();
    let at = format!("sql:{}", store.display());
    for words in [
        &["-N", "--empty-password"][..],
        &["-A", "-n", "doorward", "-t", "C,,", "-i", root.to_str().unwrap()],
    ] {
        let done = Command::new("certutil").args(["-d", &at]).args(words).output().expect("certutil");
        assert!(done.status.success(), "{done:?}");
    }
}

/// The bodies that came for this path.
fn bodies<'r>(requests: &'r [Value], path: &str) -> Vec<&'r str> {
    let here =
        |request: &&Value| request["url"].as_str().is_some_and(|url| url.split('?').next() == Some(path));
    requests.iter().filter(here).map(|request| request["body"].as_str().unwrap()).collect()
}

#[test]
fn a_page_with_everything_loads() {
    let visit = Visit::new();
    let told = visit.load("https://shop.test/");
    let page = &told["told"];
    assert_eq!(page["error"], Value::Null, "{told}");
    assert_eq!((&page["image"], &page["color"]), (&1.into(), &"rgb(1, 2, 3)".into()));
    assert_eq!((&page["event"], &page["uploaded"]), (&"first".into(), &200.into()));
    assert_eq!(page["worker"], "https://shop.test/");
    let alias = page["fetched"]["email"].as_str().unwrap();
    assert!(alias.ends_with("@alias.example"), "{told}");
    assert_eq!(page["chat"], format!("you said: I am {alias}"));
    // The empty font is none; nothing else failed, the blocked tracker's script and the rest included.
    assert_eq!(page["font"], "NetworkError", "{told}");
    let errors = told["errors"].as_array().unwrap().iter();
    let unexpected: Vec<_> = errors.filter(|error| !error.as_str().unwrap().contains("font.woff2")).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");

    let records = visit.scene.closed(12);
    let requests = visit.server.ends();
    let all = serde_json::to_vec(&requests).unwrap();
    assert_eq!(found(&all, &[REAL]), [""; 0]);
    assert!(bodies(&requests, "/upload")[0].contains(alias));
    assert!(bodies(&requests, "/api")[0].contains(alias));
    assert!(requests.iter().any(|request| request["httpVersion"] == "2.0"), "a vendor of HTTP/2");
    // One to one: what the vendor got, the log has.
    let opened: Vec<_> = records.iter().filter(|record| record["kind"] == "open").collect();
    let abroad = opened.iter().filter(|record| !HOSTS.contains(&record["host"].as_str().unwrap()));
    assert_eq!(abroad.collect::<Vec<_>>(), [&&Value::Null; 0], "of its own accord");
    let got = requests.iter().filter(|request| request["url"].is_string()).count();
    assert_eq!(opened.len(), got + 1, "and the handshake of the chat");
    let blocked: Vec<_> = records.iter().filter(|record| record["kind"] == "blocked").collect();
    assert!(blocked.iter().any(|record| record["host"] == "www.google-analytics.com"), "{blocked:?}");
}

/// Has whatever connects speak to `proxy` with this credential: a browser shows none that was not asked for one.
fn vouch(proxy: SocketAddr, credential: String) -> SocketAddr {
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = door.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut client in door.incoming().map_while(Result::ok) {
            let (mut gateway, credential) = (TcpStream::connect(proxy).unwrap(), credential.clone());
            std::thread::spawn(move || {
                let (mut head, mut byte) = (Vec::new(), [0]);
                while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
                    head.push(byte[0]);
                }
                head.truncate(head.len().saturating_sub(2));
                head.extend(format!("Proxy-Authorization: {credential}\r\n\r\n").into_bytes());
                let (mut from, mut to) = (client.try_clone().unwrap(), gateway.try_clone().unwrap());
                let _ = gateway.write_all(&head);
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let _ = std::io::copy(&mut gateway, &mut client);
                let _ = client.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn no_script_reads_what_a_program_may() {
    let visit = Visit::new();
    let home = &visit.scene.home;
    home.ok(&["vendor", "set", "shop.test", "reveal=api"]);
    let token = home.ok(&["member", "token", "ann", "--agent"]).out.trim().to_owned();
    let proxy = visit.scene.gateway.address("proxy");
    let program = |words: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--proxy", &format!("http://ann:{token}@{proxy}")]);
        curl.arg("--cacert").arg(home.home().join("ca/root.pem")).args(words);
        let output = curl.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let body = format!("{{\"email\":\"{REAL}\"}}");
    let kind = "content-type: application/json";
    let told = program(&["-X", "PUT", "-H", kind, "-d", &body, "https://shop.test/me"]);
    assert_eq!(told, body, "a program reads what it sent");
    assert_eq!(program(&["https://shop.test/known.json"]), body);

    // The browser even has the program's credential.
    let credential = format!("Basic {}", STANDARD.encode(format!("ann:{token}")));
    let relay = vouch(proxy.parse().unwrap(), credential);
    let told = visit.load_by(&relay.to_string(), "https://shop.test/harvest.html");
    let read = &told["told"];
    assert_eq!(read["error"], Value::Null, "{told}");
    for way in [
        "cors",
        "same-origin",
        "no-cors",
        "posted",
        "quiet",
        "xhr",
        "frame",
        "page",
        "module",
        "jsonp",
        "worker",
        "event",
    ] {
        assert!(read[way].as_str().is_some_and(|text| text.contains("@alias.example")), "{way}: {told}");
    }
    assert_eq!(found(&serde_json::to_vec(&told).unwrap(), &[REAL]), [""; 0]);
    let requests = visit.server.ends();
    assert_eq!(bodies(&requests, "/collect").len(), 1);
    let backwards: String = REAL.chars().rev().collect();
    assert_eq!(found(&serde_json::to_vec(&requests).unwrap(), &[REAL, &backwards]), [""; 0]);
}

#[test]
fn a_form_is_sent_under_the_alias() {
    let visit = Visit::new();
    let told = visit.load("https://shop.test/form.html");
    assert_eq!(told["told"]["welcome"], true);
    let requests = visit.server.ends();
    let [body] = bodies(&requests, "/signup")[..] else { panic!("one sign-up: {requests:?}") };
    assert!(body.starts_with("email=") && body.ends_with("%40alias.example"), "{body}");
}
