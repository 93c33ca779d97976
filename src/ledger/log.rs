//! The log as its thread has it: assigns numbers, hashes, writes, syncs, signs. One call at a time, no waiting.

use super::blocks::Placed;
use super::checkpoints::Checkpoints;
use super::disk::{Append, Disk};
use super::entry::{Kind, fixed, write_front};
use super::error::LedgerError;
use super::note::{Checkpoint, Signer};
use super::options::Write;
use super::seal::tails;
use super::segment::{Header, OpenFlows, name_of, write_frame};
use super::tree::{CompactRange, leaf_hash};
use crate::model::{FlowId, KeyId, Timestamp};
use minicbor::Decoder;
use minicbor::data::Type;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The open log. After an error it must not be used again: what the disk holds is unknown until the next start.
pub(crate) struct Log {
    pub disk: Arc<dyn Disk>,
    pub dir: PathBuf,
    pub signer: Signer,
    pub tree: CompactRange,
    pub open: OpenFlows,
    pub checkpoints: Checkpoints,
    /// First entries of all segments.
    pub segments: BTreeSet<u64>,
    pub file: Box<dyn Append>,
    pub file_bytes: u64,
    pub segment_bytes: u64,
    pub write: Write,
    /// Whether all that was written is on the disk.
    pub synced: bool,
    /// Where a commit's bytes are gathered.
    pub buffer: Vec<u8>,
    /// Where an entry is put together.
    pub entry: Vec<u8>,
    /// Where the records of the last commit lie.
    pub placed: Vec<Placed>,
}

impl Log {
    /// Writes these records at the end, one write and one sync for all: durable on return, but for [`Write::Batched`].
    pub fn commit(&mut self, sealed: &[u8], now: Timestamp) -> Result<(), LedgerError> {
        if self.file_bytes >= self.segment_bytes {
            self.roll(now)?;
        }
        self.buffer.clear();
        self.placed.clear();
        let segment = self.segments.last().copied().unwrap_or_default();
        for tail in tails(sealed) {
            self.entry.clear();
            write_front(self.tree.size(), &mut self.entry);
            self.entry.extend_from_slice(tail);
            let leaf = leaf_hash(&self.entry);
            let (seq, start) = (self.tree.size(), self.buffer.len() as u64);
            write_frame(&self.entry, &leaf, &mut self.buffer);
            if let Some(clear) = peek(tail) {
                note(&mut self.open, &clear, seq);
                self.placed.push(Placed {
                    seq,
                    segment,
                    offset: self.file_bytes + start,
                    bytes: self.buffer.len() as u64 - start,
                    time: clear.time,
                    key: clear.key,
                });
            }
            self.tree.push(leaf);
        }
        self.synced = false;
        self.file.write(&self.buffer).map_err(LedgerError::disk("writing records"))?;
        self.file_bytes += self.buffer.len() as u64;
        if self.write == Write::Safe { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), LedgerError> {
        if !self.synced {
            self.file.sync().map_err(LedgerError::disk("syncing records"))?;
            self.synced = true;
        }
        Ok(())
    }

    /// Signs the tree as it stands, all of it durable.
    pub fn checkpoint(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        self.sync()?;
        let batched = self.write == Write::Batched;
        let checkpoint = Checkpoint { size: self.tree.size(), root: self.tree.root(), time: now, batched };
        self.checkpoints.add(checkpoint, &self.signer)?;
        let segments = &self.segments;
        self.checkpoints.thin_out(&*self.disk, &self.dir, |size| segments.contains(&size))
    }

    /// How many records no checkpoint covers yet.
    pub fn unsigned(&self) -> u64 {
        self.tree.size() - self.checkpoints.last().map_or(0, |last| last.size)
    }

    /// Gives back the room at the segment's end: nothing more is written to it for now.
    pub fn finish(&mut self) -> Result<(), LedgerError> {
        self.file.finish().map_err(LedgerError::disk("ending a segment"))
    }

    /// Begins the next segment. The checkpoint at its start lets a later start trust its header.
    fn roll(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        if self.unsigned() > 0 {
            self.checkpoint(now)?;
        }
        self.finish()?;
        let (file, bytes) = begin(&*self.disk, &self.dir, &self.tree, &self.open, now)?;
        self.segments.insert(self.tree.size());
        self.file = file;
        self.file_bytes = bytes;
        Ok(())
    }
}

/// Makes a segment that begins after `tree`, durably; gives the file and its length.
pub(crate) fn begin(
    disk: &dyn Disk,
    dir: &std::path::Path,
    tree: &CompactRange,
    open: &OpenFlows,
    now: Timestamp,
) -> Result<(Box<dyn Append>, u64), LedgerError> {
    let failed = LedgerError::disk("beginning a segment");
    let header = Header { time: now, tree: tree.clone(), open: open.clone() }.write();
    let mut file = disk.create_with_room(&dir.join(name_of(tree.size()))).map_err(&failed)?;
    file.write(&header).map_err(&failed)?;
    file.sync().map_err(&failed)?;
    disk.sync_dir(dir).map_err(&failed)?;
    Ok((file, header.len() as u64))
}

/// Keeps track of which flows have no end yet.
pub(crate) fn note_flow(open: &mut OpenFlows, tail: &[u8], seq: u64) {
    if let Some(clear) = peek(tail) {
        note(open, &clear, seq);
    }
}

fn note(open: &mut OpenFlows, clear: &Clear, seq: u64) {
    match clear.flow {
        Some(flow) if clear.kind.opens() => {
            open.insert(flow, seq);
        }
        Some(flow) if clear.kind == Kind::Close => {
            open.remove(&flow);
        }
        _ => {}
    }
}

/// What an entry's tail begins with.
struct Clear {
    time: Timestamp,
    kind: Kind,
    flow: Option<FlowId>,
    key: KeyId,
}

/// The beginning of an entry's tail, without reading the rest.
fn peek(tail: &[u8]) -> Option<Clear> {
    let mut cbor = Decoder::new(tail);
    let time = Timestamp(cbor.u64().ok()?);
    let kind = Kind::from_code(cbor.u64().ok()?)?;
    let flow = match cbor.datatype().ok()? {
        Type::Null => {
            cbor.null().ok()?;
            None
        }
        _ => Some(FlowId(uuid::Uuid::from_bytes(fixed(&mut cbor)?))),
    };
    Some(Clear { time, kind, flow, key: KeyId(fixed(&mut cbor)?) })
}
