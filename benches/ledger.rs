//! What the log costs: hashes, records that nobody waits for, and whole flows by 64 callers at once on memory and on
//! disk. Flows are measured in CPU time of the process, not in wall time, as that is what the log takes from the rest.

#![allow(clippy::unwrap_used, missing_docs)]

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use doorward::ledger::{Filter, FsDisk, Ledger, Options, Reader, tree};
use doorward::model::record::{EditRecord, Event, Record, TermsRecord};
use doorward::model::{Clock, FlowId, MemberId, Outcome, Party, SystemClock};
use doorward::store::{LogIndex, Store};
use doorward::vault::Vault;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

const CALLERS: u64 = 64;

/// CPU time of all threads, from the scheduler's own count.
struct Cpu(WallTime);

fn cpu_of(wanted: impl Fn(&str) -> bool) -> u64 {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |name: &str| std::fs::read_to_string(task.path().join(name)).unwrap_or_default();
        if wanted(read("comm").trim_end()) {
            total += read("schedstat").split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    total
}

impl Measurement for Cpu {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        cpu_of(|_| true)
    }

    fn end(&self, start: u64) -> u64 {
        cpu_of(|_| true).saturating_sub(start)
    }

    fn add(&self, one: &u64, other: &u64) -> u64 {
        one + other
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}

fn record(member: MemberId, event: Event) -> Record {
    Record { time: SystemClock.now(), member, vendor: Some("shop.example".into()), event }
}

fn open(member: MemberId, flow: FlowId) -> Record {
    let edit = EditRecord {
        id: "e1".to_owned(),
        place: "request.url.query:utm_source".into(),
        span: [31, 48],
        action: "removed".into(),
        slot: None,
        category: "pd:Tracking".into(),
        rule: "builtin/params:utm_source".into(),
        reason: "campaign parameter".into(),
        digest: "qL8R4QIcQ_ZsRqOAbeRfcZhilN_MksRtDaErMA".into(),
    };
    let event = Event::Open {
        flow,
        device: None,
        host: "api.shop.example".to_owned(),
        party: Party::First,
        source: "user".to_owned(),
        method: "GET".to_owned(),
        url: "https://api.shop.example/items/4711?ref=…".to_owned(),
        terms: TermsRecord { gpc: true, ..TermsRecord::default() },
        edits: vec![edit],
        notes: Vec::new(),
    };
    record(member, event)
}

fn close(member: MemberId, flow: FlowId) -> Record {
    let event = Event::Close {
        flow,
        status: Some(200),
        sent: 0,
        received: 1_024,
        ms: 12,
        attempts: 1,
        edits: Vec::new(),
        answer: None,
        outcome: Outcome::Complete,
    };
    record(member, event)
}

fn refused(member: MemberId, flow: FlowId) -> Record {
    let event = Event::Refused {
        flow,
        host: Some("api.shop.example".to_owned()),
        status: 403,
        code: "http_request_denied".to_owned(),
        reason: "this port may not be reached through the gateway".to_owned(),
    };
    record(member, event)
}

struct Log {
    ledger: Ledger,
    ann: MemberId,
    vault: Vault,
    index: Arc<LogIndex>,
    dir: tempfile::TempDir,
}

/// A log below `place`, with a real vault for its keys.
fn log(place: &Path) -> Log {
    let dir = tempfile::tempdir_in(place).unwrap();
    let store = Store::open(&dir.path().join("state.db")).unwrap();
    let vault = Vault::open(&dir.path().join("keys"), store).unwrap();
    let ann = vault.ensure_member().unwrap().id;
    let seed = vault.signing_seed().unwrap();
    let index = Arc::new(LogIndex::open(&dir.path().join("index.db"), "home.example/log").unwrap());
    let options = Options {
        index: Some(Arc::clone(&index)),
        ..Options::new(dir.path().join("ledger"), "home.example/log", Arc::new(vault.clone()), seed)
    };
    Log { ledger: Ledger::start(options).unwrap().0, ann, vault, index, dir }
}

/// Each caller one flow after the other, `flows` in all.
async fn flows(log: &Log, flows: u64) {
    let callers = (0..CALLERS).map(|caller| {
        let (ledger, ann) = (log.ledger.clone(), log.ann);
        let share = flows / CALLERS + u64::from(caller < flows % CALLERS);
        tokio::spawn(async move {
            for _ in 0..share {
                let flow = FlowId::now();
                let room = ledger.reserve().await.unwrap();
                let opened = room.open(Vec::new(), open(ann, flow)).await.unwrap();
                opened.close(close(ann, flow));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

fn small(criterion: &mut Criterion) {
    let entry = [7; 420];
    criterion.bench_function("leaf hash of 420 bytes", |bencher| {
        bencher.iter(|| tree::leaf_hash(black_box(&entry)));
    });
    criterion.bench_function("node hash", |bencher| {
        bencher.iter(|| tree::node_hash(black_box(&[1; 32]), black_box(&[2; 32])));
    });
    criterion.bench_function("flow id", |bencher| bencher.iter(FlowId::now));
    let ann = MemberId::random();
    criterion.bench_function("making the two records", |bencher| {
        let flow = FlowId::now();
        bencher.iter(|| (open(ann, flow), close(ann, flow)));
    });
}

fn whole(criterion: &mut Criterion<Cpu>) {
    let runtime = Runtime::new().unwrap();
    let disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let memory = Path::new("/dev/shm");
    let mut group = criterion.benchmark_group("cpu");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    let quiet = log(memory);
    group.bench_function("a refusal, nobody waits", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let room = quiet.ledger.reserve().await.unwrap();
                room.end(refused(quiet.ann, FlowId::now()));
            });
        });
    });
    for (name, place) in [("memory", memory), ("disk", disk)].into_iter().filter(|(_, place)| place.is_dir())
    {
        let log = log(place);
        let mut ledger_thread = (0, 0);
        group.bench_function(format!("flow, 64 callers, {name}"), |bencher| {
            bencher.iter_custom(|count| {
                let (before, own) = (cpu_of(|_| true), cpu_of(|name| name == "ledger"));
                runtime.block_on(flows(&log, count));
                ledger_thread.0 += cpu_of(|name| name == "ledger") - own;
                ledger_thread.1 += count;
                cpu_of(|_| true) - before
            });
        });
        let each = ledger_thread.0.checked_div(ledger_thread.1).unwrap_or(0);
        println!("of it on the ledger's own thread: {each} ns a flow\n");
        runtime.block_on(log.ledger.shutdown());
    }
    group.finish();
}

/// Flows with one vendor in a log that is nearly all of another's: 200,000 records.
fn listing(criterion: &mut Criterion) {
    const FLOWS: u64 = 100_000;
    const SELDOM: u64 = 20;
    let runtime = Runtime::new().unwrap();
    let log = log(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let rare = |record| Record { vendor: Some("rare.example".into()), ..record };
    runtime.block_on(async {
        for _ in 0..SELDOM {
            flows(&log, FLOWS / SELDOM).await;
            let flow = FlowId::now();
            let room = log.ledger.reserve().await.unwrap();
            room.open(Vec::new(), rare(open(log.ann, flow))).await.unwrap().close(rare(close(log.ann, flow)));
        }
        log.ledger.shutdown().await;
    });
    while log.index.newest().unwrap().end() + 10_000 < log.ledger.size() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let plain = Reader::open(log.dir.path().join("ledger"), Arc::new(FsDisk), Arc::new(log.vault.clone()));
    let mut group = criterion.benchmark_group("listing");
    group.sample_size(10);
    for (name, reader) in [("by the index", log.ledger.reader()), ("by reading the log", plain)] {
        for (vendor, limit, found) in [("rare.example", 10, 10), ("shop.example", 50, 50)] {
            let filter =
                Filter { member: Some(log.ann), vendor: Some(vendor.into()), limit, ..Filter::default() };
            group.bench_function(format!("{limit} of {vendor}, {name}"), |bencher| {
                bencher.iter(|| assert_eq!(reader.list(&filter).unwrap().len(), found));
            });
        }
    }
    group.finish();
}

criterion_group!(walls, small, listing);
criterion_group! {
    name = processors;
    config = Criterion::default().with_measurement(Cpu(WallTime));
    targets = whole
}
criterion_main!(walls, processors);
