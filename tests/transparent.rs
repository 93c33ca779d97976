//! Devices without settings: a router hands their connections over, and they come to the same people, rules and records
//! as through a proxy. Each test has a network of its own, whose router is nftables.

use crate::support::client::{Client, ask, closed};
use crate::support::namespace::{is_inside, router};
use crate::support::program::Program;
use crate::support::{Household, TestCa, Vendor};
use doorward::gateway::Door;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Where the gateway takes what is handed over.
const DOOR: &str = "127.0.0.1:8128";
/// Where devices believe vendors to be.
const VENDOR: &str = "127.0.0.5";
/// A device whose address the household knows.
const TABLET: &str = "127.0.0.9";

/// The connection comes from the device, to the port it was sent to.
const REDIRECT: &str = "table inet router { chain output { type nat hook output priority -100;
    ip daddr 127.0.0.5 tcp dport { 80, 443, 2525 } redirect to :8128 ; }
}";
/// The connection comes as it was made.
const TPROXY: &str = "table inet router { chain prerouting { type filter hook prerouting priority mangle;
    ip daddr 127.0.0.5 tcp dport { 80, 443, 2525 } tproxy ip to 127.0.0.1:8128 meta mark set 1 accept ; }
}";

/// What a device opens, as if nobody were in between.
async fn dial(to: &str, port: u16, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(SocketAddr::new(to.parse().unwrap(), port)).await.unwrap()
}

async fn https_and_http_are_what_they_are_through_a_proxy(rules: &str) {
    router(rules);
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let plain = Vendor::http("plain.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&plain)
        .transparent(DOOR)
        .config("[identity]\nfirst = \"pseudonym\"\ndomain = \"alias.example\"")
        .config(&format!("[member.ann]\ndevices = [{{ address = \"{TABLET}\", static = true }}]"))
        .member("bob", &[])
        .member("ann", &[("email.primary", "ann@home.example")])
        .start()
        .await;
    let target = "/a?utm_source=x&mail=ann%40home.example";
    let tls = home.client().handshake("shop.test", dial(VENDOR, 443, TABLET).await).await.unwrap();
    assert!(ask(tls, target, "shop.test").await.ends_with("ok"));
    assert!(ask(dial(VENDOR, 80, TABLET).await, target, "plain.test").await.ends_with("ok"));
    for vendor in [&shop, &plain] {
        let target = vendor.only().target();
        assert!(target.starts_with("/a?mail=") && target.ends_with("alias.example"), "{target}");
        assert_eq!(vendor.only().header("sec-gpc"), ["1"]);
    }
    let opens = home.of_kind("open").await;
    let whom: Vec<_> = opens.iter().map(|open| (&open["member"], &open["host"], &open["device"])).collect();
    assert_eq!(whom.len(), 2);
    assert!(whom.iter().all(|(member, _, device)| **member == "ann" && **device == TABLET), "{whom:?}");
    assert!(*whom[0].1 == "shop.test" && *whom[1].1 == "plain.test", "{whom:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_redirected_is_what_it_is_through_a_proxy() {
    if is_inside("transparent::what_is_redirected_is_what_it_is_through_a_proxy") {
        https_and_http_are_what_they_are_through_a_proxy(REDIRECT).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_by_tproxy_is_what_it_is_through_a_proxy() {
    if is_inside("transparent::what_comes_by_tproxy_is_what_it_is_through_a_proxy") {
        https_and_http_are_what_they_are_through_a_proxy(TPROXY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_was_dialled_counts_only_where_no_name_is_said() {
    if !is_inside("transparent::the_address_that_was_dialled_counts_only_where_no_name_is_said") {
        return;
    }
    router(REDIRECT);
    // Whoever gives a vendor's name to another address reaches the vendor, or nobody.
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let impostor = TcpListener::bind((VENDOR, 443)).await.unwrap();
    let home = Household::trusting(&ca).knowing(&shop).transparent(DOOR).member("ann", &[]).start().await;
    let tls = home.client().handshake("shop.test", dial(VENDOR, 443, TABLET).await).await.unwrap();
    assert!(ask(tls, "/", "shop.test").await.ends_with("ok"));
    // A name that is nowhere is not looked for at the address.
    let tls = home.client().handshake("nowhere.invalid", dial(VENDOR, 443, TABLET).await).await.unwrap();
    assert!(ask(tls, "/", "nowhere.invalid").await.starts_with("HTTP/1.1 502"));
    // Without a name the address is dialled, by the rules for addresses.
    let tls = home.client().handshake(VENDOR, dial(VENDOR, 443, TABLET).await).await.unwrap();
    assert!(ask(tls, "/", VENDOR).await.starts_with("HTTP/1.1 403"));
    closed({
        let mut stream = dial(VENDOR, 2525, TABLET).await;
        stream.write_all(b"EHLO tablet\r\n").await.unwrap();
        stream
    })
    .await;
    let refused = home.awaited("refused", 3).await;
    let said: Vec<_> = refused.iter().map(|one| (&one["host"], &one["status"])).collect();
    assert!(said.iter().any(|(host, status)| **host == "nowhere.invalid" && **status == 502), "{said:?}");
    assert!(said.iter().any(|(host, status)| **host == VENDOR && **status == 403), "{said:?}");
    assert!(tokio::time::timeout(std::time::Duration::from_millis(100), impostor.accept()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_not_inspected_and_trackers_are_known_by_their_names() {
    if !is_inside("transparent::a_guest_is_not_inspected_and_trackers_are_known_by_their_names") {
        return;
    }
    let guests: SocketAddr = "127.0.0.1:8129".parse().unwrap();
    router(&REDIRECT.replace("8128", "8129"));
    let ca = TestCa::new();
    let shop = Vendor::https("shop.test").start(&ca).await;
    let tracker = Vendor::https("tracker.test").start(&ca).await;
    let home = Household::trusting(&ca)
        .knowing(&shop)
        .knowing(&tracker)
        .file("list.txt", "||tracker.test^\n")
        .config("[trackers]\nlists = [\"list.txt\"]")
        .transparent(DOOR)
        .member("ann", &[])
        .start()
        .await;
    let door = TcpListener::bind(guests).await.unwrap();
    let front = Arc::clone(&home.house.front);
    tokio::spawn(async move {
        while let Ok((stream, _)) = door.accept().await {
            // No address of this machine: loopback is the owner.
            Arc::clone(&front).attend(stream, "192.0.2.7".parse().unwrap(), Door::Transparent(guests));
        }
    });
    let guest = Client::new(home.proxy, home.house.front.leaves.certificates().root().clone());
    let guest = guest.trusting(ca.root());
    let tls = guest.handshake("shop.test", dial(VENDOR, 443, TABLET).await).await.unwrap();
    assert!(ask(tls, "/?utm_source=x", "shop.test").await.ends_with("ok"));
    assert_eq!(shop.only().target(), "/?utm_source=x");
    assert!(guest.handshake("tracker.test", dial(VENDOR, 443, TABLET).await).await.is_err());
    assert_eq!(tracker.connections(), 0);
    assert_eq!(home.awaited("tunnel", 1).await[0]["reason"], "guest");
    assert_eq!(home.awaited("refused", 1).await[0]["status"], 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_no_router_handed_over_and_a_port_that_is_not_named_are_turned_away() {
    if !is_inside(
        "transparent::a_connection_that_no_router_handed_over_and_a_port_that_is_not_named_are_turned_away",
    ) {
        return;
    }
    router(&REDIRECT.replace("2525", "25"));
    let ca = TestCa::new();
    // For both families: what comes by IPv4 is told apart all the same.
    let home = Household::trusting(&ca).transparent("[::]:8128").member("ann", &[]).start().await;
    closed(dial("127.0.0.1", 8128, TABLET).await).await;
    let refused = home.awaited("refused", 1).await;
    assert_eq!(
        (&refused[0]["status"], &refused[0]["reason"]),
        (&501.into(), &"a connection that no router handed over is not carried by this gateway".into())
    );
    closed(dial(VENDOR, 25, TABLET).await).await;
    assert_eq!(home.awaited("refused", 2).await[1]["status"], 403);
    // Neither does a client of the proxy reach that door.
    assert_eq!(home.client().get(&format!("http://{DOOR}/")).await.status, 403);
}

#[test]
fn the_rules_that_ship_are_rules() {
    if !is_inside("transparent::the_rules_that_ship_are_rules") {
        return;
    }
    for file in ["redirect.nft", "tproxy.nft"] {
        let path = format!("{}/deploy/nftables/{file}", env!("CARGO_MANIFEST_DIR"));
        let checked = Command::new("/usr/sbin/nft").args(["-c", "-f", &path]).output().unwrap();
        assert!(checked.status.success() && checked.stderr.is_empty(), "{file}: {checked:?}");
    }
}

#[test]
fn the_program_takes_what_curl_sends_to_somebody_else() {
    if !is_inside("transparent::the_program_takes_what_curl_sends_to_somebody_else") {
        return;
    }
    router(
        "table inet router { chain output { type nat hook output priority -100;
            ip6 daddr ::1 tcp dport 80 redirect to :8128 ; }
         }",
    );
    let program = Program::configured("");
    std::fs::write(
        program.config(),
        "schema = 1\n[listen]\nproxy = \"127.0.0.1:0\"\nconsole = \"127.0.0.1:0\"\ntransparent = \"[::1]:8128\"\n\
         [trackers]\nlists = []\n[upstream]\nrevocations = \"off\"\n",
    )
    .unwrap();
    program.ok(&["member", "add", "ann"]);
    let running = program.start();
    assert_eq!(running.ready["transparent"], "[::1]:8128");
    assert!(program.ok(&["status"]).out.contains("router   [::1]:8128"));
    let curl = Command::new("curl")
        .args(["-sS", "-m", "20", "-o", "-", "-w", " %{http_code}", "--resolve", "shop.invalid:80:[::1]"])
        .arg("http://shop.invalid/")
        .env_remove("http_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&curl.stdout);
    assert!(said.contains("resolved") && said.ends_with(" 502"), "{said}");
    assert_eq!(running.stop(), 0);
    let refused = program.records().into_iter().find(|record| record["kind"] == "refused").unwrap();
    assert_eq!((&refused["host"], &refused["member"]), (&"shop.invalid".into(), &"ann".into()));
}
