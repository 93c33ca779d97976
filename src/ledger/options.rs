//! How a log is started: where it lies, who keeps its keys, and its bounds.

use super::disk::{Disk, FsDisk};
use super::seal::Keys;
use crate::model::{Clock, Secret, SystemClock};
use crate::store::LogIndex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Told of every commit, on the ledger's own thread: must be quick.
pub trait Observer: Send + Sync + 'static {
    /// `records` became durable, `elapsed` after the thread took them from the queue.
    fn committed(&self, records: usize, elapsed: Duration);
}

/// When a record counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Write {
    /// When the disk has it.
    #[default]
    Safe,
    /// When the system has it; the disk has it with the next checkpoint, which says so. Spares SD cards; a power cut may
    /// take the records since the last checkpoint, so also those of requests that were sent.
    Batched,
}

/// How a log is started.
#[derive(Clone)]
pub struct Options {
    /// The folder of the log alone.
    pub dir: PathBuf,
    /// The log's name: first line of every checkpoint and name of its key (no white space, no `+`).
    pub log_name: String,
    /// The disk.
    pub disk: Arc<dyn Disk>,
    /// The keys that seal records.
    pub keys: Arc<dyn Keys>,
    /// The seed of the Ed25519 key that signs checkpoints.
    pub signing_seed: Secret<[u8; 32]>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told of commits, for metrics.
    pub observer: Option<Arc<dyn Observer>>,
    /// Where it is written down which records lie where; without one, listings read the log.
    pub index: Option<Arc<LogIndex>>,
    /// When a record counts as written.
    pub write: Write,
    /// How long after the disk failed the log is first taken up again; twice as long before each further attempt, up to
    /// forty times as long. Default 250 ms.
    pub retry: Duration,
    /// How many flows may be open at once; each holds room for its end. Default 65,536.
    pub flows: usize,
    /// How many bytes of sealed records may wait for the disk, end records not counted. Default 64 MiB.
    pub queue_bytes: u32,
    /// How long `reserve`, `open`, `more` and `append` wait for room. Default 10 s.
    pub patience: Duration,
    /// A segment file that is this long is closed and the next begun. Default 8 MiB.
    pub segment_bytes: u64,
    /// How much of the log's end is read and hashed at start; what comes before rests on a signed checkpoint, and
    /// [`verify`](super::verify) reads it all. Default 64 MiB.
    pub scan_bytes: u64,
    /// How long a record nobody waits for may stay unwritten. Default 100 ms.
    pub lazy: Duration,
    /// How often a checkpoint is signed while records come. Default 1 s.
    pub checkpoint_every: Duration,
    /// How many records are signed at the latest together. Default 4,096.
    pub checkpoint_records: u64,
    /// How often a checkpoint is signed while none come. Default 1 h.
    pub heartbeat: Duration,
}

impl Options {
    /// The same, written in batches: see [`Write::Batched`]. Checkpoints, and with them syncs, come every 10 s.
    pub fn batched(self) -> Self {
        Self { write: Write::Batched, checkpoint_every: Duration::from_secs(10), ..self }
    }

    /// A log in `dir` on the real disk with the machine's clock and the default bounds.
    pub fn new(
        dir: impl Into<PathBuf>,
        log_name: impl Into<String>,
        keys: Arc<dyn Keys>,
        signing_seed: Secret<[u8; 32]>,
    ) -> Self {
        Self {
            dir: dir.into(),
            log_name: log_name.into(),
            disk: Arc::new(FsDisk),
            keys,
            signing_seed,
            clock: Arc::new(SystemClock),
            observer: None,
            index: None,
            write: Write::Safe,
            retry: Duration::from_millis(250),
            flows: 65_536,
            queue_bytes: 64 << 20,
            patience: Duration::from_secs(10),
            segment_bytes: 8 << 20,
            scan_bytes: 64 << 20,
            lazy: Duration::from_millis(100),
            checkpoint_every: Duration::from_secs(1),
            checkpoint_records: 4_096,
            heartbeat: Duration::from_secs(3_600),
        }
    }
}
