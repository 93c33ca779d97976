//! git against git's own server behind Debian's nginx: what it packs goes through as it is.

use crate::support::TestCa;
use crate::support::nginx::Nginx;
use crate::support::scene::Scene;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Serves repositories to nginx.
struct Backend(Child);

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Forge {
    nginx: Nginx,
    scene: Scene,
    work: TempDir,
    _backend: Backend,
}

impl Forge {
    fn open() -> Self {
        let ca = TestCa::new();
        let nginx = Nginx::start(&ca, &["forge.test"], &[]);
        let socket = format!("unix:{}", nginx.gateway_socket().display());
        let backend = Command::new("/usr/sbin/fcgiwrap")
            .args(["-s", &socket])
            .stdin(Stdio::null())
            .spawn()
            .expect("fcgiwrap: tests/run installs it");
        let scene = Scene::set(&ca, &[("forge.test", nginx.http2)]);
        let forge = Self { nginx, scene, work: tempfile::tempdir().unwrap(), _backend: Backend(backend) };
        let bare = forge.nginx.repositories().join("box.git");
        std::fs::create_dir_all(&bare).unwrap();
        forge.git(&bare, &["init", "--quiet", "--bare", "--initial-branch=main"]);
        forge.git(&bare, &["config", "http.receivepack", "true"]);
        forge
    }

    /// What git prints, in a home of its own and with what `doorward env` says.
    fn git(&self, at: &Path, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.work.path())
            .env("GIT_TERMINAL_PROMPT", "0");
        git.args(["-c", "user.name=Ann Real", "-c", "user.email=ann@home.example", "-c", "safe.directory=*"]);
        git.arg("-C").arg(at).args(words);
        let done = self.scene.around(git).output().expect("git: tests/run installs it");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    }

    /// A repository with a file that does not shrink, and so many branches.
    fn repository(&self, branches: usize) -> std::path::PathBuf {
        let at = self.work.path().join("mine");
        std::fs::create_dir(&at).unwrap();
        self.git(&at, &["init", "--quiet", "--initial-branch=main"]);
        let mut state = 7_u32;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        });
        std::fs::write(at.join("noise"), noise.take(3 << 20).collect::<Vec<u8>>()).unwrap();
        self.git(&at, &["add", "."]);
        self.git(&at, &["commit", "--quiet", "-m", "Write to ann@home.example"]);
        for branch in 0..branches {
            self.git(&at, &["commit", "--quiet", "--allow-empty", "-m", &format!("{branch}")]);
            self.git(&at, &["branch", &format!("topic-{branch}")]);
        }
        at
    }
}

#[test]
fn a_repository_is_pushed_cloned_and_fetched_as_it_is() {
    let forge = Forge::open();
    let mine = forge.repository(40);
    let url = "https://forge.test/git/box.git";
    forge.git(&mine, &["push", "--quiet", url, "--all"]);
    let bare = forge.nginx.repositories().join("box.git");
    forge.git(&bare, &["fsck", "--strict"]);
    let head = forge.git(&mine, &["rev-parse", "main"]);
    assert_eq!(forge.git(&bare, &["rev-parse", "main"]), head);

    let at = forge.work.path();
    forge.git(at, &["clone", "--quiet", url, "theirs"]);
    let theirs = at.join("theirs");
    assert_eq!(forge.git(&theirs, &["rev-parse", "HEAD"]), head);
    assert_eq!(
        forge.git(&theirs, &["log", "-1", "--format=%ae"]),
        "ann@home.example",
        "packs are not edited"
    );
    forge.git(at, &["clone", "--quiet", "--depth", "1", "--branch", "topic-3", url, "shallow"]);
    forge.git(&at.join("shallow"), &["fetch", "--quiet", "--unshallow"]);
    // The older protocol says all it has, compressed.
    forge.git(at, &["-c", "protocol.version=0", "clone", "--quiet", url, "older"]);
    assert_eq!(forge.git(&at.join("older"), &["rev-parse", "HEAD"]), head);

    let log = forge.nginx.log();
    assert!(log.iter().any(|line| line.field("content_encoding") == "gzip"), "{log:?}");
    let records = forge.scene.closed(log.len());
    let opened: Vec<_> = records.iter().filter(|record| record["kind"] == "open").collect();
    assert_eq!(opened.len(), log.len(), "one to one");
    let pushed = opened.iter().filter(|open| open["url"].as_str().unwrap().ends_with("/git-receive-pack"));
    let noted = pushed.filter(|open| open["notes"].to_string().contains("could not inspect"));
    assert!(noted.count() >= 1, "{opened:?}");
    let closes = records.iter().filter(|record| record["kind"] == "close");
    assert!(closes.clone().all(|close| close["outcome"] == "complete" && close["status"] == 200));
    assert!(closes.map(|close| close["sent"].as_u64().unwrap()).max().unwrap() > 3 << 20);
}
