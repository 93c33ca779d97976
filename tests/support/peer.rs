//! Programs of other people: scripts of `tests/peers` that speak with the test line by line.

use super::TestCa;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A peer that says nothing for this long has got stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// A script for Debian's Python, with what Debian packages for it, and nothing of the caller's environment.
pub fn python(script: &str) -> Command {
    let mut command = of("/usr/bin/python3", script);
    command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// A script for Node, with what Debian packages for it, and nothing of the caller's environment.
pub fn node(script: &str) -> Command {
    let mut command = of("/usr/bin/node", script);
    command.env("NODE_PATH", "/usr/share/nodejs");
    command
}

fn of(interpreter: &str, script: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
    command
}

/// A running script.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    complaints: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
}

impl Peer {
    /// Starts it. One that is not installed fails the test.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
        let (send, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let complaints = Arc::new(Mutex::new(String::new()));
        let (mut errors, heard) = (child.stderr.take().unwrap(), Arc::clone(&complaints));
        let listening = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = errors.read(&mut chunk) {
                heard.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        Self { input: child.stdin.take(), child, lines, complaints, listening: Some(listening) }
    }

    /// Starts a server for `host` with a certificate of `ca`. It says on which port it listens.
    pub fn serve(command: &mut Command, ca: &TestCa, host: &str) -> (Self, SocketAddr) {
        let dir = tempfile::tempdir().unwrap();
        ca.write_certificate(dir.path(), &[host]);
        command.arg(dir.path().join("vendor.pem")).arg(dir.path().join("vendor.key"));
        let mut peer = Self::start(command);
        let port = peer.says()["port"].as_u64().expect("a port");
        (peer, SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap())))
    }

    /// Tells it something.
    pub fn hears(&mut self, line: &str) {
        let input = self.input.as_mut().expect("still listening");
        if writeln!(input, "{line}").and_then(|()| input.flush()).is_err() {
            panic!("it does not hear {line:?}: {}", self.complaint());
        }
    }

    /// The next thing it says.
    pub fn says(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            Err(_) => panic!("it says nothing: {}", self.complaint()),
        }
    }

    /// Waits for its end, which must be a good one, and gives all else that it said.
    pub fn ends(mut self) -> Vec<Value> {
        self.input = None;
        let mut said = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            said.push(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        let _ = self.child.kill();
        assert!(self.child.wait().unwrap().success(), "{said:?} {}", self.complaint());
        said
    }

    fn complaint(&mut self) -> String {
        let _ = self.child.kill();
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
        self.complaints.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
