//! The only way out: names resolved once and vetted, the vetted address dialled, TLS verified, connections pooled
//! so that nothing is shared between members.
//!
//! [`Upstream::checkout`] gives a connection that is ready to send; sending is a second step
//! ([`Connection::send`]), so that the ledger's OPEN can be made durable in between.

mod connection;
mod dial;
mod error;
mod pool;
mod resolve;
mod tls;
mod vet;

pub use connection::{Connection, Protocol, SendError};
pub use error::UpstreamError;
pub use pool::{Key, PoolGauge};
pub use resolve::{Resolve, SystemResolver};
pub use tls::{TlsError, Trust};
pub use vet::{Refusal, is_special_use, vet};

use crate::model::Origin;
use bytes::Bytes;
use http_body::Body;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What may be dialled and how names become addresses: one configuration generation's answer.
pub trait Reach: Send + Sync {
    /// The fixed address of a host, port and all (`[upstream] hosts`).
    fn static_address(&self, host: &str) -> Option<SocketAddr>;
    /// Whether a special-use address may be dialled all the same (`[upstream] allow_private`).
    fn allows_private(&self, address: std::net::IpAddr) -> bool;
    /// Whether this is one of the gateway's own listeners, which nobody reaches through it.
    fn is_own_listener(&self, address: SocketAddr) -> bool;
}

/// How long each step of reaching a vendor may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Name resolution.
    pub resolve: Duration,
    /// TCP, over all addresses.
    pub connect: Duration,
    /// TLS and HTTP/2 preface.
    pub handshake: Duration,
    /// An idle connection is kept this long.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(60),
        }
    }
}

/// The room's handle: resolver, trust and pool.
pub struct Upstream<B> {
    resolver: Arc<dyn Resolve>,
    trust: tls::ClientConfigs,
    pool: Arc<pool::Pool<B>>,
    patience: Patience,
}

impl<B> Upstream<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// A room with an empty pool. `trust` verifies every vendor.
    pub fn new(resolver: Arc<dyn Resolve>, trust: &Trust, patience: Patience) -> Self {
        Self {
            resolver,
            trust: tls::ClientConfigs::new(trust),
            pool: Arc::new(pool::Pool::new(patience.idle)),
            patience,
        }
    }

    /// A connection for `key`, ready to send. With `fresh`, a pooled one is not taken.
    pub async fn checkout(
        &self,
        key: &Arc<Key>,
        reach: &dyn Reach,
        fresh: bool,
    ) -> Result<Connection<B>, UpstreamError> {
        if !fresh && let Some(connection) = self.pool.take(key).await {
            return Ok(connection);
        }
        let stream = self.dial(&key.origin, reach).await?;
        connection::establish(stream, key, &self.trust, &self.pool, self.patience).await
    }

    /// A vetted TCP connection to `origin`'s host and port, for a tunnel.
    pub async fn dial(
        &self,
        origin: &Origin,
        reach: &dyn Reach,
    ) -> Result<tokio::net::TcpStream, UpstreamError> {
        let addresses = dial::addresses(origin, reach, &*self.resolver, self.patience.resolve).await?;
        dial::connect(&addresses, self.patience.connect).await
    }

    /// Drops what has been idle too long; call it now and then.
    pub fn sweep(&self) {
        self.pool.sweep();
    }

    /// How many connections stand idle.
    pub fn idle(&self) -> usize {
        self.pool.idle()
    }

    /// Forgets every idle connection and TLS ticket, as after a change of trust.
    pub fn clear(&self) {
        self.pool.clear();
        self.trust.clear();
    }
}
