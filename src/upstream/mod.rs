//! The only way out: names resolved once and vetted, the vetted address dialled, TLS verified, connections pooled
//! so that nothing is shared between members.
//!
//! [`Upstream::checkout`] gives a connection that is ready to send; sending is a second step
//! ([`Connection::send`]), so that the ledger's OPEN can be made durable in between.

mod connection;
mod dial;
mod error;
mod flight;
mod gather;
mod offers;
mod pool;
mod resolve;
mod tls;
mod vet;

pub use connection::{Connection, Protocol, SendError};
pub use error::UpstreamError;
pub use pool::Key;
pub use resolve::{Resolve, SystemResolver};
pub use tls::{TlsError, Trust};
pub use vet::{Refusal, is_special_use, vet};

use crate::model::{MemberId, Origin, Scheme};
use crate::telemetry::{Metrics, Peer};
use bytes::Bytes;
use flight::Turn;
use http_body::Body;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// What may be dialled and how names become addresses: one configuration generation's answer.
pub trait Reach: Send + Sync {
    /// The fixed address of a host, port and all (`[upstream] hosts`).
    fn static_address(&self, host: &str) -> Option<SocketAddr>;
    /// Whether a special-use address may be dialled all the same (`[upstream] allow_private`).
    fn allows_private(&self, address: std::net::IpAddr) -> bool;
    /// Whether this is one of the gateway's own listeners, which nobody reaches through it.
    fn is_own_listener(&self, address: SocketAddr) -> bool;
    /// How long reaching a vendor may take (`[limits]`).
    fn bounds(&self) -> Bounds;
}

/// How much a vendor may take: of time, and of this gateway's memory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Name resolution, TCP, TLS and the HTTP/2 preface, all together.
    pub connect: Duration,
    /// An idle connection is kept this long.
    pub idle: Duration,
    /// Bytes of a response head.
    pub head_bytes: u32,
}

/// The room's handle: resolver, trust and pool.
pub struct Upstream<B> {
    lookups: resolve::Lookups,
    trust: tls::ClientConfigs,
    pool: Arc<pool::Pool<B>>,
    metrics: Metrics,
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A room with an empty pool. `trust` verifies every vendor; handshakes are counted in `metrics`.
    pub fn new(resolver: Arc<dyn Resolve>, trust: Trust, metrics: Metrics) -> Self {
        Self {
            lookups: resolve::Lookups::of(resolver),
            trust: tls::ClientConfigs::new(trust),
            pool: Arc::new(pool::Pool::default()),
            metrics,
        }
    }

    /// A connection for `key`, ready to send. With `fresh`, a pooled one is not taken.
    pub async fn checkout(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        fresh: bool,
    ) -> Result<Connection<B>, UpstreamError> {
        let bounds = reach.bounds();
        if !fresh
            && key.is_pooled()
            && let Some(connection) = self.pool.take(key, bounds.idle).await
        {
            return Ok(connection);
        }
        // Boxed: room for a handshake would make the future of every exchange three times as large.
        Box::pin(self.connect(key, reach, fresh, bounds)).await
    }

    /// A connection that stands meanwhile, or a new one.
    async fn connect(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        fresh: bool,
        bounds: Bounds,
    ) -> Result<Connection<B>, UpstreamError> {
        let deadline = Instant::now() + bounds.connect;
        // Whoever wants a fresh one has seen a kept one fail.
        let _first = match fresh {
            true => None,
            false => loop {
                match self.pool.turn(key) {
                    Turn::Own => break None,
                    Turn::First(first) => break Some(first),
                    Turn::Wait(ended) => {
                        let waited = timeout_at(deadline, ended.cancelled()).await;
                        waited.map_err(|_| UpstreamError::HandshakeTimeout)?;
                    }
                }
                if let Some(connection) = self.pool.take(key, bounds.idle).await {
                    return Ok(connection);
                }
            },
        };
        self.establish(key, reach, bounds, deadline).await
    }

    async fn establish(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        bounds: Bounds,
        deadline: Instant,
    ) -> Result<Connection<B>, UpstreamError> {
        let stream = self.dial_until(key.member, &key.origin, reach, deadline).await?;
        let established = connection::establish(stream, key, &self.trust, &self.pool, bounds.head_bytes);
        let outcome = match timeout_at(deadline, established).await {
            Ok(outcome) => outcome,
            Err(_) => Err(UpstreamError::HandshakeTimeout),
        };
        if key.origin.scheme == Scheme::Https {
            self.metrics.handshake(Peer::Upstream, connection::handshake_of(&outcome));
        }
        Ok(outcome?.0)
    }

    /// A vetted TCP connection to `origin`'s host and port, for a tunnel of `member`'s.
    pub async fn dial(
        &self,
        member: MemberId,
        origin: &Origin,
        reach: &dyn Reach,
    ) -> Result<tokio::net::TcpStream, UpstreamError> {
        self.dial_until(member, origin, reach, Instant::now() + reach.bounds().connect).await
    }

    async fn dial_until(
        &self,
        member: MemberId,
        origin: &Origin,
        reach: &dyn Reach,
        deadline: Instant,
    ) -> Result<tokio::net::TcpStream, UpstreamError> {
        let addresses = dial::addresses(origin, reach, &self.lookups, member, deadline).await?;
        dial::connect(&addresses, deadline).await
    }

    /// Drops what has been idle for `lifetime`; call it now and then.
    pub fn sweep(&self, lifetime: Duration) {
        self.pool.sweep(lifetime);
    }

    /// Whether the vendor offered `member` WebSockets over HTTP/2 (RFC 8441) within the last day.
    pub fn takes_websockets(&self, member: MemberId, origin: &Origin) -> bool {
        self.pool.offers().has(member, origin)
    }

    /// How many connections stand idle.
    pub fn idle(&self) -> usize {
        self.pool.idle()
    }

    /// Believes `trust` from now on: no connection or TLS ticket made under another one is used again.
    pub fn trust(&self, trust: Trust) {
        self.trust.trust(trust);
        self.pool.clear();
    }
}
