//! The program killed in the middle of its work, again and again.

use crate::support::client::Client;
use crate::support::nginx::Nginx;
use crate::support::program::Program;
use crate::support::{TestCa, crypto};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

const ROUNDS: usize = 5;
const CONNECTIONS: usize = 32;

/// Each of 32 connections asks for one address after the other until the gateway is gone; gives the addresses whose
/// answer arrived.
async fn load(client: Client, round: usize, answered: Arc<Mutex<BTreeSet<String>>>) {
    let asking = (0..CONNECTIONS).map(|connection| {
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            let Some(mut opened) = client.try_open("shop.test").await else { return };
            for number in 0.. {
                let path = format!("/r/{round}-{connection}-{number}");
                let Some(reply) = opened.try_get(&format!("https://shop.test{path}")).await else { return };
                assert_eq!(reply.status, 200, "{path}");
                answered.lock().unwrap().insert(path);
            }
        })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_the_vendors_own_log_has_an_open_after_kill_9() {
    crypto();
    let ca = TestCa::new();
    let nginx = Nginx::start(&ca, &["shop.test"], &[]);
    let home = Program::configured(&format!(
        "[upstream]\nextra_ca = [\"vendors.pem\"]\nallow_private = [\"127.0.0.1/32\"]\nhosts = {{ \"shop.test\" = \"{}\" }}",
        nginx.http1
    ));
    std::fs::write(home.home().join("vendors.pem"), ca.pem()).unwrap();
    home.ok(&["member", "add", "ann", "--set", "email.primary=ann@home.example"]);
    let answered = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..ROUNDS {
        let gateway = home.start();
        let proxy = gateway.address("proxy").parse().unwrap();
        let root = CertificateDer::from_pem_file(home.home().join("ca/root.pem")).unwrap();
        let loading = tokio::spawn(load(Client::new(proxy, root), round, Arc::clone(&answered)));
        // Another moment each round, so that the kill meets other states.
        tokio::time::sleep(Duration::from_millis(400 + 130 * round as u64)).await;
        gateway.signal("KILL");
        loading.await.unwrap();
        drop(gateway);

        // The first command that opens the home gives every flow that was cut off its end.
        check(&home, &nginx, &answered.lock().unwrap());
        home.ok(&["ledger", "verify"]);
    }
    assert!(answered.lock().unwrap().len() > ROUNDS * CONNECTIONS, "the load was no load");
}

fn check(home: &Program, nginx: &Nginx, answered: &BTreeSet<String>) {
    let mut opened = BTreeMap::new();
    let mut ended: BTreeMap<String, usize> = BTreeMap::new();
    for record in home.records() {
        let flow = record["flow"].as_str().unwrap_or_default().to_owned();
        match record["kind"].as_str().unwrap() {
            "open" => {
                let url = record["url"].as_str().unwrap();
                opened.insert(url.trim_start_matches("https://shop.test").to_owned(), flow);
            }
            "close" => *ended.entry(flow).or_default() += 1,
            _ => {}
        }
    }
    for line in nginx.log() {
        let path = line.field("request_uri");
        assert!(opened.contains_key(path), "{path} reached the vendor without an OPEN");
    }
    for path in answered {
        let flow = opened.get(path).unwrap_or_else(|| panic!("{path} was answered and is not in the log"));
        assert_eq!(ended.get(flow), Some(&1), "{path}");
    }
    for (path, flow) in &opened {
        assert_eq!(ended.get(flow), Some(&1), "{path} has no end");
    }
}
