//! Whether a connection is still alive: what its streams hear of the vendor.

use super::super::transport::TransportError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a connection's streams know of each other. Nothing is ordered by it, so every access is relaxed.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    streams: AtomicUsize,
    heard: AtomicBool,
    answered: AtomicBool,
    silent: AtomicBool,
}

/// One stream under way.
#[derive(Debug)]
pub(super) struct Beat(Arc<Pulse>);

impl Pulse {
    /// A stream begins; it ends with what is given.
    pub(super) fn of_stream(this: &Arc<Self>) -> Beat {
        this.streams.fetch_add(1, Ordering::Relaxed);
        Beat(Arc::clone(this))
    }

    /// Something came from the vendor.
    pub(super) fn heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether something has come since this was asked last.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// Whether no answer had come before this was asked.
    pub(super) fn is_first_answer(&self) -> bool {
        !self.answered.swap(true, Ordering::Relaxed)
    }

    /// Whether any stream waits for the vendor.
    pub(super) fn is_waiting(&self) -> bool {
        self.streams.load(Ordering::Relaxed) != 0
    }

    /// The vendor did not answer a PING.
    pub(super) fn fell_silent(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    /// Why a stream really broke: one that ended with its silent connection does not know.
    pub(super) fn blame(&self, error: h2::Error) -> TransportError {
        if self.silent.load(Ordering::Relaxed) { TransportError::Silent } else { error.into() }
    }
}

impl Beat {
    /// Something came from the vendor.
    pub(super) fn heard(&self) {
        self.0.heard();
    }

    /// See [`Pulse::blame`].
    pub(super) fn blame(&self, error: h2::Error) -> TransportError {
        self.0.blame(error)
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
