//! Connections kept for the next exchange, under a key with everything that must not be shared.

use super::connection::{Connection, Sender};
use super::flight::{First, Turn};
use super::http2::Client;
use super::next_hop::NextHop;
use super::remembered::Remembered;
use crate::model::{MemberId, Origin, QuickMap, Scheme};
use bytes::Bytes;
use http_body::Body;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Idle connections per key; one more closes the oldest.
const IDLE_PER_KEY: usize = 128;
/// Idle connections in all; one more is closed at once.
const IDLE_IN_ALL: usize = 4096;

/// Origins known to speak HTTP/1.1 alone are remembered while they are no more than this.
const KNOWN: usize = 4096;

/// A connection whose answer has been read is ready for the next request within this.
const FINISHING: Duration = Duration::from_millis(100);

/// What a connection belongs to. The TLS policy is one for all; client certificates join the key when they can differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose exchanges it carries.
    pub member: MemberId,
    /// Under which identity: a reset one starts with new connections.
    pub epoch: u32,
    /// Where to.
    pub origin: Origin,
    /// Whether it is for one exchange that goes on with another protocol, so HTTP/1.1 and nobody else's.
    pub upgrades: bool,
    /// The proxy it leaves through: another one, or other credentials, are another way out.
    pub next_hop: Option<Arc<NextHop>>,
}

impl Key {
    /// Guests are many behind one name, so none of their connections carries a second exchange.
    pub(super) fn is_pooled(&self) -> bool {
        self.member != MemberId::GUEST && !self.upgrades
    }
}

struct Idle<B> {
    sender: Sender<B>,
    since: Instant,
}

struct Shelf<B> {
    idle: Vec<Idle<B>>,
    shared: Option<Shared>,
    /// The first connection is being made.
    first: Option<CancellationToken>,
    /// When a connection was last made that speaks HTTP/1.1.
    http1: Option<Instant>,
}

struct Shared {
    client: Client,
    used: Instant,
}

impl<B> Default for Shelf<B> {
    fn default() -> Self {
        Self { idle: Vec::new(), shared: None, first: None, http1: None }
    }
}

struct Shelves<B> {
    by_key: QuickMap<Arc<Key>, Shelf<B>>,
    idle: usize,
    /// How often trust has changed: what was made before is not taken back.
    era: u64,
}

/// The shelves. One short lock, never held over a wait.
pub(super) struct Pool<B> {
    shelves: Mutex<Shelves<B>>,
    offers: Remembered,
    wanting: Remembered,
}

impl<B> Default for Pool<B> {
    fn default() -> Self {
        Self {
            shelves: Mutex::new(Shelves { by_key: QuickMap::default(), idle: 0, era: 0 }),
            offers: Remembered::default(),
            wanting: Remembered::default(),
        }
    }
}

impl<B> Pool<B> {
    fn lock(&self) -> MutexGuard<'_, Shelves<B>> {
        // The shelves are whole between any two statements, so a panic elsewhere does not spoil them.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which vendors take WebSockets over HTTP/2.
    pub(super) fn offers(&self) -> &Remembered {
        &self.offers
    }

    /// Which vendors want a certificate of the member's.
    pub(super) fn wanting(&self) -> &Remembered {
        &self.wanting
    }

    pub(super) fn idle(&self) -> usize {
        self.lock().idle
    }

    pub(super) fn clear(&self) {
        let mut shelves = self.lock();
        shelves.by_key.clear();
        shelves.idle = 0;
        shelves.era += 1;
    }

    pub(super) fn era(&self) -> u64 {
        self.lock().era
    }

    /// What a request to this origin does that found no connection.
    pub(super) fn turn(self: &Arc<Self>, key: &Arc<Key>) -> Turn<B> {
        if !key.is_pooled() || key.origin.scheme == Scheme::Http {
            return Turn::Own;
        }
        let mut shelves = self.lock();
        let shelf = shelves.by_key.entry(Arc::clone(key)).or_default();
        if shelf.http1.is_some() {
            return Turn::Own;
        }
        if let Some(first) = &shelf.first {
            return Turn::Wait(first.clone());
        }
        let ended = CancellationToken::new();
        shelf.first = Some(ended.clone());
        Turn::First(First::new(key, self, ended))
    }

    /// The first connection to this origin was made, or will not be.
    pub(super) fn landed(&self, key: &Key) {
        if let Some(shelf) = self.lock().by_key.get_mut(key) {
            shelf.first = None;
        }
    }

    /// The origin speaks HTTP/1.1.
    pub(super) fn speaks_http1(&self, key: &Arc<Key>) {
        let mut shelves = self.lock();
        if shelves.by_key.len() < KNOWN || shelves.by_key.contains_key(key) {
            shelves.by_key.entry(Arc::clone(key)).or_default().http1 = Some(Instant::now());
        }
    }

    /// Lets go of an HTTP/2 connection; what is under way on it goes on.
    pub(super) fn unshare(&self, key: &Key, client: &Client) {
        if let Some(shelf) = self.lock().by_key.get_mut(key) {
            shelf.shared.take_if(|shared| shared.client.is_same(client));
        }
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A live connection for `key` that has been idle for less than `lifetime`, the most recently used first.
    pub(super) async fn take(self: &Arc<Self>, key: &Arc<Key>, lifetime: Duration) -> Option<Connection<B>> {
        while let Some((mut sender, era)) = self.take_one(key, lifetime) {
            // The connection's task may still be finishing the last exchange; an ended one says so here, and one whose
            // upload goes on behind its answer is of no use to anybody else.
            if let Ok(Ok(())) = timeout(FINISHING, poll_fn(|cx| sender.poll_ready(cx))).await {
                return Some(Connection::new(sender, Arc::clone(key), Arc::clone(self), era, true));
            }
        }
        None
    }

    fn take_one(&self, key: &Arc<Key>, lifetime: Duration) -> Option<(Sender<B>, u64)> {
        let mut shelves = self.lock();
        let era = shelves.era;
        let shelf = shelves.by_key.get_mut(key)?;
        if let Some(shared) = &mut shelf.shared {
            // Streams under way hold the connection themselves; the shelf only lets go of it.
            if !shared.client.is_closed() && shared.used.elapsed() < lifetime {
                shared.used = Instant::now();
                return Some((Sender::Http2(shared.client.clone()), era));
            }
            shelf.shared = None;
        }
        let mut taken = 0;
        let found = loop {
            let Some(mut idle) = shelf.idle.pop() else { break None };
            taken += 1;
            if idle.since.elapsed() < lifetime && !idle.sender.is_closed() {
                break Some(idle.sender);
            }
        };
        shelves.idle -= taken;
        found.map(|sender| (sender, era))
    }

    /// Keeps an HTTP/1.1 connection that was made in this `era`.
    pub(super) fn put(&self, key: &Arc<Key>, mut sender: Sender<B>, era: u64) {
        if sender.is_closed() {
            return;
        }
        let mut shelves = self.lock();
        if shelves.idle >= IDLE_IN_ALL || shelves.era != era {
            return;
        }
        let shelf = shelves.by_key.entry(Arc::clone(key)).or_default();
        let full = shelf.idle.len() >= IDLE_PER_KEY;
        if full {
            shelf.idle.remove(0);
        }
        shelf.idle.push(Idle { sender, since: Instant::now() });
        if !full {
            shelves.idle += 1;
        }
    }

    /// Shares an HTTP/2 connection; where a stampede made two, the first one serves.
    pub(super) fn share(&self, key: &Arc<Key>, client: Client, era: u64) -> Client {
        let mut shelves = self.lock();
        if shelves.era != era {
            return client;
        }
        let shelf = shelves.by_key.entry(Arc::clone(key)).or_default();
        shelf.http1 = None;
        shelf.shared.take_if(|shared| shared.client.is_closed());
        shelf.shared.get_or_insert_with(|| Shared { client, used: Instant::now() }).client.clone()
    }

    /// Closes what has been idle for `lifetime` or was closed by the vendor.
    pub(super) fn sweep(&self, lifetime: Duration) {
        let mut shelves = self.lock();
        let mut idle = 0;
        shelves.by_key.retain(|_, shelf| {
            shelf.idle.retain_mut(|one| one.since.elapsed() < lifetime && !one.sender.is_closed());
            shelf.shared.take_if(|one| one.used.elapsed() >= lifetime || one.client.is_closed());
            shelf.http1 = shelf.http1.filter(|made| made.elapsed() < lifetime);
            idle += shelf.idle.len();
            !shelf.idle.is_empty() || shelf.shared.is_some() || shelf.first.is_some() || shelf.http1.is_some()
        });
        shelves.idle = idle;
    }
}
