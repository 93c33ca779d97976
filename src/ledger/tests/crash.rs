//! Power cuts and failing calls at every place: what was acknowledged is there, and no checkpoint is contradicted.

use super::super::checkpoints::{self, FILE};
use super::super::note::{Checkpoint, Signer};
use super::super::options::Options;
use super::super::sim::{Fault, Rng, SimDisk};
use super::super::verify::{Against, verify_dir};
use super::super::{Disk, Ledger};
use super::fixtures::{MemoryKeys, close, open, options};
use crate::model::{FlowId, MemberId};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn small(disk: &SimDisk, keys: &Arc<MemoryKeys>) -> Options {
    let mut options = options(disk, keys);
    (options.segment_bytes, options.scan_bytes) = (3_000, 6_000);
    (options.checkpoint_records, options.lazy) = (3, Duration::ZERO);
    options.retry = Duration::from_micros(100);
    options
}

/// Runs flows until the disk fails; gives those whose OPEN was acknowledged.
async fn work(options: Options) -> Vec<FlowId> {
    let ann = MemberId::random();
    let mut acknowledged = Vec::new();
    let Ok((ledger, _)) = Ledger::start(options) else { return acknowledged };
    let mut held = Vec::new();
    let mut failures = 0;
    for number in 0..12 {
        let flow = FlowId::now();
        let opened = match ledger.reserve().await {
            Ok(room) => room.open(Vec::new(), open(ann, flow)).await.ok(),
            Err(_) => None,
        };
        let Some(opened) = opened else {
            // A disk that works again is soon taken up again; one without power never.
            failures += 1;
            if failures == 5 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        acknowledged.push(flow);
        if number % 4 == 0 {
            held.push(opened);
        } else {
            opened.close(close(ann, flow));
        }
    }
    ledger.shutdown().await;
    acknowledged
}

fn kept(disk: &SimDisk) -> Vec<Checkpoint> {
    let signer = Signer::new("home.example/ledger", &[7; 32]).unwrap();
    let bytes = disk.copy().read(&Path::new("/ledger").join(FILE), 0).unwrap_or_default();
    checkpoints::read(&bytes, signer.verifier()).0.into_iter().map(|(checkpoint, _)| checkpoint).collect()
}

/// Starts again and looks: every acknowledged OPEN is there and has one end, every checkpoint still holds.
async fn check(disk: &SimDisk, keys: &Arc<MemoryKeys>, acknowledged: &[FlowId], case: &str) {
    let before = kept(disk);
    let mut options = small(disk, keys);
    options.scan_bytes = u64::MAX;
    let (ledger, _) = Ledger::start(options).unwrap_or_else(|error| panic!("{case}: {error}"));
    let reader = ledger.reader();
    let mut opens = HashSet::new();
    let mut ends = HashSet::new();
    reader
        .walk(0, |stored, _| {
            assert!(stored.record.is_some());
            match (stored.outer.kind.as_str(), stored.outer.flow) {
                ("open", Some(flow)) => assert!(opens.insert(flow), "{case}"),
                ("close", Some(flow)) => assert!(opens.contains(&flow) && ends.insert(flow), "{case}"),
                _ => {}
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert!(acknowledged.iter().all(|flow| opens.contains(flow)), "{case}: an acknowledged record is gone");
    assert_eq!(opens, ends, "{case}");
    ledger.shutdown().await;
    let after = kept(disk);
    assert!(before.iter().all(|checkpoint| after.contains(checkpoint)), "{case}");
    let report = verify_dir(Path::new("/ledger"), disk, &Against::default()).unwrap();
    assert!(report.holds(), "{case}: {report:?}");
}

async fn runs(fault: Fault, rounds: u64) {
    for round in 0..rounds {
        let (disk, keys) = (SimDisk::default(), Arc::default());
        let mut rng = Rng(round);
        disk.fuse(round % 90 + 1, fault);
        let mut acknowledged = work(small(&disk, &keys)).await;
        let disk = disk.after_crash(&mut rng);
        // A second crash on what the first left, often in the middle of recovery.
        disk.fuse(rng.below(40) + 1, fault);
        acknowledged.extend(work(small(&disk, &keys)).await);
        let disk = disk.after_crash(&mut rng);
        check(&disk, &keys, &acknowledged, &format!("{fault:?} {round}")).await;
    }
}

#[tokio::test]
async fn what_a_failed_sync_lost_is_written_anew_before_anything_builds_on_it() {
    for round in 0..180 {
        let (disk, keys) = (SimDisk::default(), Arc::default());
        disk.fuse(round % 90 + 1, Fault::OneError);
        let mut acknowledged = work(small(&disk, &keys)).await;
        // Only the process starts again, so reads still show what the failed sync lost; then the power goes.
        acknowledged.extend(work(small(&disk, &keys)).await);
        let disk = disk.after_crash(&mut Rng(round));
        check(&disk, &keys, &acknowledged, &format!("restart {round}")).await;
    }
}

#[tokio::test]
async fn a_power_cut_anywhere_loses_nothing_acknowledged() {
    runs(Fault::PowerCut, 360).await;
}

#[tokio::test]
async fn a_failing_call_anywhere_loses_nothing_acknowledged() {
    runs(Fault::OneError, 180).await;
}
