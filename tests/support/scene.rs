//! Ann's gateway in a process of its own, between programs that know nothing of it.

use super::program::{Program, Running};
use super::{TestCa, crypto};
use serde_json::Value;
use std::fmt::Write;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// What Ann's gateway keeps from vendors.
pub const REAL: &str = "ann@home.example";

/// A running gateway and its home.
pub struct Scene {
    pub home: Program,
    pub gateway: Running,
}

impl Scene {
    /// Ann's e-mail address is protected at these hosts, whose certificates are of `ca`.
    pub fn set(ca: &TestCa, hosts: &[(&str, SocketAddr)]) -> Self {
        Self::of(ca, hosts, &["--set", "email.primary=ann@home.example"])
    }

    /// There is nothing to protect.
    pub fn without_values(ca: &TestCa, hosts: &[(&str, SocketAddr)]) -> Self {
        Self::of(ca, hosts, &[])
    }

    fn of(ca: &TestCa, hosts: &[(&str, SocketAddr)], values: &[&str]) -> Self {
        crypto();
        let mut named = String::new();
        for (host, address) in hosts {
            write!(named, "{host:?} = \"{address}\", ").unwrap();
        }
        let home = Program::configured(&format!(
            "[upstream]\nextra_ca = [\"vendors.pem\"]\nallow_private = [\"127.0.0.1/32\"]\nhosts = {{ {} }}\n\
             [identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"",
            named.trim_end_matches(", "),
        ));
        std::fs::write(home.home().join("vendors.pem"), ca.pem()).unwrap();
        home.ok(&[&["member", "add", "ann"], values].concat());
        let gateway = home.start();
        Self { home, gateway }
    }

    /// Gives `command` what `eval "$(doorward env)"` gives a shell.
    pub fn around(&self, mut command: Command) -> Command {
        let variables = self.home.ok(&["--json", "env"]).json();
        for (name, value) in variables.as_object().unwrap() {
            command.env(name, value.as_str().unwrap());
        }
        command
    }

    /// Every record of the log once each flow that was opened is closed and there are `count` of them.
    pub fn closed(&self, count: usize) -> Vec<Value> {
        let mut records = Vec::new();
        for _ in 0..400 {
            records = self.home.records();
            let of = |kind: &str| records.iter().filter(|record| record["kind"] == kind).count();
            if of("open") == of("close") && of("close") >= count {
                return records;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no {count} flows ended: {records:#?} {}", self.gateway.log());
    }

    /// The only CLOSE.
    pub fn close(&self) -> Value {
        let records = self.closed(1);
        let mut closes = records.into_iter().filter(|record| record["kind"] == "close");
        let close = closes.next().unwrap();
        assert_eq!(closes.next(), None);
        close
    }
}
