//! A connection that is intercepted: TLS with a leaf of ours, then requests that walk the corridor; or a client that does
//! not accept the leaf.

use super::connect::ClientStream;
use super::front::Front;
use super::pace::Pace;
use super::pinned::{Device, Lesson, Refusal};
use super::serve::{self, Bounds, Leaving};
use super::standing::Standing;
use crate::config::schema::OnPinned;
use crate::exchange::{Client, ExchangeError, Tunnelled, Who};
use crate::model::Host;
use crate::telemetry::{Handshake, Peer};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::Service;
use rustls::HandshakeKind;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    let trial = Arc::new(Trial { client: Arc::clone(&client), host, asked: AtomicBool::new(false) });
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
    let served = async {
        match tls.get_ref().1.alpn_protocol() == Some(b"h2") {
            true => serve::http2(tls, service, &pace, bounds, websockets, &front.stop, &front.tasks).await,
            false => serve::http1(tls, service, &pace, bounds, &front.stop).await,
        }
    };
    let Some(ended) = front.lead(&standing, served).await else { return };
    let bare = ended.fault().is_none() && !front.stop.is_cancelled();
    if bare && !trial.asked.load(Ordering::Relaxed) && began.elapsed() < CHECKED {
        return front.refused(&trial, Some(Refusal::BareEnd), false).await;
    }
    let named = Some(trial.host.to_string());
    front.connection_ended(client.peer, &client.who, named, ended).await;
}

/// Whether a client will ask anything under our leaf.
struct Trial {
    client: Arc<Client>,
    host: Host,
    asked: AtomicBool,
}

impl Trial {
    fn device(&self) -> Device {
        Device::of(&self.client.who, self.client.peer)
    }
}

impl Front {
    /// Whether what the device opens to `host` passes uninspected because of what it did before.
    pub(super) fn is_pinned(&self, who: &Who, peer: IpAddr, host: &Host) -> bool {
        self.pins.is_pinned(&Device::of(who, peer), host, self.rooms.clock.now())
    }

    /// A client did not go on under our leaf. Its owner shall see it; where nothing may have been wrong, only if `told`.
    async fn refused(&self, trial: &Trial, how: Option<Refusal>, told: bool) {
        let (who, host) = (&trial.client.who, &trial.host);
        let passage = self.passage(who, host);
        let lesson = how.map_or(Lesson::Nothing, |how| {
            let may_pass = passage == Passage::Open;
            self.pins.refused(&trial.device(), host, how, may_pass, self.rooms.clock.now())
        });
        let reason = match lesson {
            Lesson::Nothing if !told => return,
            Lesson::Nothing => "the client did not accept our certificate",
            Lesson::Distrust => {
                "this device does not trust Doorward: it has not accepted its certificate yet"
            }
            Lesson::Pinned => passage.reason(),
        };
        let named = Some(host.to_string());
        self.record_refusal(trial.client.peer, who, named, &ExchangeError::Handshake(reason)).await;
    }

    /// Whether an application that accepts only its vendor's own certificate may pass uninspected to `host`.
    fn passage(&self, who: &Who, host: &Host) -> Passage {
        let generation = self.rooms.generation.load();
        let vendor = generation.config.vendor_of(host);
        let sector = self.rooms.personas.sector(who.member, &host.to_string(), &vendor.id);
        let known = vendor.configured.is_some()
            || self.rooms.personas.of(who.member).is_some_and(|persona| {
                let epoch = persona.wardrobe.standing(&sector).epoch;
                !persona.wardrobe.worn(&sector, epoch).is_empty()
            });
        let blocked = host.name().is_some_and(|name| generation.trackers.host_rule(name).is_some());
        let intercept = &generation.config.settings.intercept;
        if blocked || generation.identity.strict || intercept.on_pinned == OnPinned::Block {
            Passage::Closed
        } else if known {
            Passage::Asked
        } else {
            Passage::Open
        }
    }
}

/// What becomes of an application that accepts only its vendor's own certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passage {
    /// It passes uninspected.
    Open,
    /// A vendor that the member has dealings with: its owner says so first.
    Asked,
    /// It does not pass.
    Closed,
}

impl Passage {
    fn reason(self) -> &'static str {
        match self {
            Self::Open => {
                "this application accepts only its vendor's own certificate: what it opens next passes uninspected"
            }
            Self::Asked => {
                "this application accepts only its vendor's own certificate: to let it pass uninspected, add its host to \
                 [intercept] never"
            }
            Self::Closed => {
                "this application accepts only its vendor's own certificate, and may not pass uninspected"
            }
        }
    }
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
        if !self.trial.asked.swap(true, Ordering::Relaxed) {
            self.front.pins.works(&self.trial.device(), &self.trial.host, self.front.rooms.clock.now());
        }
        let (front, client) = (Arc::clone(&self.front), Arc::clone(&self.trial.client));
        Box::pin(async move {
            let who = client.who.clone();
            Ok(Leaving::of(front.exchange(client, who, request, Vec::new()).await, busy))
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
