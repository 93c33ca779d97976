//! Debian's haproxy as the vendor's front, alone and before nginx.

use crate::support::TestCa;
use crate::support::curl::{Fetched, WAYS, curl};
use crate::support::haproxy::Haproxy;
use crate::support::nginx::Nginx;
use crate::support::scene::{REAL, Scene};

const MEBIBYTE: usize = 1024 * 1024;

struct Shop {
    scene: Scene,
    nginx: Nginx,
    _haproxy: Haproxy,
}

impl Shop {
    fn open(files: &[(&str, &[u8])]) -> Self {
        let ca = TestCa::new();
        let hosts = ["one.shop.test", "two.shop.test"];
        let nginx = Nginx::start(&ca, &hosts, files);
        let haproxy = Haproxy::start(&ca, &hosts, nginx.http1);
        let scene = Scene::set(&ca, &[(hosts[0], haproxy.http1), (hosts[1], haproxy.http2)]);
        Self { scene, nginx, _haproxy: haproxy }
    }

    fn curl(&self, url: &str, arguments: &[&str], input: &[u8]) -> Fetched {
        curl(&self.scene.home, &self.scene.gateway, url, arguments, input)
    }
}

#[test]
fn it_understands_a_sign_up_and_hears_the_alias() {
    let shop = Shop::open(&[]);
    let mut heard = Vec::new();
    for (flag, host, protocol) in WAYS {
        let url = format!("https://{host}/echo?plan=a&utm_source=mail");
        let got = shop.curl(&url, &[flag, "--data", &format!("email={REAL}&plan=a")], b"");
        assert_eq!(got.status, 200, "{flag} {host}");
        let text = String::from_utf8(got.body).unwrap();
        let (line, body) = text.split_once('\n').unwrap();
        let target = if protocol == "HTTP/2.0" {
            format!("https://{host}/echo?plan=a")
        } else {
            "/echo?plan=a".into()
        };
        assert_eq!(line, format!("POST {target} {protocol} gpc=1"));
        heard.push(body.to_owned());
    }
    heard.dedup();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(
        heard[0].ends_with("@alias.example&plan=a") || heard[0].ends_with("%40alias.example&plan=a"),
        "{heard:?}"
    );
}

#[test]
fn what_is_long_passes_whole_in_both_directions() {
    let large: Vec<u8> = (0..20 * MEBIBYTE).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect();
    let shop = Shop::open(&[("large.bin", &large)]);
    for (flag, host, _) in WAYS {
        let got = shop.curl(&format!("https://{host}/large.bin"), &[flag], b"");
        assert!(got.body == large, "{flag} {host}: {} bytes of other content", got.body.len());
        let upload = ["--header", "Content-Type: image/png", "--data-binary", "@-"];
        let url = format!("https://{host}/take/picture");
        let got = shop.curl(&url, &[&[flag][..], &upload].concat(), &large);
        assert_eq!(got.status, 200, "{flag} {host}");
    }
    for line in shop.nginx.requests("/take/picture", WAYS.len()) {
        assert!(line.body == large, "{} bytes of other content", line.body.len());
    }
}
