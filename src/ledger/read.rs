//! Reading the log, also while it is written.
//!
//! Flow ids and segments sort by time, so a search for a flow knows which segment to read. A listing of one vendor's flows
//! asks the index which blocks to read; see `listing.rs`.

use super::blocks::{Blocks, Placed};
use super::checkpoints;
use super::disk::Disk;
use super::entry::{self, Entry, Kind, Outer};
use super::error::LedgerError;
use super::note::{Checkpoint, Verifier};
use super::seal::{self, Keys};
use super::segment::{FRAME_HEAD, Frames, Header, first_of, header_length, name_of};
use crate::model::record::{Event, Record};
use crate::model::{FlowId, KeyId, MonthKey, Timestamp};
use crate::store::{Block, LogIndex};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Clocks of one machine may step back by this much within a log before a search misses something.
pub(super) const SLACK_MS: u64 = 10 * 60_000;

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
pub(super) struct Segment {
    pub first: u64,
    /// When it was begun.
    pub time: Timestamp,
}

/// Reads a log's folder.
pub struct Reader {
    pub(super) dir: PathBuf,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) keys: Arc<dyn Keys>,
    pub(super) index: Option<Arc<LogIndex>>,
    pub(super) durable: Arc<dyn Fn() -> u64 + Send + Sync>,
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
        Self { dir, disk, keys, index: None, durable, times: Mutex::default() }
    }

    /// The same, with an index to find records by.
    pub(crate) fn indexed(self, index: Option<Arc<LogIndex>>) -> Self {
        Self { index, ..self }
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
    pub(super) fn segments(&self) -> Result<Vec<Segment>, LedgerError> {
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
        let (path, length) = (self.dir.join(name_of(first)), self.header_bytes(first)? as u64);
        let failed = LedgerError::disk("reading a segment's header");
        let head = self.disk.read_part(&path, 0, length).map_err(failed)?;
        let (header, _) = Header::read(&head).ok_or_else(|| damaged(first))?;
        self.times.lock().unwrap_or_else(PoisonError::into_inner).insert(first, header.time);
        Ok(header.time)
    }

    /// How long the header of the segment that begins with this record is, in bytes.
    pub(super) fn header_bytes(&self, first: u64) -> Result<usize, LedgerError> {
        let head = self.disk.read_part(&self.dir.join(name_of(first)), 0, 8 + FRAME_HEAD as u64);
        let head = head.map_err(LedgerError::disk("reading a segment's header"))?;
        header_length(&head).ok_or_else(|| damaged(first))
    }

    pub(super) fn content(&self, segment: &Segment) -> Result<Vec<u8>, LedgerError> {
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
    pub(super) fn each<'a, B>(
        &self,
        segment: &Segment,
        content: &'a [u8],
        each: impl FnMut(Entry<'a>, &'a [u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, LedgerError> {
        let length = header_length(content).ok_or_else(|| damaged(segment.first))?;
        self.entries(segment.first, content.get(length..).unwrap_or_default(), each)
    }

    /// The durable entries in bytes of a segment that begin with the frame of the record `first`.
    pub(super) fn entries<'a, B>(
        &self,
        first: u64,
        content: &'a [u8],
        mut each: impl FnMut(Entry<'a>, &'a [u8]) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, LedgerError> {
        let (mut frames, durable) = (Frames::new(content), (self.durable)());
        let mut seq = first;
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

    /// The blocks of the records from `from` to before `until`, until told to stop. Opens nothing.
    pub(super) fn blocks(
        &self,
        from: u64,
        until: u64,
        mut each: impl FnMut(Block) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        let segments = self.segments()?;
        let start = segments.partition_point(|segment| segment.first <= from).saturating_sub(1);
        for segment in segments.iter().skip(start).take_while(|segment| segment.first < until) {
            let content = self.content(segment)?;
            let mut offset = header_length(&content).ok_or_else(|| damaged(segment.first))? as u64;
            let mut blocks = Blocks::default();
            let told = self.each(segment, &content, |entry, bytes| {
                let length = (FRAME_HEAD + bytes.len()) as u64;
                let (seq, time, key) = (entry.seq, entry.outer.time, entry.outer.key);
                let placed = Placed { seq, segment: segment.first, offset, bytes: length, time, key };
                offset += length;
                if seq < from {
                    return ControlFlow::Continue(());
                }
                if seq >= until {
                    return ControlFlow::Break(true);
                }
                match blocks.add(placed) {
                    Some(block) => each(block).map_break(|()| false),
                    None => ControlFlow::Continue(()),
                }
            })?;
            if told == ControlFlow::Break(false) || blocks.rest().is_some_and(|rest| each(rest).is_break()) {
                break;
            }
        }
        Ok(())
    }
}

pub(super) fn damaged(seq: u64) -> LedgerError {
    LedgerError::Corrupt { seq, reason: "it cannot be read".to_owned() }
}

/// Opens entries; asks for each key once.
pub(super) struct Opener<'a> {
    keys: &'a dyn Keys,
    known: HashMap<KeyId, Option<MonthKey>>,
}

impl<'a> Opener<'a> {
    /// Keys kept at once.
    const KEYS: usize = 4_096;

    pub fn new(keys: &'a dyn Keys) -> Self {
        Self { keys, known: HashMap::new() }
    }

    pub fn open(&mut self, entry: Entry<'_>) -> Result<Stored, LedgerError> {
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
