//! Taking up a log where it was left: cut what was torn, prove the rest against every kept checkpoint, end what has
//! no end.

use super::checkpoints::{Checkpoints, FILE, KEY_FILE};
use super::disk::{FRESH, replace};
use super::entry;
use super::error::LedgerError;
use super::log::{Log, begin, note_flow};
use super::note::Signer;
use super::options::{Options, Write};
use super::seal::{self, Sealed};
use super::segment::{Frames, Header, first_of, name_of};
use super::tree::CompactRange;
use crate::model::record::{Event, Record};
use crate::model::{MemberId, MonthKey, Outcome, Timestamp};
use std::collections::BTreeSet;

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records the log had.
    pub entries: u64,
    /// Bytes of a torn write that were cut.
    pub cut_bytes: u64,
    /// Flows that got a CLOSE of unknown outcome.
    pub unfinished: u64,
    /// Whether the log was closed in order, its last record signed and every flow ended.
    pub clean: bool,
}

/// What kept a running gateway from writing.
pub(crate) struct Outage {
    /// The disk's words.
    pub reason: String,
    /// Flows that were refused, and ends of flows that were lost.
    pub missed: u64,
}

/// The log's folder as it was found, read from a trusted point on.
struct Found {
    segments: BTreeSet<u64>,
    header: Header,
    /// The last segment's bytes up to where they hold.
    last: Vec<u8>,
    last_first: u64,
    cut_bytes: u64,
}

/// Opens the log in the folder, or begins one. `gateway` seals the log's own records; `outage` is set where the same
/// process goes on after its disk failed.
pub(crate) fn open(
    options: &Options,
    gateway: &MonthKey,
    outage: Option<&Outage>,
) -> Result<(Log, Recovery), LedgerError> {
    let signer = Signer::new(&options.log_name, options.signing_seed.expose())
        .map_err(|_| LedgerError::Foreign("its name is none".to_owned()))?;
    let now = options.clock.now();
    let names = prepare(options)?;
    let segments: BTreeSet<u64> = names.iter().filter_map(|name| first_of(name)).collect();
    check_key(options, &signer, &names)?;
    let fresh = !names.iter().any(|name| name == FILE);
    if fresh && segments.iter().any(|first| *first > 0) {
        return Err(corrupt(0, "the file of checkpoints is missing"));
    }
    let checkpoints = Checkpoints::open(&*options.disk, &options.dir, fresh, signer.verifier())?;
    let found = find(options, segments, &checkpoints)?;
    let mut recovery = Recovery {
        entries: found.header.tree.size(),
        cut_bytes: found.cut_bytes,
        unfinished: found.header.open.len() as u64,
        clean: false,
    };
    let mut log = take_up(options, found, checkpoints, signer, now)?;
    recovery.clean = recovery.cut_bytes == 0 && recovery.unfinished == 0 && log.unsigned() == 0;
    if recovery.entries > 0 || outage.is_some() {
        let gap = gap(&recovery, outage, options.write);
        settle(&mut log, gap, options, gateway, now)?;
    }
    Ok((log, recovery))
}

fn corrupt(seq: u64, reason: &str) -> LedgerError {
    LedgerError::Corrupt { seq, reason: reason.to_owned() }
}

/// Makes the folder, removes what a crash left half replaced, and lists the rest.
fn prepare(options: &Options) -> Result<Vec<String>, LedgerError> {
    let failed = LedgerError::disk("opening the folder of the log");
    options.disk.create_dir(&options.dir).map_err(&failed)?;
    let mut names = options.disk.list(&options.dir).map_err(&failed)?;
    for name in names.iter().filter(|name| name.ends_with(FRESH)) {
        options.disk.remove(&options.dir.join(name)).map_err(&failed)?;
    }
    names.retain(|name| !name.ends_with(FRESH));
    Ok(names)
}

/// The folder tells its public key; another seed must not go on with somebody else's log.
fn check_key(options: &Options, signer: &Signer, names: &[String]) -> Result<(), LedgerError> {
    let failed = LedgerError::disk("reading the log's key");
    let key = format!("{}\n", signer.verifier());
    if !names.iter().any(|name| name == KEY_FILE) {
        if names.iter().any(|name| first_of(name).is_some_and(|first| first > 0)) {
            return Err(LedgerError::Foreign("its key file is missing".to_owned()));
        }
        return replace(&*options.disk, &options.dir, KEY_FILE, key.as_bytes()).map_err(&failed);
    }
    let found = options.disk.read(&options.dir.join(KEY_FILE), 0).map_err(&failed)?;
    if found == key.as_bytes() {
        Ok(())
    } else {
        Err(LedgerError::Foreign("it is signed by another key".to_owned()))
    }
}

/// Reads the log from the latest point that leaves at most `scan_bytes` and that a checkpoint vouches for.
fn find(
    options: &Options,
    mut segments: BTreeSet<u64>,
    checkpoints: &Checkpoints,
) -> Result<Found, LedgerError> {
    let failed = LedgerError::disk("reading the log");
    if segments.first().is_some_and(|first| *first > 0) {
        return Err(corrupt(0, "the first segment is missing"));
    }
    let (mut start, mut bytes) = (None, 0);
    for first in segments.iter().rev() {
        bytes += options.disk.length(&options.dir.join(name_of(*first))).map_err(&failed)?;
        if start.is_some() && bytes > options.scan_bytes {
            break;
        }
        start = trusted(options, *first, checkpoints)?.or(start);
    }
    let mut found = Found {
        header: start.unwrap_or_default(),
        segments: BTreeSet::new(),
        last: Vec::new(),
        last_first: 0,
        cut_bytes: 0,
    };
    let from = found.header.tree.size();
    for first in segments.range(from..).copied().collect::<Vec<_>>() {
        if found.cut_bytes > 0 || first != found.header.tree.size() {
            return Err(corrupt(found.header.tree.size(), "the next record is missing"));
        }
        let content = options.disk.read(&options.dir.join(name_of(first)), 0).map_err(&failed)?;
        if !scan(&mut found, first, content, checkpoints)? {
            // A crash came before the new segment's header was durable, so before any record in it.
            segments.remove(&first);
            options.disk.remove(&options.dir.join(name_of(first))).map_err(&failed)?;
            options.disk.sync_dir(&options.dir).map_err(&failed)?;
        }
    }
    found.segments = segments;
    match checkpoints.last() {
        Some(last) if last.size > found.header.tree.size() => {
            Err(corrupt(found.header.tree.size(), "records that a checkpoint covers are missing or damaged"))
        }
        _ => Ok(found),
    }
}

/// The segment's header, if the log may be taken up from it.
fn trusted(options: &Options, first: u64, checkpoints: &Checkpoints) -> Result<Option<Header>, LedgerError> {
    if first == 0 {
        return Ok(Some(Header::default()));
    }
    let Some(checkpoint) = checkpoints.all().rev().find(|checkpoint| checkpoint.size == first) else {
        return Ok(None);
    };
    let content = options
        .disk
        .read(&options.dir.join(name_of(first)), 0)
        .map_err(LedgerError::disk("reading the log"))?;
    let header = Header::read(&content).map(|(header, _)| header);
    Ok(header.filter(|header| header.tree.size() == first && header.tree.root() == checkpoint.root))
}

/// Reads one segment's entries into the tree. False where its header is torn and it is empty of signed records.
fn scan(
    found: &mut Found,
    first: u64,
    content: Vec<u8>,
    checkpoints: &Checkpoints,
) -> Result<bool, LedgerError> {
    let Some((header, entries)) = Header::read(&content) else {
        found.cut_bytes = content.len().max(1) as u64;
        return Ok(false);
    };
    if header.tree != found.header.tree || header.open != found.header.open {
        return Err(corrupt(first, "the segment was begun on another log"));
    }
    let mut good = content.len();
    let mut frames = Frames::new(entries);
    for frame in frames.by_ref() {
        let seq = found.header.tree.size();
        let frame = match frame {
            Ok(frame) => frame,
            Err(torn) => {
                found.cut_bytes = torn.bytes as u64;
                good -= torn.bytes;
                break;
            }
        };
        let entry = entry::parse(frame.content).filter(|entry| entry.seq == seq);
        let entry = entry.ok_or_else(|| corrupt(seq, "the record does not have its form or number"))?;
        let mut tail = Vec::with_capacity(64);
        entry.outer.write(&mut tail);
        note_flow(&mut found.header.open, &tail, seq);
        found.header.tree.push(frame.leaf);
        check_roots(&found.header.tree, checkpoints)?;
    }
    good -= frames.room();
    found.last = content;
    found.last.truncate(good);
    found.last_first = first;
    Ok(true)
}

/// What was signed at this size must be what is here.
fn check_roots(tree: &CompactRange, checkpoints: &Checkpoints) -> Result<(), LedgerError> {
    let mut signed = checkpoints.at(tree.size()).peekable();
    if signed.peek().is_some() && signed.any(|checkpoint| checkpoint.root != tree.root()) {
        return Err(corrupt(tree.size().saturating_sub(1), "a checkpoint says otherwise"));
    }
    Ok(())
}

/// Opens the last segment to go on, after writing it anew where it may not be on the disk as it is in memory:
/// after a failed sync the kernel may show bytes that it never wrote and never will.
fn take_up(
    options: &Options,
    found: Found,
    checkpoints: Checkpoints,
    signer: Signer,
    now: Timestamp,
) -> Result<Log, LedgerError> {
    let failed = LedgerError::disk("taking up the last segment");
    let Found { mut segments, header, last, last_first, cut_bytes } = found;
    let signed = checkpoints.last().map_or(0, |last| last.size);
    let (file, file_bytes) = if segments.is_empty() {
        segments.insert(0);
        begin(&*options.disk, &options.dir, &header.tree, &header.open, now)?
    } else {
        let name = name_of(last_first);
        // A checkpoint is only signed over what a sync has reported durable.
        if cut_bytes > 0 || signed < header.tree.size() || header.tree.size() == last_first {
            replace(&*options.disk, &options.dir, &name, &last).map_err(&failed)?;
        }
        let end = last.len() as u64;
        (options.disk.append_with_room(&options.dir.join(&name), end).map_err(&failed)?, end)
    };
    Ok(Log {
        disk: options.disk.clone(),
        dir: options.dir.clone(),
        signer,
        tree: header.tree,
        open: header.open,
        checkpoints,
        segments,
        file,
        file_bytes,
        segment_bytes: options.segment_bytes,
        write: options.write,
        synced: true,
        buffer: Vec::new(),
        entry: Vec::new(),
        placed: Vec::new(),
    })
}

/// How it came that the log is picked up.
fn gap(recovery: &Recovery, outage: Option<&Outage>, write: Write) -> Event {
    let mut reason = match outage {
        Some(outage) => format!("the log could not be written, so requests were refused: {}", outage.reason),
        None if recovery.clean => "picked up after an orderly stop".to_owned(),
        None => "picked up after a stop without warning".to_owned(),
    };
    if recovery.cut_bytes > 0 {
        reason = format!("{reason}; {} bytes of an unfinished write cut", recovery.cut_bytes);
    }
    if write == Write::Batched && !recovery.clean {
        reason.push_str("; records written in batches: the last ones may be missing");
    }
    Event::Gap { reason, count: outage.map_or(0, |outage| outage.missed) }
}

/// Records that the log was picked up, and ends each flow that has none with an unknown outcome.
fn settle(
    log: &mut Log,
    gap: Event,
    options: &Options,
    gateway: &MonthKey,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let mut sealed = Sealed::default();
    sealed.push(Record { time: now, member: MemberId::GATEWAY, vendor: None, event: gap }, gateway)?;
    let mut unfinished: Vec<_> = log.open.iter().map(|(flow, seq)| (*seq, *flow)).collect();
    unfinished.sort_unstable();
    let openings = openings(log, unfinished.iter().map(|(seq, _)| *seq), options)?;
    for ((_, flow), opened) in unfinished.into_iter().zip(openings) {
        let event = Event::Close {
            flow,
            status: None,
            sent: 0,
            received: 0,
            ms: 0,
            attempts: 0,
            edits: Vec::new(),
            answer: None,
            outcome: Outcome::Unknown,
        };
        let (member, vendor, key) = match opened {
            Some((record, key)) => (record.member, record.vendor, key),
            // Its key is erased, so whose it was is not known any more: the gateway ends it.
            None => (MemberId::GATEWAY, None, gateway.clone()),
        };
        sealed.push(Record { time: now, member, vendor, event }, &key)?;
    }
    log.commit(&sealed.bytes, now)?;
    log.checkpoint(now)
}

/// The records with these ascending numbers, each with its key; `None` where the key is erased. Reads each segment once.
fn openings(
    log: &Log,
    seqs: impl Iterator<Item = u64>,
    options: &Options,
) -> Result<Vec<Option<(Record, MonthKey)>>, LedgerError> {
    let failed = LedgerError::disk("reading the log");
    let segment_of = |seq: u64| log.segments.range(..=seq).next_back().copied().unwrap_or(0);
    let mut openings = Vec::new();
    let mut seqs = seqs.peekable();
    while let Some(first) = seqs.peek().map(|seq| segment_of(*seq)) {
        let content = log.disk.read(&log.dir.join(name_of(first)), 0).map_err(&failed)?;
        let (_, entries) =
            Header::read(&content).ok_or_else(|| corrupt(first, "a segment's header is damaged"))?;
        let mut frames = Frames::new(entries);
        let mut next = first;
        while let Some(seq) = seqs.next_if(|seq| segment_of(*seq) == first) {
            let skipped = (next..seq).try_for_each(|_| frames.next_unchecked().map(drop));
            let bytes = skipped.and_then(|()| frames.next_unchecked());
            let entry = bytes.and_then(entry::parse).ok_or_else(|| corrupt(seq, "the record is damaged"))?;
            next = seq + 1;
            let key = options.keys.open_month_key(entry.outer.key)?;
            openings.push(key.and_then(|key| Some((seal::open(&entry, &key)?, key))));
        }
    }
    Ok(openings)
}
