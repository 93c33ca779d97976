//! Decides the hits of a body that flows, one by one, and keeps the record of them for CLOSE.

use super::error::ExchangeError;
use super::layers::Exchange;
use super::record::{self, Digests};
use super::request_body::UNREAD_PART;
use super::rooms::Rooms;
use super::streamed::{Decide, Deciding};
use super::tally::Tally;
use crate::model::{Action, Container, Edit, FlowId, MemberId, Part, Place, Secret, Slot};
use crate::persona::{Derivation, Mask, Order, Persona, Surroundings, Verdict, Worn};
use crate::rewrite::{Decision, Hit, Identifiers};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Puts pseudonyms in the place of what is found.
pub struct Substitute {
    shared: Arc<Shared>,
    /// Parts told that could not be inspected.
    told: usize,
}

/// Most of them that are named.
const NOTED: usize = 64;

#[derive(Clone)]
struct Shared {
    rooms: Arc<Rooms>,
    persona: Persona,
    /// With the answers of the member's that came since.
    mask: Arc<Mutex<Arc<Mask>>>,
    member: MemberId,
    is_agent: bool,
    epoch: u32,
    host: String,
    derivation: Derivation,
    existing: bool,
    worn: Arc<Mutex<Arc<Worn>>>,
    tally: Arc<Tally>,
    digest_key: Secret<[u8; 32]>,
    flow: FlowId,
    /// What flows are the messages of a WebSocket: the record names no place inside one.
    messages: bool,
}

impl Substitute {
    /// For the body of `exchange`, or the messages that follow where it asks for a WebSocket.
    pub fn new(
        rooms: &Arc<Rooms>,
        exchange: &Exchange,
        persona: Persona,
        mask: Arc<Mask>,
        worn: Arc<Worn>,
    ) -> Result<Self, ExchangeError> {
        let shared = Shared {
            digest_key: rooms.vault.digest_key(exchange.who.member).map_err(|_| ExchangeError::Ledger)?,
            rooms: Arc::clone(rooms),
            epoch: exchange.context()?.epoch,
            host: exchange.origin()?.host.to_string(),
            derivation: exchange.generation.identity.derivation,
            existing: super::met::has_account(exchange, &persona, &mask)?,
            worn: Arc::new(Mutex::new(worn)),
            tally: Arc::clone(exchange.flow.tally()),
            flow: exchange.flow.id(),
            messages: exchange.websocket.is_some(),
            member: exchange.who.member,
            is_agent: super::reveal::is_agent(exchange),
            persona,
            mask: Arc::new(Mutex::new(mask)),
        };
        Ok(Self { shared: Arc::new(shared), told: 0 })
    }
}

impl Substitute {
    /// What is looked for.
    pub fn identifiers(&self) -> &Arc<Identifiers> {
        self.shared.persona.identity.identifiers()
    }
}

impl Decide for Substitute {
    fn decide(&mut self, hit: &Hit) -> Deciding {
        let (shared, hit) = (Arc::clone(&self.shared), hit.clone());
        Box::pin(async move {
            shared.tally.relieve(shared.rooms.clock.now()).await?;
            shared.ask(&hit).await;
            match shared.judge(&hit) {
                Verdict::Edit(edit) => Ok(shared.enter(&hit, &edit)),
                Verdict::Refuse(_) => Err(refused()),
                Verdict::Issue(slot) => {
                    shared.issue(slot).await?;
                    match shared.judge(&hit) {
                        Verdict::Edit(edit) => Ok(shared.enter(&hit, &edit)),
                        Verdict::Issue(_) | Verdict::Refuse(_) => Err(refused()),
                    }
                }
            }
        })
    }

    fn unread(&mut self, place: Place) -> Result<(), ExchangeError> {
        if self.shared.mask().strict() {
            return Err(ExchangeError::unread(UNREAD_PART));
        }
        self.told += 1;
        if self.told <= NOTED {
            self.shared.note(place);
        }
        Ok(())
    }
}

fn refused() -> ExchangeError {
    ExchangeError::Forbidden {
        rule: "identity".into(),
        reason: "a protected value stands where it cannot be left out".into(),
    }
}

impl Shared {
    fn worn(&self) -> Arc<Worn> {
        Arc::clone(&self.worn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mask(&self) -> Arc<Mask> {
        Arc::clone(&self.mask.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the member what is to become of the hit, where they want to be asked. What else comes waits.
    async fn ask(&self, hit: &Hit) {
        let (identity, mask) = (&self.persona.identity, self.mask());
        let Some(slot) = mask.asks(identity, &self.worn(), hit) else { return };
        let mut answered = Mask::clone(&mask);
        let slots = BTreeSet::from([slot]);
        let questions = &self.rooms.questions;
        super::persona::ask(questions, &mut answered, identity, self.member, &self.host, slots).await;
        *self.mask.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(answered);
    }

    fn judge(&self, hit: &Hit) -> Verdict {
        let (mut mask, now) = (self.mask(), self.rooms.clock.now());
        // Something may have been revealed since the body began.
        let watch = self.rooms.revealed.watch_for(self.member, self.is_agent, now);
        if watch != *mask.watch() {
            mask = Arc::new(Mask::clone(&mask).watching(watch));
        }
        mask.judge(&self.persona.identity, &self.worn(), hit, Surroundings::Body)
    }

    /// Makes a pseudonym in the middle of a body: it is durable before the byte that carries it leaves.
    async fn issue(self: &Arc<Self>, slot: Slot) -> Result<(), ExchangeError> {
        let this = Arc::clone(self);
        let slots = BTreeSet::from([slot]);
        let wanted = slots.clone();
        let issuing = tokio::task::spawn_blocking(move || {
            let order = Order {
                mask: &this.mask(),
                identity: &this.persona.identity,
                epoch: this.epoch,
                derivation: this.derivation,
                host: &this.host,
                existing: this.existing,
            };
            this.persona.wardrobe.issue(&order, &wanted, this.rooms.clock.now())
        });
        let worn = issuing.await.map_err(|_| ExchangeError::Persona)?.map_err(|_| ExchangeError::Persona)?;
        if let Some(carried) = self.persona.wardrobe.carry(self.mask().sector(), self.epoch, &slots).await {
            let records = carried.records(self.rooms.clock.now());
            self.rooms.ledger.append(records).await.map_err(|_| ExchangeError::Ledger)?;
            super::persona::settle(&self.rooms, carried.confirm());
        }
        *self.worn.lock().unwrap_or_else(PoisonError::into_inner) = worn;
        Ok(())
    }

    /// OPEN is written already: what could not be inspected is told beside the edits.
    fn note(&self, place: Place) {
        let rule = "could not inspect";
        self.tally.edited(vec![record::note(&self.tally, place, Container::Body, rule, UNREAD_PART.into())]);
    }

    fn enter(&self, hit: &Hit, edit: &Edit) -> Decision {
        // The value stands for the bytes found: they are one of its spellings.
        let found = self.persona.identity.identifiers().get(hit.identifier);
        let found = found.map(|identifier| identifier.value.expose().as_bytes());
        let digests = Digests::new(&self.digest_key, self.flow);
        let mut entry = record::edit(edit, self.tally.number(), found, Some(&digests));
        if self.messages {
            entry.place = Place::request(Part::WebSocketText).to_string();
        }
        self.tally.edited(vec![entry]);
        self.rooms.metrics.edits(edit.stage, edit.action, 1);
        match edit.action {
            Action::WouldHave => Decision::Keep,
            _ => Decision::Replace { span: edit.span.clone(), bytes: edit.value.clone() },
        }
    }
}
