//! What can go wrong, without ever carrying what a record says.

use std::io;

/// A failure of the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The log cannot be written: it was shut down, or the disk failed and does not work again yet.
    #[error("the log cannot be written: {0}")]
    Closed(String),
    /// No room came free in time: too many flows are open, or the disk is too slow.
    #[error("the log has no room")]
    Busy,
    /// One call brought more bytes than the queue holds.
    #[error("too many records at once")]
    TooLarge,
    /// A record was handed to the wrong call: one of a flow outside of it, or one that opens no flow as its opening.
    #[error("the record does not belong here")]
    Misplaced,
    /// No key to seal a record under.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The disk failed.
    #[error("{action}: {error}")]
    Disk {
        /// What was being done.
        action: &'static str,
        /// The operating system's words.
        error: String,
    },
    /// What lies on the disk is not what was written there.
    #[error("the log was changed or damaged at record {seq}: {reason}")]
    Corrupt {
        /// The first record that does not hold.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The folder belongs to another log or another signing key.
    #[error("the folder holds another log: {0}")]
    Foreign(String),
}

impl LedgerError {
    /// Whether the log is closed, so that new requests are to be refused.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }

    /// Turns an operating system's error into this one.
    pub(crate) fn disk(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self::Disk { action, error: error.to_string() }
    }
}

/// A key could not be had; says why in words without secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no key for a record: {0}")]
pub struct KeyError(pub String);
