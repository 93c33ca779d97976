//! Layer 6: tracker rules, on the way out and on the way back.

use super::context::PORTALS;
use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::page;
use crate::model::{Answer, RequestView};
use std::sync::Arc;
use tower::Layer;

/// Why a host is refused by its name alone.
pub const TRACKER_HOST: &str = "a tracker host";

/// The layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackersLayer;

impl<S> Layer<S> for TrackersLayer {
    type Service = Tracked<S>;

    fn layer(&self, inner: S) -> Tracked<S> {
        Tracked { inner }
    }
}

/// The layer around the rest.
#[derive(Clone, Debug)]
pub struct Tracked<S> {
    inner: S,
}

impl<S: Handle> Handle for Tracked<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let unread = exchange.is_unread();
        if unread {
            refuse_tracker_host(exchange)?;
        } else {
            let generation = Arc::clone(&exchange.generation);
            let client = Arc::clone(&exchange.client);
            let (view, plan) = exchange.view_and_plan()?;
            generation.trackers.plan(&view, client.passes(), plan);
        }
        if let Some(answer) = exchange.plan.answer() {
            return settled(answer, exchange);
        }
        let reply = self.inner.handle(exchange).await?;
        if !unread {
            plan_reply(exchange, &reply)?;
        }
        Ok(reply)
    }
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
    exchange.generation.trackers.plan_response(&view, reply.headers(), &mut exchange.reply_plan);
    Ok(())
}
