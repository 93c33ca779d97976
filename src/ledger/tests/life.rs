//! A log from its first record to its last, and what it does when the disk fails.

use super::super::entry::Kind;
use super::super::sim::{Fault, SimDisk};
use super::super::{Filter, Ledger, LedgerError, Options, Reader, Recovery};
use super::fixtures::{MemoryKeys, blocked, close, issue, open, options};
use crate::model::record::Event;
use crate::model::{FlowId, MemberId, Outcome};
use std::sync::Arc;

fn kinds(reader: &Reader) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let each = |stored: super::super::Stored, _: &[u8]| {
        assert_eq!(stored.seq, kinds.len() as u64);
        kinds.push(stored.outer.kind.as_str());
        std::ops::ControlFlow::Continue(())
    };
    reader.walk(0, each).unwrap();
    kinds
}

fn outcome(event: &Event) -> Outcome {
    match event {
        Event::Close { outcome, .. } => *outcome,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_flow_is_written_in_order_and_read_back() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let (ledger, recovery) = Ledger::start(options(&disk, &keys)).unwrap();
    assert_eq!(recovery, Recovery { clean: true, ..Recovery::default() });
    let flow = FlowId::now();
    let (first, last) = (open(ann, flow), close(ann, flow));
    let opened = ledger.reserve().await.unwrap().open(vec![issue(ann)], first.clone()).await.unwrap();
    assert_eq!(ledger.size(), 2);
    opened.close(last.clone());
    let refused = FlowId::now();
    ledger.reserve().await.unwrap().end(blocked(ann, refused));
    ledger.shutdown().await;
    let reader = Reader::open("/ledger", Arc::new(disk), keys);
    assert_eq!(kinds(&reader), ["issue", "open", "close", "blocked"]);
    let records: Vec<_> = reader.flow(flow).unwrap().into_iter().filter_map(|stored| stored.record).collect();
    assert_eq!(records, [first, last]);
    let listed = reader.list(&Filter { member: Some(ann), limit: 10, ..Filter::default() }).unwrap();
    let flows: Vec<_> = listed.iter().map(|flow| (flow.head.outer.flow, flow.end.is_some())).collect();
    assert_eq!(flows, [(Some(refused), false), (Some(flow), true)]);
    let other = Filter { member: Some(MemberId::random()), limit: 10, ..Filter::default() };
    assert_eq!(reader.list(&other).unwrap(), []);
    assert_eq!(reader.stats().unwrap().records, 4);
    assert_eq!(reader.flow(FlowId::now()).unwrap(), []);
}

#[tokio::test]
async fn a_dropped_flow_is_closed_as_unknown_and_one_without_end_at_the_next_start() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let (dropped, unended) = (FlowId::now(), FlowId::now());
    drop(ledger.reserve().await.unwrap().open(Vec::new(), open(ann, dropped)).await.unwrap());
    let opened = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, unended)).await.unwrap();
    ledger.shutdown().await;
    // Comes too late; the next start sees to it.
    opened.close(close(ann, unended));
    let (ledger, recovery) = Ledger::start(options(&disk, &keys)).unwrap();
    assert_eq!(recovery, Recovery { entries: 3, unfinished: 1, cut_bytes: 0, clean: false });
    let reader = ledger.reader();
    for flow in [dropped, unended] {
        let records = reader.flow(flow).unwrap();
        assert_eq!(records.len(), 2);
        let end = records[1].record.as_ref().unwrap();
        assert_eq!((end.member, outcome(&end.event)), (ann, Outcome::Unknown));
    }
    // The first CLOSE went with the second OPEN's commit or after it.
    assert_eq!(kinds(&reader)[3..], ["gap", "close"]);
}

#[tokio::test]
async fn an_open_whose_caller_left_before_the_sync_ends_as_failed() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let flow = FlowId::now();
    let reservation = ledger.reserve().await.unwrap();
    {
        let opening = reservation.open(Vec::new(), open(ann, flow));
        tokio::pin!(opening);
        // One poll queues the record.
        let _ = std::future::poll_fn(|cx| std::task::Poll::Ready(opening.as_mut().poll(cx))).await;
    }
    ledger.shutdown().await;
    let reader = Reader::open("/ledger", Arc::new(disk), keys);
    let records = reader.flow(flow).unwrap();
    assert_eq!(records.iter().map(|stored| stored.outer.kind).collect::<Vec<_>>(), [Kind::Open, Kind::Close]);
}

#[tokio::test]
async fn an_erased_key_hides_the_record_and_nothing_else() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::<MemoryKeys>::default(), MemberId::random());
    let ben = MemberId::random();
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let flows = [FlowId::now(), FlowId::now()];
    let mut opened = Vec::new();
    for (member, flow) in [ann, ben].into_iter().zip(flows) {
        opened.push(ledger.reserve().await.unwrap().open(Vec::new(), open(member, flow)).await.unwrap());
    }
    keys.erase(ann);
    let reader = ledger.reader();
    assert_eq!(reader.flow(flows[0]).unwrap()[0].record, None);
    assert!(reader.flow(flows[1]).unwrap()[0].record.is_some());
    ledger.shutdown().await;
    drop(opened);
    let (ledger, recovery) = Ledger::start(options(&disk, &keys)).unwrap();
    assert_eq!(recovery.unfinished, 2);
    let ends: Vec<_> = flows.iter().map(|flow| ledger.reader().flow(*flow).unwrap().pop().unwrap()).collect();
    assert_eq!(ends[0].record.as_ref().unwrap().member, MemberId::GATEWAY);
    assert_eq!(ends[1].record.as_ref().unwrap().member, ben);
}

#[tokio::test]
async fn a_failed_sync_closes_the_log() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let mut options = options(&disk, &keys);
    options.retry = std::time::Duration::from_secs(3_600);
    let (ledger, _) = Ledger::start(options).unwrap();
    let flow = FlowId::now();
    let before = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, flow)).await.unwrap();
    let reserved = ledger.reserve().await.unwrap();
    // The write is the first call from here, the sync the second.
    disk.fuse(2, Fault::OneError);
    let failed = ledger.append(vec![issue(ann)]).await;
    assert!(matches!(failed, Err(LedgerError::Closed(_))), "{failed:?}");
    assert!(!ledger.healthy());
    assert!(ledger.reserve().await.err().unwrap().is_closed());
    assert!(ledger.append(vec![issue(ann)]).await.unwrap_err().is_closed());
    let late = reserved.open(Vec::new(), open(ann, FlowId::now())).await;
    assert!(late.err().unwrap().error.is_closed());
    let calls = disk.calls();
    before.close(close(ann, flow));
    ledger.shutdown().await;
    assert_eq!(disk.calls(), calls, "a closed log leaves the disk alone");
}

#[tokio::test]
async fn the_log_is_taken_up_again_once_the_disk_works() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let (ledger, _) = Ledger::start(options(&disk, &keys)).unwrap();
    let [before, failed, after] = [FlowId::now(), FlowId::now(), FlowId::now()];
    let opened = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, before)).await.unwrap();
    disk.fuse(2, Fault::OneError);
    assert!(ledger.reserve().await.unwrap().open(Vec::new(), open(ann, failed)).await.is_err());
    assert!(ledger.reserve().await.is_err());
    while !ledger.healthy() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    // The flow that went on meanwhile has its end already.
    opened.close(close(ann, before));
    let again = ledger.reserve().await.unwrap().open(Vec::new(), open(ann, after)).await.unwrap();
    again.close(close(ann, after));
    let reader = ledger.reader();
    ledger.shutdown().await;
    // What the failed sync had written was read back and kept, as nobody can know that it is not on the disk.
    assert_eq!(kinds(&reader), ["open", "open", "gap", "close", "close", "open", "close"]);
    let outcomes = [before, failed, after].map(|flow| {
        let records = reader.flow(flow).unwrap();
        outcome(&records.last().unwrap().record.as_ref().unwrap().event)
    });
    assert_eq!(outcomes, [Outcome::Unknown, Outcome::Unknown, Outcome::Complete]);
    let mut gaps = Vec::new();
    let each = |stored: super::super::Stored, _: &[u8]| {
        if let Some(Event::Gap { reason, count }) = stored.record.map(|record| record.event) {
            gaps.push((reason, count));
        }
        std::ops::ControlFlow::Continue(())
    };
    reader.walk(0, each).unwrap();
    assert!(gaps.len() == 1 && gaps[0].0.contains("could not be written") && gaps[0].1 > 0, "{gaps:?}");
}

#[tokio::test]
async fn a_log_in_batches_syncs_with_its_checkpoints_and_says_so() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let mut options = options(&disk, &keys).batched();
    options.checkpoint_records = 4;
    let (ledger, _) = Ledger::start(options.clone()).unwrap();
    let calls = disk.calls();
    for _ in 0..3 {
        ledger.append(vec![issue(ann)]).await.unwrap();
    }
    assert_eq!(disk.calls() - calls, 3, "a write each and no sync");
    ledger.append(vec![issue(ann)]).await.unwrap();
    ledger.shutdown().await;
    // The power goes: what the checkpoint covers is there.
    let mut rng = super::super::sim::Rng(1);
    let (ledger, _) =
        Ledger::start(Options { disk: Arc::new(disk.after_crash(&mut rng)), ..options }).unwrap();
    assert_eq!(ledger.size(), 5);
    let report = ledger.verify(&Default::default()).unwrap();
    assert!(report.holds() && report.batched, "{report:?}");
}

#[tokio::test]
async fn many_flows_at_once_share_commits_and_room_bounds_them() {
    let (disk, keys, ann) = (SimDisk::default(), Arc::default(), MemberId::random());
    let mut options = options(&disk, &keys);
    (options.flows, options.segment_bytes, options.scan_bytes) = (16, 20_000, 30_000);
    options.checkpoint_records = 64;
    let (ledger, _) = Ledger::start(options.clone()).unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let flow = FlowId::now();
                let room = ledger.reserve().await.unwrap();
                let opened = room.open(Vec::new(), open(ann, flow)).await.unwrap();
                opened.more(vec![issue(ann)]).await.unwrap();
                opened.close(close(ann, flow));
                flow
            })
        })
        .collect();
    let mut flows = Vec::new();
    for task in tasks {
        flows.push(task.await.unwrap());
    }
    ledger.shutdown().await;
    assert_eq!(ledger.backlog(), 0);
    let (ledger, recovery) = Ledger::start(options).unwrap();
    assert_eq!(recovery, Recovery { entries: 600, clean: true, ..Recovery::default() });
    let reader = ledger.reader();
    assert!(reader.stats().unwrap().segments > 3);
    for flow in &flows {
        assert_eq!(reader.flow(*flow).unwrap().len(), 2);
    }
    let all = reader.list(&Filter { limit: 1_000, ..Filter::default() }).unwrap();
    assert_eq!(all.iter().filter(|flow| flow.end.is_some()).count(), 200);
}

#[tokio::test]
async fn another_seed_or_name_does_not_go_on_with_a_log() {
    let (disk, keys) = (SimDisk::default(), Arc::default());
    let first = options(&disk, &keys);
    drop(Ledger::start(first.clone()).unwrap());
    let mut other = first.clone();
    other.signing_seed = crate::model::Secret::new([8; 32]);
    assert!(matches!(Ledger::start(other), Err(LedgerError::Foreign(_))));
    let mut other = first;
    other.log_name = "house.example".into();
    assert!(matches!(Ledger::start(other), Err(LedgerError::Foreign(_))));
}

#[tokio::test]
async fn a_real_vault_keeps_the_keys_and_a_real_disk_the_log() {
    let home = tempfile::tempdir().unwrap();
    let vault = || {
        let store = crate::store::Store::open(&home.path().join("state.db")).unwrap();
        crate::vault::Vault::open(&home.path().join("keys"), store).unwrap()
    };
    let start = |vault: &crate::vault::Vault| {
        let seed = vault.signing_seed().unwrap();
        let dir = home.path().join("ledger");
        Ledger::start(super::super::Options::new(dir, "home.example", Arc::new(vault.clone()), seed)).unwrap()
    };
    let first = vault();
    let ann = first.ensure_member().unwrap().id;
    let (ledger, _) = start(&first);
    let flow = FlowId::now();
    let opened = ledger.reserve().await.unwrap().open(vec![issue(ann)], open(ann, flow)).await.unwrap();
    opened.close(close(ann, flow));
    ledger.shutdown().await;
    drop((ledger, first));
    let second = vault();
    let (ledger, recovery) = start(&second);
    assert_eq!(recovery, Recovery { entries: 3, clean: true, ..Recovery::default() });
    let records = |ledger: &Ledger| ledger.reader().flow(flow).unwrap();
    assert!(records(&ledger).iter().all(|stored| stored.record.is_some()));
    assert_eq!(second.erase_month_keys(ann, None).unwrap(), 1);
    assert!(records(&ledger).iter().all(|stored| stored.record.is_none()));
    ledger.shutdown().await;
    let report = super::super::verify::verify_dir(
        &home.path().join("ledger"),
        &super::super::FsDisk,
        &super::super::verify::Against::default(),
    );
    assert!(report.unwrap().holds());
}
