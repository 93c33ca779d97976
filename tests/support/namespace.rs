//! A network of a test's own (network_namespaces(7)), with rules of a router's.

use std::io::Write;
use std::process::{Command, Stdio};

/// Set in the process that runs there.
const INSIDE: &str = "DOORWARD_TEST_NAMESPACE";

/// Runs the test of this name again in a process of its own on a network of its own, which is loopback alone, and says
/// whether this is that process. The machine's own rules stay as they are.
pub fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "--"]).arg(exe).args(["--exact", test, "--nocapture"]);
    let output = command.env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{failed}");
    false
}

/// From here on a router applies `rules` to what is sent on this network.
pub fn router(rules: &str) {
    let up = Command::new("/usr/sbin/ip").args(["link", "set", "lo", "up"]).status().unwrap();
    assert!(up.success());
    let mut nft = Command::new("/usr/sbin/nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
    assert!(nft.wait().unwrap().success(), "{rules}");
}
