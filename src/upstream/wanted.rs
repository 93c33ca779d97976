//! Vendors that want a certificate of their user's (RFC 8446 section 4.3.2). The gateway has none to show: it is the
//! device's alone.

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    /// Whether the vendor of the handshake under way has asked.
    static ASKED: AtomicBool;
}

/// Shows none, and notes that it was asked. One for all connections: sessions resume only under the same.
#[derive(Debug)]
pub(super) struct NoCertificate;

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Outside a handshake of ours nobody wants to know.
        let _ = ASKED.try_with(|asked| asked.store(true, Ordering::Relaxed));
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

/// Shakes hands, and tells whether the vendor asked for a certificate.
pub(super) async fn shaken<T>(handshake: impl Future<Output = T>) -> (T, bool) {
    ASKED
        .scope(AtomicBool::new(false), async {
            let shaken = handshake.await;
            (shaken, ASKED.with(|asked| asked.load(Ordering::Relaxed)))
        })
        .await
}
