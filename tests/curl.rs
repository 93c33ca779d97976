//! The program itself between curl and Debian's nginx, over HTTP/1.1 and HTTP/2 on either side.

use crate::support::curl::{Fetched, WAYS, curl};
use crate::support::nginx::Nginx;
use crate::support::program::{Program, Running};
use crate::support::{TestCa, crypto};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

const REAL: &str = "ann@home.example";
const MEBIBYTE: usize = 1024 * 1024;

struct Scene {
    nginx: Nginx,
    home: Program,
    gateway: Running,
}

impl Scene {
    /// Ann's gateway runs; the shop is one vendor with two hosts.
    fn set(files: &[(&str, &[u8])]) -> Self {
        crypto();
        let ca = TestCa::new();
        let hosts = ["one.shop.test", "two.shop.test", "pixel.tracker.test"];
        let nginx = Nginx::start(&ca, &hosts, files);
        let home = Program::configured(&format!(
            "[upstream]\nextra_ca = [\"vendors.pem\"]\nallow_private = [\"127.0.0.1/32\"]\n\
             hosts = {{ \"one.shop.test\" = \"{one}\", \"two.shop.test\" = \"{two}\", \"pixel.tracker.test\" = \"{one}\" }}\n\
             [identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"\n\
             [terms]\noffer = [\"SD-BASE\"]\n\
             [vendor.shop]\nhosts = [\"*.shop.test\"]\n\
             [member.ann]\nterms = [\"SD-BASE\"]",
            one = nginx.http1,
            two = nginx.http2,
        ));
        let config = std::fs::read_to_string(home.config()).unwrap();
        std::fs::write(home.config(), config.replace("lists = []", "lists = [\"mine.txt\"]")).unwrap();
        std::fs::write(home.home().join("mine.txt"), "||tracker.test^\n").unwrap();
        std::fs::write(home.home().join("vendors.pem"), ca.pem()).unwrap();
        home.ok(&["member", "add", "ann", "--set", "email.primary=ann@home.example"]);
        let gateway = home.start();
        Self { nginx, home, gateway }
    }

    fn curl(&self, url: &str, arguments: &[&str], input: &[u8]) -> Fetched {
        curl(&self.home, &self.gateway, url, arguments, input)
    }

    /// The alias the shop knows.
    fn alias(&self) -> String {
        let shown = self.home.ok(&["--json", "persona", "show", "shop"]).out;
        let start = shown.find("@alias.example").expect("an alias");
        let from = shown[..start].rfind('"').unwrap() + 1;
        shown[from..start].to_owned() + "@alias.example"
    }
}

#[test]
fn a_sign_up_reaches_the_shop_under_one_alias_whatever_is_spoken() {
    let scene = Scene::set(&[]);
    for (flag, host, _) in WAYS {
        let url = format!("https://{host}/take/signup?utm_source=mail&plan=a");
        let form = ["--data-urlencode", "email=ann@home.example", "--data", "plan=a"];
        let got = scene.curl(&url, &[&[flag][..], &form].concat(), b"");
        assert_eq!(got.status, 200, "{flag} {host}");
        assert_eq!(got.version, flag.trim_start_matches("--http"), "{flag} {host}");
    }
    let alias = scene.alias();
    let log = scene.nginx.requests("/take/signup", WAYS.len());
    for ((_, _, protocol), line) in WAYS.iter().zip(&log) {
        assert_eq!(line.field("protocol"), *protocol);
        assert_eq!(line.field("request_uri"), "/take/signup?plan=a");
        assert_eq!(line.field("gpc"), "1");
        assert_eq!(line.field("terms"), "offer=(SD-BASE)");
        assert_eq!(line.field("via"), "");
        assert_eq!(line.body, format!("email={}&plan=a", alias.replace('@', "%40")).as_bytes());
    }
}

#[test]
fn a_json_call_and_a_gzip_body_are_edited_and_stay_whole() {
    let scene = Scene::set(&[]);
    let json = format!(r#"{{"user":{{"email":"{REAL}","age":42}},"note":"unchanged \u00e9"}}"#);
    let mut zipped = GzEncoder::new(Vec::new(), Compression::default());
    zipped.write_all(json.as_bytes()).unwrap();
    let zipped = zipped.finish().unwrap();
    let kind = ["--header", "Content-Type: application/json", "--data-binary", "@-"];
    let coded = ["--header", "Content-Encoding: gzip"];
    for (flag, host, _) in WAYS {
        let url = format!("https://{host}/take/json");
        scene.curl(&url, &[&[flag][..], &kind].concat(), json.as_bytes());
        scene.curl(&url, &[&[flag][..], &kind, &coded].concat(), &zipped);
    }
    let want = json.replace(REAL, &scene.alias());
    for line in scene.nginx.requests("/take/json", 2 * WAYS.len()) {
        let body = if line.field("content_encoding") == "gzip" {
            let mut text = String::new();
            GzDecoder::new(line.body.as_slice()).read_to_string(&mut text).unwrap();
            text
        } else {
            String::from_utf8(line.body).unwrap()
        };
        assert_eq!(body, want);
    }
}

#[test]
fn a_hundred_mebibytes_pass_through_flat_memory() {
    let large: Vec<u8> = (0..100 * MEBIBYTE).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    let scene = Scene::set(&[("large.bin", &large), ("small.bin", b"small")]);
    // What counts is what the bodies take: by now the program itself is in memory, with every way it goes.
    for (flag, host, _) in WAYS {
        scene.curl(&format!("https://{host}/small.bin"), &[flag], b"");
    }
    let before = scene.gateway.peak_memory();
    for (flag, host, _) in WAYS {
        let got = scene.curl(&format!("https://{host}/large.bin"), &[flag], b"");
        assert!(got.body == large, "{flag} {host}: {} bytes of other content", got.body.len());
    }
    let grown = scene.gateway.peak_memory().saturating_sub(before);
    assert!(grown < 32 * 1024, "the gateway grew by {grown} KiB");
}

#[test]
fn a_page_comes_without_its_tracker() {
    let page = br#"<html><img src="https://pixel.tracker.test/p.gif?id=1"></html>"#;
    let scene = Scene::set(&[("page.html", page)]);
    let got = scene.curl("https://two.shop.test/page.html", &["--http2"], b"");
    assert_eq!(got.body, page);
    let from_page = [
        "--header",
        "Accept: image/avif,image/webp,*/*",
        "--header",
        "Sec-Fetch-Dest: image",
        "--header",
        "Sec-Fetch-Site: cross-site",
        "--referer",
        "https://two.shop.test/",
    ];
    let pixel = scene.curl("https://pixel.tracker.test/p.gif?id=1", &from_page, b"");
    assert_eq!((pixel.status, pixel.body.get(..6)), (200, Some(&b"GIF89a"[..])));
    scene.nginx.requests("/page.html", 1);
    assert!(scene.nginx.log().iter().all(|line| line.field("host") != "pixel.tracker.test"));
    // What was not sent is in the log for sure once the gateway has ended.
    assert_eq!(scene.gateway.stop(), 0);
    let blocked: Vec<_> =
        scene.home.records().into_iter().filter(|record| record["kind"] == "blocked").collect();
    assert_eq!(blocked.len(), 1);
    assert_eq!(blocked[0]["host"], "pixel.tracker.test");
    assert_eq!(blocked[0]["rule"], "||tracker.test^");
}

#[test]
fn what_curl_did_stands_in_a_log_that_verifies() {
    let scene = Scene::set(&[]);
    scene.curl("https://one.shop.test/take/signup", &["--data-urlencode", "email=ann@home.example"], b"");
    scene.nginx.requests("/take/signup", 1);
    scene.home.ok(&["ledger", "verify"]);
    let Scene { home, gateway, .. } = scene;
    assert_eq!(gateway.stop(), 0);
    home.ok(&["ledger", "verify"]);
    let records = home.records();
    let open = records.iter().find(|record| record["kind"] == "open").expect("an OPEN");
    assert_eq!(open["host"], "one.shop.test");
    let close = records.iter().find(|record| record["kind"] == "close").expect("a CLOSE");
    assert_eq!(
        (&close["flow"], &close["outcome"], &close["status"]),
        (&open["flow"], &"complete".into(), &200.into())
    );
    assert!(!records.iter().any(|record| record.to_string().contains(REAL)));
}
