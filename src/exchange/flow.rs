//! Layer 2: the flow, and its one end record.
//!
//! A [`Flow`] holds the ledger's reservation. Whatever happens to it — answered here, refused, sent and read out, or
//! dropped in the middle because a client left — exactly one record ends it.

use super::body::{FlowBody, ReplyBody};
use super::error::ExchangeError;
use super::layers::{Connection, Exchange, Handle, Reply, Who};
use super::limits::Permit;
use super::line::Line;
use super::record;
use super::rooms::{Generation, Rooms};
use super::tally::Tally;
use crate::config::schema::Detail;
use crate::ledger::{NotOpened, Reservation};
use crate::model::record::{Event, Record};
use crate::model::{Answer, FlowId, MemberId, Outcome, Stage, VendorId, Verdict};
use crate::persona::Persona;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::Layer;

enum Standing {
    /// Nothing recorded yet.
    Reserved(Reservation),
    /// OPEN is durable.
    Opened(Arc<Line>),
    /// The end record is written.
    Ended,
}

/// One flow with its place in the ledger.
pub struct Flow {
    id: FlowId,
    started: Instant,
    member: MemberId,
    vendor: Option<VendorId>,
    host: Option<String>,
    standing: Standing,
    tally: Arc<Tally>,
    waited: Duration,
    counted: bool,
    status: Option<u16>,
    attempts: u32,
    answer: Option<String>,
    permit: Option<Permit>,
    place: Option<Arc<dyn Connection>>,
    rooms: Arc<Rooms>,
}

impl Flow {
    /// Opens a flow for `who`, with room in the ledger for its records, which are cut to what the log may keep of them
    /// (a guest; `detail = "counts"`). Fails when the ledger cannot be written.
    pub async fn begin(
        rooms: &Arc<Rooms>,
        generation: &Generation,
        who: &Who,
    ) -> Result<Self, ExchangeError> {
        let mut flow = Self::reserved(rooms, who.member).await?;
        flow.counted = who.is_guest() || generation.config.detail_for(&who.name) == Detail::Counts;
        Ok(flow)
    }

    /// Opens a flow for what the gateway asks for itself.
    pub async fn of_gateway(rooms: &Arc<Rooms>) -> Result<Self, ExchangeError> {
        Self::reserved(rooms, MemberId::GATEWAY).await
    }

    async fn reserved(rooms: &Arc<Rooms>, member: MemberId) -> Result<Self, ExchangeError> {
        let reservation = rooms.ledger.reserve().await.map_err(|_| ExchangeError::Ledger)?;
        Ok(Self::standing(rooms, member, Standing::Reserved(reservation)))
    }

    /// A flow that leaves no record, because nothing of it happens.
    pub fn rehearsed(rooms: &Arc<Rooms>, member: MemberId) -> Self {
        Self::standing(rooms, member, Standing::Ended)
    }

    fn standing(rooms: &Arc<Rooms>, member: MemberId, standing: Standing) -> Self {
        Self {
            id: FlowId::now(),
            started: Instant::now(),
            member,
            vendor: None,
            host: None,
            standing,
            tally: Arc::default(),
            waited: Duration::ZERO,
            counted: false,
            status: None,
            attempts: 0,
            answer: None,
            permit: None,
            place: None,
            rooms: Arc::clone(rooms),
        }
    }

    /// The connection it runs on: who ends the one ends the other.
    pub fn runs_at(&mut self, place: Option<Arc<dyn Connection>>) {
        self.place = place;
    }

    /// Whether the gateway itself ended the connection under it.
    fn is_cut_here(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.is_ended())
    }

    /// The flow's id.
    pub fn id(&self) -> FlowId {
        self.id
    }

    /// What both directions count.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Counts in the member's quotas, at the vendor settings call `label` too, and among all that is under way until the
    /// flow ends.
    pub fn admit(&mut self, generation: &Generation, label: &VendorId) -> Result<(), ExchangeError> {
        generation.limits.admit(self.member, label)?;
        let most = generation.config.settings.limits.requests;
        self.permit = Some(self.rooms.admission.admit(most as usize)?);
        Ok(())
    }

    /// Time since the flow began that was not spent waiting.
    fn own_time(&self) -> Duration {
        self.started.elapsed().saturating_sub(self.waited)
    }

    /// Whether the log keeps only that there was a flow and what became of it.
    pub fn is_counted_only(&self) -> bool {
        self.counted
    }

    /// With whom, and at which host, for every record from here on.
    pub fn concerns(&mut self, vendor: Option<VendorId>, host: String) {
        if !self.counted {
            (self.vendor, self.host) = (vendor, Some(host));
        }
    }

    /// Makes the opening record (`open` or `tunnel`) durable, with `before` (pseudonyms made for it) in the same commit.
    /// Nothing may be sent until this has returned.
    pub async fn open(&mut self, before: Vec<Record>, event: Event) -> Result<(), ExchangeError> {
        match std::mem::replace(&mut self.standing, Standing::Ended) {
            Standing::Reserved(reservation) => {
                let record = self.record(event);
                match reservation.open(before, record).await {
                    Ok(opened) => {
                        let whom = (self.member, self.vendor.clone());
                        let line = Arc::new(Line::new(opened, self.id, whom, self.counted));
                        self.tally.goes_to(&line);
                        self.standing = Standing::Opened(line);
                        Ok(())
                    }
                    Err(NotOpened { error, room }) => {
                        tracing::warn!(flow = %self.id, %error, "a flow could not be opened");
                        // Whoever is told of this error ends the flow as refused, where there is still room for that.
                        self.standing = room.map_or(Standing::Ended, Standing::Reserved);
                        Err(ExchangeError::Ledger)
                    }
                }
            }
            other => {
                self.standing = other;
                Err(ExchangeError::Internal("a flow was opened twice"))
            }
        }
    }

    /// Time spent waiting for somebody else: the vendor, the log's disk, the client.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// That the request goes out, for the time with this number.
    pub fn attempted(&mut self, attempts: u32) {
        self.attempts = attempts;
    }

    /// What the response's head told.
    pub fn answered(&mut self, status: u16, answer: Option<String>) {
        (self.status, self.answer) = (Some(status), answer);
    }

    /// Ends a flow that was opened. Later calls do nothing.
    pub fn close(&mut self, outcome: Outcome) {
        if !matches!(self.standing, Standing::Opened(_)) {
            return;
        }
        let Standing::Opened(line) = std::mem::replace(&mut self.standing, Standing::Ended) else { return };
        let outcome = match outcome {
            Outcome::CutByClient if self.is_cut_here() => Outcome::Failed,
            other => other,
        };
        let (sent, received) = self.tally.bytes();
        let event = Event::Close {
            flow: self.id,
            status: self.status,
            sent,
            received,
            ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            attempts: self.attempts,
            edits: self.tally.take_edits(),
            answer: self.answer.take(),
            outcome,
        };
        line.ends(self.record(event));
        drop(line);
        self.permit = None;
    }

    /// Ends a flow of which nothing was sent. Later calls do nothing.
    pub fn end(&mut self, event: Event) {
        if !matches!(self.standing, Standing::Reserved(_)) {
            return;
        }
        let Standing::Reserved(reservation) = std::mem::replace(&mut self.standing, Standing::Ended) else {
            return;
        };
        reservation.end(self.record(event));
        self.permit = None;
    }

    /// Ends a flow of which nothing happened, without a record. Does nothing to one that was opened.
    pub fn forget(&mut self) {
        if matches!(self.standing, Standing::Reserved(_)) {
            self.standing = Standing::Ended;
            self.permit = None;
        }
    }

    /// Ends a flow after an error, whichever way it stands.
    pub fn fail(&mut self, error: &ExchangeError) {
        match self.standing {
            Standing::Reserved(_) => self.end(Event::Refused {
                flow: self.id,
                host: self.host.clone(),
                status: error.status().as_u16(),
                code: error.proxy_error().to_owned(),
                reason: error.to_string(),
            }),
            Standing::Opened(_) => self.close(match error {
                ExchangeError::RequestBody | ExchangeError::RequestBodyTimeout => Outcome::CutByClient,
                _ => Outcome::Failed,
            }),
            Standing::Ended => {}
        }
    }

    fn record(&self, event: Event) -> Record {
        let event = match self.member {
            MemberId::GUEST => record::counted(event),
            _ if self.counted => record::unnamed(event),
            _ => event,
        };
        Record { time: self.rooms.clock.now(), member: self.member, vendor: self.vendor.clone(), event }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        match self.standing {
            Standing::Reserved(_) if self.is_cut_here() => self.end(Event::Refused {
                flow: self.id,
                host: self.host.clone(),
                status: 503,
                code: "connection_terminated".to_owned(),
                reason: "the gateway ended the connection before anything was sent".to_owned(),
            }),
            Standing::Reserved(_) => self.end(Event::Refused {
                flow: self.id,
                host: self.host.clone(),
                status: 499,
                code: "client_gone".to_owned(),
                reason: "the client left before anything was sent".to_owned(),
            }),
            Standing::Opened(_) => self.close(Outcome::CutByClient),
            Standing::Ended => {}
        }
    }
}

/// The layer.
#[derive(Clone)]
pub struct FlowLayer {
    rooms: Arc<Rooms>,
}

impl FlowLayer {
    /// Counts in these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for FlowLayer {
    type Service = Flows<S>;

    fn layer(&self, inner: S) -> Flows<S> {
        Flows { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
pub struct Flows<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Flows<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let outcome = self.inner.handle(exchange).await;
        let verdict = record::verdict(exchange, &outcome);
        self.rooms.metrics.exchange(verdict);
        self.rooms.metrics.added_latency(exchange.flow.own_time());
        if let Some(answer) = exchange.plan.answer() {
            self.rooms.metrics.blocked(stage_of(answer));
        }
        for edit in exchange.plan.standing().chain(exchange.reply_plan.standing()) {
            self.rooms.metrics.edits(edit.stage, edit.action, 1);
        }
        match outcome {
            Ok(reply) => self.conclude(exchange, reply, verdict),
            Err(error) => {
                exchange.flow.fail(&error);
                Err(error)
            }
        }
    }
}

/// Tracker rules answer for a vendor or send elsewhere; refusing rather than leaking is what personas do.
fn stage_of(answer: &Answer) -> Stage {
    match answer {
        Answer::Block { .. } => Stage::Trackers,
        Answer::Refuse { .. } => Stage::Persona,
    }
}

impl<S> Flows<S> {
    /// The vendor's reply takes the flow along in its body; the gateway's own ends it here.
    fn conclude(
        &self,
        exchange: &mut Exchange,
        reply: Reply,
        verdict: Verdict,
    ) -> Result<Reply, ExchangeError> {
        let (mut head, mut body) = reply.into_parts();
        if let ReplyBody::Vendor(_) | ReplyBody::Channel(_) = body {
            let replies = std::mem::take(&mut exchange.reply_plan);
            head.headers = super::apply::fields(head.headers, &replies)?;
            let flow = &mut exchange.flow;
            flow.tally.edited(record::reply_edits(replies.edits(), &flow.tally));
            flow.answered(head.status.as_u16(), exchange.answer.take());
        }
        body = match body {
            ReplyBody::Vendor(vendor) => {
                let patience = exchange.generation.config.settings.limits.idle.get();
                let flow = exchange.flow.pass_on();
                let upload = exchange.body.course().cloned();
                ReplyBody::Flowing(Box::new(FlowBody::new(*vendor, flow, upload, patience)))
            }
            ReplyBody::Channel(mut channel) => {
                channel.flow = Some(exchange.flow.pass_on());
                ReplyBody::Channel(channel)
            }
            local => {
                let persona = exchange.persona.as_ref();
                let identifiers = persona.map(Persona::hidden);
                exchange.flow.end(record::answered_here(exchange, verdict, identifiers)?);
                local
            }
        };
        Ok(Reply::from_parts(head, body))
    }
}

impl Flow {
    /// The flow itself, for the body that ends it; an ended shell stays behind.
    pub(super) fn pass_on(&mut self) -> Self {
        Self {
            id: self.id,
            started: self.started,
            member: self.member,
            vendor: self.vendor.take(),
            host: self.host.take(),
            standing: std::mem::replace(&mut self.standing, Standing::Ended),
            tally: Arc::clone(&self.tally),
            waited: self.waited,
            counted: self.counted,
            status: self.status,
            attempts: self.attempts,
            answer: self.answer.take(),
            permit: self.permit.take(),
            place: self.place.take(),
            rooms: Arc::clone(&self.rooms),
        }
    }
}
