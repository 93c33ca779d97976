//! Layer 7: tracker rules, on the way out and on the way back.

use super::context::PORTALS;
use super::error::ExchangeError;
use super::exceptions::{PAUSED, Relief};
use super::layers::{Exchange, Handle, Reply};
use super::page;
use super::rooms::Rooms;
use crate::model::{Answer, RequestView};
use crate::trackers::steps_aside;
use std::sync::Arc;
use tower::Layer;

/// Why a host is refused by its name alone.
pub const TRACKER_HOST: &str = "a tracker host";

/// The layer.
#[derive(Clone)]
pub struct TrackersLayer {
    rooms: Arc<Rooms>,
}

impl TrackersLayer {
    /// Lets go in these rooms of exceptions that held once.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for TrackersLayer {
    type Service = Tracked<S>;

    fn layer(&self, inner: S) -> Tracked<S> {
        Tracked { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
#[derive(Clone)]
pub struct Tracked<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Tracked<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let (relief, unread) = (exchange.context()?.relief.clone(), exchange.is_unread());
        let paused = relief.as_ref().is_some_and(|relief| relief.is_paused());
        if paused {
            exchange.notes.push(PAUSED.to_owned());
        }
        match unread {
            true if paused => {}
            true => refuse_tracker_host(exchange)?,
            false => plan(exchange, relief.as_deref())?,
        }
        self.settle(relief.as_deref()).await?;
        if let Some(answer) = exchange.plan.answer() {
            return settled(answer, exchange);
        }
        let reply = self.inner.handle(exchange).await?;
        if !unread {
            plan_reply(exchange, &reply)?;
        }
        self.settle(relief.as_deref()).await?;
        Ok(reply)
    }
}

impl<S> Tracked<S> {
    /// Uses up what holds once and was needed.
    async fn settle(&self, relief: Option<&Relief>) -> Result<(), ExchangeError> {
        match relief {
            // Boxed, like everything that few exchanges need.
            Some(relief) => Box::pin(self.rooms.exceptions.settle(relief, self.rooms.clock.now())).await,
            None => Ok(()),
        }
    }
}

fn plan(exchange: &mut Exchange, relief: Option<&Relief>) -> Result<(), ExchangeError> {
    let (generation, client) = (Arc::clone(&exchange.generation), Arc::clone(&exchange.client));
    let rehearsal = exchange.rehearsal;
    let (view, plan) = exchange.view_and_plan()?;
    let trackers = &generation.trackers;
    match relief {
        None => trackers.plan(&view, client.passes(), plan),
        Some(relief) if relief.is_paused() => trackers.plan_paused(&view, plan),
        Some(relief) => {
            let excepted = |rule: &str| relief.lets_by(rule, rehearsal).map(said);
            trackers.plan_except(&view, client.passes(), excepted, plan);
        }
    }
    Ok(())
}

/// Why a rule does nothing.
fn said(exception: i64) -> String {
    format!("let by: your exception {exception}")
}

/// Cleartext that is left unread passes as a tunnel does: tracker hosts are refused by name. A device's check for a captive
/// portal is none of them, whoever's host it asks.
fn refuse_tracker_host(exchange: &Exchange) -> Result<(), ExchangeError> {
    if exchange.context()?.unread.as_deref() == Some(PORTALS) {
        return Ok(());
    }
    let name = exchange.origin()?.host.name();
    match name.and_then(|name| exchange.generation.trackers.host_rule(name)) {
        Some(matched) => {
            Err(ExchangeError::Forbidden { rule: matched.rule.into(), reason: TRACKER_HOST.into() })
        }
        None => Ok(()),
    }
}

/// The reply of an exchange that a rule has settled.
pub(super) fn settled(answer: &Answer, exchange: &Exchange) -> Result<Reply, ExchangeError> {
    match answer {
        Answer::Block { stub, reason, .. } => Ok(page::stub(*stub, reason, &exchange.headers)),
        Answer::Refuse { rule, reason } => {
            Err(ExchangeError::Forbidden { rule: rule.clone(), reason: reason.clone() })
        }
    }
}

fn plan_reply(exchange: &mut Exchange, reply: &Reply) -> Result<(), ExchangeError> {
    let context = exchange.context.as_ref().ok_or(ExchangeError::Internal("no context"))?;
    let view = RequestView {
        method: &exchange.method,
        origin: exchange.origin.as_ref().ok_or(ExchangeError::Internal("no origin"))?,
        target: &exchange.target,
        headers: &exchange.headers,
        kind: context.kind,
        party: context.party,
        source: context.source.as_deref(),
        signed: &context.signed,
    };
    let (trackers, plan) = (&exchange.generation.trackers, &mut exchange.reply_plan);
    match &context.relief {
        None => trackers.plan_response(&view, reply.headers(), plan),
        Some(relief) if relief.is_paused() => trackers.plan_paused_response(&view, reply.headers(), plan),
        Some(relief) => {
            trackers.plan_response(&view, reply.headers(), plan);
            let lets_by = |rule: &str| relief.lets_by(rule, exchange.rehearsal).map(said);
            plan.except(|rule| if steps_aside(rule) { lets_by(rule) } else { None });
        }
    }
    Ok(())
}
