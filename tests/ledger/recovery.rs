//! A log whose end was torn off at any byte is taken up again; one that was changed anywhere is found out.

use crate::support::TestDisk;
use doorward::ledger::verify::{Against, verify_dir};
use doorward::ledger::{FsDisk, Ledger, Options, Stored};
use doorward::model::record::{Event, Record, TermsRecord};
use doorward::model::{Clock, FlowId, MemberId, Outcome, Party, SystemClock};
use doorward::store::Store;
use doorward::vault::Vault;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A vault and logs beside it.
struct Home {
    dir: TempDir,
    vault: Vault,
    ann: MemberId,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state.db")).unwrap();
        let vault = Vault::open(&dir.path().join("keys"), store).unwrap();
        let ann = vault.ensure_member().unwrap().id;
        Self { dir, vault, ann }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Signs nothing by itself before the end, so that all stands on its records.
    fn options(&self, dir: &Path) -> Options {
        let seed = self.vault.signing_seed().unwrap();
        Options {
            disk: Arc::new(TestDisk::lax()),
            lazy: Duration::ZERO,
            checkpoint_every: Duration::from_secs(3_600),
            ..Options::new(dir, "home.example/log", Arc::new(self.vault.clone()), seed)
        }
    }

    fn record(&self, event: Event) -> Record {
        Record { time: SystemClock.now(), member: self.ann, vendor: Some("shop".into()), event }
    }

    fn opening(&self, flow: FlowId) -> Record {
        self.record(Event::Open {
            flow,
            device: None,
            host: "shop.test".to_owned(),
            party: Party::First,
            source: "user".to_owned(),
            method: "GET".to_owned(),
            url: "https://shop.test/a".to_owned(),
            terms: TermsRecord { gpc: true, ..TermsRecord::default() },
            edits: Vec::new(),
            notes: Vec::new(),
        })
    }

    fn tunnel(&self, flow: FlowId) -> Record {
        self.record(Event::Tunnel { flow, host: Some("bank.test".to_owned()), reason: "never".to_owned() })
    }

    fn ending(&self, flow: FlowId) -> Record {
        self.record(Event::Close {
            flow,
            status: Some(200),
            sent: 0,
            received: 2,
            ms: 1,
            attempts: 1,
            edits: Vec::new(),
            answer: None,
            outcome: Outcome::Complete,
        })
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn segment(dir: &Path) -> PathBuf {
    dir.join(format!("{:020}.seg", 0))
}

fn read(ledger: &Ledger) -> HashMap<FlowId, Vec<Stored>> {
    let mut flows: HashMap<FlowId, Vec<Stored>> = HashMap::new();
    let each = |stored: Stored, _: &[u8]| {
        if let Some(flow) = stored.outer.flow {
            flows.entry(flow).or_default().push(stored);
        }
        ControlFlow::Continue(())
    };
    ledger.reader().walk(0, each).unwrap();
    flows
}

fn outcome(stored: &Stored) -> Outcome {
    match stored.record.as_ref().map(|record| &record.event) {
        Some(Event::Close { outcome, .. }) => *outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tail_cut_at_any_byte_loses_only_what_was_not_acknowledged() {
    let home = Home::new();
    let dir = home.log("whole");
    let (ledger, _) = Ledger::start(home.options(&dir)).unwrap();
    let length = || std::fs::metadata(segment(&dir)).unwrap().len();
    // Where the file ended when each record was acknowledged.
    let mut opened_at = Vec::new();
    let mut ended_at = HashMap::new();
    for number in 0..3 {
        let flow = FlowId::now();
        let first = if number == 2 { home.tunnel(flow) } else { home.opening(flow) };
        let opened = ledger.reserve().await.unwrap().open(Vec::new(), first).await.unwrap();
        opened_at.push((flow, length()));
        if number % 2 == 0 {
            let size = ledger.size();
            opened.close(home.ending(flow));
            while ledger.size() == size {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            ended_at.insert(flow, length());
        } else {
            // Stays open, as when the power goes.
            std::mem::forget(opened);
        }
    }
    let begin = ended_at[&opened_at[0].0];
    let crashed = home.log("crashed");
    copy(&dir, &crashed);
    assert_eq!(std::fs::metadata(crashed.join("checkpoints")).unwrap().len(), 0);
    for cut in begin..=length() {
        let torn = home.log(&format!("torn-{cut}"));
        copy(&crashed, &torn);
        std::fs::OpenOptions::new().write(true).open(segment(&torn)).unwrap().set_len(cut).unwrap();
        let (again, recovery) =
            Ledger::start(home.options(&torn)).unwrap_or_else(|error| panic!("{cut}: {error}"));
        let flows = read(&again);
        let mut unknown = 0;
        for (flow, at) in &opened_at {
            if *at > cut {
                assert!(!flows.contains_key(flow), "{cut}: a part of a record was taken for one");
                continue;
            }
            let records = &flows[flow];
            assert_eq!(records.len(), 2, "{cut}: {records:?}");
            let whole = ended_at.get(flow).is_some_and(|at| *at <= cut);
            assert_eq!(
                outcome(&records[1]),
                if whole { Outcome::Complete } else { Outcome::Unknown },
                "{cut}"
            );
            assert_eq!(records[0].outer.key, records[1].outer.key);
            unknown += u64::from(!whole);
        }
        assert_eq!((recovery.unfinished, recovery.clean), (unknown, false));
        again.shutdown().await;
        let report = verify_dir(&torn, &FsDisk, &Against::default()).unwrap();
        assert!(report.holds(), "{cut}: {report:?}");
        std::fs::remove_dir_all(torn).unwrap();
    }
    ledger.shutdown().await;
}

#[tokio::test]
async fn a_byte_changed_anywhere_is_found() {
    let home = Home::new();
    let dir = home.log("whole");
    let (ledger, _) = Ledger::start(home.options(&dir)).unwrap();
    for first in [Home::opening, Home::tunnel] {
        let flow = FlowId::now();
        let opened = ledger.reserve().await.unwrap().open(Vec::new(), first(&home, flow)).await.unwrap();
        opened.close(home.ending(flow));
    }
    ledger.shutdown().await;
    let key = std::fs::read_to_string(dir.join("verifier-key")).unwrap();
    let key = doorward::ledger::note::Verifier::parse(key.trim_end()).unwrap();
    let against = Against { key: Some(key), ..Against::default() };
    assert!(verify_dir(&dir, &FsDisk, &against).unwrap().holds());
    for entry in std::fs::read_dir(&dir).unwrap().flatten() {
        let path = entry.path();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&path, changed).unwrap();
            let report = verify_dir(&dir, &FsDisk, &against).unwrap();
            assert!(!report.holds(), "byte {at} of {}", path.display());
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert!(verify_dir(&dir, &FsDisk, &against).unwrap().holds());
}
