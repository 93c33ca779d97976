//! A gateway that is left on: browsers, apps, uploads, downloads, tunnels and WebSockets go on while the machine sleeps, the
//! link goes down, vendors move and the configuration is read again. Memory and descriptors have to stay flat, and no
//! request may hang.
//!
//! `cargo bench --bench soak`; `DOORWARD_SOAK_MINUTES` says how long (20). Runs on a network of its own (unshare, nftables)
//! and moves the gateway's clock with libfaketime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[allow(dead_code, unused_imports)]
#[path = "../tests/support/mod.rs"]
mod support;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use support::TestCa;
use support::client::{Client, request};
use support::clock::TestClock;
use support::namespace::router;
use support::nginx::Nginx;
use support::program::{Program, Running};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{accept_async, client_async};

/// What takes longer hangs: all bounds of the gateway that can pass here are shorter.
const HANGS: Duration = Duration::from_secs(60);
/// The machine sleeps for so long by its clock (minutes), and for a moment by ours.
const SLEEP: i64 = 60;
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const INSIDE: &str = "DOORWARD_SOAK_INSIDE";

type Doing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done over and over. Each unwraps what does not come, which counts as a failure.
type Work = fn(Client) -> Doing;

const WORKS: &[(&str, Work)] = &[
    ("http/1.1, kept", |client| Box::pin(kept(client))),
    ("http/2, kept", |client| Box::pin(kept(client.http2()))),
    ("new connections", |client| Box::pin(async move { page(&client).await })),
    ("downloads of 1 MiB", |client| Box::pin(download(client))),
    ("uploads of 64 KiB", |client| Box::pin(upload(client))),
    ("websockets", |client| Box::pin(chat(client))),
    ("tunnels", |client| Box::pin(tunnel(client))),
];

async fn page(client: &Client) {
    assert_eq!(client.get("https://shop.test/r/page").await.status, 200);
}

async fn kept(client: Client) {
    let mut opened = client.open("shop.test").await;
    for _ in 0..40 {
        let asked = request(http::Method::GET, "https://shop.test/r/kept?utm_source=x", &[], "");
        assert_eq!(opened.send(asked).await.status, 200);
        sleep(Duration::from_millis(50)).await;
    }
}

async fn download(client: Client) {
    assert_eq!(client.get("https://shop.test/big").await.body.len(), 1 << 20);
}

async fn upload(client: Client) {
    let filler = "x".repeat(64 << 10);
    let body = format!("{{\"mail\":\"ann@home.example\",\"note\":\"{filler}\"}}");
    let answer = client.post("https://shop.test/take/", "application/json", body).await;
    assert_eq!(answer.status, 200);
}

async fn chat(client: Client) {
    let tls = client.tunnel("chat.test", "chat.test").await.unwrap();
    let asked = "wss://chat.test/".into_client_request().unwrap();
    let (mut socket, _) = client_async(asked, tls).await.unwrap();
    for _ in 0..40 {
        socket.send(Message::text("I am ann@home.example")).await.unwrap();
        let said = socket.next().await.unwrap().unwrap();
        assert!(said.is_text() && !said.to_text().unwrap().contains("ann@home.example"));
        sleep(Duration::from_millis(50)).await;
    }
    socket.close(None).await.unwrap();
}

async fn tunnel(client: Client) {
    let (status, _, mut stream) = client.connect("bank.test:443").await;
    assert_eq!(status, 200);
    // An echo: what is not HTTP and not TLS passes as it is.
    stream.write_all(&[0; 4096]).await.unwrap();
    stream.read_exact(&mut [0; 4096]).await.unwrap();
}

/// What became of everything that was done.
#[derive(Default)]
struct Tally {
    done: AtomicU64,
    /// Failed while something was wrong on purpose.
    excused: AtomicU64,
    failed: AtomicU64,
    hung: AtomicU64,
    by_work: Mutex<BTreeMap<&'static str, [u64; 2]>>,
}

/// The gateway, and what may be done to it and around it.
struct Scene {
    running: Running,
    clock: TestClock,
    client: Client,
    disturbed: AtomicBool,
    over: AtomicBool,
    tally: Tally,
}

async fn keep_at(scene: Arc<Scene>, name: &'static str, work: Work) {
    while !scene.over.load(Ordering::Relaxed) {
        let disturbed = scene.disturbed.load(Ordering::Relaxed);
        let client = scene.client.clone().at(&scene.clock);
        let ended = timeout(HANGS, tokio::spawn(work(client))).await;
        let disturbed = disturbed || scene.disturbed.load(Ordering::Relaxed);
        let (count, place) = match ended {
            Ok(Ok(())) => (&scene.tally.done, 0),
            Ok(Err(_)) if disturbed => (&scene.tally.excused, 1),
            Ok(Err(failure)) => {
                let said = failure.try_into_panic().ok().and_then(|said| said.downcast::<String>().ok());
                println!("failed: {name}: {}", said.unwrap_or_default());
                (&scene.tally.failed, 1)
            }
            Err(_) => (&scene.tally.hung, 1),
        };
        count.fetch_add(1, Ordering::Relaxed);
        scene.tally.by_work.lock().unwrap().entry(name).or_default()[place] += 1;
        sleep(Duration::from_millis(100)).await;
    }
}

/// A machine's hard day, again and again. Gives the vendors back: clients go on to the end.
async fn disturb(scene: Arc<Scene>, program: Arc<Program>, vendors: Vendors, until: Instant) -> Vendors {
    let (mut vendors, mut minutes) = (vendors, 0);
    for event in ["sleep", "link", "move", "reload", "day"].iter().cycle() {
        sleep(Duration::from_secs(12)).await;
        if Instant::now() >= until {
            break;
        }
        scene.disturbed.store(true, Ordering::Relaxed);
        match *event {
            "sleep" | "day" => {
                minutes += if *event == "day" { 24 * 60 } else { SLEEP };
                scene.running.signal("STOP");
                set(&program, minutes);
                sleep(Duration::from_secs(2)).await;
                scene.clock.minutes(minutes);
                scene.running.signal("CONT");
            }
            "link" => {
                let ports = vendors.ports();
                nft(&format!("add rule inet router output tcp dport {{ {ports} }} drop"));
                nft(&format!("add rule inet router output tcp sport {{ {ports} }} drop"));
                sleep(Duration::from_secs(5)).await;
                nft("flush chain inet router output");
            }
            "move" => {
                vendors.move_house();
                program.configure(&vendors.configuration());
                scene.running.signal("HUP");
            }
            _ => scene.running.signal("HUP"),
        }
        // What was under way then has this long to be over.
        sleep(Duration::from_secs(8)).await;
        scene.disturbed.store(false, Ordering::Relaxed);
    }
    vendors
}

/// Sets the gateway's clock: in one piece, for whoever reads a file that is being written reads nothing, and shows the real
/// time. The gateway reads it once a second.
fn set(program: &Program, minutes: i64) {
    std::fs::write(program.beside("next"), format!("+{}", minutes * 60)).unwrap();
    std::fs::rename(program.beside("next"), program.beside("time")).unwrap();
}

fn nft(rule: &str) {
    let done = Command::new("/usr/sbin/nft").arg(rule).status().unwrap();
    assert!(done.success(), "{rule}");
}

/// The servers behind the names.
struct Vendors {
    ca: Arc<TestCa>,
    nginx: Nginx,
    chat: std::net::SocketAddr,
    bank: std::net::SocketAddr,
    roots: std::path::PathBuf,
}

impl Vendors {
    fn nginx(ca: &TestCa) -> Nginx {
        Nginx::start(ca, &["shop.test"], &[("big", &vec![7; 1 << 20])])
    }

    /// The shop is at another address from now on, and no longer at the old one.
    fn move_house(&mut self) {
        self.nginx = Self::nginx(&self.ca);
    }

    fn ports(&self) -> String {
        [self.nginx.http2, self.chat, self.bank].map(|address| address.port().to_string()).join(", ")
    }

    fn configuration(&self) -> String {
        format!(
            "[upstream]\nextra_ca = [{:?}]\nallow_private = [\"127.0.0.1/32\"]\n\
             hosts = {{ \"shop.test\" = \"{}\", \"chat.test\" = \"{}\", \"bank.test\" = \"{}\" }}\n\
             [intercept]\nnever = [\"bank.test\"]\n[identity]\ndomain = \"alias.example\"\n[limits]\nconnect = \"10s\"\n",
            self.roots, self.nginx.http2, self.chat, self.bank
        )
    }
}

/// Says everything back: over a WebSocket, or as it comes.
async fn echo(tls: Option<TlsAcceptor>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Some(tls) = tls else {
                    let (mut reads, mut writes) = stream.split();
                    return drop(tokio::io::copy(&mut reads, &mut writes).await);
                };
                let Ok(tls) = tls.accept(stream).await else { return };
                let Ok(mut socket) = accept_async(tls).await else { return };
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// What the gateway holds: memory in KiB, and descriptors.
fn held(running: &Running) -> (u64, usize) {
    let process = running.process();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = line.trim().trim_end_matches(" kB").parse().unwrap();
    (memory, std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count())
}

async fn soak(minutes: u64) -> bool {
    support::crypto();
    router("table inet router { chain output { type filter hook output priority 0; }\n}");
    let ca = Arc::new(TestCa::new());
    let program = Arc::new(Program::configured(""));
    let roots = program.beside("vendors.pem");
    std::fs::write(&roots, ca.pem()).unwrap();
    std::fs::write(program.beside("time"), "+0").unwrap();
    let chat = echo(Some(TlsAcceptor::from(Arc::new(ca.server_config("chat.test"))))).await;
    let vendors = Vendors { nginx: Vendors::nginx(&ca), chat, bank: echo(None).await, roots, ca };
    program.configure(&vendors.configuration());
    program.ok(&["member", "add", "ann", "--set", "email.primary=ann@home.example"]);
    let time = program.beside("time");
    let running = program.start_with(&[
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", time.to_str().unwrap()),
        // Two threads that read the file at once may see the real time: not at every look.
        ("FAKETIME_CACHE_DURATION", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    let root = CertificateDer::from_pem_file(running.ready["ca"].as_str().unwrap()).unwrap();
    let client = Client::new(running.address("proxy").parse().unwrap(), root);
    let (disturbed, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let clock = TestClock::default();
    let scene = Arc::new(Scene { running, clock, client, disturbed, over, tally: Tally::default() });
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    let mut workers = Vec::new();
    for (name, work) in WORKS.iter().cycle().take(3 * WORKS.len()) {
        workers.push(tokio::spawn(keep_at(Arc::clone(&scene), name, *work)));
    }
    let disturbing = tokio::spawn(disturb(Arc::clone(&scene), Arc::clone(&program), vendors, until));
    println!(
        "{:>6} {:>9} {:>12} {:>8} {:>8} {:>6} {:>6}",
        "minute", "KiB", "descriptors", "done", "excused", "failed", "hung"
    );
    let mut memory = Vec::new();
    while Instant::now() < until {
        sleep(Duration::from_secs(30)).await;
        let (kib, descriptors) = held(&scene.running);
        memory.push(kib);
        let Tally { done, excused, failed, hung, .. } = &scene.tally;
        let [done, excused, failed, hung] =
            [done, excused, failed, hung].map(|count| count.load(Ordering::Relaxed));
        let minute = memory.len() as f64 / 2.0;
        println!("{minute:>6} {kib:>9} {descriptors:>12} {done:>8} {excused:>8} {failed:>6} {hung:>6}");
    }
    scene.over.store(true, Ordering::Relaxed);
    let vendors = disturbing.await.unwrap();
    for worker in workers {
        worker.await.unwrap();
    }
    drop(vendors);
    for (name, [done, not]) in scene.tally.by_work.lock().unwrap().iter() {
        println!("{name:20} {done:>8} done {not:>6} not");
    }
    // Pooled connections go after a minute, forgotten clients' sooner.
    sleep(Duration::from_secs(90)).await;
    let (kib, descriptors) = held(&scene.running);
    println!("at rest: {kib} KiB, {descriptors} descriptors");
    let (half, count) = (memory.len() / 2, memory.len().div_ceil(4).max(1));
    let mean = |from: usize| memory.iter().skip(from).take(count).sum::<u64>() as f64 / count as f64;
    let growth = mean(memory.len() - count) / mean(half.saturating_sub(count));
    let verified = program.ok(&["ledger", "verify"]).out;
    println!("memory of the last quarter by that of the second: {growth:.3}\n{verified}");
    scene.tally.failed.load(Ordering::Relaxed) == 0
        && scene.tally.hung.load(Ordering::Relaxed) == 0
        && growth < 1.1
}

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--test") {
        return ExitCode::SUCCESS;
    }
    if std::env::var_os(INSIDE).is_none() {
        let exe = std::env::current_exe().unwrap();
        let mut inside = Command::new("unshare");
        inside.args(["--map-root-user", "--net", "--"]).arg(exe).env(INSIDE, "1");
        return if inside.status().unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    // A failure is counted, and said where nothing was wrong on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let minutes =
        std::env::var("DOORWARD_SOAK_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime.block_on(soak(minutes)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
