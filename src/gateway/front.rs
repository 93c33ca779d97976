//! The proxy port: what each request becomes.

use super::authority::Leaves;
use super::{connect, own};
use crate::exchange::stack::{Corridor, corridor};
use crate::exchange::{
    Client, Exchange, ExchangeError, Flow, Handle, Reply, RequestBody, Rooms, Who, refusal,
};
use crate::gateway::who::Asking;
use crate::model::MemberId;
use crate::model::record::{Event, TermsRecord};
use arc_swap::ArcSwap;
use http::header::{CONNECTION, HeaderMap, HeaderValue, PROXY_AUTHENTICATE};
use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::who::Roster;

/// The front door with everything behind it.
pub struct Front {
    /// The rooms behind the door.
    pub rooms: Arc<Rooms>,
    /// The leaves it shows.
    pub leaves: Leaves,
    /// Whom it knows.
    pub roster: ArcSwap<Roster>,
    /// Told when it closes.
    pub stop: CancellationToken,
    /// What still runs.
    pub tasks: TaskTracker,
    corridor: Corridor,
}

impl Front {
    /// A front door before `rooms`.
    pub fn new(rooms: Arc<Rooms>, leaves: Leaves, roster: Roster) -> Arc<Self> {
        Arc::new(Self {
            corridor: corridor(&rooms),
            rooms,
            leaves,
            roster: ArcSwap::from_pointee(roster),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        })
    }

    /// Who is asking.
    pub(super) fn identify(&self, peer: IpAddr, headers: &HeaderMap) -> Asking {
        let generation = self.rooms.generation.load();
        self.roster.load().identify(peer, headers, &self.rooms.vault, &generation.config)
    }

    /// One exchange through the corridor.
    pub(super) async fn exchange(&self, client: Arc<Client>, who: Who, request: Request<Incoming>) -> Reply {
        let accepts = request.headers().get(http::header::ACCEPT).cloned();
        let flow = match Flow::begin(&self.rooms, who.member).await {
            Ok(flow) => flow,
            Err(error) => return answer(&error, accepts.as_ref()),
        };
        let (head, body) = request.into_parts();
        let mut exchange = Exchange {
            client,
            who,
            rehearsal: false,
            generation: self.rooms.generation.load_full(),
            flow,
            method: head.method,
            version: head.version,
            uri: head.uri,
            target: String::new(),
            body: RequestBody::arriving(body, &head.headers),
            headers: head.headers,
            extensions: head.extensions,
            origin: None,
            context: None,
            plan: Default::default(),
            reply_plan: Default::default(),
            notes: Vec::new(),
            terms: TermsRecord { state: "none".to_owned(), offer: Vec::new(), gpc: false },
            first_uses: Default::default(),
            answer: None,
            attempts: 0,
        };
        match self.corridor.handle(&mut exchange).await {
            Ok(reply) => reply,
            Err(error) => answer(&error, accepts.as_ref()),
        }
    }

    /// Turns a request away before it has become an exchange, with a record.
    pub(super) async fn refuse(
        &self,
        member: MemberId,
        host: Option<String>,
        error: &ExchangeError,
        headers: &HeaderMap,
    ) -> Reply {
        self.record_refusal(member, host, error).await;
        let mut reply = answer(error, headers.get(http::header::ACCEPT));
        // What a client sent right behind a CONNECT that was turned away is not HTTP.
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        reply
    }

    /// The record alone, where no answer can be given or one has been.
    pub(super) async fn record_refusal(&self, member: MemberId, host: Option<String>, error: &ExchangeError) {
        if let Ok(mut flow) = Flow::begin(&self.rooms, member).await {
            let event = Event::Refused {
                flow: flow.id(),
                host,
                status: error.status().as_u16(),
                code: error.proxy_error().to_owned(),
                reason: error.to_string(),
            };
            flow.end(event);
        }
    }

    /// 407 (RFC 9110 section 15.5.8).
    async fn unauthorised(&self, headers: &HeaderMap) -> Reply {
        if let Ok(mut flow) = Flow::begin(&self.rooms, MemberId::GUEST).await {
            let event = Event::Refused {
                flow: flow.id(),
                host: None,
                status: StatusCode::PROXY_AUTHENTICATION_REQUIRED.as_u16(),
                code: "proxy_authentication_required".to_owned(),
                reason: "no credential, or one that is not ours".to_owned(),
            };
            flow.end(event);
        }
        let mut reply = refusal(
            StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            "http_request_denied",
            "this gateway needs a member's credential",
            headers.get(http::header::ACCEPT),
        );
        let challenge = HeaderValue::from_static("Basic realm=\"doorward\", charset=\"UTF-8\"");
        reply.headers_mut().insert(PROXY_AUTHENTICATE, challenge);
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        reply
    }
}

fn answer(error: &ExchangeError, accepts: Option<&HeaderValue>) -> Reply {
    refusal(error.status(), error.proxy_error(), &error.to_string(), accepts)
}

/// What a request on the proxy port becomes.
enum Stream {
    /// Walks the corridor.
    Exchange(Who),
    /// Becomes a tunnel, intercepted or not.
    Connect(Who),
    /// Is for the gateway itself.
    Own,
    /// Is turned away for want of a credential.
    Unauthorised,
}

/// The proxy port as one client connection sees it.
pub(super) struct ProxyPort {
    pub(super) front: Arc<Front>,
    pub(super) peer: IpAddr,
}

impl ProxyPort {
    fn sort(&self, request: &Request<Incoming>) -> Stream {
        // RFC 9112 section 3.2.1: origin-form is for the server itself, absolute-form (3.2.2) for a proxy.
        if *request.method() != Method::CONNECT && request.uri().authority().is_none() {
            return Stream::Own;
        }
        match self.front.identify(self.peer, request.headers()) {
            Asking::Unauthorised => Stream::Unauthorised,
            Asking::Known(who) if *request.method() == Method::CONNECT => Stream::Connect(who),
            Asking::Known(who) => Stream::Exchange(who),
        }
    }
}

impl Service<Request<Incoming>> for ProxyPort {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let stream = self.sort(&request);
        let (front, peer) = (Arc::clone(&self.front), self.peer);
        Box::pin(async move {
            Ok(match stream {
                Stream::Exchange(who) => {
                    let client = Arc::new(Client { peer, who: who.clone(), tunnelled: None });
                    front.exchange(client, who, request).await
                }
                Stream::Connect(who) => connect::connect(&front, peer, who, request).await,
                Stream::Own => own::answer(&front, &request),
                Stream::Unauthorised => front.unauthorised(request.headers()).await,
            })
        })
    }
}

/// An intercepted connection: every request walks the corridor.
pub(super) struct Intercepted {
    pub(super) front: Arc<Front>,
    pub(super) client: Arc<Client>,
}

impl Service<Request<Incoming>> for Intercepted {
    type Response = Reply;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (front, client) = (Arc::clone(&self.front), Arc::clone(&self.client));
        Box::pin(async move {
            let who = client.who.clone();
            Ok(front.exchange(client, who, request).await)
        })
    }
}
