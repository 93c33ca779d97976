//! Layer 9: what the person says about terms, and what the vendor answers.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::rooms::Rooms;
use crate::config::Config;
use crate::config::schema::SendTerms;
use crate::config::value::OfferId;
use crate::model::MemberKind;
use crate::terms::{MAX_OFFER, Offer, State, parse_answer, plan_offer};
use http::HeaderMap;
use std::sync::Arc;
use tower::Layer;

/// The layer.
#[derive(Clone)]
pub struct TermsLayer {
    rooms: Arc<Rooms>,
}

impl TermsLayer {
    /// Keeps the state of terms in these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for TermsLayer {
    type Service = Termed<S>;

    fn layer(&self, inner: S) -> Termed<S> {
        Termed { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
pub struct Termed<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Termed<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let silent = exchange.is_unread() || exchange.context()?.is_paused();
        let told = if silent { None } else { Some(self.tell(exchange)?) };
        let reply = self.inner.handle(exchange).await?;
        if let Some(told) = told {
            self.hear(exchange, told, reply.headers())?;
        }
        Ok(reply)
    }
}

/// Where terms stood before the vendor was told anything, and where they stand after.
struct Told {
    before: State,
    asked: State,
}

impl<S> Termed<S> {
    /// Plans what the vendor is told.
    fn tell(&self, exchange: &mut Exchange) -> Result<Told, ExchangeError> {
        let generation = Arc::clone(&exchange.generation);
        let settings = &generation.config.settings;
        let chosen = chosen(&generation.config, exchange);
        let offer = Offer {
            ids: &chosen,
            field: settings.terms.field.header(),
            gpc: settings.terms.gpc,
            send: is_sent(settings.terms.send, exchange)?,
        };
        let before = self.state(exchange)?;
        let (view, plan) = exchange.view_and_plan()?;
        exchange.terms = plan_offer(&view, &offer, plan);
        let asked = if exchange.terms.offer.is_empty() { before } else { before.after_offer() };
        exchange.terms.state = asked.as_str().into();
        Ok(Told { before, asked })
    }

    /// Reads what the vendor answers.
    fn hear(&self, exchange: &mut Exchange, told: Told, headers: &HeaderMap) -> Result<(), ExchangeError> {
        let field = exchange.generation.config.settings.terms.field.header();
        let answer = match parse_answer(headers, field) {
            Ok(answer) => answer,
            Err(error) => {
                // RFC 9651 section 4.2: a field that fails to parse is ignored. The log says why.
                exchange.answer = Some(format!("ignored: {error}"));
                None
            }
        };
        let after = told.asked.after_answer(&exchange.terms.offer, answer.as_ref());
        if let Some(answer) = &answer {
            exchange.answer = Some(answer.to_string());
        }
        if after != told.before && (answer.is_some() || exchange.context()?.relationship) {
            self.remember(exchange, after)?;
        }
        Ok(())
    }

    fn state(&self, exchange: &Exchange) -> Result<State, ExchangeError> {
        let vendor = &exchange.context()?.vendor;
        let persona = exchange.persona.as_ref();
        Ok(persona.and_then(|persona| State::parse(&persona.wardrobe.terms(vendor))).unwrap_or_default())
    }

    /// Moves the relationship on, off the workers. Nothing waits for it.
    fn remember(&self, exchange: &Exchange, state: State) -> Result<(), ExchangeError> {
        let Some(persona) = exchange.persona.clone().filter(|_| !exchange.rehearsal) else {
            return Ok(());
        };
        let context = exchange.context()?;
        let (vendor, epoch, answer) = (context.vendor.clone(), context.epoch, exchange.answer.clone());
        let now = self.rooms.clock.now();
        tokio::task::spawn_blocking(move || {
            let told = persona.wardrobe.set_terms(&vendor, epoch, state.as_str(), answer.as_deref(), now);
            if let Err(error) = told {
                tracing::warn!(%error, "the state of terms could not be kept");
            }
        });
        Ok(())
    }
}

/// The person's own choice of what `terms.offer` lets people choose from, narrowed to what the configuration has for
/// this vendor and then in the order written there. A child offers nothing; nothing chosen, nothing offered.
fn chosen<'c>(config: &'c Config, exchange: &Exchange) -> Vec<&'c str> {
    if exchange.who.kind == MemberKind::Child {
        return Vec::new();
    }
    let mut own: Vec<_> = config.terms_of(&exchange.who.name).map(OfferId::as_str).collect();
    let vendor = exchange.context.as_ref().and_then(|context| config.vendor(&context.label));
    if let Some(here) = vendor.and_then(|vendor| vendor.terms.as_deref()) {
        own = here.iter().map(OfferId::as_str).filter(|id| own.contains(id)).collect();
    }
    own.truncate(MAX_OFFER);
    own
}

fn is_sent(send: SendTerms, exchange: &Exchange) -> Result<bool, ExchangeError> {
    Ok(match send {
        SendTerms::Relationship => exchange.context()?.relationship,
        SendTerms::FirstParty => true,
        SendTerms::Off => false,
    })
}
