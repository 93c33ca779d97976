//! Connections that a router hands over, of devices without settings (Linux: `tproxy` and `redirect` of nftables).
//!
//! Nobody says here who they are or whom they want. The one is the device's address; the other is the server name of the
//! handshake, or Host, which is resolved anew: the address that was dialled counts only where nothing else is said, so
//! that no device reaches under a vendor's name what is not that vendor.

use super::connect::{self, Stream};
use super::front::{Arrival, Front};
use super::peek::Peeked;
use super::who::Asking;
use crate::exchange::{ExchangeError, Who};
use crate::model::{Host, Origin, Scheme};
use http::HeaderMap;
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};

/// Lets the listener be given connections that were made to others (`IP_TRANSPARENT`, ip(7)). That takes `CAP_NET_ADMIN`, or
/// `Transparent=yes` in a socket unit; `redirect` works without.
pub(super) fn open_to_all(listener: &TcpListener) -> io::Result<()> {
    let socket = SockRef::from(listener);
    match listener.local_addr()? {
        SocketAddr::V4(_) => socket.set_ip_transparent_v4(true),
        SocketAddr::V6(_) => socket.set_ip_transparent_v6(true),
    }
}

/// What the connection was made to, before a router handed it over; `None` where it was made to the gateway.
fn destination(stream: &TcpStream, own: SocketAddr) -> io::Result<Option<SocketAddr>> {
    let arrived = canonical(stream.local_addr()?);
    let socket = SockRef::from(stream);
    // What `redirect` has replaced; without connection tracking, there is nothing to ask.
    let replaced = if arrived.is_ipv4() { socket.original_dst_v4() } else { socket.original_dst_v6() };
    let dialled = replaced.ok().and_then(|address| address.as_socket()).map_or(arrived, canonical);
    // Under `tproxy` the connection arrives as it was made. One to our own port was made to us.
    let is_ours = dialled == arrived && dialled.port() == own.port();
    Ok((!is_ours).then_some(dialled))
}

/// A listener for both families has IPv4 addresses inside of IPv6 ones.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Serves a connection that arrived at the transparent port `own`, to its end.
pub(super) async fn serve(front: &Arc<Front>, arrival: Arrival, stream: TcpStream, own: SocketAddr) {
    let peer = arrival.peer;
    let who = match front.identify(peer, &HeaderMap::new()) {
        Asking::Known(who) => who,
        Asking::Unauthorised => return front.record_unauthorised(peer).await,
    };
    let origin = match wanted(front, &arrival, &who, &stream, own) {
        Ok(origin) => origin,
        Err(error) => return front.record_refusal(peer, &who, None, &error).await,
    };
    // Whoever prepared it has recorded why it came to nothing.
    let Ok(prepared) = connect::prepare_unnamed(front, &who, &origin).await else { return };
    let stream: Box<dyn Stream> = Box::new(stream);
    prepared.lead_on(front, arrival, who, origin, Peeked::new(stream)).await;
}

fn wanted(
    front: &Front,
    arrival: &Arrival,
    who: &Who,
    stream: &TcpStream,
    own: SocketAddr,
) -> Result<Origin, ExchangeError> {
    if !front.seats(arrival, who) {
        return Err(ExchangeError::Crowded);
    }
    let Ok(Some(dialled)) = destination(stream, own) else {
        return Err(ExchangeError::NotCarried("a connection that no router handed over"));
    };
    let host = Host::Address(dialled.ip());
    let origin = Origin { scheme: Scheme::Https, host, port: dialled.port() };
    match front.rooms.generation.load().may_reach(&origin) {
        true => Ok(origin),
        false => Err(ExchangeError::Port),
    }
}
