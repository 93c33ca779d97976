//! curl, as a person types it, through a gateway in a process of its own.

use super::program::{Program, Running};
use std::io::Write;
use std::process::{Command, Stdio};

/// The client's protocol, and the host whose server speaks the other one.
pub const WAYS: [(&str, &str, &str); 4] = [
    ("--http1.1", "one.shop.test", "HTTP/1.1"),
    ("--http1.1", "two.shop.test", "HTTP/2.0"),
    ("--http2", "one.shop.test", "HTTP/1.1"),
    ("--http2", "two.shop.test", "HTTP/2.0"),
];

/// What curl got.
#[derive(Debug)]
pub struct Fetched {
    /// The status.
    pub status: u16,
    /// The version curl and the gateway spoke: `1.1` or `2`.
    pub version: String,
    /// The body.
    pub body: Vec<u8>,
}

/// curl through the running gateway of this home, trusting the household's root alone. Its standard input is `input`.
pub fn curl(home: &Program, gateway: &Running, url: &str, arguments: &[&str], input: &[u8]) -> Fetched {
    let out = tempfile::NamedTempFile::new().unwrap();
    let mut curl = Command::new("curl")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .args(["-q", "--silent", "--show-error", "--noproxy", ""])
        .args(["--proxy", &format!("http://{}", gateway.address("proxy")), "--cacert"])
        .arg(home.home().join("ca/root.pem"))
        .arg("--output")
        .arg(out.path())
        .args(["--write-out", "%{http_code} %{http_version}"])
        .args(arguments)
        .arg(url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("curl: tests/run installs it");
    curl.stdin.take().unwrap().write_all(input).unwrap();
    let done = curl.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{url}: {complaint}{}", gateway.log());
    let said = String::from_utf8(done.stdout).unwrap();
    let (status, version) = said.split_once(' ').unwrap();
    Fetched {
        status: status.parse().unwrap(),
        version: version.to_owned(),
        body: std::fs::read(out.path()).unwrap(),
    }
}
