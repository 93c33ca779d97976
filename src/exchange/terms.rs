//! Layer 8: what the person says about terms, and what the vendor answers.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use crate::terms::{Offer, plan_offer, read_answer};
use tower::Layer;

/// The layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TermsLayer;

impl<S> Layer<S> for TermsLayer {
    type Service = Termed<S>;

    fn layer(&self, inner: S) -> Termed<S> {
        Termed { inner }
    }
}

/// The layer around the rest.
#[derive(Clone, Debug)]
pub struct Termed<S> {
    inner: S,
}

impl<S: Handle> Handle for Termed<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        if exchange.who.is_guest() {
            return self.inner.handle(exchange).await;
        }
        let generation = std::sync::Arc::clone(&exchange.generation);
        let context = exchange.context()?;
        let choice = generation.config.terms_of(&exchange.who.name, &context.vendor, context.relationship);
        let offer = Offer { ids: choice.ids, field: choice.field, gpc: choice.gpc, send: choice.send };
        let (view, plan) = exchange.view_and_plan()?;
        let record = plan_offer(&view, &offer, plan);
        exchange.terms = record;
        let reply = self.inner.handle(exchange).await?;
        exchange.answer = read_answer(reply.headers(), offer.field).map(|answer| answer.to_string());
        Ok(reply)
    }
}
