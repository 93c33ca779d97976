//! The real binary in a home of its own.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A home and the program that works on it.
pub struct Program {
    dir: TempDir,
    said: Mutex<Vec<u8>>,
}

/// What a command left behind.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// The one object it printed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The objects it printed, one a line.
    pub fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Program {
    /// In an empty home that is not there yet.
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), said: Mutex::default() }
    }

    /// With this configuration; listeners take free ports and no list is fetched.
    pub fn configured(rest: &str) -> Self {
        let program = Self::new();
        program.configure(rest);
        program
    }

    /// Writes the configuration anew.
    pub fn configure(&self, rest: &str) {
        std::fs::create_dir_all(self.home()).unwrap();
        let own = "schema = 1\n[listen]\nproxy = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"\n[trackers]\nlists = []\n";
        std::fs::write(self.config(), format!("{own}{}\n", without_revocations(rest))).unwrap();
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.home().join("doorward.toml")
    }

    /// A file beside the home.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
        for name in ["DOORWARD_HOME", "DOORWARD_TOKEN", "DOORWARD_LOG", "STATE_DIRECTORY", "SUDO_USER"] {
            command.env_remove(name);
        }
        command.arg("--home").arg(self.home()).stdin(Stdio::null());
        command
    }

    /// Starts a command that reads what it is told and whose words are read.
    pub fn spawn(&self, words: &[&str]) -> Child {
        let mut command = self.command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Done {
        self.run_with(words, &[])
    }

    /// Likewise, with environment variables.
    pub fn run_with(&self, words: &[&str], variables: &[(&str, &str)]) -> Done {
        let output = self.command().args(words).envs(variables.iter().copied()).output().unwrap();
        self.said.lock().unwrap().extend([output.stdout.as_slice(), &output.stderr].concat());
        done(&output)
    }

    /// Likewise, and it must do what it was asked for.
    pub fn ok(&self, words: &[&str]) -> Done {
        let done = self.run(words);
        assert_eq!(done.code, 0, "{words:?}: {done:?}");
        done
    }

    /// Every record of the log, oldest first, as `ledger export` prints it.
    pub fn records(&self) -> Vec<Value> {
        let exported = self.ok(&["ledger", "export", "--format", "ndjson"]).lines();
        exported.into_iter().filter(|line| line.get("seq").is_some()).collect()
    }

    /// Everything that any command of this home has printed so far, and every byte below the home.
    pub fn everything(&self) -> Vec<u8> {
        let mut all = self.said.lock().unwrap().clone();
        gather(&self.home(), &mut all);
        all
    }

    /// Starts the gateway and waits until it is ready.
    pub fn start(&self) -> Running {
        self.start_with(&[])
    }

    /// Likewise, with environment variables.
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Running {
        let mut command = self.command();
        command.args(["--json", "run"]).envs(variables.iter().copied());
        Running::begin(command)
    }

    /// What starts the gateway when somebody knocks at `address`, a socket of that name which it is handed then.
    pub fn activated_at(&self, address: &str, name: &str) -> Command {
        let mut command = Command::new("systemd-socket-activate");
        command.args(["-l", address, &format!("--fdname={name}"), env!("CARGO_BIN_EXE_doorward"), "--home"]);
        command.arg(self.home()).args(["--json", "run"]).stdin(Stdio::null());
        command
    }
}

impl Running {
    /// Starts this and waits for the ready line.
    pub fn begin(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut stderr, writes) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read) = stderr.read(&mut chunk) {
                if read == 0 {
                    break;
                }
                writes.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk[..read]));
            }
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ready = serde_json::from_str(&first)
            .unwrap_or_else(|error| panic!("{error}: {first:?} {}", log.lock().unwrap()));
        Self { child, ready, log }
    }
}

fn done(output: &Output) -> Done {
    Done {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout.clone()).unwrap(),
        err: String::from_utf8(output.stderr.clone()).unwrap(),
    }
}

fn gather(dir: &Path, all: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), all);
        } else if let Ok(bytes) = std::fs::read(entry.path()) {
            all.extend(bytes);
        }
    }
}

/// A gateway in a process of its own.
pub struct Running {
    child: Child,
    /// The first line of its stdout.
    pub ready: Value,
    log: Arc<Mutex<String>>,
}

impl Running {
    /// An address of the ready line, without scheme and path.
    pub fn address(&self, field: &str) -> String {
        let text = self.ready[field].as_str().unwrap();
        text.trim_start_matches("http://").trim_end_matches('/').to_owned()
    }

    /// Sends a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The most memory it has had resident so far, in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until its log says `words` `times` times.
    pub fn says(&self, words: &str, times: usize) {
        for _ in 0..600 {
            if self.log().matches(words).count() >= times {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the log does not say {words:?}: {}", self.log());
    }

    /// Tells it to stop and gives its exit code.
    pub fn stop(mut self) -> i32 {
        self.signal("TERM");
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration that has nobody asked which certificates were revoked.
pub fn without_revocations(config: &str) -> String {
    let off = "[upstream]\nrevocations = \"off\"\n";
    match config.contains("[upstream]\n") {
        true => config.replace("[upstream]\n", off),
        false => format!("{config}\n{off}"),
    }
}
