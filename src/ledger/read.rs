//! Reading the log, also while it is written.
//!
//! Nothing here keeps an index: flow ids and segments sort by time, so a search knows which segments to read, and a
//! listing reads the newest first. An index in SQLite would be fed from [`Reader::walk`] after the ack, keyed by
//! sequence number, and can be deleted and filled again at any time; it belongs to the store, outside this folder.

use super::checkpoints;
use super::disk::Disk;
use super::entry::{self, Entry, Kind, Outer};
use super::error::LedgerError;
use super::note::{Checkpoint, Verifier};
use super::seal::{self, Keys};
use super::segment::{FRAME_HEAD, Frames, Header, first_of, header_length, name_of};
use crate::model::record::{Event, Record};
use crate::model::{FlowId, KeyId, MemberId, MonthKey, Timestamp, VendorId};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Clocks of one machine may step back by this much within a log before a search misses something.
const SLACK_MS: u64 = 10 * 60_000;

/// One record as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its number, dense from 0.
    pub seq: u64,
    /// What stands in the clear.
    pub outer: Outer,
    /// What it says; `None` where its key is erased or not the reader's.
    pub record: Option<Record>,
}

/// Which flows a listing shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// About this member only.
    pub member: Option<MemberId>,
    /// With this vendor only.
    pub vendor: Option<VendorId>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: usize,
}

impl Filter {
    fn takes(&self, stored: &Stored) -> bool {
        if self.since.is_some_and(|since| stored.outer.time < since) {
            return false;
        }
        if self.member.is_none() && self.vendor.is_none() {
            return true;
        }
        stored.record.as_ref().is_some_and(|record| {
            self.member.is_none_or(|member| record.member == member)
                && self.vendor.as_ref().is_none_or(|vendor| record.vendor.as_ref() == Some(vendor))
        })
    }
}

/// A flow in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What opened it, or the one record of a flow that was answered here.
    pub head: Stored,
    /// Its CLOSE, where it has ended.
    pub end: Option<Stored>,
}

/// How much there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Records.
    pub records: u64,
    /// By kind, in the words of the contract.
    pub kinds: std::collections::BTreeMap<&'static str, u64>,
    /// Segment files.
    pub segments: u64,
    /// Bytes of the segment files.
    pub bytes: u64,
    /// Time of the first record.
    pub first: Option<Timestamp>,
    /// Time of the last record.
    pub last: Option<Timestamp>,
}

#[derive(Clone, Copy)]
struct Segment {
    first: u64,
    /// When it was begun.
    time: Timestamp,
}

/// Reads a log's folder.
pub struct Reader {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    keys: Arc<dyn Keys>,
    durable: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// When the segments seen so far were begun; a segment's header never changes.
    times: Mutex<HashMap<u64, Timestamp>>,
}

impl Reader {
    /// Reads the folder of a log that is not being written.
    pub fn open(dir: impl Into<PathBuf>, disk: Arc<dyn Disk>, keys: Arc<dyn Keys>) -> Self {
        Self::new(dir.into(), disk, keys, Arc::new(|| u64::MAX))
    }

    pub(crate) fn new(
        dir: PathBuf,
        disk: Arc<dyn Disk>,
        keys: Arc<dyn Keys>,
        durable: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Self { dir, disk, keys, durable, times: Mutex::default() }
    }

    /// Hands out every record from `seq` on, oldest first, until told to stop. Opens each: reads it with the key's
    /// help, or leaves `record` empty.
    pub fn walk(
        &self,
        seq: u64,
        mut each: impl FnMut(Stored, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let mut opener = Opener::new(&*self.keys);
        let segments = self.segments()?;
        let start = segments.partition_point(|segment| segment.first <= seq).saturating_sub(1);
        for segment in segments.iter().skip(start) {
            let flow = self.scan(segment, |entry, bytes| {
                if entry.seq < seq {
                    return ControlFlow::Continue(());
                }
                match opener.open(entry) {
                    Ok(stored) => each(stored, bytes).map_break(Ok),
                    Err(error) => ControlFlow::Break(Err(error)),
                }
            })?;
            if let ControlFlow::Break(result) = flow {
                return result;
            }
        }
        Ok(())
    }

    /// The newest flows that the filter takes, newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Listed>, LedgerError> {
        let mut opener = Opener::new(&*self.keys);
        let mut ends: HashMap<FlowId, Stored> = HashMap::new();
        let mut listed = Vec::new();
        let segments = self.segments()?;
        let mut later = None;
        for segment in segments.iter().rev() {
            let past = |time: Timestamp| filter.since.is_some_and(|since| time.0 + SLACK_MS < since.0);
            if listed.len() >= filter.limit || later.is_some_and(past) {
                break;
            }
            later = Some(segment.time);
            let content = self.content(segment)?;
            let mut entries = Vec::new();
            let _whole = self.each(segment, &content, |entry, _| {
                entries.push(entry);
                ControlFlow::<()>::Continue(())
            })?;
            for entry in entries.into_iter().rev() {
                let Some(flow) = entry.outer.flow else { continue };
                if entry.outer.kind == Kind::Close {
                    ends.insert(flow, opener.open(entry)?);
                } else if entry.outer.kind.is_head() && listed.len() < filter.limit {
                    let head = opener.open(entry)?;
                    let end = ends.remove(&flow);
                    if filter.takes(&head) {
                        listed.push(Listed { head, end });
                    }
                }
            }
        }
        Ok(listed)
    }

    /// The records of a flow, in order. Empty where the log has none of this id.
    pub fn flow(&self, flow: FlowId) -> Result<Vec<Stored>, LedgerError> {
        let mut opener = Opener::new(&*self.keys);
        let segments = self.segments()?;
        // The id holds the moment it was made (RFC 9562), shortly before its first record.
        let made = flow.0.get_timestamp().map_or(0, |at| at.to_unix().0 * 1_000);
        let before = |segment: &Segment| segment.time.0 <= made.saturating_sub(SLACK_MS);
        let start = segments.partition_point(before).saturating_sub(1);
        let mut records = Vec::new();
        for segment in segments.iter().skip(start) {
            if records.is_empty() && made > 0 && segment.time.0 > made + SLACK_MS {
                break;
            }
            let ended = self.scan(segment, |entry, _| {
                if entry.outer.flow != Some(flow) {
                    return ControlFlow::Continue(());
                }
                let kind = entry.outer.kind;
                let opened = opener.open(entry).map(|stored| records.push(stored));
                match opened {
                    Err(error) => ControlFlow::Break(Err(error)),
                    Ok(()) if kind == Kind::Close || kind.stands_alone() => ControlFlow::Break(Ok(())),
                    Ok(()) => ControlFlow::Continue(()),
                }
            })?;
            if let ControlFlow::Break(result) = ended {
                result?;
                break;
            }
        }
        Ok(records)
    }

    pub(crate) fn checkpoints(&self, verifier: &Verifier) -> Result<Vec<Checkpoint>, LedgerError> {
        let bytes = self.disk.read(&self.dir.join(checkpoints::FILE), 0);
        let bytes = bytes.map_err(LedgerError::disk("reading the checkpoints"))?;
        Ok(checkpoints::read(&bytes, verifier).0.into_iter().map(|(checkpoint, _)| checkpoint).collect())
    }

    /// The key of an entry, where it is there.
    pub(crate) fn key(&self, id: KeyId) -> Result<Option<MonthKey>, LedgerError> {
        Ok(self.keys.open_month_key(id)?)
    }

    /// Counts what is there, without opening anything.
    pub fn stats(&self) -> Result<Stats, LedgerError> {
        let mut stats = Stats::default();
        for segment in self.segments()? {
            let content = self.content(&segment)?;
            stats.segments += 1;
            stats.bytes += content.len() as u64;
            let _whole = self.each(&segment, &content, |entry, _| {
                stats.records += 1;
                *stats.kinds.entry(entry.outer.kind.as_str()).or_default() += 1;
                stats.first.get_or_insert(entry.outer.time);
                stats.last = Some(entry.outer.time);
                ControlFlow::<()>::Continue(())
            })?;
        }
        Ok(stats)
    }

    /// The segments that hold durable records, oldest first.
    fn segments(&self) -> Result<Vec<Segment>, LedgerError> {
        let names = self.disk.list(&self.dir).map_err(LedgerError::disk("listing the log"))?;
        let durable = (self.durable)();
        let mut firsts: Vec<u64> = names.iter().filter_map(|name| first_of(name)).collect();
        firsts.retain(|first| *first < durable);
        firsts.sort_unstable();
        firsts.into_iter().map(|first| Ok(Segment { first, time: self.begun(first)? })).collect()
    }

    fn begun(&self, first: u64) -> Result<Timestamp, LedgerError> {
        let known = self.times.lock().unwrap_or_else(PoisonError::into_inner).get(&first).copied();
        if let Some(time) = known {
            return Ok(time);
        }
        let failed = LedgerError::disk("reading a segment's header");
        let path = self.dir.join(name_of(first));
        let head = self.disk.read_head(&path, 8 + FRAME_HEAD).map_err(&failed)?;
        let length = header_length(&head).ok_or_else(|| damaged(first))?;
        let head = self.disk.read_head(&path, length).map_err(&failed)?;
        let (header, _) = Header::read(&head).ok_or_else(|| damaged(first))?;
        self.times.lock().unwrap_or_else(PoisonError::into_inner).insert(first, header.time);
        Ok(header.time)
    }

    fn content(&self, segment: &Segment) -> Result<Vec<u8>, LedgerError> {
        let path = self.dir.join(name_of(segment.first));
        self.disk.read(&path, 0).map_err(LedgerError::disk("reading the log"))
    }

    fn scan<B>(
        &self,
        segment: &Segment,
        each: impl FnMut(Entry<'_>, &[u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, LedgerError> {
        let content = self.content(segment)?;
        self.each(segment, &content, each)
    }

    /// The durable entries of a segment. Bytes behind the last durable one may be half written.
    fn each<'a, B>(
        &self,
        segment: &Segment,
        content: &'a [u8],
        mut each: impl FnMut(Entry<'a>, &'a [u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, LedgerError> {
        let length = header_length(content).ok_or_else(|| damaged(segment.first))?;
        let mut frames = Frames::new(content.get(length..).unwrap_or_default());
        let durable = (self.durable)();
        let mut seq = segment.first;
        while seq < durable {
            let Some(bytes) = frames.next_unchecked() else { break };
            let entry = entry::parse(bytes).filter(|entry| entry.seq == seq).ok_or_else(|| damaged(seq))?;
            if let ControlFlow::Break(value) = each(entry, bytes) {
                return Ok(ControlFlow::Break(value));
            }
            seq += 1;
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn damaged(seq: u64) -> LedgerError {
    LedgerError::Corrupt { seq, reason: "it cannot be read".to_owned() }
}

/// Opens entries; asks for each key once.
struct Opener<'a> {
    keys: &'a dyn Keys,
    known: HashMap<KeyId, Option<MonthKey>>,
}

impl<'a> Opener<'a> {
    /// Keys kept at once.
    const KEYS: usize = 4_096;

    fn new(keys: &'a dyn Keys) -> Self {
        Self { keys, known: HashMap::new() }
    }

    fn open(&mut self, entry: Entry<'_>) -> Result<Stored, LedgerError> {
        let id = entry.outer.key;
        if self.known.len() >= Self::KEYS {
            self.known.clear();
        }
        let key = match self.known.get(&id) {
            Some(key) => key,
            None => {
                let key = self.keys.open_month_key(id)?;
                self.known.entry(id).or_insert(key)
            }
        };
        let record = match key {
            None => None,
            Some(key) => Some(seal::open(&entry, key).ok_or_else(|| LedgerError::Corrupt {
                seq: entry.seq,
                reason: "it does not open with its key".to_owned(),
            })?),
        };
        Ok(Stored { seq: entry.seq, outer: entry.outer, record })
    }
}

impl Stored {
    /// Its edits, where it has some and can be read.
    pub fn edits(&self) -> &[crate::model::record::EditRecord] {
        match self.record.as_ref().map(|record| &record.event) {
            Some(Event::Open { edits, .. } | Event::Close { edits, .. } | Event::Edits { edits, .. }) => {
                edits
            }
            _ => &[],
        }
    }
}
