//! The only way out: names resolved once and vetted, the vetted address dialled, TLS verified, connections pooled
//! so that nothing is shared between members.
//!
//! [`Upstream::checkout`] gives a connection that is ready to send; sending is a second step
//! ([`Connection::send`]), so that the ledger's OPEN can be made durable in between.

mod answer;
mod connection;
mod dial;
mod error;
mod eyeballs;
mod flight;
mod gather;
mod http2;
mod moved;
mod next_hop;
mod pool;
mod remembered;
mod resolve;
pub mod revocation;
mod stream;
mod tls;
mod transport;
mod vet;
mod wake;
mod wanted;

pub use answer::{Answer, Switched};
pub use connection::{Connection, Protocol, SendError};
pub use error::UpstreamError;
pub use next_hop::{NextHop, NextHopError};
pub use pool::Key;
pub use resolve::{Resolve, SystemResolver};
use revocation::{Filters, Revocations};
pub use stream::Stream;
pub use tls::{TlsError, Trust};
pub use transport::TransportError;
pub use vet::{Refusal, is_local_name, is_special_use, vet};

use crate::config::value::NextHopScheme;
use crate::model::{Clock, MemberId, Origin, Scheme};
use crate::telemetry::{Metrics, Peer};
use bytes::Bytes;
use flight::Turn;
use http_body::Body;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// What may be dialled and how names become addresses: one configuration generation's answer.
pub trait Reach: Send + Sync {
    /// The fixed address of a host, port and all (`[upstream] hosts`).
    fn static_address(&self, host: &str) -> Option<SocketAddr>;
    /// Whether a special-use address may be dialled all the same (`[upstream] allow_private`).
    fn allows_private(&self, address: std::net::IpAddr) -> bool;
    /// Whether this is one of the gateway's own listeners, which nobody reaches through it.
    fn is_own_listener(&self, address: SocketAddr) -> bool;
    /// The proxy every connection leaves through (`[upstream] proxy`).
    fn next_hop(&self) -> Option<&Arc<NextHop>>;
    /// How long reaching a vendor may take (`[limits]`).
    fn bounds(&self) -> Bounds;
}

/// No connection is used again that was idle for longer: routers at home forget one after some minutes, without a word.
const KEPT: Duration = Duration::from_secs(60);

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

/// A connection that stands, or where a new one would go.
pub enum Way<B: Body + 'static> {
    /// A pooled one.
    Kept(Connection<B>),
    /// A new one.
    New(New),
}

impl<B: Body + 'static> Way<B> {
    /// Whether a connection would be made.
    pub fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// Where a new connection would go.
pub struct New {
    addresses: Vec<SocketAddr>,
    fresh: bool,
}

/// Where a tunnel would go.
pub struct Located {
    addresses: Vec<SocketAddr>,
    deadline: Instant,
}

/// The room's handle: resolver, trust and pool.
pub struct Upstream<B> {
    lookups: resolve::Lookups,
    trust: tls::ClientConfigs,
    pool: Arc<pool::Pool<B>>,
    wake: wake::Wake,
    moved: moved::Moved,
    metrics: Metrics,
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A room with an empty pool. `trust` verifies every vendor, `clock` tells that the machine has slept; handshakes are
    /// counted in `metrics`.
    pub fn new(resolver: Arc<dyn Resolve>, trust: Trust, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self {
            lookups: resolve::Lookups::of(resolver),
            trust: tls::ClientConfigs::new(trust),
            pool: Arc::new(pool::Pool::default()),
            wake: wake::Wake::new(clock),
            moved: moved::Moved::new(),
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
        let way = self.find(key, reach, fresh).await?;
        self.take(way, key, reach).await
    }

    /// The first half of [`Self::checkout`]: a pooled connection, or the vetted addresses of a new one. The vendor notices
    /// nothing of it.
    pub async fn find(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        fresh: bool,
    ) -> Result<Way<B>, UpstreamError> {
        let bounds = reach.bounds();
        if self.wake.has_slept() || self.moved.has_moved() {
            self.pool.clear();
        }
        if !fresh
            && key.is_pooled()
            && let Some(connection) = self.pool.take(key, bounds.idle.min(KEPT)).await
        {
            return Ok(Way::Kept(connection));
        }
        let deadline = Instant::now() + bounds.connect;
        let addresses = match key.next_hop {
            // It resolves the name.
            Some(_) => Vec::new(),
            None => {
                Box::pin(dial::addresses(&key.origin, reach, &self.lookups, key.member, deadline)).await?
            }
        };
        Ok(Way::New(New { addresses, fresh }))
    }

    /// The second half: the connection.
    pub async fn take(
        &self,
        way: Way<B>,
        key: &Arc<Key>,
        reach: &dyn Reach,
    ) -> Result<Connection<B>, UpstreamError> {
        match way {
            Way::Kept(connection) => Ok(connection),
            // Boxed: room for a handshake would make the future of every exchange three times as large.
            Way::New(new) => Box::pin(self.connect(key, reach, new)).await,
        }
    }

    /// A connection that stands meanwhile, or a new one.
    async fn connect(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        new: New,
    ) -> Result<Connection<B>, UpstreamError> {
        let bounds = reach.bounds();
        let New { addresses, fresh } = new;
        let deadline = Instant::now() + bounds.connect;
        // One may have become free since it was looked for.
        if !fresh
            && key.is_pooled()
            && let Some(connection) = self.pool.take(key, bounds.idle.min(KEPT)).await
        {
            return Ok(connection);
        }
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
                if let Some(connection) = self.pool.take(key, bounds.idle.min(KEPT)).await {
                    return Ok(connection);
                }
            },
        };
        let stream = match key.next_hop.as_deref() {
            Some(next_hop) => self.through(next_hop, key.member, &key.origin, reach, deadline).await?,
            None => Stream::Tcp(eyeballs::connect(&addresses, deadline).await?),
        };
        self.establish(key, stream, bounds, deadline).await
    }

    async fn establish(
        &self,
        key: &Arc<Key>,
        stream: Stream,
        bounds: Bounds,
        deadline: Instant,
    ) -> Result<Connection<B>, UpstreamError> {
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

    /// Where a tunnel of `member`'s to `origin`'s host and port would go: the vetted addresses, or the next hop. The vendor
    /// notices nothing of it.
    pub async fn locate(
        &self,
        member: MemberId,
        origin: &Origin,
        reach: &dyn Reach,
    ) -> Result<Located, UpstreamError> {
        let deadline = Instant::now() + reach.bounds().connect;
        let addresses = match reach.next_hop() {
            Some(_) => Vec::new(),
            None => dial::addresses(origin, reach, &self.lookups, member, deadline).await?,
        };
        Ok(Located { addresses, deadline })
    }

    /// A connection to what was located.
    pub async fn dial(
        &self,
        located: Located,
        member: MemberId,
        origin: &Origin,
        reach: &dyn Reach,
    ) -> Result<Stream, UpstreamError> {
        let Located { addresses, deadline } = located;
        match reach.next_hop() {
            Some(next_hop) => Box::pin(self.through(next_hop, member, origin, reach, deadline)).await,
            None => Ok(Stream::Tcp(eyeballs::connect(&addresses, deadline).await?)),
        }
    }

    /// By way of the next hop.
    async fn through(
        &self,
        next_hop: &NextHop,
        member: MemberId,
        origin: &Origin,
        reach: &dyn Reach,
        deadline: Instant,
    ) -> Result<Stream, UpstreamError> {
        let target = dial::target(origin, reach)?;
        let addresses = dial::next_hop_addresses(next_hop, reach, &self.lookups, member, deadline).await?;
        let tcp = eyeballs::connect(&addresses, deadline).await.map_err(|error| match error {
            UpstreamError::Connect(error) => NextHopError::Unreachable(Some(error)),
            _ => NextHopError::Unreachable(None),
        })?;
        let asked = async {
            match next_hop.scheme {
                NextHopScheme::Http => next_hop::connect(tcp, next_hop, &target).await,
                NextHopScheme::Socks5 => next_hop::socks5(tcp, next_hop, &target).await,
                NextHopScheme::Https => {
                    let name = tls::server_name(&next_hop.host).map_err(NextHopError::Tls)?;
                    let connector = TlsConnector::from(self.trust.toward_next_hop(member));
                    let tls = connector.connect(name, tcp).await;
                    let tls = tls.map_err(|error| NextHopError::Tls(TlsError::of(error)))?;
                    next_hop::connect(Box::new(tls), next_hop, &target).await
                }
            }
        };
        Ok(timeout_at(deadline, asked).await.map_err(|_| UpstreamError::ConnectTimeout)??)
    }

    /// Drops what has been idle for `lifetime`, or for a minute; call it now and then.
    pub fn sweep(&self, lifetime: Duration) {
        self.pool.sweep(lifetime.min(KEPT));
    }

    /// Whether the vendor offered `member` WebSockets over HTTP/2 (RFC 8441) within the last day.
    pub fn takes_websockets(&self, member: MemberId, origin: &Origin) -> bool {
        self.pool.offers().has(member, origin)
    }

    /// Whether the vendor asked `member` for a certificate within the last day.
    pub fn wants_certificate(&self, member: MemberId, origin: &Origin) -> bool {
        self.pool.wanting().has(member, origin)
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

    /// What is known of revoked certificates.
    pub fn revocations(&self) -> Revocations {
        self.trust.revocations()
    }

    /// Takes these revocations into force, or none. Where they are others than before, no connection or TLS ticket made
    /// under those is used again.
    pub fn take_revocations(&self, filters: Option<Filters>) {
        let revocations = self.trust.revocations();
        let before = revocations.as_of();
        revocations.store(filters);
        if revocations.as_of() != before {
            self.trust.forget();
            self.pool.clear();
        }
    }
}
