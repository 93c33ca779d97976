//! One flow, its records and its key, from its first record to its one end, inspected or not.

use super::super::entry::Kind;
use super::super::export;
use super::super::note::Signer;
use super::super::sim::SimDisk;
use super::super::verify::{Against, Report, verify_dir};
use super::super::{Filter, KeyError, Keys, Ledger, LedgerError, Reader, Stored};
use super::fixtures::{MemoryKeys, blocked, close, edit, issue, now, open, options, record, tunnel};
use crate::model::record::Event;
use crate::model::{FlowId, KeyId, MemberId, MonthKey, Outcome, VendorId};
use std::path::Path;
use std::sync::Arc;

/// Longer than any month.
const MONTH_MS: u64 = 32 * 24 * 3_600_000;

fn check(disk: &SimDisk, live: bool) -> Report {
    verify_dir(Path::new("/ledger"), disk, &Against { live, ..Against::default() }).unwrap()
}

fn kinds(records: &[Stored]) -> Vec<&'static str> {
    records.iter().map(|stored| stored.outer.kind.as_str()).collect()
}

fn outcome(stored: &Stored) -> Outcome {
    match &stored.record.as_ref().unwrap().event {
        Event::Close { outcome, .. } => *outcome,
        other => panic!("{other:?}"),
    }
}

fn edits(member: MemberId, flow: FlowId) -> crate::model::record::Record {
    record(member, Event::Edits { flow, edits: vec![edit(2)] })
}

#[tokio::test]
async fn what_opens_the_first_record_opens_all_across_months_and_renames() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let flow = FlowId::now();
    let opened = ledger.reserve().await.unwrap().open(vec![issue(ann)], open(ann, flow)).await.unwrap();
    let later = |mut record: crate::model::record::Record| {
        record.time.0 += MONTH_MS;
        record.vendor = Some("shop-renamed".into());
        record
    };
    opened.more(vec![later(edits(ann, flow)), later(issue(ann))]).await.unwrap();
    opened.close(later(close(ann, flow)));
    ledger.shutdown().await;
    let mut names = Vec::new();
    let reader = Reader::open("/ledger", Arc::new(disk), keys.clone());
    reader
        .walk(0, |stored, _| {
            names.push((stored.outer.kind.as_str(), stored.outer.key));
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(
        names.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        ["issue", "open", "edits", "issue", "close"]
    );
    assert!(names.iter().all(|(_, key)| *key == names[0].1), "{names:?}");
    assert!(reader.flow(flow).unwrap().iter().all(|stored| stored.record.is_some()));
}

#[tokio::test]
async fn a_member_removed_in_the_middle_takes_the_whole_flow_along() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let flow = FlowId::now();
    let opened = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, flow)).await.unwrap();
    keys.erase(ann);
    opened.more(vec![edits(ann, flow)]).await.unwrap();
    opened.close(close(ann, flow));
    ledger.shutdown().await;
    let records = Reader::open("/ledger", Arc::new(disk.copy()), keys).flow(flow).unwrap();
    assert_eq!(kinds(&records), ["open", "edits", "close"]);
    assert!(records.iter().all(|stored| stored.record.is_none()));
    let report = check(&disk, false);
    assert!(report.holds(), "{report:?}");
}

#[tokio::test]
async fn a_tunnel_is_opened_and_closed_like_any_flow() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let (ended, cut) = (FlowId::now(), FlowId::now());
    let mut held = Vec::new();
    for flow in [ended, cut] {
        held.push(ledger.reserve().await.unwrap().open(Vec::new(), tunnel(ann, flow)).await.unwrap());
    }
    let unended = held.pop().unwrap();
    held.pop().unwrap().close(close(ann, ended));
    ledger.shutdown().await;
    drop(unended);
    let failure = check(&disk, false).failure.unwrap();
    assert_eq!((failure.seq, failure.reason.starts_with("the flow has no end")), (1, true), "{failure:?}");
    let (ledger, recovery) = Ledger::start(options(&disk, &keys)).unwrap();
    assert_eq!(recovery.unfinished, 1);
    let reader = ledger.reader();
    let records = [ended, cut].map(|flow| reader.flow(flow).unwrap());
    assert!(records.iter().all(|records| kinds(records) == ["tunnel", "close"]), "{records:?}");
    assert_eq!(records.map(|records| outcome(&records[1])), [Outcome::Complete, Outcome::Unknown]);
    let listed = reader.list(&Filter { limit: 10, ..Filter::default() }).unwrap();
    assert!(
        listed.iter().all(|flow| flow.head.outer.kind == Kind::Tunnel && flow.end.is_some()),
        "{listed:?}"
    );
    ledger.shutdown().await;
    let report = check(&disk, false);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.opened, report.unended), (2, 0));
    let signer = Signer::new("home.example/ledger", &[7; 32]).unwrap();
    let mut out = Vec::new();
    export::ndjson(&reader, &signer, now(), |_| Some("ann".to_owned()), &mut out).unwrap();
    let report = export::verify(&mut &out[..], &Against::default()).unwrap();
    assert!(report.holds() && report.opened == 2 && report.unended == 0, "{report:?}");
}

#[tokio::test]
async fn open_flows_are_no_failure_while_the_log_is_written() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let mut options = options(&disk, &keys);
    options.checkpoint_records = 2;
    let (ledger, _) = Ledger::start(options).unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        let room = ledger.reserve().await.unwrap();
        held.push(room.open(Vec::new(), open(ann, FlowId::now())).await.unwrap());
    }
    let report = ledger.verify(&Against::default()).unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.opened, report.unended), (5, 5));
    assert!(!check(&disk, false).holds());
    // What a running writer may have put half of: the next frame, the next note.
    for (path, part) in
        [(super::super::segment::name_of(0), &[9, 0, 0][..]), ("checkpoints".into(), b"home.ex")]
    {
        let torn = disk.copy();
        torn.edit(&Path::new("/ledger").join(path), |bytes| bytes.extend_from_slice(part));
        assert!(check(&torn, true).holds(), "{:?}", check(&torn, true));
        assert!(!check(&torn, false).holds());
    }
    // What is signed may not be torn, live or not.
    let short = disk.copy();
    short.edit(&Path::new("/ledger").join(super::super::segment::name_of(0)), |bytes| {
        bytes.truncate(bytes.len() / 2);
    });
    assert!(!check(&short, true).holds());
}

#[tokio::test]
async fn nothing_is_written_for_nothing_and_nothing_in_the_wrong_place() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    ledger.append(Vec::new()).await.unwrap();
    let flow = FlowId::now();
    let misplaced = |result: Result<(), LedgerError>| matches!(result, Err(LedgerError::Misplaced));
    assert!(misplaced(ledger.append(vec![issue(ann), tunnel(ann, flow)]).await));
    assert!(misplaced(ledger.append(vec![close(ann, flow)]).await));
    let room = ledger.reserve().await.unwrap();
    let refused = room.open(Vec::new(), blocked(ann, flow)).await.err().unwrap();
    assert!(misplaced(Err(refused.error)));
    assert_eq!(ledger.size(), 0);
    let opened = refused.room.unwrap().open(Vec::new(), open(ann, flow)).await.unwrap();
    opened.more(Vec::new()).await.unwrap();
    assert!(misplaced(opened.more(vec![edits(ann, FlowId::now())]).await));
    assert!(misplaced(opened.more(vec![close(ann, flow)]).await));
    assert_eq!(ledger.size(), 1);
}

/// Has no key for one member.
struct Without(MemberId, MemoryKeys);

impl Keys for Without {
    fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<MonthKey, KeyError> {
        if member == self.0 {
            return Err(KeyError("the member was removed".to_owned()));
        }
        self.1.month_key(member, vendor, month)
    }

    fn names(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, KeyError> {
        self.1.names(member, vendor)
    }

    fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, KeyError> {
        self.1.open_month_key(id)
    }
}

#[tokio::test]
async fn a_flow_without_a_key_is_not_opened_and_leaves_a_gap_for_its_end() {
    let (disk, ann) = (SimDisk::default(), MemberId::random());
    let mut options = options(&disk, &Arc::default());
    options.keys = Arc::new(Without(ann, MemoryKeys::default()));
    let (ledger, _) = Ledger::start(options).unwrap();
    let flow = FlowId::now();
    let failed = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, flow)).await.err().unwrap();
    assert!(matches!(failed.error, LedgerError::Key(_)), "{failed:?}");
    failed.room.unwrap().end(blocked(ann, flow));
    ledger.shutdown().await;
    let stats = ledger.reader().stats().unwrap();
    assert_eq!(stats.kinds.into_iter().collect::<Vec<_>>(), [("gap", 1)]);
}
