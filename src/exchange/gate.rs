//! Layer 10: nothing passes before it stands in the log.
//!
//! A connection is checked out while OPEN becomes durable; only when both are there does the exchange go on.

use super::error::ExchangeError;
use super::flow::Flow;
use super::layers::{Exchange, Handle, Reply};
use super::record;
use super::rooms::Rooms;
use super::send_body::SendBody;
use super::trackers::settled;
use crate::config::schema::Detail;
use crate::model::record::Event;
use crate::persona::{Carried, Persona};
use crate::trackers::by_resolver;
use crate::upstream::{Connection, Key, Reach, UpstreamError};
use std::borrow::Cow;
use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout;
use tower::Layer;

/// The layer.
#[derive(Clone)]
pub struct GateLayer {
    rooms: Arc<Rooms>,
}

impl GateLayer {
    /// Records and connects in these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the sender.
pub struct Gate<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

/// The last step: takes an exchange that may go and a connection to send it on.
pub trait Dispatch: Send + Sync {
    /// Sends and brings the reply back.
    fn send(
        &self,
        exchange: &mut Exchange,
        connection: Connection<SendBody>,
        key: Arc<Key>,
    ) -> impl Future<Output = Result<Reply, ExchangeError>> + Send;
}

impl<S: Dispatch> Handle for Gate<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let key = Arc::new(Key {
            member: exchange.who.member,
            epoch: exchange.context()?.epoch,
            origin: exchange.origin()?.clone(),
            // Over HTTP/2 it is one stream of many.
            upgrades: exchange.websocket.as_ref().is_some_and(|asked| !asked.is_over_http2()),
            next_hop: exchange.generation.next_hop().cloned(),
        });
        exchange.flow.concerns(Some(exchange.context()?.vendor.clone()), exchange.origin()?.host.to_string());
        let asked = Instant::now();
        let way = self.rooms.upstream.find(&key, &*exchange.generation, false).await;
        exchange.flow.waited(asked.elapsed());
        // Nothing was sent where there is nowhere to send it: that is no flow that failed.
        let way = match way {
            Err(UpstreamError::BlockedByResolver) => return blocked(exchange),
            way => way?,
        };
        let open = self.open_event(exchange)?;
        // The connect shows the vendor an address and a host name, which OPEN names too; the request waits for both.
        let (client, patience) = (Arc::clone(&exchange.client), exchange.generation.bounds().connect);
        let connect = async {
            let _turn = match client.tunnelled.as_ref().filter(|_| way.is_new()) {
                // Whoever is ahead is as slow as the vendor.
                Some(tunnelled) => timeout(patience, tunnelled.may_dial())
                    .await
                    .map_err(|_| UpstreamError::ConnectTimeout)?,
                None => None,
            };
            self.rooms.upstream.take(way, &key, &*exchange.generation).await
        };
        let asked = Instant::now();
        let persona = exchange.persona.clone();
        let first_uses = std::mem::take(&mut exchange.first_uses);
        let context = exchange.context.as_ref().ok_or(ExchangeError::Internal("no context"))?;
        let opened = async {
            let carried = match persona.filter(|_| !first_uses.is_empty()) {
                Some(persona) => {
                    // Boxed, like everything that few exchanges need.
                    Box::pin(persona.wardrobe.carry(&context.vendor, context.epoch, &first_uses)).await
                }
                None => None,
            };
            self.open(&mut exchange.flow, carried, open).await
        };
        let (connection, opened): (Result<_, UpstreamError>, _) = tokio::join!(connect, opened);
        exchange.flow.waited(asked.elapsed());
        opened?;
        self.inner.send(exchange, connection?, key).await
    }
}

/// The house's filter answers for this name that there is nothing: neither is anything sent, nor is it a failure.
fn blocked(exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
    let kind = exchange.context()?.kind;
    by_resolver(kind, &mut exchange.plan);
    let answer = exchange.plan.answer().ok_or(ExchangeError::Internal("a block without an answer"))?;
    settled(answer, exchange)
}

impl<S> Gate<S> {
    /// Makes OPEN durable, behind the records of the pseudonyms that it carries for the first time.
    async fn open(
        &self,
        flow: &mut Flow,
        carried: Option<Carried>,
        open: Event,
    ) -> Result<(), ExchangeError> {
        let records = carried.as_ref().map(|carried| carried.records(self.rooms.clock.now()));
        flow.open(records.unwrap_or_default(), open).await?;
        if let Some(carried) = carried {
            super::persona::settle(&self.rooms, carried.confirm());
        }
        Ok(())
    }

    fn open_event(&self, exchange: &Exchange) -> Result<Event, ExchangeError> {
        let context = exchange.context()?;
        let origin = exchange.origin()?;
        let sent = super::apply::target(&exchange.target, &exchange.plan)?;
        let with_values = exchange.generation.config.detail_for(&exchange.who.name) == Detail::Bodies;
        // Numbered in any case: an edit's number must not depend on how much is kept.
        let edits = record::request_edits(exchange, &self.rooms.vault)?;
        let device = exchange.who.device.as_deref().map(str::to_owned);
        // What was looked through as it came, and stays so, needs no second look.
        let is_clean = exchange.is_clean && matches!(sent, Cow::Borrowed(_));
        let persona = exchange.persona.as_ref().filter(|_| !is_clean);
        let identifiers = persona.map(Persona::hidden);
        let url = if with_values {
            record::url(origin, &sent, true)
        } else {
            record::url_without(origin, &sent, identifiers)
        };
        let host = origin.host.to_string();
        Ok(Event::Open {
            flow: exchange.flow.id(),
            device,
            host,
            party: context.party,
            source: "user".to_owned(),
            method: exchange.method.to_string(),
            url,
            terms: exchange.terms.clone(),
            edits,
            notes: once(&exchange.notes),
        })
    }
}

/// Each note once: a body of many parts says the same of each.
fn once(notes: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    notes.iter().filter(|note| notes.len() == 1 || seen.insert(*note)).cloned().collect()
}
