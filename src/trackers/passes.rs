//! What one connection has asked before and no filter rule blocks.
//!
//! An app or a page asks for the same address again and again, and the answer of the rules depends on nothing but the
//! question. Adblock Plus keeps such a cache for the whole browser; here each connection has one of its own, so that
//! nobody learns from its speed what somebody else asked.

use crate::model::RequestView;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many questions are remembered; a later one takes the place of one of the same number.
const ROOM: usize = 32;

/// Questions as 64 bits of a keyed hash (SipHash) under a key of this connection alone, so that nobody can look for two
/// that are taken for the same. Zero where nothing is remembered.
pub struct Passes {
    key: RandomState,
    asked: [AtomicU64; ROOM],
}

impl Default for Passes {
    fn default() -> Self {
        Self { key: RandomState::new(), asked: [const { AtomicU64::new(0) }; ROOM] }
    }
}

impl Passes {
    /// A question under the rules of this `edition`: all that rules look at.
    pub(super) fn question(&self, edition: u64, view: &RequestView<'_>) -> u64 {
        let place = (view.origin, view.target, view.source);
        self.key.hash_one((edition, place, view.method, view.kind, view.party)).max(1)
    }

    /// Whether it was answered with a pass before.
    pub(super) fn knows(&self, question: u64) -> bool {
        self.slot(question).is_some_and(|slot| slot.load(Ordering::Relaxed) == question)
    }

    /// Remembers that it passes.
    pub(super) fn remember(&self, question: u64) {
        if let Some(slot) = self.slot(question) {
            slot.store(question, Ordering::Relaxed);
        }
    }

    fn slot(&self, question: u64) -> Option<&AtomicU64> {
        usize::try_from(question % ROOM as u64).ok().and_then(|at| self.asked.get(at))
    }
}

impl fmt::Debug for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passes").finish_non_exhaustive()
    }
}
