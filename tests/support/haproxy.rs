//! A real vendor's front: Debian's haproxy over TLS, which says what it was asked, and hands the rest on.

use super::TestCa;
use super::nginx::{free_address, wait_for};
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running haproxy.
pub struct Haproxy {
    /// Speaks HTTP/1.1 over TLS.
    pub http1: SocketAddr,
    /// Speaks HTTP/2 over TLS.
    pub http2: SocketAddr,
    process: Child,
    _dir: TempDir,
}

impl Haproxy {
    /// Starts one for `hosts` with certificates of `ca`. Below `/echo` it says what it was asked; all else goes to
    /// `behind`, which speaks TLS.
    pub fn start(ca: &TestCa, hosts: &[&str], behind: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path();
        ca.write_certificate(at, hosts);
        let [certificate, key] =
            ["vendor.pem", "vendor.key"].map(|name| fs::read_to_string(at.join(name)).unwrap());
        fs::write(at.join("both.pem"), certificate + &key).unwrap();
        let [http1, http2] = [(); 2].map(|()| free_address());
        let pem = at.join("both.pem").display().to_string();
        fs::write(at.join("haproxy.cfg"), configuration(&pem, http1, http2, behind)).unwrap();
        let process = Command::new("/usr/sbin/haproxy")
            .arg("-db")
            .arg("-f")
            .arg(at.join("haproxy.cfg"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(at.join("error.log")).unwrap())
            .spawn()
            .expect("haproxy: tests/run installs it");
        for address in [http1, http2] {
            wait_for(address, || fs::read_to_string(at.join("error.log")).unwrap_or_default());
        }
        Self { http1, http2, process, _dir: dir }
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(pem: &str, http1: SocketAddr, http2: SocketAddr, behind: SocketAddr) -> String {
    format!(
        r#"
global
    maxconn 200
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend vendor
    bind {http1} ssl crt {pem} alpn http/1.1
    bind {http2} ssl crt {pem} alpn h2
    option http-buffer-request
    http-request return status 200 content-type text/plain lf-string "%HM %HU HTTP/%[req.ver] gpc=%[req.hdr(sec-gpc)]\n%[req.body]" if {{ path_beg /echo }}
    default_backend shop
backend shop
    server nginx {behind} ssl verify none alpn http/1.1
"#
    )
}
