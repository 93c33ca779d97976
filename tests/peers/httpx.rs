//! Python's httpx over HTTP/1.1 and HTTP/2, with Debian's nginx behind.

use crate::support::TestCa;
use crate::support::nginx::Nginx;
use crate::support::peer::{Peer, python};
use crate::support::scene::{REAL, Scene};
use crate::support::views::found;
use serde_json::{Value, json};

/// What the client speaks, what it calls that, and the host.
const WAYS: [(&str, &str, &str); 4] = [
    ("1.1", "HTTP/1.1", "one.shop.test"),
    ("1.1", "HTTP/1.1", "two.shop.test"),
    ("2", "HTTP/2", "one.shop.test"),
    ("2", "HTTP/2", "two.shop.test"),
];

struct Shop {
    scene: Scene,
    nginx: Nginx,
}

impl Shop {
    fn open() -> Self {
        let ca = TestCa::new();
        let hosts = ["one.shop.test", "two.shop.test"];
        let nginx = Nginx::start(&ca, &hosts, &[("page.html", b"<p>welcome</p>")]);
        let scene = Scene::set(&ca, &[(hosts[0], nginx.http1), (hosts[1], nginx.http2)]);
        Self { scene, nginx }
    }

    fn client(&self, version: &str, what: &str, url: &str) -> Vec<Value> {
        Peer::start(self.scene.around(python("httpx_client.py")).args([version, what, url])).ends()
    }
}

#[test]
fn a_form_json_and_a_file_go_out_under_the_alias() {
    let shop = Shop::open();
    for (version, spoken, host) in WAYS {
        let said = shop.client(version, "sign_up", &format!("https://{host}/take/form"));
        assert_eq!(said, vec![json!({"status": 200, "version": spoken}); 3], "{host}");
    }
    let lines = shop.nginx.requests("/take/form", 3 * WAYS.len());
    for line in &lines {
        let all = [line.body.as_slice(), line.field("request_uri").as_bytes()].concat();
        assert!(found(&all, &[REAL]).is_empty(), "{}", line.field("request_uri"));
        assert_eq!(found(&all, &["@alias.example"]).len(), 1, "{}", line.field("request_uri"));
    }
    let picture = b"\x89PNG\x00".repeat(100);
    let whole = |body: &[u8]| body.windows(picture.len()).any(|part| part == picture);
    assert_eq!(lines.iter().filter(|line| whole(&line.body)).count(), WAYS.len());
}

#[test]
fn a_body_without_a_length_arrives_whole() {
    let shop = Shop::open();
    for (version, spoken, host) in WAYS {
        let said = shop.client(version, "pieces", &format!("https://{host}/take/pieces"));
        assert_eq!(said, [json!({"status": 200, "version": spoken})], "{host}");
    }
    let want: String = (0..500).map(|number| format!("{number:06}").repeat(1000)).collect();
    for line in shop.nginx.requests("/take/pieces", WAYS.len()) {
        assert!(line.body == want.as_bytes(), "{} bytes of other content", line.body.len());
    }
}
