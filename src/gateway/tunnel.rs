//! Bytes that go through unread. Four steps: the member and their limits, the host block list and the vetted address, the
//! durable record; then the first byte.

use super::connections::Seat;
use super::front::Arrival;
use super::peek::Peeked;
use crate::exchange::{ExchangeError, Flow, Generation, Rooms, TRACKER_HOST, Who, relay, winds_up};
use crate::model::record::Event;
use crate::model::{Origin, Outcome, Party, Verdict};
use crate::trackers::{BLOCKED_BY_RESOLVER, RESOLVER};
use crate::upstream::{Stream, UpstreamError};
use http::Method;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// A tunnel that may carry its first byte.
pub struct Tunnel {
    flow: Flow,
    vendor: Peeked<Stream>,
}

impl Tunnel {
    /// The four steps. Nothing has been sent when this fails, and the refusal is recorded.
    pub async fn open(
        rooms: &Arc<Rooms>,
        generation: &Arc<Generation>,
        who: &Who,
        origin: &Origin,
        reason: &str,
    ) -> Result<Self, ExchangeError> {
        let mut flow = begin(rooms, generation, who, origin).await?;
        let opened = async {
            admit(rooms, generation, who, &mut flow, origin)?;
            let located = rooms.upstream.locate(who.member, origin, &**generation).await?;
            let event = event(&flow, origin, reason);
            let dial = rooms.upstream.dial(located, who.member, origin, &**generation);
            let (vendor, opened) = tokio::join!(dial, flow.open(Vec::new(), event));
            opened?;
            Ok(vendor?)
        };
        match opened.await {
            Ok(vendor) => Ok(Self { flow, vendor: Peeked::new(vendor) }),
            Err(error) => Err(failed(&mut flow, origin, error)),
        }
    }

    /// The connection it runs on.
    pub(super) fn at(mut self, arrival: &Arrival) -> Self {
        let seat: Arc<Seat> = Arc::clone(&arrival.seat);
        self.flow.runs_at(Some(seat));
        self
    }

    /// Carries bytes both ways until both sides are done, one breaks off, nothing moves for an hour, or it is quiet and the
    /// gateway is `closing`. Bytes are counted as they go, so that a tunnel that is dropped in the middle tells them too.
    pub async fn carry<T: AsyncRead + AsyncWrite + Unpin>(mut self, client: T, closing: &CancellationToken) {
        let (mut client_reads, mut client_writes) = tokio::io::split(client);
        let (mut vendor_reads, mut vendor_writes) = tokio::io::split(&mut self.vendor);
        let tally = Arc::clone(self.flow.tally());
        let moved = AtomicU64::new(0);
        let up = relay(&mut client_reads, &mut vendor_writes, &moved, |bytes| tally.sent(bytes));
        let down = relay(&mut vendor_reads, &mut client_writes, &moved, |bytes| tally.received(bytes));
        let up = async { up.await.map_err(|cut| cut.blame(Outcome::CutByClient, Outcome::CutByVendor)) };
        let down = async { down.await.map_err(|cut| cut.blame(Outcome::CutByVendor, Outcome::CutByClient)) };
        let ended = tokio::select! {
            ended = async { tokio::try_join!(up, down) } => ended.err().unwrap_or(Outcome::Complete),
            () = winds_up(closing, &moved) => Outcome::Failed,
        };
        self.flow.close(ended);
    }
}

/// A connection to a vendor through which nothing goes before it is clear what it is for.
pub struct Waiting {
    flow: Flow,
    vendor: Peeked<Stream>,
    origin: Origin,
}

impl Waiting {
    /// Dials, after the first two steps. Where it comes to nothing, the refusal is recorded.
    pub async fn dial(
        rooms: &Arc<Rooms>,
        generation: &Arc<Generation>,
        who: &Who,
        origin: &Origin,
    ) -> Result<Self, ExchangeError> {
        let mut flow = begin(rooms, generation, who, origin).await?;
        let dialled = async {
            admit(rooms, generation, who, &mut flow, origin)?;
            let located = rooms.upstream.locate(who.member, origin, &**generation).await?;
            Ok(rooms.upstream.dial(located, who.member, origin, &**generation).await?)
        };
        match dialled.await {
            Ok(vendor) => Ok(Self { flow, vendor: Peeked::new(vendor), origin: origin.clone() }),
            Err(error) => Err(failed(&mut flow, origin, error)),
        }
    }

    /// Waits for the vendor's first byte: `true`, or its end: `false`. The byte is read again.
    pub async fn speaks(&mut self) -> bool {
        self.vendor.first().await.is_ok_and(|read| read > 0)
    }

    /// Nothing went through it, and nothing will: it leaves no record.
    pub fn forget(mut self) {
        self.flow.forget();
    }

    /// The last step.
    pub async fn open(mut self, reason: &str) -> Result<Tunnel, ExchangeError> {
        let event = event(&self.flow, &self.origin, reason);
        match self.flow.open(Vec::new(), event).await {
            Ok(()) => Ok(Tunnel { flow: self.flow, vendor: self.vendor }),
            Err(error) => {
                self.flow.fail(&error);
                Err(error)
            }
        }
    }
}

async fn begin(
    rooms: &Arc<Rooms>,
    generation: &Generation,
    who: &Who,
    origin: &Origin,
) -> Result<Flow, ExchangeError> {
    let mut flow = Flow::begin(rooms, generation, who).await?;
    let (label, host) = (generation.config.vendor_of(&origin.host).id, origin.host.to_string());
    flow.concerns(Some(rooms.personas.sector(who.member, &host, &label)), host);
    Ok(flow)
}

/// The member's limits, and the hosts nobody shall reach unless the member has trackers step aside.
fn admit(
    rooms: &Rooms,
    generation: &Generation,
    who: &Who,
    flow: &mut Flow,
    origin: &Origin,
) -> Result<(), ExchangeError> {
    let label = generation.config.vendor_of(&origin.host).id;
    flow.admit(generation, &label)?;
    let matched = origin.host.name().and_then(|name| generation.trackers.host_rule(name));
    let Some(matched) = matched else { return Ok(()) };
    let sector = rooms.personas.sector(who.member, &origin.host.to_string(), &label);
    let relief = rooms.exceptions.bearing_on(who, &sector, None, rooms.clock.now());
    if relief.is_some_and(|relief| relief.is_paused()) {
        return Ok(());
    }
    Err(ExchangeError::Forbidden { rule: matched.rule.into(), reason: TRACKER_HOST.into() })
}

/// Ends the flow of a tunnel that came to nothing. What the house's resolver blocks is no failure.
fn failed(flow: &mut Flow, origin: &Origin, error: ExchangeError) -> ExchangeError {
    if let ExchangeError::Upstream(UpstreamError::BlockedByResolver) = error {
        flow.end(Event::Blocked {
            flow: flow.id(),
            host: origin.host.to_string(),
            party: Party::First,
            method: Method::CONNECT.to_string(),
            url: origin.url_with_room(0),
            verdict: Verdict::Blocked.as_str().to_owned(),
            rule: RESOLVER.to_owned(),
            reason: BLOCKED_BY_RESOLVER.to_owned(),
        });
    }
    flow.fail(&error);
    error
}

fn event(flow: &Flow, origin: &Origin, reason: &str) -> Event {
    Event::Tunnel { flow: flow.id(), host: Some(origin.host.to_string()), reason: reason.to_owned() }
}
