//! The newest flows: read backwards from the log's end, or only where the index says that there are some.

use super::entry::{Entry, Kind};
use super::error::LedgerError;
use super::read::{Opener, Reader, SLACK_MS, Stored, damaged};
use super::segment::name_of;
use crate::model::{FlowId, KeyId, MemberId, Timestamp, VendorId};
use crate::store::{Block, LogIndex};
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Blocks asked of the index at once.
const BLOCKS: usize = 32;

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

/// A listing on its way back through the log.
struct Listing<'a> {
    filter: &'a Filter,
    opener: Opener<'a>,
    ends: HashMap<FlowId, Stored>,
    listed: Vec<Listed>,
}

impl<'a> Listing<'a> {
    fn new(filter: &'a Filter, reader: &'a Reader) -> Self {
        Self { filter, opener: Opener::new(&*reader.keys), ends: HashMap::new(), listed: Vec::new() }
    }

    /// Whether nothing older is wanted; `later` is when what was read last begins.
    fn is_done(&self, later: Option<Timestamp>) -> bool {
        let past = |time: Timestamp| self.filter.since.is_some_and(|since| time.0 + SLACK_MS < since.0);
        self.listed.len() >= self.filter.limit || later.is_some_and(past)
    }

    /// Takes entries, the newest last.
    fn take(&mut self, entries: Vec<Entry<'_>>) -> Result<(), LedgerError> {
        for entry in entries.into_iter().rev() {
            let Some(flow) = entry.outer.flow else { continue };
            if entry.outer.kind == Kind::Close {
                self.ends.insert(flow, self.opener.open(entry)?);
            } else if entry.outer.kind.is_head() && self.listed.len() < self.filter.limit {
                let head = self.opener.open(entry)?;
                let end = self.ends.remove(&flow);
                if self.filter.takes(&head) {
                    self.listed.push(Listed { head, end });
                }
            }
        }
        Ok(())
    }
}

impl Reader {
    /// The newest flows that the filter takes, newest first. Reads files: not for an async worker.
    ///
    /// # Errors
    /// The disk fails, the keys cannot be had, or the log is damaged.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Listed>, LedgerError> {
        if let (Some(index), Some(member), Some(vendor)) = (&self.index, filter.member, &filter.vendor) {
            let keys = self.keys.names(member, vendor)?;
            match self.list_by(index, &keys, filter) {
                Ok(listed) => return Ok(listed),
                Err(error) => tracing::warn!(%error, "the log's index is of no use; reading the log"),
            }
        }
        self.list_all(filter)
    }

    /// From the end of the log backwards.
    pub(super) fn list_all(&self, filter: &Filter) -> Result<Vec<Listed>, LedgerError> {
        let mut listing = Listing::new(filter, self);
        let mut later = None;
        for segment in self.segments()?.iter().rev() {
            if listing.is_done(later) {
                break;
            }
            later = Some(segment.time);
            let content = self.content(segment)?;
            let mut entries = Vec::new();
            let _whole = self.each(segment, &content, |entry, _| {
                entries.push(entry);
                ControlFlow::<()>::Continue(())
            })?;
            listing.take(entries)?;
        }
        Ok(listing.listed)
    }

    /// What is not indexed yet, then the blocks that hold records under these keys. A flow's records all have its first
    /// one's key, so none of them lies elsewhere.
    pub(super) fn list_by(
        &self,
        index: &LogIndex,
        keys: &[KeyId],
        filter: &Filter,
    ) -> Result<Vec<Listed>, LedgerError> {
        let broken = |_| damaged(0);
        let newest = index.newest().map_err(broken)?;
        let mut listing = Listing::new(filter, self);
        let mut later = None;
        for segment in self.segments()?.iter().rev().take_while(|segment| segment.first >= newest.segment) {
            if listing.is_done(later) {
                return Ok(listing.listed);
            }
            later = Some(segment.time);
            let (first, offset) = if segment.first == newest.segment && newest.records > 0 {
                (newest.end(), newest.offset + newest.bytes)
            } else {
                (segment.first, self.header_bytes(segment.first)? as u64)
            };
            let content = self.disk.read(&self.dir.join(name_of(segment.first)), offset);
            let content = content.map_err(LedgerError::disk("reading the log"))?;
            let (entries, _) = self.sealed_by(keys, first, &content)?;
            listing.take(entries)?;
        }
        let mut below = newest.end();
        loop {
            let blocks = index.holding(keys, below, BLOCKS).map_err(broken)?;
            let Some(oldest) = blocks.last() else { return Ok(listing.listed) };
            below = oldest.first;
            for block in &blocks {
                if listing.is_done(later) {
                    return Ok(listing.listed);
                }
                later = Some(block.time);
                self.take_block(block, keys, &mut listing)?;
            }
        }
    }

    fn take_block(
        &self,
        block: &Block,
        keys: &[KeyId],
        listing: &mut Listing<'_>,
    ) -> Result<(), LedgerError> {
        let path = self.dir.join(name_of(block.segment));
        let content = self.disk.read_part(&path, block.offset, block.bytes);
        let content = content.map_err(LedgerError::disk("reading the log"))?;
        let (entries, records) = self.sealed_by(keys, block.first, &content)?;
        if records != block.records {
            return Err(damaged(block.first));
        }
        listing.take(entries)
    }

    /// The entries under these keys in bytes that begin with the frame of the record `first`, and how many there are in
    /// all.
    fn sealed_by<'c>(
        &self,
        keys: &[KeyId],
        first: u64,
        content: &'c [u8],
    ) -> Result<(Vec<Entry<'c>>, u64), LedgerError> {
        let (mut entries, mut records) = (Vec::new(), 0);
        let _whole = self.entries(first, content, |entry, _| {
            records += 1;
            if keys.contains(&entry.outer.key) {
                entries.push(entry);
            }
            ControlFlow::<()>::Continue(())
        })?;
        Ok((entries, records))
    }
}
