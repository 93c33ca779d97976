//! The listening socket and its bounds.

use super::front::{Front, ProxyPort};
use super::serve;
use crate::exchange::ExchangeError;
use crate::model::MemberId;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Client connections in all.
const MOST_CONNECTIONS: usize = 8192;
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

/// An open listener, not yet accepting.
pub struct Listening {
    listener: TcpListener,
    address: SocketAddr,
}

/// Opens the proxy port.
pub async fn listen(address: SocketAddr) -> Result<Listening, ListenError> {
    let failed = |source| ListenError { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listening { listener, address })
}

impl Listening {
    /// Where, with the port the system chose where none was named.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts until the front door closes.
    pub async fn serve(self, front: Arc<Front>) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let peers = Arc::new(Peers::default());
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
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
            let most = front.rooms.generation.load().config.connections_per_member();
            // One more than a member may hold is closed unread.
            let Some(seat) = Peers::seat(&peers, peer.ip(), most) else { continue };
            let front = Arc::clone(&front);
            let tracker = front.tasks.clone();
            tracker.spawn(async move {
                serve_connection(front, stream, peer.ip()).await;
                drop((seat, place));
            });
        }
    }
}

async fn serve_connection(front: Arc<Front>, stream: TcpStream, peer: IpAddr) {
    // Without it a small answer waits 40 ms for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = ProxyPort { front: Arc::clone(&front), peer };
    let ended = serve::http1(stream, service, &front.stop).await;
    front.connection_ended(MemberId::GUEST, None, ended).await;
}

impl Front {
    /// What hyper refused by itself never reached the corridor; it stands in the log all the same.
    pub(super) async fn connection_ended(
        &self,
        member: MemberId,
        host: Option<String>,
        ended: hyper::Result<()>,
    ) {
        let Err(error) = ended else { return };
        let refused = if error.is_parse_too_large() {
            ExchangeError::TooLarge("head")
        } else if error.is_parse() {
            ExchangeError::Malformed("the bytes are not an HTTP request")
        } else {
            return;
        };
        self.record_refusal(member, host, &refused).await;
    }
}

/// How many connections each address holds.
#[derive(Default)]
struct Peers {
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; given back when dropped.
struct Seat {
    peers: Arc<Peers>,
    address: IpAddr,
}

impl Peers {
    fn seat(peers: &Arc<Self>, address: IpAddr, most: usize) -> Option<Seat> {
        let mut held = peers.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { peers: Arc::clone(peers), address })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.peers.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_holds_only_so_many() {
        let peers = Arc::new(Peers::default());
        let here = IpAddr::from([127, 0, 0, 1]);
        let first = Peers::seat(&peers, here, 1);
        assert!(first.is_some() && Peers::seat(&peers, here, 1).is_none());
        assert!(Peers::seat(&peers, IpAddr::from([127, 0, 0, 2]), 1).is_some());
        drop(first);
        assert!(Peers::seat(&peers, here, 1).is_some());
    }
}
