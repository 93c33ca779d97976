//! Floods against a gateway in a process of its own: how long an honest client waits meanwhile (on loopback, eighty
//! requests a second on four kept connections and one on a new one), and how much memory the gateway takes.
//!
//! `cargo bench --bench floods [-- FLOOD]…`; `DOORWARD_FLOOD_SECONDS` says how long each lasts (10 s).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[allow(dead_code, unused_imports)]
#[path = "../tests/support/mod.rs"]
mod support;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::client::{Client, request};
use support::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, Frame, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, block, frame,
};
use support::program::{Program, Running};
use support::vendor::response;
use support::{TestCa, Vendor};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// What a slow reader asks for, of which the vendor has begun to send a part.
const LARGE: usize = 1 << 20;
const BEGUN: usize = 64 * 1024;
const IDLE_CONNECTIONS: usize = 9_500;

type Attack = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A flood: its name, and one attacker of it, by number.
struct Flood {
    name: &'static str,
    attackers: usize,
    attack: fn(Client, usize) -> Attack,
}

const FLOODS: &[Flood] = &[
    Flood { name: "nothing", attackers: 0, attack: |_, _| Box::pin(async {}) },
    Flood { name: "rapid-reset", attackers: 8, attack: |client, _| Box::pin(over_http2(client, resets())) },
    Flood {
        name: "continuation",
        attackers: 8,
        attack: |client, _| Box::pin(over_http2(client, endless_head())),
    },
    Flood { name: "ping", attackers: 8, attack: |client, _| Box::pin(over_http2(client, pings())) },
    Flood { name: "settings", attackers: 8, attack: |client, _| Box::pin(over_http2(client, settings())) },
    Flood { name: "slowloris", attackers: 2_000, attack: |client, at| Box::pin(slow_head(client, at)) },
    Flood { name: "slow-readers", attackers: 16, attack: |client, _| Box::pin(slow_reader(client)) },
    Flood { name: "bomb-up", attackers: 8, attack: |client, _| Box::pin(bomb_up(client)) },
    Flood { name: "bomb-down", attackers: 8, attack: |client, _| Box::pin(bomb_down(client)) },
];

fn head(path: &str) -> Vec<u8> {
    let path = path.as_bytes();
    block(&[(":method", b"GET"), (":scheme", b"https"), (":authority", b"shop.test"), (":path", path)])
}

fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(path))
}

fn resets() -> Vec<u8> {
    let one = |at: u32| [get(1 + 2 * at, "/flood"), frame(RST_STREAM, 0, 1 + 2 * at, &[0, 0, 0, 8])].concat();
    (0..3000).flat_map(one).collect()
}

fn endless_head() -> Vec<u8> {
    let fields = block(&[("x-a", &[b'x'; 100])]).repeat(100);
    [frame(HEADERS, END_STREAM, 1, &head("/flood")), frame(CONTINUATION, 0, 1, &fields).repeat(200)].concat()
}

fn pings() -> Vec<u8> {
    frame(PING, 0, 0, &[0; 8]).repeat(50_000)
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 1, 0, 0, 0x10, 0]).repeat(50_000)
}

/// Says `frames` on one connection after the other, as fast as it goes.
async fn over_http2(client: Client, frames: Vec<u8>) {
    loop {
        let Ok(tls) = client.clone().http2().tunnel("shop.test", "shop.test").await else { continue };
        let (mut reads, mut writes) = tokio::io::split(tls);
        let said = async {
            let _ = writes.write_all(PREFACE).await;
            let _ = writes.write_all(&frames).await;
            let _ = writes.flush().await;
        };
        let ((), _) = tokio::join!(said, timeout(Duration::from_secs(2), drain(&mut reads)));
    }
}

async fn drain<T: AsyncRead + Unpin>(from: &mut T) {
    let mut chunk = vec![0; 16 * 1024];
    while matches!(from.read(&mut chunk).await, Ok(1..)) {}
}

/// A head that never ends, a byte a second.
async fn slow_head(client: Client, at: usize) {
    let client = client.from(&format!("127.0.1.{}", 1 + at % 200));
    loop {
        let mut stream = client.proxy().await;
        let _ = stream.write_all(b"GET http://shop.test/ HTTP/1.1\r\nX-A: ").await;
        while stream.write_all(b"x").await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Asks for much on many streams, and takes nothing of it.
async fn slow_reader(client: Client) {
    let mut tls = client.http2().tunnel("shop.test", "shop.test").await.unwrap();
    // RFC 9113 section 6.5.2: SETTINGS_INITIAL_WINDOW_SIZE is 4.
    let asked: Vec<u8> = (0..64).flat_map(|at| get(1 + 2 * at, "/large")).collect();
    let magic = &PREFACE[..PREFACE.len() - 9];
    let said = [magic, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]), &asked].concat();
    let _ = tls.write_all(&said).await;
    while Frame::read(&mut tls).await.is_some() {}
    std::future::pending().await
}

/// A gibibyte of nothing in a mebibyte: a thousand members, as gzip allows.
fn bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
    encoder.finish().unwrap().repeat(1024)
}

async fn bomb_up(client: Client) {
    let fields = [("content-type", "application/x-www-form-urlencoded"), ("content-encoding", "gzip")];
    let bomb = bytes::Bytes::from(bomb());
    loop {
        let mut opened = client.open("shop.test").await;
        let asked = request(http::Method::POST, "https://shop.test/up", &fields, bomb.clone());
        let _ = opened.try_stream(asked).await;
    }
}

async fn bomb_down(client: Client) {
    loop {
        client.get("https://shop.test/bomb").await;
    }
}

/// How long an honest client waits for each answer, until it is stopped.
async fn honest(client: Client, lasts: Duration) -> Vec<Duration> {
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for at in 0..5 {
        let client = client.clone();
        asking.spawn(async move {
            let mut waits = Vec::new();
            let mut kept = client.open("shop.test").await;
            while began.elapsed() < lasts {
                let asked = Instant::now();
                if at == 0 {
                    client.get("https://shop.test/honest").await;
                } else {
                    kept.send(request(http::Method::GET, "https://shop.test/honest", &[], "")).await;
                }
                waits.push(asked.elapsed());
                sleep(Duration::from_millis(if at == 0 { 1000 } else { 50 })).await;
            }
            waits
        });
    }
    asking.join_all().await.concat()
}

fn client_of(running: &Running) -> Client {
    let root = CertificateDer::from_pem_file(running.ready["ca"].as_str().unwrap()).unwrap();
    Client::new(running.address("proxy").parse().unwrap(), root)
}

async fn floods(running: &Running, wanted: &[String]) {
    let seconds =
        std::env::var("DOORWARD_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    println!(
        "{:14} {:>9} {:>9} {:>9} {:>10} {:>9}",
        "flood", "answers", "p50 ms", "p99 ms", "most ms", "peak MB"
    );
    for flood in FLOODS.iter().filter(|flood| wanted.is_empty() || wanted.iter().any(|one| one == flood.name))
    {
        // From here on its peak is counted anew (proc_pid_clear_refs(5)).
        std::fs::write(format!("/proc/{}/clear_refs", running.process()), "5").unwrap();
        let mut attackers = JoinSet::new();
        for at in 0..flood.attackers {
            attackers.spawn((flood.attack)(client_of(running), at));
        }
        // Slow readers are measured once they wait, not while the vendor is dialled a thousand times for them.
        let alone = if flood.name == "slow-readers" { 10 } else { 1 };
        sleep(Duration::from_secs(alone)).await;
        let mut waits = honest(client_of(running), Duration::from_secs(seconds)).await;
        let peak = running.peak_memory() / 1024;
        attackers.shutdown().await;
        waits.sort_unstable();
        let ms = |share: usize| waits[(waits.len() * share / 100).min(waits.len() - 1)].as_secs_f64() * 1e3;
        let (count, p50, p99, most) = (waits.len(), ms(50), ms(99), ms(100));
        println!("{:14} {count:>9} {p50:>9.1} {p99:>9.1} {most:>10.1} {peak:>9}", flood.name);
        sleep(Duration::from_secs(1)).await;
    }
}

/// The memory it has resident, in KiB.
fn resident(running: &Running) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Kept connections, each intercepted and asked once, that then say nothing.
async fn idle(running: &Running) {
    let client = client_of(running);
    let before = resident(running);
    let mut kept = Vec::with_capacity(IDLE_CONNECTIONS);
    while kept.len() < IDLE_CONNECTIONS {
        let mut opening = JoinSet::new();
        for _ in 0..50.min(IDLE_CONNECTIONS - kept.len()) {
            let client = client.clone();
            opening.spawn(async move {
                let mut opened = client.open("shop.test").await;
                opened.send(request(http::Method::GET, "https://shop.test/honest", &[], "")).await;
                opened
            });
        }
        kept.extend(opening.join_all().await);
    }
    sleep(Duration::from_secs(5)).await;
    let each = (resident(running) - before) as f64 / kept.len() as f64;
    println!("{} idle connections: {each:.1} KiB each, {} MB in all", kept.len(), resident(running) / 1024);
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        support::crypto();
        let ca = TestCa::new();
        let begun = [format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").as_bytes(), &[7; BEGUN]].concat();
        let typed = [("Content-Type", "text/html"), ("Content-Encoding", "gzip")];
        let shop = Vendor::https("shop.test")
            .held_route("/large", begun, Vec::new())
            .route("/bomb", response("200 OK", &typed, &bomb()))
            .start(&ca)
            .await;
        let program = Program::configured("");
        std::fs::write(program.beside("vendors.pem"), ca.pem()).unwrap();
        program.configure(&format!(
            "[upstream]\nextra_ca = [{:?}]\nallow_private = [\"127.0.0.1/32\"]\nhosts = {{ \"shop.test\" = \"{}\" }}\n\
             [limits]\nconnections = 20000\nconnections_per_member = 20000\n",
            program.beside("vendors.pem"),
            shop.address
        ));
        program.ok(&["member", "add", "ann", "--set", "email.primary=ann@home.example"]);
        let running = Arc::new(program.start());
        client_of(&running).get("https://shop.test/honest").await;
        floods(&running, &wanted).await;
        if wanted.is_empty() || wanted.iter().any(|one| one == "idle") {
            idle(&running).await;
        }
    });
}
