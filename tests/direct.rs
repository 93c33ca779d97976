//! What stays in the house does not go through the gateway: the automatic configuration and `doorward env` say so.

use crate::support::program::Program;
use crate::support::{Household, TestCa};
use std::io::Write;
use std::process::{Command, Stdio};

const DIRECT: &[&str] = &[
    "printer",
    "NAS",
    "localhost",
    "nas.local",
    "NAS.Local.",
    "box.home.arpa",
    "app.localhost",
    "0.0.0.0",
    "127.0.0.1",
    "10.1.2.3",
    "100.64.0.1",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.1",
    "192.168.1.1",
    "::1",
    "[::1]",
    "fe80::1",
    "fd12:3456::1",
    "[fc00::1]",
    "::ffff:192.168.1.1",
    "[::ffff:c0a8:101]",
    "::",
];
const PROXIED: &[&str] = &[
    "shop.test",
    "10.shop.test",
    "192.168.1.1.shop.test",
    "127.0.0.1.shop.test",
    "local.test",
    "mylocal.test",
    "home.arpa.test",
    "fd.test",
    "fe80.test",
    "8.8.8.8",
    "11.0.0.1",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.169.0.1",
    "2606:4700::1111",
    "[2001:4860::8888]",
    "::ffff:8.8.8.8",
    "[::ffff:808:808]",
];

/// What this automatic configuration says of each host, as a JavaScript engine reads it that offers nothing else.
fn decided(pac: &str, hosts: &[&str]) -> Vec<String> {
    let hosts = serde_json::to_string(hosts).unwrap();
    let script = format!(
        "{pac}\nfor (const host of {hosts}) console.log(FindProxyForURL('https://' + host + '/', host));"
    );
    let mut node = Command::new("node").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node");
    node.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_automatic_configuration_keeps_the_house_out_of_it() {
    let home = Household::trusting(&TestCa::new()).start().await;
    let request = format!("GET /proxy.pac HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", home.proxy);
    let answer = home.client().raw(request.as_bytes()).await;
    let pac = answer.split_once("\r\n\r\n").unwrap().1;
    let proxy = format!("PROXY {}", home.proxy);
    let hosts: Vec<_> = DIRECT.iter().chain(PROXIED).copied().collect();
    let wanted = hosts.iter().map(|host| if DIRECT.contains(host) { "DIRECT" } else { proxy.as_str() });
    for ((host, wanted), decided) in hosts.iter().zip(wanted).zip(decided(pac, &hosts)) {
        assert_eq!(decided, wanted, "{host}");
    }
}

#[test]
fn env_names_what_goes_direct() {
    let variables = Program::configured("").ok(&["--json", "env"]).json();
    for name in ["no_proxy", "NO_PROXY"] {
        let listed: Vec<_> = variables[name].as_str().unwrap().split(',').collect();
        for entry in [
            "localhost",
            ".local",
            ".home.arpa",
            "127.0.0.1",
            "10.0.0.0/8",
            "192.168.0.0/16",
            "::1",
            "fe80::/10",
        ] {
            assert!(listed.contains(&entry), "{entry}: {listed:?}");
        }
    }
}
