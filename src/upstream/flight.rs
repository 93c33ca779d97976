//! One first connection at a time: an origin that speaks HTTP/2 needs no second.
//!
//! Several requests to an origin nobody has connected to yet would each open a connection, and all but one would be thrown
//! away. One of them connects; the others wait to hear what the vendor speaks. Where it is HTTP/1.1, which serves one
//! exchange at a time, each connects for itself, and as long as the pool remembers that, nobody waits again. Where the
//! first one fails, the next one tries: what one was refused may be given to another, and nobody waits longer than a
//! connect may take.

use super::pool::{Key, Pool};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a request that found no connection does.
pub(super) enum Turn<B> {
    /// Connects, and those who come meanwhile wait for it.
    First(First<B>),
    /// Waits until the first one has come to an end.
    Wait(CancellationToken),
    /// Connects for itself.
    Own,
}

/// The first connection to an origin, under way. However it ends, those who wait are told.
pub(super) struct First<B> {
    key: Arc<Key>,
    pool: Arc<Pool<B>>,
    ended: CancellationToken,
}

impl<B> First<B> {
    pub(super) fn new(key: &Arc<Key>, pool: &Arc<Pool<B>>, ended: CancellationToken) -> Self {
        Self { key: Arc::clone(key), pool: Arc::clone(pool), ended }
    }
}

impl<B> Drop for First<B> {
    fn drop(&mut self) {
        self.pool.landed(&self.key);
        self.ended.cancel();
    }
}
