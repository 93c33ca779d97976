//! Proving a log whole, without the gateway and without its secret keys: from its folder or from an export.
//!
//! Every record's form, number and hash, the root at every kept checkpoint, the checkpoints' signatures, and that
//! each flow that was opened has one end. What no checkpoint covers yet rests on its checksums alone: whoever can
//! write the folder can drop the records after the last checkpoint, at most those of the last second.

use super::checkpoints::{self, FILE, KEY_FILE};
use super::disk::Disk;
use super::entry::{self, Entry, Kind};
use super::error::LedgerError;
use super::note::{Checkpoint, Verifier};
use super::segment::{Frames, Header, OpenFlows, first_of, name_of};
use super::tree::{CompactRange, Hash};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use std::path::Path;

/// What a log is checked against beside what lies in it.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The log's public key from elsewhere; without it the key that lies with the log is taken.
    pub key: Option<Verifier>,
    /// Checkpoints that were seen before and kept elsewhere.
    pub known: Vec<Checkpoint>,
    /// Whether the log is being written: flows may be open, and its last write may be seen half done.
    pub live: bool,
}

/// The first thing that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// The first record that is wrong or missing.
    pub seq: u64,
    /// What is wrong, in plain words.
    pub reason: String,
}

/// What was checked and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Records that hold.
    pub records: u64,
    /// How many of them are covered by a signed checkpoint.
    pub signed: u64,
    /// Checkpoints that hold.
    pub checkpoints: u64,
    /// Flows that were opened, inspected or as a tunnel.
    pub opened: u64,
    /// Those of them that have no end yet.
    pub unended: u64,
    /// Records whose words were shown to be the sealed ones; exports only.
    pub readable: u64,
    /// Whether the log was written in batches, so that a power cut may have taken records that no checkpoint covers.
    pub batched: bool,
    /// The root over all records; base64 where it is written, as in a checkpoint.
    #[serde(serialize_with = "base64")]
    pub root: Hash,
    /// The public key it was checked with.
    pub key: String,
    /// Whether that key came from elsewhere, not from beside the log.
    pub key_given: bool,
    /// The first thing that does not hold; `None` where all does.
    pub failure: Option<Failure>,
}

impl Report {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.failure.is_none()
    }
}

fn base64<S: serde::Serializer>(root: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(root))
}

/// Stops a check at its first failure.
pub(crate) type Checked<T = ()> = Result<T, Failure>;

pub(crate) fn failure<T>(seq: u64, reason: impl Into<String>) -> Checked<T> {
    Err(Failure { seq, reason: reason.into() })
}

/// Goes through records in order.
pub(crate) struct Checker {
    pub tree: CompactRange,
    open: OpenFlows,
    /// Oldest first; those before `next` hold.
    checkpoints: Vec<Checkpoint>,
    next: usize,
    pub report: Report,
}

impl Checker {
    pub fn new(mut checkpoints: Vec<Checkpoint>, key: &Verifier, key_given: bool) -> Self {
        checkpoints.sort_by_key(|checkpoint| checkpoint.size);
        let report = Report { key: key.to_string(), key_given, ..Report::default() };
        Self { tree: CompactRange::default(), open: OpenFlows::default(), checkpoints, next: 0, report }
    }

    /// One record's bytes and their leaf hash.
    pub fn record<'a>(&mut self, bytes: &'a [u8], leaf: Hash) -> Checked<Entry<'a>> {
        let seq = self.tree.size();
        let Some(entry) = entry::parse(bytes) else {
            return failure(seq, "the record does not have its form");
        };
        if entry.seq != seq {
            return failure(seq, format!("record {} stands in its place", entry.seq));
        }
        self.pair(&entry)?;
        self.tree.push(leaf);
        self.roots()?;
        self.report.records += 1;
        Ok(entry)
    }

    /// Each flow that was opened has one end, and only such a flow has.
    fn pair(&mut self, entry: &Entry<'_>) -> Checked {
        let kind = entry.outer.kind;
        let Some(flow) = entry.outer.flow else {
            let belongs = kind.is_head() || matches!(kind, Kind::Close | Kind::Edits);
            return if belongs { failure(entry.seq, "a record of no flow") } else { Ok(()) };
        };
        let fault = match kind {
            kind if kind.opens() => {
                self.report.opened += 1;
                self.open.insert(flow, entry.seq).is_some().then_some("the flow was opened twice")
            }
            Kind::Close => self.open.remove(&flow).is_none().then_some("a CLOSE of a flow that is not open"),
            Kind::Edits => (!self.open.contains_key(&flow)).then_some("edits of a flow that is not open"),
            _ => self.open.contains_key(&flow).then_some("the flow was sent and yet not"),
        };
        fault.map_or(Ok(()), |fault| failure(entry.seq, fault))
    }

    /// Compares the root with every checkpoint of this size.
    pub fn roots(&mut self) -> Checked {
        while let Some(checkpoint) = self.checkpoints.get(self.next) {
            if checkpoint.size != self.tree.size() {
                break;
            }
            if checkpoint.root != self.tree.root() {
                let from = self.report.signed;
                let to = self.tree.size();
                let reason = format!("a record from {from} on, before {to}, is not the one that was signed");
                return failure(from, reason);
            }
            self.report.signed = checkpoint.size;
            self.report.checkpoints += 1;
            self.report.batched |= checkpoint.batched;
            self.next += 1;
        }
        Ok(())
    }

    /// Nothing that was signed may be missing at the end, and only a log that is being written has open flows.
    pub fn finish(&mut self, live: bool) -> Checked {
        self.report.unended = self.open.len() as u64;
        if let Some(last) = self.checkpoints.last().filter(|last| last.size > self.tree.size()) {
            let reason = format!("records up to {} were signed and are missing", last.size);
            return failure(self.tree.size(), reason);
        }
        match self.open.values().min() {
            Some(seq) if !live => {
                failure(*seq, "the flow has no end: the gateway is running, or stopped without warning")
            }
            _ => Ok(()),
        }
    }

    pub fn into_report(mut self, outcome: Checked) -> Report {
        self.report.root = self.tree.root();
        self.report.failure = outcome.err();
        self.report
    }
}

/// Checks a log's folder. Reads everything; where the log is written meanwhile, [`Against::live`] must say so. Errors
/// are the disk's; what does not hold stands in the report.
pub fn verify_dir(dir: &Path, disk: &dyn Disk, against: &Against) -> Result<Report, LedgerError> {
    let failed = LedgerError::disk("reading the log");
    let read = |name: &str| disk.read(&dir.join(name), 0);
    let lying = read(KEY_FILE).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let lying = lying.and_then(|text| Verifier::parse(text.strip_suffix('\n')?).ok());
    let Some(key) = against.key.clone().or_else(|| lying.clone()) else {
        return Ok(failed_at(0, "the log's public key is missing or damaged"));
    };
    if lying.as_ref() != Some(&key) {
        return Ok(failed_at(0, "the key that lies with the log is another one"));
    }
    let Ok(bytes) = read(FILE) else { return Ok(failed_at(0, "the file of checkpoints is missing")) };
    let (kept, damaged) = checkpoints::read(&bytes, &key);
    let damaged = damaged && !(against.live && checkpoints::ends_unfinished(&bytes, kept.len()));
    let kept: Vec<Checkpoint> = kept.into_iter().map(|(checkpoint, _)| checkpoint).collect();
    let sorted = kept.is_sorted_by_key(|checkpoint| checkpoint.size);
    let at = kept.last().map_or(0, |last| last.size);
    let all = kept.into_iter().chain(against.known.iter().cloned()).collect();
    let mut checker = Checker::new(all, &key, against.key.is_some());
    let mut names = disk.list(dir).map_err(&failed)?;
    names.sort_unstable();
    let firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    let mut outcome = checker.roots();
    for (index, first) in firsts.iter().enumerate() {
        if outcome.is_err() {
            break;
        }
        let content = disk.read(&dir.join(name_of(*first)), 0).map_err(&failed)?;
        let place = Place { first: *first, last: index + 1 == firsts.len(), live: against.live };
        outcome = segment(&mut checker, &place, &content);
    }
    let outcome =
        outcome.and_then(|()| checker.finish(against.live)).and_then(|()| match (damaged, sorted) {
            (true, _) => failure(at, "a checkpoint is damaged or not signed by this key"),
            (_, false) => failure(at, "the checkpoints are out of order"),
            _ => Ok(()),
        });
    Ok(checker.into_report(outcome))
}

fn failed_at(seq: u64, reason: &str) -> Report {
    let failure = Some(Failure { seq, reason: reason.to_owned() });
    Report { failure, ..Report::default() }
}

/// Where a segment stands.
struct Place {
    first: u64,
    last: bool,
    live: bool,
}

impl Place {
    /// Whether a torn frame there may be one that is being written: nothing behind it was ever signed.
    fn may_be_half_written(&self, checker: &Checker) -> bool {
        self.last && checker.checkpoints.last().is_none_or(|signed| signed.size <= checker.tree.size())
    }
}

fn segment(checker: &mut Checker, place: &Place, content: &[u8]) -> Checked {
    let seq = checker.tree.size();
    if place.first != seq {
        return failure(seq, format!("the next segment begins at {}", place.first));
    }
    let Some((header, entries)) = Header::read(content) else {
        if place.live && place.may_be_half_written(checker) {
            return Ok(());
        }
        return failure(seq, "the segment's header is damaged");
    };
    if header.tree != checker.tree || header.open != checker.open {
        return failure(seq, "the segment was begun on another log");
    }
    for frame in Frames::new(entries) {
        let seq = checker.tree.size();
        match frame {
            Ok(frame) => checker.record(frame.content, frame.leaf)?,
            Err(_) if place.live && place.may_be_half_written(checker) => return Ok(()),
            Err(torn) if place.may_be_half_written(checker) => {
                let bytes = torn.bytes;
                return failure(seq, format!("the last {bytes} bytes are damaged or were never finished"));
            }
            Err(_) => return failure(seq, "the record is damaged"),
        };
    }
    Ok(())
}
