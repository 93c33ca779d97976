//! What walks through the corridor, and what a layer is.

use super::body::ReplyBody;
use super::error::ExchangeError;
use super::exceptions::Relief;
use super::flow::Flow;
use super::request_body::RequestBody;
use super::rooms::Generation;
use super::websocket::Handshake;
use crate::model::record::TermsRecord;
use crate::model::{
    Host, MemberId, MemberKind, Origin, Party, Plan, RequestType, RequestView, SignedParts, Slot, VendorId,
};
use crate::persona::{Persona, SentPlace};
use crate::trackers::Passes;
use crate::vault::Credential;
use http::{Extensions, HeaderMap, Method, Response, Uri, Version};
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};

/// What a layer gives back: the vendor's response or the gateway's own.
pub type Reply = Response<ReplyBody>;

/// One layer with everything below it.
pub trait Handle: Send + Sync {
    /// Walks the exchange on and brings the reply back. Dropping the future ends the exchange.
    fn handle(&self, exchange: &mut Exchange) -> impl Future<Output = Result<Reply, ExchangeError>> + Send;
}

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The member, [`MemberId::GUEST`] for everybody unknown.
    pub member: MemberId,
    /// The member's name.
    pub name: Arc<str>,
    /// Which kind of member.
    pub kind: MemberKind,
    /// The device, where known.
    pub device: Option<Arc<str>>,
    /// By what they proved it, where they did.
    pub credential: Option<Arc<Credential>>,
}

impl Who {
    /// Everybody unknown.
    pub fn guest() -> Self {
        let (name, kind) = ("guest".into(), MemberKind::Shared);
        Self { member: MemberId::GUEST, name, kind, device: None, credential: None }
    }

    /// Whether this is nobody we know: tunnelled and counted, never inspected.
    pub fn is_guest(&self) -> bool {
        self.member == MemberId::GUEST
    }
}

/// What the intercepted connection promised before its first request: the one origin that its requests may have.
#[derive(Debug)]
pub struct Tunnelled {
    origin: Option<Origin>,
    authority: String,
    passes: Passes,
    dials: Semaphore,
}

/// New connections to the vendor that one client connection has made at a time: whoever opens many streams at once waits for
/// its own, and nobody else does.
const DIALS: usize = 16;

impl Tunnelled {
    /// CONNECT and the server name of the handshake must agree; a client that named only an address in CONNECT takes its
    /// origin from the server name, which the leaf was made for and which is resolved and vetted here. Where they do not
    /// agree, no request has the right origin.
    pub fn new(connect: Origin, server_name: Option<&str>) -> Self {
        let host = match (&connect.host, server_name.map(Host::parse)) {
            (Host::Address(_), Some(name)) => name,
            (host, None) => Some(host.clone()),
            (host, Some(name)) => name.filter(|name| name == host),
        };
        let origin = host.map(|host| Origin { host, ..connect });
        let authority = origin.as_ref().map(Origin::authority).unwrap_or_default();
        Self { origin, authority, passes: Passes::default(), dials: Semaphore::new(DIALS) }
    }

    /// Waits until one more connection may be made for this one; the place is given back when dropped.
    pub async fn may_dial(&self) -> Option<SemaphorePermit<'_>> {
        self.dials.acquire().await.ok()
    }

    /// The origin, `None` where none is right.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The origin, where `authority` is spelled as it is compared: the usual case, without reading it.
    pub fn named_by(&self, authority: &[u8]) -> Option<&Origin> {
        self.origin.as_ref().filter(|_| authority == self.authority.as_bytes())
    }
}

/// The client's side of a connection, the same for all its exchanges.
#[derive(Debug)]
pub struct Client {
    /// Its address.
    pub peer: IpAddr,
    /// Who is asking; an absolute-form request may say otherwise for itself.
    pub who: Who,
    /// Set inside an intercepted tunnel.
    pub tunnelled: Option<Tunnelled>,
    /// Its place among the connections, which whatever becomes of it holds on to.
    pub place: Option<Arc<dyn Connection>>,
}

/// A client's connection to the gateway, as far as a flow has to know it.
pub trait Connection: fmt::Debug + Send + Sync {
    /// The gateway itself ends what runs on it.
    fn end(&self);

    /// Whether it does.
    fn is_ended(&self) -> bool;
}

impl Client {
    /// What it asked before and no tracker rule blocks; only where it keeps asking one vendor.
    pub fn passes(&self) -> Option<&Passes> {
        self.tunnelled.as_ref().map(|tunnelled| &tunnelled.passes)
    }
}

/// What the context layer worked out, frozen before anything edits.
#[derive(Debug)]
pub struct Context {
    /// The name under which this vendor knows the member: what it was called when that began.
    pub vendor: VendorId,
    /// What the vendor is called now, as settings name it.
    pub label: VendorId,
    /// The identity's number at this vendor.
    pub epoch: u32,
    /// Whether this vendor has a relationship with the member.
    pub relationship: bool,
    /// Whose request it is.
    pub party: Party,
    /// What is asked for.
    pub kind: RequestType,
    /// Host of the page it comes from.
    pub source: Option<String>,
    /// What must not be touched.
    pub signed: SignedParts,
    /// The rule by which a cleartext request passes as it is, like a tunnel does.
    pub unread: Option<String>,
    /// What its member has let by here, where they have.
    pub relief: Option<Arc<Relief>>,
}

impl Context {
    /// Whether its member has trackers and terms step aside.
    pub fn is_paused(&self) -> bool {
        self.relief.as_ref().is_some_and(|relief| relief.is_paused())
    }
}

/// One exchange on its way. Layers fill it from the top; nothing edits the head before the gate.
pub struct Exchange {
    /// The client's side of the connection.
    pub client: Arc<Client>,
    /// Who is asking.
    pub who: Who,
    /// Whether this is only asked about: nothing is issued, sent or recorded.
    pub rehearsal: bool,
    /// Who vendors meet of this member; `None` for a guest.
    pub persona: Option<Persona>,
    /// The policy snapshot: one for the whole exchange.
    pub generation: Arc<Generation>,
    /// The flow with its end record.
    pub flow: Flow,
    /// The method.
    pub method: Method,
    /// The version the client speaks.
    pub version: Version,
    /// The request-target as sent.
    pub uri: Uri,
    /// Path and query exactly as sent; set by the canonical layer.
    pub target: String,
    /// Before the canonical layer all fields, afterwards the end-to-end ones without Host.
    pub headers: HeaderMap,
    /// What hyper keeps beside a message, the spelling of field names among it.
    pub extensions: Extensions,
    /// The body.
    pub body: RequestBody,
    /// Set by the canonical layer where the client wishes to go on with WebSocket.
    pub websocket: Option<Handshake>,
    /// Where it goes; set by the canonical layer.
    pub origin: Option<Origin>,
    /// Set by the context layer.
    pub context: Option<Context>,
    /// What is going to happen to the request.
    pub plan: Plan,
    /// What is going to happen to the response.
    pub reply_plan: Plan,
    /// What could not be looked into or had to pass, for the record.
    pub notes: Vec<String>,
    /// What the vendor is told about terms.
    pub terms: TermsRecord,
    /// Slots whose pseudonyms go out for the first time: their records become durable with OPEN, or before it.
    pub first_uses: BTreeSet<Slot>,
    /// The vendor's answer, as it came.
    pub answer: Option<String>,
    /// Times the request was sent.
    pub attempts: u32,
    /// Whether nothing was found in the head, as it came.
    pub is_clean: bool,
    /// Where a program of the member's sends values that it may be shown again.
    pub sent_places: Vec<SentPlace>,
}

impl Exchange {
    /// The origin, once the canonical layer has set it.
    pub fn origin(&self) -> Result<&Origin, ExchangeError> {
        self.origin.as_ref().ok_or(ExchangeError::Internal("no origin"))
    }

    /// The context, once the context layer has set it.
    pub fn context(&self) -> Result<&Context, ExchangeError> {
        self.context.as_ref().ok_or(ExchangeError::Internal("no context"))
    }

    /// Whether it passes as it is: a guest's, and what the owner wants left unread.
    pub fn is_unread(&self) -> bool {
        self.who.is_guest() || self.context.as_ref().is_some_and(|context| context.unread.is_some())
    }

    /// The frozen head as rules look at it, with the plan they add to.
    pub fn view_and_plan(&mut self) -> Result<(RequestView<'_>, &mut Plan), ExchangeError> {
        let origin = self.origin.as_ref().ok_or(ExchangeError::Internal("no origin"))?;
        let context = self.context.as_ref().ok_or(ExchangeError::Internal("no context"))?;
        let view = RequestView {
            method: &self.method,
            origin,
            target: &self.target,
            headers: &self.headers,
            kind: context.kind,
            party: context.party,
            source: context.source.as_deref(),
            signed: &context.signed,
        };
        Ok((view, &mut self.plan))
    }
}
