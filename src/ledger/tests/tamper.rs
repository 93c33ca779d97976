//! Whatever is changed, taken out, put in or moved shows: in the folder and in an export.

use super::super::disk::Disk;
use super::super::export;
use super::super::note::{Signer, Verifier};
use super::super::segment::{first_of, header_length, name_of};
use super::super::sim::{Rng, SimDisk};
use super::super::verify::{Against, Report, verify_dir};
use super::super::{Ledger, LedgerError, Reader};
use super::fixtures::{MemoryKeys, blocked, close, issue, now, open, options};
use crate::model::{FlowId, MemberId, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DIR: &str = "/ledger";

fn signer() -> Signer {
    Signer::new("home.example/ledger", &[7; 32]).unwrap()
}

/// A log of three segments with two members, started twice.
async fn log() -> (SimDisk, Arc<MemoryKeys>, MemberId) {
    let (disk, keys) = (SimDisk::default(), Arc::<MemoryKeys>::default());
    let (ann, ben) = (MemberId::random(), MemberId::random());
    let mut options = options(&disk, &keys);
    (options.segment_bytes, options.checkpoint_records) = (4_000, 5);
    for _ in 0..2 {
        let (ledger, _) = Ledger::start(options.clone()).unwrap();
        for member in [ann, ben, ann, ben] {
            let flow = FlowId::now();
            let room = ledger.reserve().await.unwrap();
            let opened = room.open(vec![issue(member)], open(member, flow)).await.unwrap();
            opened.close(close(member, flow));
            ledger.reserve().await.unwrap().end(blocked(member, FlowId::now()));
        }
        ledger.shutdown().await;
    }
    (disk, keys, ann)
}

fn check(disk: &SimDisk, against: &Against) -> Report {
    verify_dir(Path::new(DIR), disk, against).unwrap()
}

fn outside() -> Against {
    Against { key: Some(signer().verifier().clone()), ..Against::default() }
}

fn exported(disk: &SimDisk, keys: &Arc<MemoryKeys>, ann: MemberId) -> Vec<u8> {
    let reader = Reader::open(DIR, Arc::new(disk.copy()), keys.clone());
    let mut out = Vec::new();
    let name = |record: &crate::model::record::Record| (record.member == ann).then(|| "ann".to_owned());
    export::ndjson(&reader, &signer(), now(), name, &mut out).unwrap();
    out
}

fn check_export(bytes: &[u8], against: &Against) -> Report {
    export::verify(&mut &bytes[..], against).unwrap()
}

#[tokio::test]
async fn a_whole_log_and_its_export_hold() {
    let (disk, keys, ann) = log().await;
    let report = check(&disk, &Against::default());
    assert!(report.holds() && !report.key_given, "{report:?}");
    assert_eq!((report.records, report.signed, report.opened, report.unended), (33, 33, 8, 0));
    assert!(disk.paths().len() > 4);
    let export = exported(&disk, &keys, ann);
    for against in [Against::default(), outside()] {
        let report = check_export(&export, &against);
        assert!(report.holds(), "{report:?}");
        assert_eq!((report.records, report.readable, report.key_given), (33, 16, against.key.is_some()));
    }
    let lines: Vec<serde_json::Value> =
        String::from_utf8(export).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let opening = lines.iter().find(|line| line["kind"] == "open" && line["member"] == "ann").unwrap();
    assert_eq!(opening["vendor"], "shop");
    assert_eq!(opening["edits"][0]["place"], "request.body.json:/user/email");
    assert_eq!(opening["terms"]["offer"][0], "SD-BASE");
    assert!(Timestamp::parse(opening["time"].as_str().unwrap()).is_some());
    assert!(lines.iter().any(|line| line["kind"] == "open" && line.get("member").is_none()));
}

#[tokio::test]
async fn every_kind_of_change_in_the_folder_shows() {
    let (disk, _, _) = log().await;
    let mut rng = Rng(1);
    let paths = disk.paths();
    for round in 0..600 {
        let changed = disk.copy();
        let path = &paths[rng.below(paths.len() as u64) as usize];
        let what = changed.edit(path, |bytes| {
            let at = rng.below(bytes.len() as u64) as usize;
            let count = (rng.below(300) as usize + 1).min(bytes.len() - at);
            let before = bytes.clone();
            match round % 6 {
                0 | 1 => bytes[at] ^= 1 << rng.below(8),
                2 => drop(bytes.drain(at..at + count)),
                3 => bytes.insert(at, rng.below(256) as u8),
                4 => bytes.truncate(at),
                _ => bytes[at..at + count].reverse(),
            }
            (before != *bytes).then_some((round % 6, at, count))
        });
        // A file of checkpoints that lost its last notes is a shorter, true one: that is what known ones are for.
        let known = checkpoint_of(&disk);
        let report = check(&changed, &Against { known, ..outside() });
        assert_eq!(
            report.holds(),
            what.is_none() || only_fewer_checkpoints(path, &disk, &changed),
            "{path:?} {what:?} {report:?}"
        );
    }
}

fn checkpoint_of(disk: &SimDisk) -> Vec<super::super::note::Checkpoint> {
    let reader = Reader::open(DIR, Arc::new(disk.copy()), Arc::<MemoryKeys>::default());
    reader.checkpoints(signer().verifier()).unwrap().pop().into_iter().collect()
}

fn only_fewer_checkpoints(path: &Path, disk: &SimDisk, changed: &SimDisk) -> bool {
    let [before, after] = [disk, changed].map(|disk| disk.copy().read(path, 0).unwrap());
    let whole = after.is_empty() || after.ends_with(b"\n\n");
    path.ends_with("checkpoints") && before.starts_with(&after) && whole
}

#[tokio::test]
async fn records_deleted_swapped_or_doubled_with_good_checksums_show() {
    let (disk, _, _) = log().await;
    let path = Path::new(DIR).join(name_of(0));
    let bytes = disk.copy().read(&path, 0).unwrap();
    let header = header_length(&bytes).unwrap();
    let mut frames = Vec::new();
    let mut rest = &bytes[header..];
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let (frame, after) = rest.split_at(12 + u32::from_le_bytes(*length) as usize);
        frames.push(frame.to_vec());
        rest = after;
    }
    let write = |frames: &[Vec<u8>]| {
        let changed = disk.copy();
        changed.edit(&path, |content| {
            content.truncate(header);
            frames.iter().for_each(|frame| content.extend_from_slice(frame));
        });
        check(&changed, &outside())
    };
    assert!(write(&frames).holds());
    for at in 0..frames.len() {
        let mut fewer = frames.clone();
        fewer.remove(at);
        let report = write(&fewer);
        assert_eq!(report.failure.unwrap().seq, at as u64);
        let mut doubled = frames.clone();
        doubled.insert(at, frames[at].clone());
        assert!(!write(&doubled).holds());
        if at > 0 {
            let mut swapped = frames.clone();
            swapped.swap(at - 1, at);
            assert_eq!(write(&swapped).failure.unwrap().seq, at as u64 - 1);
        }
    }
}

#[tokio::test]
async fn whole_files_taken_away_show_and_stop_the_next_start() {
    let (disk, keys, _) = log().await;
    let known = checkpoint_of(&disk);
    for path in disk.paths() {
        let changed = disk.copy();
        changed.forget(&path);
        let report = check(&changed, &Against { known: known.clone(), ..outside() });
        assert!(!report.holds(), "{path:?}");
        let started = Ledger::start(options(&changed, &keys));
        assert!(matches!(started, Err(LedgerError::Corrupt { .. } | LedgerError::Foreign(_))), "{path:?}");
    }
}

#[tokio::test]
async fn a_flipped_bit_stops_the_next_start_unless_it_is_torn_last() {
    let (disk, keys, _) = log().await;
    let segments: Vec<PathBuf> = disk
        .paths()
        .into_iter()
        .filter(|path| first_of(&path.file_name().unwrap().to_string_lossy()).is_some())
        .collect();
    let mut rng = Rng(3);
    for round in 0..100 {
        let changed = disk.copy();
        let path = &segments[round % segments.len()];
        changed.edit(path, |bytes| {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
        });
        let started = Ledger::start(options(&changed, &keys));
        assert!(matches!(started, Err(LedgerError::Corrupt { .. })), "{path:?}");
    }
}

#[tokio::test]
async fn every_kind_of_change_in_an_export_shows() {
    let (disk, keys, ann) = log().await;
    let export = exported(&disk, &keys, ann);
    let mut rng = Rng(2);
    for round in 0..400 {
        let mut bytes = export.clone();
        let at = rng.below(bytes.len() as u64) as usize;
        let count = (rng.below(300) as usize + 1).min(bytes.len() - at);
        match round % 5 {
            0 | 1 => bytes[at] ^= 1 << rng.below(8),
            2 => drop(bytes.drain(at..at + count)),
            3 => bytes.insert(at, rng.below(256) as u8),
            _ => bytes.truncate(at),
        }
        let report = check_export(&bytes, &outside());
        assert_eq!(report.holds(), bytes == export, "{round} {at} {count} {report:?}");
    }
    let mut lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    lines.swap(3, 4);
    assert_eq!(check_export(&lines.concat(), &outside()).failure.unwrap().seq, 3);
    lines.remove(3);
    assert!(!check_export(&lines.concat(), &outside()).holds());
    let lines: Vec<&[u8]> = export.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..lines.len() - 1 {
        let without: Vec<&[u8]> = [&lines[..at], &lines[at + 1..]].concat();
        assert_eq!(check_export(&without.concat(), &outside()).failure.unwrap().seq, at as u64);
        let doubled: Vec<&[u8]> = [&lines[..=at], &lines[at..]].concat();
        assert_eq!(check_export(&doubled.concat(), &outside()).failure.unwrap().seq, at as u64 + 1);
        let cut: Vec<&[u8]> = [&lines[..at], &lines[lines.len() - 1..]].concat();
        assert!(!check_export(&cut.concat(), &outside()).holds(), "a tail from {at} on is gone");
    }
}

#[tokio::test]
async fn another_key_is_said_to_be_another() {
    let (disk, keys, ann) = log().await;
    let other: Verifier = Signer::new("home.example/ledger", &[9; 32]).unwrap().verifier().clone();
    let against = Against { key: Some(other), ..Against::default() };
    assert!(!check(&disk, &against).holds());
    assert!(!check_export(&exported(&disk, &keys, ann), &against).holds());
}
