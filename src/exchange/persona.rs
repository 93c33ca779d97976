//! Layer 8: identifiers become this vendor's pseudonyms, in the head, in a whole body, and in one that flows.

use super::apply;
use super::error::ExchangeError;
use super::inspect::{Flowing, chosen, inspect_body, is_ruled};
use super::kin;
use super::layers::{Exchange, Handle, Reply};
use super::met::{has_account, meet};
use super::questions::{About, Questions};
use super::request_body::RequestBody;
use super::reveal;
use super::rooms::Rooms;
use super::streamed::EditedBody;
use super::substitute::Substitute;
use super::trackers::settled;
use super::trailers::TrailerGuard;
use super::websocket::{self, Messages};
use crate::config::category_of;
use crate::config::value::HostCategory;
use crate::model::{Host, MemberId, Plan, RequestView, Slot};
use crate::persona::{
    Gathered, Mask, MemberIdentity, Order, Persona, Settled, Shown, Sources, Worn, find_in_head,
    select_in_head,
};
use crate::rewrite::codec::Limits;
use crate::rewrite::{BodyFinder, Hit, StreamEditor};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;
use tower::Layer;

const CROWDED: &str = "too many uploads wait for their length already: this one leaves without";

/// The layer.
#[derive(Clone)]
pub struct PersonaLayer {
    rooms: Arc<Rooms>,
}

impl PersonaLayer {
    /// Personas from these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for PersonaLayer {
    type Service = Personified<S>;

    fn layer(&self, inner: S) -> Personified<S> {
        Personified { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
pub struct Personified<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Personified<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        if !exchange.is_unread() {
            // A member without a persona would go out unprotected.
            let persona = exchange.persona.clone().ok_or(ExchangeError::Persona)?;
            let (vendor, epoch) = exchange.context().map(|context| (&context.vendor, context.epoch))?;
            let persona = persona.guarding(vendor, epoch);
            exchange.persona = Some(persona.clone());
            if !persona.identity.identifiers().is_empty() {
                meet(&self.rooms, exchange, &persona)?;
                exchange.is_clean = !is_ruled(exchange)? && is_clean(exchange, &persona)?;
                if !exchange.is_clean {
                    // Boxed: what a body or a hit needs would make the future of every exchange larger.
                    Box::pin(self.protect(exchange, persona)).await?;
                }
            } else if persona.kin.is_some() {
                exchange.is_clean = is_clean(exchange, &persona)?;
                if !exchange.is_clean {
                    Box::pin(kin::look(exchange, &persona)).await?;
                }
            }
            self.listen_in(exchange)?;
            if let Some(answer) = exchange.plan.answer() {
                return settled(answer, exchange);
            }
            if reveal::is_for_program(&self.rooms, exchange)? {
                return Box::pin(self.show(exchange)).await;
            }
        }
        self.inner.handle(exchange).await
    }
}

impl<S: Handle> Personified<S> {
    /// Has a program of the member's answered.
    async fn show(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let mut reply = self.inner.handle(exchange).await?;
        if let Some(persona) = exchange.persona.clone() {
            reveal::show(&self.rooms, exchange, &persona, &mut reply).await?;
        }
        Ok(reply)
    }
}

impl<S> Personified<S> {
    async fn protect(&self, exchange: &mut Exchange, persona: Persona) -> Result<(), ExchangeError> {
        let generation = Arc::clone(&exchange.generation);
        let chosen = chosen(&generation, exchange, &persona)?;
        let body = inspect_body(exchange, &persona, &chosen).await?;
        kin::note(exchange, &persona)?;
        let (view, _) = exchange.view_and_plan()?;
        let mut hits = select_in_head(&view, persona.identity.identifiers(), &chosen.named());
        let sent = reveal::sent_in(&body.hits, &persona);
        hits.extend(body.hits);
        if !sent.is_empty() && reveal::is_for_program(&self.rooms, exchange)? {
            exchange.sent_places = sent;
        }
        if hits.is_empty() && !exchange.body.flows() {
            return Ok(());
        }
        let flows = body.flows.is_some();
        let found = |slot: &Slot| {
            let mut slots = hits.iter().filter_map(|hit| persona.identity.identifiers().get(hit.identifier));
            flows || slots.any(|identifier| identifier.slot == *slot)
        };
        let mask = self.mask(exchange, &persona, found)?;
        if let Some(relief) = &exchange.context()?.relief {
            self.rooms.exceptions.settle(relief, self.rooms.clock.now()).await?;
        }
        let (mask, worn) = self.decide(exchange, &persona, mask, hits).await?;
        if let RequestBody::Whole(whole) = &mut exchange.body
            && let Some(edited) = apply::body(whole.decoded(), &exchange.plan)
        {
            whole.replace(edited)?;
        }
        match body.flows {
            Some(flows) if exchange.plan.answer().is_none() => {
                self.flow(exchange, persona, mask, worn, flows)
            }
            None if exchange.plan.answer().is_none() => self.guard_trailers(exchange, persona, mask, worn),
            _ => Ok(()),
        }
    }

    /// Has the trailer fields looked into of a body that leaves as it comes.
    fn guard_trailers(
        &self,
        exchange: &mut Exchange,
        persona: Persona,
        mask: Arc<Mask>,
        worn: Arc<Worn>,
    ) -> Result<(), ExchangeError> {
        if !matches!(exchange.body, RequestBody::Arriving(_)) {
            return Ok(());
        }
        let identifiers = Arc::clone(persona.identity.identifiers());
        let substitute = Substitute::new(&self.rooms, exchange, persona, mask, worn)?;
        if let RequestBody::Arriving(body) = &mut exchange.body {
            body.guard = Some(TrailerGuard::new(identifiers, Box::new(substitute)));
        }
        Ok(())
    }

    /// Has a WebSocket's messages looked into. What an extension makes of them could not be, so none is offered.
    fn listen_in(&self, exchange: &mut Exchange) -> Result<(), ExchangeError> {
        let persona = match &exchange.persona {
            Some(persona) if !persona.identity.identifiers().is_empty() => persona.clone(),
            _ => return Ok(()),
        };
        if exchange.websocket.is_none() || exchange.plan.answer().is_some() {
            return Ok(());
        }
        // What holds once serves no message: nobody knows whether one will need it.
        let mask = Arc::new(self.mask(exchange, &persona, |_| false)?);
        let worn = persona.wardrobe.worn(mask.sector(), exchange.context()?.epoch);
        let substitute = Substitute::new(&self.rooms, exchange, persona, mask, worn)?;
        if let Some(handshake) = &mut exchange.websocket {
            handshake.messages = Some(Messages::new(substitute));
        }
        websocket::offer_no_extension(&exchange.headers, &mut exchange.plan);
        Ok(())
    }

    /// What the vendor gets to see; `is_needed` says of a slot whether its value may be in the request.
    fn mask(
        &self,
        exchange: &Exchange,
        persona: &Persona,
        is_needed: impl Fn(&Slot) -> bool,
    ) -> Result<Mask, ExchangeError> {
        let context = exchange.context()?;
        let shown = match &context.relief {
            Some(relief) => Shown {
                all: relief.shows_all(),
                slots: relief.shown(exchange.rehearsal, is_needed).collect(),
            },
            None => Shown::default(),
        };
        let (member, label, sector) = (exchange.who.member, &context.label, &context.vendor);
        let own = self.rooms.vendor_settings(&exchange.generation, member, label, sector);
        let sources = Sources {
            vendor: label,
            sector,
            party: context.party,
            category: real_category(&exchange.origin()?.host),
            settings: &exchange.generation.identity,
            own: own.as_deref(),
            shown: &shown,
            today: self.rooms.clock.now().calendar().date(),
        };
        let watch = self.rooms.revealed.watch(exchange, self.rooms.clock.now());
        Ok(Mask::new(&persona.identity, &sources).watching(watch))
    }

    /// Asks what has to be asked, has issued what is needed and enters the edits into the plan. Gives the mask with the
    /// answers.
    async fn decide(
        &self,
        exchange: &mut Exchange,
        persona: &Persona,
        mut mask: Mask,
        hits: Vec<Hit>,
    ) -> Result<(Arc<Mask>, Arc<Worn>), ExchangeError> {
        let (rehearsal, member) = (exchange.rehearsal, exchange.who.member);
        let derivation = exchange.generation.identity.derivation;
        let existing = has_account(exchange, persona, &mask)?;
        let (epoch, host) = (exchange.context()?.epoch, exchange.origin()?.host.to_string());
        let (view, plan): (RequestView<'_>, &mut Plan) = exchange.view_and_plan()?;
        let mut worn = persona.wardrobe.worn(mask.sector(), epoch);
        let gathered = Gathered::new(view, &persona.identity, &mask, hits, plan);
        let asked = Instant::now();
        if !rehearsal {
            let asks = gathered.asks(&persona.identity, &mask, &worn, plan);
            ask(&self.rooms.questions, &mut mask, &persona.identity, member, &host, asks).await;
        }
        let asked = asked.elapsed();
        let mask = Arc::new(mask);
        let needs = gathered.needs(&persona.identity, &mask, &worn, plan);
        let meets = !worn.is_empty() && !rehearsal && !persona.wardrobe.knows_host(&host);
        if !needs.is_empty() || meets {
            let (persona, mask, now) = (persona.clone(), Arc::clone(&mask), self.rooms.clock.now());
            let slots = needs.clone();
            let issued = tokio::task::spawn_blocking(move || {
                let order = Order {
                    mask: &mask,
                    identity: &persona.identity,
                    epoch,
                    derivation,
                    host: &host,
                    existing,
                };
                if rehearsal {
                    persona.wardrobe.preview_all(&order, &slots)
                } else {
                    persona.wardrobe.issue(&order, &slots, now)
                }
            });
            worn = issued.await.map_err(|_| ExchangeError::Persona)?.map_err(|_| ExchangeError::Persona)?;
        }
        let notes = gathered.apply(&persona.identity, &mask, &worn, plan);
        exchange.notes.extend(notes);
        exchange.first_uses.extend(needs);
        exchange.flow.waited(asked);
        Ok((mask, worn))
    }

    /// Sets the editor between the client and the vendor.
    fn flow(
        &self,
        exchange: &mut Exchange,
        persona: Persona,
        mask: Arc<Mask>,
        worn: Arc<Worn>,
        flows: Flowing,
    ) -> Result<(), ExchangeError> {
        let place = match exchange.body.is_holdable() {
            true => self.rooms.spools.place(exchange.who.member),
            false => None,
        };
        if exchange.body.is_holdable() && place.is_none() {
            exchange.notes.push(CROWDED.to_owned());
        }
        let RequestBody::Arriving(arriving) = std::mem::replace(&mut exchange.body, RequestBody::Empty)
        else {
            return Err(ExchangeError::Internal("a body that flows is not there"));
        };
        let finder = BodyFinder::new(Arc::clone(persona.identity.identifiers()), flows.syntax);
        let finder = finder.selecting(flows.selection);
        let editor = StreamEditor::with(finder, &flows.codings, Limits::default())
            .map_err(|_| ExchangeError::Internal("an editor could not be set up"))?;
        let substitute = Substitute::new(&self.rooms, exchange, persona, mask, worn)?;
        let body = EditedBody::new(arriving, editor, Box::new(substitute));
        exchange.body = RequestBody::Edited(Box::new(body), place);
        Ok(())
    }
}

/// Asks the member about these slots at once, and puts what they say into the mask.
pub(super) async fn ask(
    questions: &Questions,
    mask: &mut Mask,
    identity: &MemberIdentity,
    member: MemberId,
    host: &str,
    slots: BTreeSet<Slot>,
) {
    let (vendor, sector) = (mask.vendor().clone(), mask.sector().clone());
    let mut asking = JoinSet::new();
    for slot in slots {
        let about = About { member, vendor: vendor.clone(), sector: sector.clone(), slot: slot.clone() };
        let (questions, host) = (questions.clone(), host.to_owned());
        asking.spawn(async move { (slot, questions.ask(about, &host).await) });
    }
    while let Some(answered) = asking.join_next().await {
        if let Ok((slot, answer)) = answered {
            mask.answer(identity, &slot, answer);
        }
    }
}

/// The built-in category of a host that works with real values only.
fn real_category(host: &Host) -> Option<&'static str> {
    use HostCategory::{Correspondence, Login, Payment, Shipping, Travel};
    let real =
        |category: &HostCategory| matches!(category, Correspondence | Payment | Travel | Shipping | Login);
    category_of(host).filter(real).map(HostCategory::as_str)
}

/// Whether there is nothing but a head, and nothing in that.
fn is_clean(exchange: &mut Exchange, persona: &Persona) -> Result<bool, ExchangeError> {
    if !matches!(exchange.body, RequestBody::Empty) {
        return Ok(false);
    }
    let (view, _) = exchange.view_and_plan()?;
    Ok(find_in_head(&view, persona.hidden()).is_empty())
}

/// Tells the store what the log has, off the workers. Nothing waits for it.
pub(super) fn settle(rooms: &Arc<Rooms>, settled: Settled) {
    let now = rooms.clock.now();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = settled.store(now) {
            tracing::warn!(%error, "a pseudonym will be recorded once more");
        }
    });
}
