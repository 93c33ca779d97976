//! The proxy port: what each request becomes.

use super::authority::Leaves;
use super::connections::{Connections, Seat};
use super::pace::{Busy, Pace};
use super::passing::Passing;
use super::ration::{Ration, UNTOLD};
use super::serve::Leaving;
use super::socks::Credential;
use super::standing::Standing;
use super::{connect, own, reverse};
use crate::exchange::stack::{Corridor, corridor};
use crate::exchange::{
    Client, Exchange, ExchangeError, Flow, Handle, Reply, ReplyBody, RequestBody, Rooms, Tunnelled, Who,
    refusal, refusal_of,
};
use crate::gateway::who::Asking;
use crate::model::record::{Event, Record, TermsRecord};
use crate::model::{FlowId, MemberId};
use arc_swap::ArcSwap;
use http::header::{CONNECTION, HeaderMap, HeaderValue, PROXY_AUTHENTICATE, UPGRADE};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::service::Service;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::sync::watch;
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
    /// Told when the time to finish is over, too.
    pub(super) cut: CancellationToken,
    /// Told when members, credentials or policy have become others.
    pub(super) changes: watch::Sender<()>,
    /// What still runs.
    pub tasks: TaskTracker,
    /// Who holds how many connections.
    pub connections: Arc<Connections>,
    /// Where inspection does not work.
    pub(super) passing: Passing,
    /// Whose refusals are still recorded one by one.
    pub ration: Ration,
    corridor: Corridor,
}

impl Front {
    /// A front door before `rooms`.
    pub(super) fn new(rooms: Arc<Rooms>, leaves: Leaves, roster: Roster, passing: Passing) -> Arc<Self> {
        Arc::new(Self {
            corridor: corridor(&rooms),
            rooms,
            leaves,
            roster: ArcSwap::from_pointee(roster),
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
            changes: watch::Sender::default(),
            tasks: TaskTracker::new(),
            connections: Arc::default(),
            passing,
            ration: Ration::default(),
        })
    }

    /// Who is asking.
    pub(super) fn identify(&self, peer: IpAddr, headers: &HeaderMap) -> Asking {
        let generation = self.rooms.generation.load();
        self.roster.load().identify(peer, headers, &self.rooms.vault, &generation.config)
    }

    /// The member whose user name and password these are.
    pub(super) fn holder_of(&self, credential: &Credential) -> Option<Who> {
        let name = std::str::from_utf8(&credential.name).ok()?;
        let token = std::str::from_utf8(credential.password.expose()).ok()?;
        self.roster.load().holder_of(name, token, &self.rooms.vault)
    }

    /// Whether there is room for one more connection of theirs; from then on it is counted as that, and lasts while they
    /// are who they are.
    pub(super) fn seats(&self, arrival: &Arrival, who: &Who) -> bool {
        arrival.seat.is_asked_by(who);
        let most = self.rooms.generation.load().config.settings.limits.connections_per_member;
        // Guests are many, and stay counted by their addresses.
        who.is_guest() || arrival.seat.belongs_to(who.member, most as usize)
    }

    /// One exchange through the corridor. `notes` are for its record.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        client: Arc<Client>,
        who: Who,
        request: Request<Incoming>,
        notes: Vec<String>,
    ) -> Reply {
        let accepts = request.headers().get(http::header::ACCEPT).cloned();
        let generation = self.rooms.generation.load_full();
        let flow = match Flow::begin(&self.rooms, &generation, &who).await {
            Ok(mut flow) => {
                flow.runs_at(client.place.clone());
                flow
            }
            Err(error) => return refusal_of(&error, accepts.as_ref()),
        };
        let patience = generation.config.settings.limits.idle.get();
        let (head, body) = request.into_parts();
        let is_head = head.method == Method::HEAD;
        let mut exchange = Exchange {
            persona: self.rooms.personas.of(who.member),
            client,
            who,
            rehearsal: false,
            generation,
            method: head.method,
            version: head.version,
            uri: head.uri,
            target: String::new(),
            body: RequestBody::arriving(body, &head.headers, patience, flow.tally()),
            websocket: None,
            flow,
            headers: head.headers,
            extensions: head.extensions,
            origin: None,
            context: None,
            plan: Default::default(),
            reply_plan: Default::default(),
            notes,
            terms: TermsRecord::default(),
            first_uses: Default::default(),
            answer: None,
            attempts: 0,
            is_clean: false,
            sent_places: Vec::new(),
        };
        let reply = match self.corridor.handle(&mut exchange).await {
            Ok(reply) => self.lead_on(&exchange, reply),
            Err(error) => refusal_of(&error, accepts.as_ref()),
        };
        // RFC 9110 section 9.3.2: "the server MUST NOT send content in the response" to HEAD; over HTTP/2 hyper would.
        match reply.body() {
            ReplyBody::Local(_) if is_head => reply.map(|_| ReplyBody::empty()),
            _ => reply,
        }
    }

    /// A connection that becomes a channel goes on as a task of its own.
    fn lead_on(self: &Arc<Self>, exchange: &Exchange, reply: Reply) -> Reply {
        let (mut head, body) = reply.into_parts();
        let ReplyBody::Channel(channel) = body else { return Response::from_parts(head, body) };
        if !channel.over_http2 {
            head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        let (front, host) = (Arc::clone(self), exchange.origin.as_ref().map(|origin| &origin.host));
        let standing = Standing { who: exchange.who.clone(), ..Standing::of(&exchange.client, host) };
        self.tasks.spawn(async move {
            front.lead(&standing, pin!(channel.run(&front.stop))).await;
        });
        Response::from_parts(head, ReplyBody::empty())
    }

    /// Turns a request away before it has become an exchange, with a record.
    pub(super) async fn refuse(
        &self,
        peer: IpAddr,
        who: &Who,
        error: &ExchangeError,
        headers: &HeaderMap,
    ) -> Reply {
        self.record_refusal(peer, who, None, error).await;
        let mut reply = refusal_of(error, headers.get(http::header::ACCEPT));
        // What a client sent right behind a CONNECT that was turned away is not HTTP.
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        reply
    }

    /// The record alone, where no answer can be given or one has been.
    pub(super) async fn record_refusal(
        &self,
        peer: IpAddr,
        who: &Who,
        host: Option<String>,
        error: &ExchangeError,
    ) {
        let (status, code) = (error.status(), error.proxy_error());
        self.record(peer, who, |flow| Event::Refused {
            flow,
            host,
            status: status.as_u16(),
            code: code.to_owned(),
            reason: error.to_string(),
        })
        .await;
    }

    /// The record of a flow of which nothing came, as far as the ration of its address goes.
    async fn record(&self, peer: IpAddr, who: &Who, event: impl FnOnce(FlowId) -> Event) {
        if !self.ration.admits(peer) {
            return;
        }
        let generation = self.rooms.generation.load_full();
        if let Ok(mut flow) = Flow::begin(&self.rooms, &generation, who).await {
            flow.end(event(flow.id()));
        }
    }

    /// Writes down how many refusals were not recorded one by one.
    pub(super) async fn tell_untold(&self) {
        self.ration.sweep();
        let count = self.ration.untold();
        if count == 0 {
            return;
        }
        let event = Event::Gap { reason: UNTOLD.to_owned(), count };
        let record = Record { time: self.rooms.clock.now(), member: MemberId::GATEWAY, vendor: None, event };
        if let Err(error) = self.rooms.ledger.append(vec![record]).await {
            tracing::warn!(%error, "refusals could not be counted in the log yet");
            self.ration.untell(count);
        }
    }

    /// The record of somebody who did not say who they are, or not so that it could be believed.
    pub(super) async fn record_unauthorised(&self, peer: IpAddr) {
        self.record(peer, &Who::guest(), |flow| Event::Refused {
            flow,
            host: None,
            status: StatusCode::PROXY_AUTHENTICATION_REQUIRED.as_u16(),
            code: "proxy_authentication_required".to_owned(),
            reason: "no credential, or one that is not ours".to_owned(),
        })
        .await;
    }

    /// 407 (RFC 9110 section 15.5.8).
    pub(super) async fn unauthorised(&self, peer: IpAddr, headers: &HeaderMap) -> Reply {
        self.record_unauthorised(peer).await;
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

/// What a request on the proxy port becomes.
enum Stream {
    /// Walks the corridor.
    Exchange(Who),
    /// Becomes a tunnel, intercepted or not.
    Connect(Who, Arrival),
    /// Is for the gateway itself.
    Own,
    /// Is asked of the gateway and meant for a vendor.
    Reverse,
    /// Is turned away for want of a credential.
    Unauthorised,
    /// Is turned away because this member holds as many connections as they may.
    Crowded(Who),
}

/// One accepted connection, or one tunnel of many on it: where it comes from, its place, and what it keeps busy.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) peer: IpAddr,
    pub(super) seat: Arc<Seat>,
    _busy: Option<Arc<Busy>>,
}

impl Arrival {
    /// A connection from `peer`.
    pub(super) fn new(peer: IpAddr, seat: Arc<Seat>) -> Self {
        Self { peer, seat, _busy: None }
    }

    /// The client's side of what comes of it.
    pub(super) fn client(&self, who: Who, tunnelled: Option<Tunnelled>) -> Client {
        let seat: Arc<Seat> = Arc::clone(&self.seat);
        Client { peer: self.peer, who, tunnelled, place: Some(seat) }
    }

    /// What a stream that stays unread, or is not opened up yet, rests on.
    pub(super) fn standing(&self, who: &Who) -> Standing {
        let seat: Arc<Seat> = Arc::clone(&self.seat);
        Standing { peer: self.peer, who: who.clone(), opened_for: None, place: Some(seat) }
    }
}

/// The proxy port as one client connection sees it.
pub(super) struct ProxyPort {
    pub(super) front: Arc<Front>,
    pub(super) arrival: Arrival,
    pub(super) pace: Pace,
}

impl ProxyPort {
    fn sort(&self, request: &Request<Incoming>) -> Stream {
        let generation = self.front.rooms.generation.load();
        if own::is_own(request, &generation.config.settings.listen.names) {
            return if reverse::is_meant(request.uri()) { Stream::Reverse } else { Stream::Own };
        }
        let who = match self.front.identify(self.arrival.peer, request.headers()) {
            Asking::Unauthorised => return Stream::Unauthorised,
            Asking::Known(who) => who,
        };
        if !self.front.seats(&self.arrival, &who) {
            return Stream::Crowded(who);
        }
        if *request.method() != Method::CONNECT {
            return Stream::Exchange(who);
        }
        match self.tunnel(request, &who) {
            Some(arrival) => Stream::Connect(who, arrival),
            None => Stream::Crowded(who),
        }
    }

    /// What a tunnel holds: over HTTP/1 the connection itself, over HTTP/2, where there may be many on one, a place of its
    /// own. The connection below it is not idle as long as it lasts.
    fn tunnel(&self, request: &Request<Incoming>, who: &Who) -> Option<Arrival> {
        if request.version() != Version::HTTP_2 {
            return Some(self.arrival.clone());
        }
        let most = self.front.rooms.generation.load().config.settings.limits.connections_per_member;
        let peer = self.arrival.peer;
        let seat = self.front.connections.seat(peer, most as usize)?;
        let arrival = Arrival { peer, seat, _busy: Some(Arc::new(self.pace.begin())) };
        self.front.seats(&arrival, who).then_some(arrival)
    }
}

impl Service<Request<Incoming>> for ProxyPort {
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let busy = self.pace.begin();
        let stream = self.sort(&request);
        let (front, arrival) = (Arc::clone(&self.front), self.arrival.clone());
        Box::pin(async move {
            let reply = match stream {
                Stream::Exchange(who) => {
                    let client = arrival.client(who.clone(), None);
                    front.exchange(Arc::new(client), who, request, Vec::new()).await
                }
                Stream::Connect(who, tunnel) => {
                    let reply = connect::connect(&front, tunnel, who, request).await;
                    if reply.status().is_success() {
                        busy.becomes_a_stream();
                    }
                    reply
                }
                Stream::Own => own::answer(&front, &request),
                Stream::Reverse => reverse::answer(&front, arrival, request).await,
                Stream::Unauthorised => front.unauthorised(arrival.peer, request.headers()).await,
                Stream::Crowded(who) => {
                    front.refuse(arrival.peer, &who, &ExchangeError::Crowded, request.headers()).await
                }
            };
            Ok(Leaving::of(reply, busy))
        })
    }
}
