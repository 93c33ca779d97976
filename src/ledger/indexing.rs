//! The thread named `index`: writes down which blocks hold records under which key, behind the log and never in its way.
//!
//! Blocks come from the ledger's thread after their records are durable. What the thread missed, because it was not there
//! or too slow, it reads from the segments. Where it fails it ends: what is not indexed is read from the log itself.

use super::blocks::Blocks;
use super::error::LedgerError;
use super::read::Reader;
use crate::store::{Block, LogIndex, StoreError};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

/// Blocks that wait; one more is left out, and read again from the log.
const WAITING: usize = 1024;
/// Blocks written together.
const TOGETHER: usize = 64;

/// What the index is told.
enum Told {
    /// These records are durable.
    Block(Block),
    /// The log was taken up again, with so many records.
    Cut(u64),
}

/// The ledger's end of the way to the index.
pub(super) struct Indexing {
    tell: SyncSender<Told>,
    pub blocks: Blocks,
}

#[derive(Debug, thiserror::Error)]
enum IndexError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LedgerError),
}

impl Indexing {
    /// Starts the thread for a log of so many `records`, which `reader` reads.
    pub fn start(index: Arc<LogIndex>, reader: Reader, records: u64) -> Result<Self, LedgerError> {
        let (tell, told) = sync_channel(WAITING);
        std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                if let Err(error) = run(&index, &reader, records, &told) {
                    tracing::warn!(%error, "the log is no longer indexed; listings read it instead");
                }
            })
            .map_err(LedgerError::disk("starting the index's thread"))?;
        Ok(Self { tell, blocks: Blocks::default() })
    }

    /// Tells of a block, unless too many wait.
    pub fn tell(&self, block: Block) {
        if let Err(TrySendError::Full(_)) = self.tell.try_send(Told::Block(block)) {
            tracing::debug!("the index is behind the log");
        }
    }

    /// Tells that the log was taken up again.
    pub fn cut(&mut self, records: u64) {
        self.blocks = Blocks::default();
        // Fails where the thread has ended, which then indexes nothing.
        let _ = self.tell.send(Told::Cut(records));
    }
}

fn run(index: &LogIndex, reader: &Reader, records: u64, told: &Receiver<Told>) -> Result<(), IndexError> {
    index.cut(records)?;
    catch_up(index, reader, records)?;
    while let Ok(first) = told.recv() {
        let mut blocks = Vec::new();
        for next in std::iter::once(first).chain(told.try_iter().take(TOGETHER)) {
            match next {
                Told::Block(block) => blocks.push(block),
                Told::Cut(records) => {
                    blocks.clear();
                    index.cut(records)?;
                    catch_up(index, reader, records)?;
                }
            }
        }
        let Some(oldest) = blocks.first() else { continue };
        catch_up(index, reader, oldest.first)?;
        index.add(&blocks)?;
    }
    Ok(())
}

/// Indexes what lies in the log up to the record `until`. Takes at most half a core.
fn catch_up(index: &LogIndex, reader: &Reader, until: u64) -> Result<(), IndexError> {
    loop {
        let newest = index.newest()?;
        if newest.end() >= until {
            return Ok(());
        }
        let (began, mut blocks) = (Instant::now(), Vec::new());
        reader.blocks(newest.end(), until, |block| {
            blocks.push(block);
            if blocks.len() < TOGETHER { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if blocks.is_empty() {
            return Ok(());
        }
        index.add(&blocks)?;
        std::thread::sleep(began.elapsed());
    }
}
