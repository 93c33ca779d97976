//! The thread named `index`: writes down which blocks hold records under which key, behind the log and never in its way.
//!
//! Blocks come from the ledger's thread after their records are durable. What the thread missed, because it was not there
//! or too slow, it reads from the segments; what is not indexed yet, listings read from the log itself. Where the log is
//! taken up again and may have lost its end, the index loses it before anybody can read on, and takes nothing that was
//! found before.

use super::blocks::Blocks;
use super::error::LedgerError;
use super::read::Reader;
use crate::store::{Block, LogIndex, StoreError};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Blocks that wait; one more is left out, and read again from the log.
const WAITING: usize = 1024;
/// Blocks written together.
const TOGETHER: usize = 64;

/// A block, and how often the log had been taken up again when it was told.
struct Told {
    block: Block,
    era: u64,
}

/// The index with the era of the log it is of. The lock is held over a write, never over reading the log.
struct Guarded {
    index: Arc<LogIndex>,
    era: Mutex<u64>,
}

/// The ledger's end of the way to the index.
pub(super) struct Indexing {
    tell: SyncSender<Told>,
    pub blocks: Blocks,
    guarded: Arc<Guarded>,
    era: u64,
}

#[derive(Debug, thiserror::Error)]
enum IndexError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LedgerError),
}

impl Guarded {
    fn era(&self) -> MutexGuard<'_, u64> {
        self.era.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds blocks that were found in this era; forgets them where it is over.
    fn add(&self, era: u64, blocks: &[Block]) -> Result<(), StoreError> {
        let now = self.era();
        if *now == era { self.index.add(blocks) } else { Ok(()) }
    }

    /// Begins another era, with a log of so many records; gives its number.
    fn cut(&self, records: u64) -> u64 {
        let mut now = self.era();
        *now += 1;
        if let Err(error) = self.index.cut(records) {
            tracing::warn!(%error, "the log's index could not be cut");
        }
        *now
    }
}

impl Indexing {
    /// Starts the thread for a log of so many `records`, which `reader` reads.
    pub fn start(index: Arc<LogIndex>, reader: Reader, records: u64) -> Result<Self, LedgerError> {
        let (tell, told) = sync_channel(WAITING);
        let guarded = Arc::new(Guarded { index, era: Mutex::default() });
        // Before anybody reads: the log may have lost its end since the index was written.
        let era = guarded.cut(records);
        let ours = Arc::clone(&guarded);
        std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                warn(catch_up(&ours, era, &reader, records));
                while let Ok(first) = told.recv() {
                    warn(take(&ours, &reader, first, &told));
                }
            })
            .map_err(LedgerError::disk("starting the index's thread"))?;
        Ok(Self { tell, blocks: Blocks::default(), guarded, era })
    }

    /// Tells of a block, unless too many wait.
    pub fn tell(&self, block: Block) {
        if let Err(TrySendError::Full(_)) = self.tell.try_send(Told { block, era: self.era }) {
            tracing::debug!("the index is behind the log");
        }
    }

    /// The log was taken up again, with so many records.
    pub fn cut(&mut self, records: u64) {
        self.blocks = Blocks::default();
        self.era = self.guarded.cut(records);
    }
}

/// What failed is tried again with the next block, since the index then lacks what comes before it.
fn warn(done: Result<(), IndexError>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the log could not be indexed for now; listings read it instead");
    }
}

/// Writes down a block, others that wait, and what is missing before them.
fn take(guarded: &Guarded, reader: &Reader, first: Told, told: &Receiver<Told>) -> Result<(), IndexError> {
    let (era, before) = (first.era, first.block.first);
    let others = told.try_iter().take(TOGETHER - 1);
    let of_now = std::iter::once(first).chain(others).filter(|told| told.era == era);
    let blocks: Vec<Block> = of_now.map(|told| told.block).collect();
    catch_up(guarded, era, reader, before)?;
    Ok(guarded.add(era, &blocks)?)
}

/// Indexes what lies in the log up to the record `until`. Takes at most half a core.
fn catch_up(guarded: &Guarded, era: u64, reader: &Reader, until: u64) -> Result<(), IndexError> {
    loop {
        let from = guarded.index.newest()?.end();
        if from >= until || *guarded.era() != era {
            return Ok(());
        }
        let (began, mut blocks) = (Instant::now(), Vec::new());
        reader.blocks(from, until, |block| {
            blocks.push(block);
            if blocks.len() < TOGETHER { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if blocks.is_empty() {
            return Ok(());
        }
        guarded.add(era, &blocks)?;
        std::thread::sleep(began.elapsed());
    }
}
