//! Which vendors take WebSockets over HTTP/2 (RFC 8441).
//!
//! A vendor says so in its SETTINGS, which come at some time after the handshake. Clients are told from their next
//! connection on, since they are told in ours.

use super::gather::Gathering;
use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// When its SETTINGS are looked for after the handshake. hyper tells of no change.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// Whether one connection takes WebSockets.
#[derive(Clone, Debug, Default)]
pub(super) struct Offer(CancellationToken);

impl Offer {
    /// Waits until the vendor's SETTINGS offer it, or could have.
    pub(super) async fn is_made(&self) -> bool {
        timeout(LOOKS.iter().sum(), self.0.cancelled()).await.is_ok()
    }
}

/// Runs an HTTP/2 connection to its end, and calls `offered` once the vendor's SETTINGS offer WebSockets.
pub(super) async fn run<T, B>(
    mut connection: http2::Connection<T, B, Gathering>,
    offer: Offer,
    offered: impl FnOnce(),
) where
    T: Read + Write + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    for look in LOOKS {
        tokio::select! {
            // How it ended its exchanges know.
            _ = &mut connection => return,
            () = sleep(look) => {}
        }
        if connection.is_extended_connect_protocol_enabled() {
            offered();
            offer.0.cancel();
            break;
        }
    }
    let _ = connection.await;
}
