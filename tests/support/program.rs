//! The program itself, as a newcomer runs it: a process with a home, told what to do by its commands alone.

use super::TestCa;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A home and, while it runs, the gateway in it.
pub struct Program {
    dir: TempDir,
    running: Option<Running>,
}

struct Running {
    process: Child,
    proxy: SocketAddr,
}

impl Program {
    /// A home with this configuration, in which vendors of `ca` are trusted and `hosts` lie on loopback.
    pub fn new(ca: &TestCa, hosts: &[(&str, SocketAddr)], config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("vendors.pem"), ca.pem()).unwrap();
        let hosts: Vec<_> = hosts.iter().map(|(host, address)| format!("{host:?} = \"{address}\"")).collect();
        let text = format!(
            "schema = 1\n[listen]\nproxy = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"\n\
             [upstream]\nextra_ca = [\"vendors.pem\"]\nallow_private = [\"127.0.0.1/32\"]\nhosts = {{ {} }}\n{config}",
            hosts.join(", ")
        );
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::rename(dir.path().join("vendors.pem"), home.join("vendors.pem")).unwrap();
        fs::write(home.join("doorward.toml"), text).unwrap();
        Self { dir, running: None }
    }

    /// The home's folder.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// The household's root certificate.
    pub fn root(&self) -> PathBuf {
        self.home().join("ca/root.pem")
    }

    /// A command of the program in this home.
    pub fn command(&self, arguments: &[&str]) -> Output {
        self.prepared().args(arguments).output().unwrap()
    }

    /// A command that must succeed; gives what it prints.
    pub fn done(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Every record of the log, oldest first, as `ledger export` prints it.
    pub fn records(&self) -> Vec<Value> {
        let text = self.done(&["ledger", "export", "--format", "ndjson"]);
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get("seq").is_some()).collect()
    }

    /// Starts the gateway and waits until it says that it is ready.
    pub fn run(&mut self) -> SocketAddr {
        let log = fs::File::create(self.dir.path().join("log")).unwrap();
        let mut process = self
            .prepared()
            .args(["--json", "run"])
            .stdout(Stdio::piped())
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line}{}", self.log()));
        let proxy = ready["proxy"].as_str().unwrap().parse().unwrap();
        self.running = Some(Running { process, proxy });
        proxy
    }

    /// Where the proxy port is.
    pub fn proxy(&self) -> SocketAddr {
        self.running.as_ref().expect("a running gateway").proxy
    }

    /// What the gateway has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The most memory the gateway has had resident so far, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let pid = self.running.as_ref().expect("a running gateway").process.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.process.kill().unwrap();
            running.process.wait().unwrap();
        }
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        let mut running = self.running.take().expect("a running gateway");
        let pid = running.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(running.process.wait().unwrap().success(), "{}", self.log());
    }

    fn prepared(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").arg("--home").arg(self.home());
        command
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

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

impl Program {
    /// curl through the gateway, trusting the household's root alone. Standard input is `input`.
    pub fn curl(&self, url: &str, arguments: &[&str], input: &[u8]) -> Fetched {
        use std::io::Write;
        let out = tempfile::NamedTempFile::new().unwrap();
        let mut curl = Command::new("curl")
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .args(["-q", "--silent", "--show-error", "--noproxy", ""])
            .args(["--proxy", &format!("http://{}", self.proxy()), "--cacert"])
            .arg(self.root())
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
        assert!(done.status.success(), "{url}: {complaint}{}", self.log());
        let said = String::from_utf8(done.stdout).unwrap();
        let (status, version) = said.split_once(' ').unwrap();
        let mut body = Vec::new();
        fs::File::open(out.path()).unwrap().read_to_end(&mut body).unwrap();
        Fetched { status: status.parse().unwrap(), version: version.to_owned(), body }
    }
}
