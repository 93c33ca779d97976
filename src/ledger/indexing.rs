//! The thread named `index`: writes down which blocks hold records under which key, behind the log and never in its way.
//!
//! Blocks come from the ledger's thread after their records are durable. What the thread missed, because it was not there
//! or too slow, it reads from the segments. Where it fails it ends: what is not indexed is read from the log itself.

use super::blocks::Blocks;
use super::error::LedgerError;
use super::read::Reader;
use crate::store::{Block, LogIndex, StoreError};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Blocks that wait; one more is left out, and read again from the log.
const WAITING: usize = 1024;
/// Blocks written together.
const TOGETHER: usize = 64;

/// What the index is told.
enum Told {
    /// These records are durable.
    Block(Block),
    /// The log was taken up again.
    Cut,
}

/// The ledger's end of the way to the index.
pub(super) struct Indexing {
    tell: SyncSender<Told>,
    pub blocks: Blocks,
    cut: Arc<Mutex<Option<u64>>>,
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
        let cut = Arc::new(Mutex::new(Some(records)));
        let wanted = Arc::clone(&cut);
        std::thread::Builder::new()
            .name("index".to_owned())
            .spawn(move || {
                if let Err(error) = run(&index, &reader, &wanted, &told) {
                    tracing::warn!(%error, "the log is no longer indexed; listings read it instead");
                }
            })
            .map_err(LedgerError::disk("starting the index's thread"))?;
        Ok(Self { tell, blocks: Blocks::default(), cut })
    }

    /// Tells of a block, unless too many wait.
    pub fn tell(&self, block: Block) {
        if let Err(TrySendError::Full(_)) = self.tell.try_send(Told::Block(block)) {
            tracing::debug!("the index is behind the log");
        }
    }

    /// Tells that the log was taken up again, with so many records. Does not wait: a thread that is behind looks before it
    /// goes on.
    pub fn cut(&mut self, records: u64) {
        self.blocks = Blocks::default();
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(records);
        // Where too many blocks wait, the thread is awake already.
        let _ = self.tell.try_send(Told::Cut);
    }
}

fn run(
    index: &LogIndex,
    reader: &Reader,
    cut: &Mutex<Option<u64>>,
    told: &Receiver<Told>,
) -> Result<(), IndexError> {
    loop {
        let wanted = cut.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(records) = wanted {
            // What still waits is of the log as it was; what is of the new one is read from it.
            told.try_iter().for_each(drop);
            index.cut(records)?;
            catch_up(index, reader, records)?;
        }
        let Ok(first) = told.recv() else { return Ok(()) };
        let mut blocks = Vec::new();
        for next in std::iter::once(first).chain(told.try_iter().take(TOGETHER)) {
            match next {
                Told::Block(block) => blocks.push(block),
                Told::Cut => blocks.clear(),
            }
        }
        let is_old = cut.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        let Some(oldest) = blocks.first().filter(|_| !is_old) else { continue };
        catch_up(index, reader, oldest.first)?;
        index.add(&blocks)?;
    }
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
