//! Layer 8: what the person says about terms, and what the vendor answers.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use crate::config::Config;
use crate::config::schema::SendTerms;
use crate::model::MemberKind;
use crate::terms::{MAX_OFFER, Offer, plan_offer, read_answer};
use std::sync::Arc;
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
        if exchange.is_unread() {
            return self.inner.handle(exchange).await;
        }
        let generation = Arc::clone(&exchange.generation);
        let settings = &generation.config.settings;
        let chosen = chosen(&generation.config, exchange);
        let offer = Offer {
            ids: &chosen,
            field: settings.terms.field.header(),
            gpc: settings.terms.gpc,
            send: is_sent(settings.terms.send, exchange)?,
        };
        let (view, plan) = exchange.view_and_plan()?;
        exchange.terms = plan_offer(&view, &offer, plan);
        let reply = self.inner.handle(exchange).await?;
        exchange.answer = read_answer(reply.headers(), offer.field).map(|answer| answer.to_string());
        Ok(reply)
    }
}

/// The person's own choice, narrowed to what the configuration has for this vendor. A child offers nothing; nothing
/// chosen, nothing offered.
fn chosen(config: &Config, exchange: &Exchange) -> Vec<String> {
    let own =
        config.member(&exchange.who.name).and_then(|member| member.terms.as_deref()).unwrap_or_default();
    let vendor = exchange.context.as_ref().and_then(|context| config.vendor(&context.label));
    let here = vendor.and_then(|vendor| vendor.terms.as_deref());
    if exchange.who.kind == MemberKind::Child {
        return Vec::new();
    }
    let wanted = own.iter().filter(|id| here.is_none_or(|here| here.contains(id)));
    wanted.take(MAX_OFFER).map(|id| id.as_str().to_owned()).collect()
}

fn is_sent(send: SendTerms, exchange: &Exchange) -> Result<bool, ExchangeError> {
    Ok(match send {
        SendTerms::Relationship => exchange.context()?.relationship,
        SendTerms::FirstParty => true,
        SendTerms::Off => false,
    })
}
