//! Which vendors take WebSockets over HTTP/2 (RFC 8441).
//!
//! A vendor says so in its SETTINGS, which come at some time after the handshake. Clients are told from their next
//! connection on, since they are told in ours.

use super::gather::Gathering;
use crate::model::{MemberId, Origin};
use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http2;
use hyper::rt::{Read, Write};
use moka::sync::Cache;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// What a vendor offered is remembered for so long.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// And of so many vendors.
const MOST_REMEMBERED: u64 = 4096;
/// When its SETTINGS are looked for after the handshake. hyper tells of no change.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// What vendors offered, by member.
pub(super) struct Offers(Cache<(MemberId, Origin), ()>);

impl Default for Offers {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST_REMEMBERED).time_to_live(REMEMBERED).build())
    }
}

impl Offers {
    /// Whether the vendor offered it to this member lately.
    pub(super) fn has(&self, member: MemberId, origin: &Origin) -> bool {
        self.0.contains_key(&(member, origin.clone()))
    }

    /// The vendor offers it.
    pub(super) fn note(&self, member: MemberId, origin: &Origin) {
        self.0.insert((member, origin.clone()), ());
    }
}

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
