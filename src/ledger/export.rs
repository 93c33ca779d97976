//! The log as NDJSON: one readable line for each record, in the contract's shape, with what a verifier needs.
//!
//! Beside the contract's fields a line has `leaf` (base64 of the entry, so that the tree can be built), and where
//! the record is opened `about` (the member's id) and `salt` (which shows that these words are the sealed ones, see
//! [`super::entry::Outer::commitment`]). The last line has the checkpoint over all lines, the public key, and a
//! signature over the lines as they stand.

use super::encode;
use super::entry::Kind;
use super::error::LedgerError;
use super::note::{Checkpoint, Signer, Verifier};
use super::read::{Reader, Stored};
use super::seal::{commitment, salt};
use super::tree::leaf_hash;
use super::verify::{Against, Checked, Checker, Report, failure};
use crate::model::record::{Event, Record};
use crate::model::{FlowId, MemberId, Timestamp, VendorId};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{BufRead, Read, Write};
use std::ops::ControlFlow;

/// Longest line that is read.
const LINE_BYTES: u64 = 1 << 20;

/// An opened record.
#[derive(Serialize, Deserialize)]
struct Line {
    seq: u64,
    #[serde(flatten)]
    event: Event,
    time: Timestamp,
    member: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    vendor: Option<String>,
    about: MemberId,
    salt: String,
    leaf: String,
}

/// A record that stays sealed.
#[derive(Serialize, Deserialize)]
struct SealedLine {
    seq: u64,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    flow: Option<FlowId>,
    time: Timestamp,
    leaf: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct LastLine {
    kind: String,
    note: String,
    key: String,
    export: String,
}

/// Writes the log's durable records to `out`; gives how many. `name` gives the member's name for a record that is
/// to be readable, `None` for one that stays sealed. The log is checked against its checkpoints on the way, so that
/// nothing is signed anew that does not hold.
pub fn ndjson(
    reader: &Reader,
    signer: &Signer,
    now: Timestamp,
    mut name: impl FnMut(&Record) -> Option<String>,
    out: &mut dyn Write,
) -> Result<u64, LedgerError> {
    let kept = reader.checkpoints(signer.verifier())?;
    let mut checker = Checker::new(kept, signer.verifier(), true);
    let mut digest = Sha256::new();
    let mut result = Ok(());
    reader.walk(0, |stored, bytes| {
        result = write_line(reader, &stored, bytes, &mut name, &mut checker, &mut digest, out);
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    result?;
    // A running gateway's log is exported as well; how many flows were open then stands in the report.
    checker.finish(true).map_err(corrupt)?;
    let checkpoint = Checkpoint {
        size: checker.tree.size(),
        root: checker.tree.root(),
        time: now,
        batched: checker.report.batched,
    };
    let last = LastLine {
        kind: Kind::Checkpoint.as_str().to_owned(),
        note: checkpoint.sign(signer),
        key: signer.verifier().to_string(),
        export: signer.sign(&statement(signer.verifier(), checkpoint.size, digest)),
    };
    put(&json(&last)?, out)?;
    Ok(checkpoint.size)
}

fn corrupt(failure: super::verify::Failure) -> LedgerError {
    LedgerError::Corrupt { seq: failure.seq, reason: failure.reason }
}

/// What is signed about an export's lines. Its second line is no number, so it is never taken for a checkpoint.
fn statement(verifier: &Verifier, lines: u64, digest: Sha256) -> String {
    let digest = BASE64_STANDARD.encode(digest.finalize());
    format!("{}\nexport\n{lines}\n{digest}\n", verifier.name())
}

fn json(line: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = serde_json::to_vec(line)
        .map_err(|error| LedgerError::Disk { action: "writing the export", error: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn put(bytes: &[u8], out: &mut dyn Write) -> Result<(), LedgerError> {
    out.write_all(bytes).map_err(LedgerError::disk("writing the export"))
}

fn write_line(
    reader: &Reader,
    stored: &Stored,
    bytes: &[u8],
    name: &mut impl FnMut(&Record) -> Option<String>,
    checker: &mut Checker,
    digest: &mut Sha256,
    out: &mut dyn Write,
) -> Result<(), LedgerError> {
    checker.record(bytes, leaf_hash(bytes)).map_err(corrupt)?;
    let leaf = BASE64_STANDARD.encode(bytes);
    let (seq, outer) = (stored.seq, &stored.outer);
    let key = reader.key(outer.key)?;
    let opened = stored.record.as_ref().and_then(|record| Some((record, name(record)?, key?)));
    let line = match opened {
        Some((record, member, key)) => json(&Line {
            seq,
            event: record.event.clone(),
            time: outer.time,
            member,
            vendor: record.vendor.as_ref().map(|vendor| vendor.as_str().to_owned()),
            about: record.member,
            salt: BASE64_STANDARD.encode(salt(key.key.expose(), &outer.nonce)),
            leaf,
        })?,
        None => json(&SealedLine {
            seq,
            kind: outer.kind.as_str().to_owned(),
            flow: outer.flow,
            time: outer.time,
            leaf,
        })?,
    };
    digest.update(&line);
    put(&line, out)
}

/// Checks an export, without anything else. Errors are the disk's; what does not hold stands in the report.
pub fn verify(input: &mut dyn BufRead, against: &Against) -> Result<Report, LedgerError> {
    let mut lines = Vec::new();
    let failed = LedgerError::disk("reading the export");
    // The key stands in the last line, so the lines are held until it is known; their hashes are what takes time.
    loop {
        let mut line = Vec::new();
        input.take(LINE_BYTES).read_until(b'\n', &mut line).map_err(&failed)?;
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    Ok(verify_lines(&lines, against))
}

fn verify_lines(lines: &[Vec<u8>], against: &Against) -> Report {
    let records = lines.len().saturating_sub(1);
    let last = lines.last().and_then(|line| strict::<LastLine>(line));
    let last = last.and_then(|last| Some((Verifier::parse(&last.key).ok()?, last)));
    let Some((lying, last)) = last else {
        let failure = failure::<()>(records as u64, "the last line is missing or damaged").err();
        return Report { failure, ..Report::default() };
    };
    let key = against.key.clone().unwrap_or_else(|| lying.clone());
    let mut checkpoints = against.known.clone();
    let signed = Checkpoint::open(&last.note, &key);
    checkpoints.extend(signed.as_ref().ok().cloned());
    let mut checker = Checker::new(checkpoints, &key, against.key.is_some());
    let outcome = check_lines(&mut checker, lines.get(..records).unwrap_or_default());
    let outcome = outcome.and_then(|digest| {
        let size = checker.tree.size();
        checker.finish(true)?;
        let ends_here = signed.is_ok_and(|checkpoint| checkpoint.size == size);
        let said = statement(&key, size, digest);
        let text = key.open(&last.export);
        if lying != key || last.kind != Kind::Checkpoint.as_str() || !ends_here {
            failure(size, "the checkpoint over the export is not signed by this key")
        } else if text != Ok(&said) || last.export.matches("— ").count() != 1 {
            failure(0, "a line is not the one that was exported")
        } else {
            Ok(())
        }
    });
    checker.into_report(outcome)
}

/// A line that is spelled exactly as it would be written.
fn strict<T: Serialize + for<'a> Deserialize<'a>>(line: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(line).ok()?;
    (json(&value).ok()?.as_slice() == line).then_some(value)
}

fn check_lines(checker: &mut Checker, lines: &[Vec<u8>]) -> Checked<Sha256> {
    let mut digest = Sha256::new();
    checker.roots()?;
    for line in lines {
        digest.update(line);
        let seq = checker.tree.size();
        if let Some(line) = strict::<Line>(line) {
            check_opened(checker, line)?;
        } else if let Some(line) = strict::<SealedLine>(line) {
            let bytes = BASE64_STANDARD.decode(&line.leaf).unwrap_or_default();
            let outer = checker.record(&bytes, leaf_hash(&bytes))?.outer;
            let said = (line.seq, line.kind.as_str(), line.flow, line.time);
            if said != (seq, outer.kind.as_str(), outer.flow, outer.time) {
                return failure(seq, "the line does not say what the record says");
            }
        } else {
            return failure(seq, "the line does not have its form");
        }
    }
    Ok(digest)
}

/// The line's words must be those that were sealed.
fn check_opened(checker: &mut Checker, line: Line) -> Checked {
    let seq = checker.tree.size();
    let bytes = BASE64_STANDARD.decode(&line.leaf).unwrap_or_default();
    let outer = checker.record(&bytes, leaf_hash(&bytes))?.outer;
    let salt = BASE64_STANDARD.decode(&line.salt).ok().and_then(|salt| <[u8; 32]>::try_from(salt).ok());
    let said = (line.seq, Kind::of(&line.event), line.event.flow(), line.time);
    let vendor = line.vendor.as_deref().map(VendorId::from);
    let record = Record { time: line.time, member: line.about, vendor, event: line.event };
    let mut payload = Vec::new();
    encode::write(&record, &mut payload);
    let same = salt.is_some_and(|salt| commitment(&salt, &payload) == outer.commitment);
    if !same || said != (seq, outer.kind, outer.flow, outer.time) {
        return failure(seq, "the line does not say what the record says");
    }
    checker.report.readable += 1;
    Ok(())
}
