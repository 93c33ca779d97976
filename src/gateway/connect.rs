//! CONNECT, over HTTP and SOCKS, and what a router hands over: intercepted, tunnelled, or turned away.

use super::cleartext;
use super::front::{Arrival, Front};
use super::intercept;
use super::passing::Why;
use super::peek::{Opening, Peeked};
use super::tunnel::{Tunnel, Waiting};
use crate::config::{self, TunnelReason};
use crate::exchange::{ExchangeError, Generation, Reply, ReplyBody, Tunnelled, Who, refusal_of};
use crate::model::{Host, Origin, Scheme};
use crate::telemetry::Tunnelled as Unread;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways, whatever carries them.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a client sends once it is told that it is connected.
pub(super) type ClientStream = Peeked<Box<dyn Stream>>;

/// What the names say before any byte was seen.
enum Decision {
    Intercept,
    Tunnel(Reason),
}

/// Why a stream stays unread: for the log, and for the counter.
struct Reason {
    text: String,
    label: Unread,
}

impl Reason {
    fn not_tls() -> Self {
        Self { text: "not TLS".to_owned(), label: Unread::NotHttp }
    }

    /// Inspection does not work there.
    fn learned(why: Why) -> Self {
        let label = match why {
            Why::Pinned => Unread::Pinned,
            Why::ClientCertificate => Unread::ClientCertificate,
            Why::Challenged => Unread::Other,
        };
        Self { text: why.as_str().to_owned(), label }
    }

    fn of(reason: &TunnelReason) -> Self {
        let label = match reason {
            TunnelReason::Off => Unread::Off,
            TunnelReason::NotChosen => Unread::NotChosen,
            TunnelReason::Never(_) => Unread::Never,
        };
        Self { text: reason.rule(), label }
    }
}

/// Answers CONNECT over HTTP.
pub(super) async fn connect(
    front: &Arc<Front>,
    arrival: Arrival,
    who: Who,
    request: Request<Incoming>,
) -> Reply {
    let origin = match target(&request, &front.rooms.generation.load()) {
        Ok(origin) => origin,
        Err(error) => return front.refuse(arrival.peer, &who, &error, request.headers()).await,
    };
    match prepare(front, &who, &origin).await {
        Ok(prepared) => {
            let front = Arc::clone(front);
            let tracker = front.tasks.clone();
            tracker.spawn(async move {
                if let Ok(stream) = hyper::upgrade::on(request).await {
                    let stream = Peeked::new(Box::new(TokioIo::new(stream)) as Box<dyn Stream>);
                    prepared.lead_on(&front, arrival, who, origin, stream).await;
                }
            });
            Response::new(ReplyBody::empty())
        }
        Err(error) => refuse_after_record(&error, &request),
    }
}

/// A stream that the client may be told of.
pub(super) enum Prepared {
    /// Goes through unread.
    Tunnel(Box<Tunnel>),
    /// Becomes what its first bytes are.
    Open,
}

/// Decides by the name. What stays unread is dialled before the answer, so that the client hears of a failure, which is
/// in the log then.
pub(super) async fn prepare(front: &Front, who: &Who, origin: &Origin) -> Result<Prepared, ExchangeError> {
    let generation = front.rooms.generation.load_full();
    match decide(&generation, who, &origin.host) {
        Decision::Tunnel(reason) => {
            let tunnel = Tunnel::open(&front.rooms, &generation, who, origin, &reason.text).await?;
            front.rooms.metrics.tunnel(reason.label);
            Ok(Prepared::Tunnel(Box::new(tunnel)))
        }
        Decision::Intercept => Ok(Prepared::Open),
    }
}

/// Decides where only an address is known: what is never read there passes, of the rest the first bytes say more.
pub(super) async fn prepare_unnamed(
    front: &Front,
    who: &Who,
    origin: &Origin,
) -> Result<Prepared, ExchangeError> {
    match decide(&front.rooms.generation.load(), who, &origin.host) {
        Decision::Tunnel(Reason { label: Unread::Never, .. }) => prepare(front, who, origin).await,
        _ => Ok(Prepared::Open),
    }
}

impl Prepared {
    /// Goes on with what the client sends, to its end. The place of `arrival` is held as long as that.
    pub(super) async fn lead_on(
        self,
        front: &Arc<Front>,
        arrival: Arrival,
        who: Who,
        origin: Origin,
        stream: ClientStream,
    ) {
        let standing = arrival.standing(&who);
        match self {
            Self::Tunnel(tunnel) => {
                let tunnel = tunnel.at(&arrival);
                front.lead(&standing, pin!(tunnel.carry(stream, &front.stop))).await;
            }
            Self::Open => {
                front.lead(&standing, pin!(open_up(front, &arrival, who, origin, stream))).await;
            }
        }
    }
}

/// RFC 9110 section 9.3.6: "A server MUST reject a CONNECT request that targets an empty or invalid port number"; there is
/// no default port.
fn target(request: &Request<Incoming>, generation: &Generation) -> Result<Origin, ExchangeError> {
    let malformed = ExchangeError::Malformed("CONNECT needs host and port");
    let Some(authority) = request.uri().authority().filter(|authority| !authority.as_str().contains('@'))
    else {
        return Err(malformed);
    };
    // RFC 9112 section 3.2.3: "When making a CONNECT request to establish a tunnel through one or more proxies, a client MUST
    // send only the host and port of the tunnel destination as the request-target."
    if request.uri().scheme().is_some() {
        return Err(malformed);
    }
    let (Some(port), Some(host)) = (authority.port_u16(), Host::parse(authority.host())) else {
        return Err(malformed);
    };
    let origin = Origin { scheme: Scheme::Https, host, port };
    if generation.may_reach(&origin) { Ok(origin) } else { Err(ExchangeError::Port) }
}

impl Front {
    /// Whether what `who` sends to `host` is opened up.
    pub(super) fn opens_up(&self, who: &Who, host: &Host) -> bool {
        matches!(decide(&self.rooms.generation.load(), who, host), Decision::Intercept)
    }
}

fn decide(generation: &Generation, who: &Who, host: &Host) -> Decision {
    if who.is_guest() {
        return Decision::Tunnel(Reason { text: "guest".to_owned(), label: Unread::Guest });
    }
    let config = &generation.config;
    match config.intercept_for(host, &config.vendor_of(host)) {
        config::Decision::Intercept => Decision::Intercept,
        config::Decision::Tunnel { reason } => Decision::Tunnel(Reason::of(&reason)),
    }
}

/// The tunnel has recorded its own failure.
fn refuse_after_record(error: &ExchangeError, request: &Request<Incoming>) -> Reply {
    let mut reply = refusal_of(error, request.headers().get(http::header::ACCEPT));
    reply.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    reply
}

/// Looks at the first bytes and becomes what they are.
async fn open_up(front: &Arc<Front>, arrival: &Arrival, who: Who, origin: Origin, mut stream: ClientStream) {
    let generation = front.rooms.generation.load_full();
    let patience = generation.config.settings.limits.head.get();
    let Ok(opening) = stream.look(patience).await else { return };
    let opening = match opening {
        Opening::Silent => {
            let waited = wait(front, &generation, &who, &origin, &mut stream).await;
            match waited {
                Some(Waited::Spoke(opening)) => opening,
                Some(Waited::Vendor(waiting)) => {
                    let reason = Reason::not_tls();
                    let opened = waiting.open(&reason.text).await;
                    return carry(front, arrival, opened, &reason, stream).await;
                }
                None => return,
            }
        }
        opening => opening,
    };
    match opening {
        Opening::Silent | Opening::Ended => {}
        Opening::Broken => {
            let error = ExchangeError::Malformed("the stream is not TLS after all");
            front.record_refusal(arrival.peer, &who, Some(origin.host.to_string()), &error).await;
        }
        Opening::Other if generation.identity.strict => {
            let error = ExchangeError::Forbidden {
                rule: "identity.strict".into(),
                reason: "what is not TLS cannot be inspected".into(),
            };
            front.record_refusal(arrival.peer, &who, Some(origin.host.to_string()), &error).await;
        }
        Opening::Other => {
            let reason = Reason::not_tls();
            let opened = Tunnel::open(&front.rooms, &generation, &who, &origin, &reason.text).await;
            carry(front, arrival, opened, &reason, stream).await;
        }
        Opening::Http => {
            let client = arrival.client(who, None);
            cleartext::serve(front, client, Origin { scheme: Scheme::Http, ..origin }, stream).await;
        }
        Opening::Tls { server_name } => {
            // A client that named only an address says in the handshake whom it wants.
            let wanted = server_name.as_deref().and_then(Host::parse).unwrap_or_else(|| origin.host.clone());
            let decision = match decide(&generation, &who, &wanted) {
                Decision::Intercept => match front.passes(&who, arrival.peer, &wanted) {
                    Some(why) => Decision::Tunnel(Reason::learned(why)),
                    None => Decision::Intercept,
                },
                decision => decision,
            };
            match decision {
                Decision::Tunnel(reason) => {
                    let named = Origin { host: wanted, ..origin };
                    let opened = Tunnel::open(&front.rooms, &generation, &who, &named, &reason.text).await;
                    carry(front, arrival, opened, &reason, stream).await;
                }
                Decision::Intercept => {
                    let tunnelled = Tunnelled::new(origin, server_name.as_deref());
                    let client = arrival.client(who, Some(tunnelled));
                    intercept::serve(front, client, wanted, stream).await;
                }
            }
        }
    }
}

/// Who spoke first on a stream whose client was silent.
enum Waited {
    Spoke(Opening),
    Vendor(Box<Waiting>),
}

/// A client that is silent may be waiting for the server to speak, or be early: both are waited for, and until one of them
/// speaks nothing goes to the vendor. Where nothing may go unread, the vendor is not even asked.
async fn wait(
    front: &Arc<Front>,
    generation: &Arc<Generation>,
    who: &Who,
    origin: &Origin,
    stream: &mut ClientStream,
) -> Option<Waited> {
    let limits = &generation.config.settings.limits;
    let mut waiting = match generation.identity.strict {
        true => None,
        false => Some(Waiting::dial(&front.rooms, generation, who, origin).await.ok()?),
    };
    let vendor = async {
        match &mut waiting {
            Some(waiting) => waiting.speaks().await,
            None => std::future::pending().await,
        }
    };
    let spoke = tokio::select! {
        biased;
        () = front.stop.cancelled() => None,
        first = stream.first() => first.ok().map(|_| true),
        speaks = vendor => speaks.then_some(false),
        () = tokio::time::sleep(limits.idle.get()) => None,
    };
    match (spoke, waiting) {
        (Some(false), Some(waiting)) => return Some(Waited::Vendor(Box::new(waiting))),
        (_, Some(waiting)) => waiting.forget(),
        (_, None) => {}
    }
    spoke?;
    stream.opening(limits.head.get()).await.ok().map(Waited::Spoke)
}

async fn carry(
    front: &Arc<Front>,
    arrival: &Arrival,
    opened: Result<Tunnel, ExchangeError>,
    reason: &Reason,
    stream: ClientStream,
) {
    if let Ok(tunnel) = opened {
        front.rooms.metrics.tunnel(reason.label);
        tunnel.at(arrival).carry(stream, &front.stop).await;
    }
}
