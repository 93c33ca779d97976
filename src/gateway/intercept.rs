//! A connection that is intercepted: TLS with a leaf of ours, then requests that walk the corridor; or a client that does
//! not accept the leaf.

use super::connect::ClientStream;
use super::front::Front;
use super::pace::Pace;
use super::passing::Refusal;
use super::serve::{self, Bounds, Leaving};
use super::standing::Standing;
use super::trial::Trial;
use crate::exchange::{Client, Tunnelled};
use crate::model::Host;
use crate::telemetry::{Handshake, Peer};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use rustls::HandshakeKind;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// An application that checks its pins behind the handshake has ended the connection by then.
const CHECKED: Duration = Duration::from_secs(2);

/// Serves a connection to `host`, which the client names in its handshake, until either side ends it.
pub(super) async fn serve(front: &Arc<Front>, client: Client, host: Host, stream: ClientStream) {
    let Ok(config) = front.leaves.server_config(client.who.member, &host) else {
        tracing::warn!("no leaf could be minted");
        return;
    };
    let bounds = Bounds::of(&front.rooms.generation.load().config.settings.limits);
    let shaken = timeout(bounds.head, TlsAcceptor::from(config).accept(stream)).await;
    let handshake = handshake_of(&shaken);
    front.rooms.metrics.handshake(Peer::Downstream, handshake);
    let client = Arc::new(client);
    let trial = Arc::new(Trial::new(&client, host, &front.stop));
    let tls = match shaken {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) if handshake == Handshake::Failed && is_bare_end(&error) => {
            return front.refused(&trial, Some(Refusal::BareEnd), true).await;
        }
        _ => {
            let refusal = (handshake == Handshake::Untrusted).then_some(Refusal::Alert);
            return front.refused(&trial, refusal, true).await;
        }
    };
    let origin = client.tunnelled.as_ref().and_then(Tunnelled::origin);
    let member = client.who.member;
    let websockets = origin.is_some_and(|origin| front.rooms.upstream.takes_websockets(member, origin));
    let (began, pace) = (Instant::now(), Pace::new());
    let service = Intercepted { front: Arc::clone(front), trial: Arc::clone(&trial), pace: pace.clone() };
    let standing = Standing::of(&client, Some(&trial.host));
    let served = pin!(async {
        match tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            true => serve::http2(tls, service, &pace, bounds, websockets, &trial.over, &front.tasks).await,
            false => serve::http1(tls, service, &pace, bounds, &trial.over).await,
        }
    });
    let Some(ended) = front.lead(&standing, served).await else { return };
    let bare = ended.fault().is_none() && !front.stop.is_cancelled();
    if bare && !trial.has_asked() && began.elapsed() < CHECKED {
        return front.refused(&trial, Some(Refusal::BareEnd), false).await;
    }
    let named = Some(trial.host.to_string());
    front.connection_ended(client.peer, &client.who, named, ended).await;
}

/// An intercepted connection: every request walks the corridor.
struct Intercepted {
    front: Arc<Front>,
    trial: Arc<Trial>,
    pace: Pace,
}

impl Service<Request<Incoming>> for Intercepted {
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let busy = self.pace.begin();
        self.front.accepted(&self.trial);
        let (front, trial) = (Arc::clone(&self.front), Arc::clone(&self.trial));
        Box::pin(async move {
            let (client, who) = (Arc::clone(&trial.client), trial.client.who.clone());
            let reply = front.exchange(client, who, request, Vec::new()).await;
            if let Some(reception) = reply.extensions().get().copied() {
                // Boxed, like everything that few exchanges need.
                Box::pin(front.received(&trial, reception)).await;
            }
            Ok(Leaving::of(reply, busy))
        })
    }
}

/// Whether a client ended the connection in the middle of the handshake, without a word.
fn is_bare_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// How a handshake with a client went. One that says it does not know our authority, or does not want a certificate of its,
/// is worth telling apart: it was not set up, or accepts only its vendor's own.
pub(super) fn handshake_of<T>(shaken: &Result<io::Result<TlsStream<T>>, Elapsed>) -> Handshake {
    use rustls::AlertDescription::{BadCertificate, CertificateUnknown, UnknownCA, UnsupportedCertificate};
    let error = match shaken {
        Ok(Ok(tls)) if tls.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed) => {
            return Handshake::Resumed;
        }
        Ok(Ok(_)) => return Handshake::Full,
        Ok(Err(error)) => error,
        Err(_) => return Handshake::Failed,
    };
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(
            BadCertificate | CertificateUnknown | UnknownCA | UnsupportedCertificate,
        )) => Handshake::Untrusted,
        _ => Handshake::Failed,
    }
}
