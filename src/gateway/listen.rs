//! The listening sockets and their bounds.

use super::connections::Seat;
use super::front::{Arrival, Front, ProxyPort};
use super::intercept::handshake_of;
use super::pace::Pace;
use super::peek;
use super::serve::{self, Bounds, Ended};
use super::{socks, transparent};
use crate::exchange::ExchangeError;
use crate::exchange::{Connection, Who};
use crate::telemetry;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Why a handshake with the gateway itself failed, as far as it is known.
const NOT_ACCEPTED: &str = "the client did not accept our certificate";
/// How long to wait when the system has no file descriptor left.
const BREATH: Duration = Duration::from_millis(50);

/// A listener that cannot be opened.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// Where.
    pub address: SocketAddr,
    /// What the system says.
    pub source: std::io::Error,
}

/// How clients come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// They ask a proxy.
    Proxy,
    /// A router hands them over at this address, and they do not know it.
    Transparent(SocketAddr),
}

/// An open listener, not yet accepting.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
    door: Door,
}

/// Opens the proxy port.
pub async fn listen(address: SocketAddr) -> Result<Listening, ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listening::on(listener, address))
}

impl Listening {
    /// A socket that somebody else opened at `address`.
    pub fn on(listener: TcpListener, address: SocketAddr) -> Self {
        Self { listener, address, door: Door::Proxy }
    }

    /// The same socket as the one a router hands connections over to.
    pub fn transparent(self) -> Self {
        if let Err(error) = transparent::open_to_all(&self.listener) {
            tracing::info!(%error, "listen.transparent takes what is redirected, not what comes by tproxy");
        }
        Self { door: Door::Transparent(self.address), ..self }
    }

    /// Where, with the port the system chose where none was named.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the front door closes.
    pub async fn serve(self, front: Arc<Front>) {
        loop {
            let most = front.rooms.generation.load().config.settings.limits.connections;
            let accepted = tokio::select! {
                accepted = self.accept(&front, most as usize) => accepted,
                () = front.stop.cancelled() => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "accepting failed");
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            Arc::clone(&front).attend(stream, peer.ip(), self.door);
        }
    }

    async fn accept(&self, front: &Front, most: usize) -> std::io::Result<(TcpStream, SocketAddr)> {
        front.connections.room(most).await;
        self.listener.accept().await
    }
}

impl Front {
    /// Serves a connection that was accepted from `peer` at this `door`, as a task of its own.
    pub fn attend(self: Arc<Self>, stream: TcpStream, peer: IpAddr, door: Door) {
        let limits = &self.rooms.generation.load().config.settings.limits;
        // One more than an address may hold is closed unread: nothing is known of it that could be recorded.
        let Some(seat) = self.connections.seat(peer, limits.connections_per_member as usize) else { return };
        // Without it a small answer waits 40 ms for the client's delayed acknowledgement.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let (bounds, arrival) = (Bounds::of(limits), Arrival::new(peer, seat));
        let tracker = self.tasks.clone();
        tracker.spawn(async move {
            if let Door::Transparent(own) = door {
                return transparent::serve(&self, arrival, stream, own).await;
            }
            match self.first_byte(&stream, bounds.idle).await {
                Some(socks::VERSION) => socks::serve(&self, arrival, stream, bounds.head).await,
                Some(peek::HANDSHAKE) => self.serve_tls(arrival, stream, bounds).await,
                Some(_) => self.serve_http(arrival, stream, bounds).await,
                None => {}
            }
        });
    }

    /// What a connection speaks shows in its first byte, which stays where it is; `None` where none comes.
    async fn first_byte(&self, stream: &TcpStream, patience: Duration) -> Option<u8> {
        let mut first = [0];
        let peeked = timeout(patience, stream.peek(&mut first));
        match self.stop.run_until_cancelled(peeked).await? {
            Ok(Ok(1)) => Some(first[0]),
            _ => None,
        }
    }

    /// HTTP inside TLS with the gateway itself.
    async fn serve_tls(self: &Arc<Self>, arrival: Arrival, stream: TcpStream, bounds: Bounds) {
        let shaking = timeout(bounds.head, self.accept_tls(stream, &[b"h2", b"http/1.1"]));
        let Some(shaken) = self.stop.run_until_cancelled(shaking).await else { return };
        self.rooms.metrics.handshake(telemetry::Peer::Downstream, handshake_of(&shaken));
        let Ok(Ok(tls)) = shaken else {
            return self
                .record_refusal(arrival.peer, &Who::guest(), None, &ExchangeError::Handshake(NOT_ACCEPTED))
                .await;
        };
        if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
            return self.serve_http(arrival, tls, bounds).await;
        }
        let (seat, pace) = (Arc::clone(&arrival.seat), Pace::new());
        let peer = arrival.peer;
        let service = ProxyPort { front: Arc::clone(self), arrival, pace: pace.clone() };
        // A WebSocket goes inside a tunnel here.
        let served = serve::http2(tls, service, &pace, bounds, false, &self.stop, &self.tasks);
        self.attend_to(peer, seat, pin!(served)).await;
    }

    async fn serve_http<T>(self: &Arc<Self>, arrival: Arrival, stream: T, bounds: Bounds)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (seat, pace) = (Arc::clone(&arrival.seat), Pace::new());
        let peer = arrival.peer;
        let service = ProxyPort { front: Arc::clone(self), arrival, pace: pace.clone() };
        let served = serve::http1(stream, service, &pace, bounds, &self.stop);
        self.attend_to(peer, seat, pin!(served)).await;
    }

    /// Serves while whoever asked last is still who they were.
    async fn attend_to(&self, peer: IpAddr, seat: Arc<Seat>, served: Pin<&mut impl Future<Output = Ended>>) {
        let stands = || seat.known().is_none_or(|who| self.is_still(peer, &who));
        let place: Arc<dyn Connection> = Arc::<Seat>::clone(&seat);
        let Some(ended) = self.work_while(stands, Some(&place), served).await else { return };
        self.connection_ended(peer, &Who::guest(), None, ended).await;
    }

    /// What hyper refused by itself never reached the corridor; it stands in the log all the same.
    pub(super) async fn connection_ended(&self, peer: IpAddr, who: &Who, host: Option<String>, ended: Ended) {
        if let Some(refused) = ended.fault() {
            self.record_refusal(peer, who, host, &refused).await;
        }
    }
}

impl Ended {
    /// What the client did wrong; `None` where it just ended the connection, or the network did.
    pub(super) fn fault(&self) -> Option<ExchangeError> {
        Some(match self {
            Self::Quietly => return None,
            Self::SlowHead => ExchangeError::RequestHeadTimeout,
            Self::Broken(error) if error.is_parse_too_large() => ExchangeError::TooLarge("head"),
            Self::Broken(error) if error.is_parse() => {
                ExchangeError::Malformed("the bytes are not an HTTP request")
            }
            Self::Broken(error) => ExchangeError::Malformed(broke_http2(error)?),
        })
    }
}

/// What this side ended an HTTP/2 connection for; `None` where the client or the network did.
fn broke_http2(error: &hyper::Error) -> Option<&'static str> {
    let error = error.source()?.downcast_ref::<h2::Error>().filter(|error| error.is_library())?;
    Some(match error.reason() {
        // RFC 9113 section 7: "the endpoint detected that its peer is exhibiting a behavior that might be generating
        // excessive load".
        Some(h2::Reason::ENHANCE_YOUR_CALM) => "the connection was flooded",
        _ => "the frames are not HTTP/2",
    })
}
