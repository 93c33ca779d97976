//! Layer 6: signing in at a vendor by way of somebody else. What the two tell each other goes from server to server and is
//! signed: nothing here can change it, so the person is told before it begins, or it does not.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::rooms::Rooms;
use super::sign_in::asked;
use crate::model::{FederatedLogin, Host, RequestType, VendorId};
use crate::persona::{Persona, SignIn};
use crate::rewrite::find_in_header;
use std::collections::BTreeSet;
use std::sync::Arc;
use tower::Layer;

/// The rule by which one is refused for good.
const BLOCKED: &str = "federated_login=block";
/// The rule by which the person is told first.
const TOLD: &str = "federated_login=allow: told first";

/// The layer.
#[derive(Clone)]
pub struct FederatedLayer {
    rooms: Arc<Rooms>,
}

impl FederatedLayer {
    /// With what these rooms know.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for FederatedLayer {
    type Service = Federated<S>;

    fn layer(&self, inner: S) -> Federated<S> {
        Federated { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
pub struct Federated<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Federated<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        if !exchange.is_unread()
            && let Some(persona) = exchange.persona.clone()
            && let Some((label, sign_in)) = sign_in(exchange, &persona)?
        {
            // Boxed: it would make the future of every exchange larger.
            Box::pin(self.judge(exchange, &persona, &label, &sign_in)).await?;
        }
        self.inner.handle(exchange).await
    }
}

impl<S> Federated<S> {
    async fn judge(
        &self,
        exchange: &mut Exchange,
        persona: &Persona,
        label: &VendorId,
        sign_in: &SignIn,
    ) -> Result<(), ExchangeError> {
        let generation = &exchange.generation;
        let policy = self.rooms.federated_login(generation, exchange.who.member, label, &sign_in.vendor);
        if policy == FederatedLogin::Block {
            return Err(refused(
                BLOCKED,
                format!("signing in at {label} by way of somebody else is blocked"),
            ));
        }
        let told = persona.wardrobe.was_told(sign_in);
        let kind = exchange.context()?.kind;
        let is_page = kind == RequestType::Document;
        // Nobody reads a page in a hidden frame, and no script may make up sign-ins that are kept. A program would not
        // understand.
        let is_program = !is_page && !exchange.headers.contains_key("sec-fetch-dest");
        let tells = !told && !is_program;
        if !exchange.rehearsal && (is_page || !tells) {
            self.note(persona, sign_in, !tells).await?;
        }
        if tells {
            return Err(refused(TOLD, telling(label, sign_in, is_page)));
        }
        exchange.notes.push(format!(
            "federated login: {} signs you in at {label} and is asked for {}; what they tell each other does not pass here",
            sign_in.provider,
            asks(&sign_in.scopes)
        ));
        Ok(())
    }

    /// Durable before anything goes on: who was told once is not told again.
    async fn note(&self, persona: &Persona, sign_in: &SignIn, goes: bool) -> Result<(), ExchangeError> {
        if !persona.wardrobe.note_sign_in(sign_in, goes, self.rooms.clock.now()) {
            return Ok(());
        }
        let (wardrobe, sign_in) = (Arc::clone(&persona.wardrobe), sign_in.clone());
        let keeping = tokio::task::spawn_blocking(move || wardrobe.keep_sign_in(&sign_in));
        let kept = keeping.await.map_err(|_| ExchangeError::Internal("a sign-in could not be kept"))?;
        kept.map_err(|_| ExchangeError::Internal("a sign-in could not be kept"))
    }
}

/// What a request begins, where it is with one vendor for another's sake, and what settings call the other.
fn sign_in(exchange: &Exchange, persona: &Persona) -> Result<Option<(VendorId, SignIn)>, ExchangeError> {
    let Some(asked) = asked(&exchange.target) else { return Ok(None) };
    let context = exchange.context()?;
    let client = asked.client.as_deref().or(context.source.as_deref()).and_then(Host::parse);
    let Some(client) = client else { return Ok(None) };
    let label = exchange.generation.config.vendor_of(&client).id;
    if label == context.label {
        return Ok(None);
    }
    let vendor = persona.wardrobe.sector(&client.to_string(), &label);
    // A scope may name anything.
    let identifiers = persona.identity.identifiers();
    let is_clean = |scope: &String| find_in_header(identifiers, "x", 0, scope.as_bytes()).is_empty();
    let scopes = asked.scopes.into_iter().filter(is_clean).collect();
    Ok(Some((label, SignIn { vendor, provider: context.label.clone(), scopes })))
}

fn asks(scopes: &BTreeSet<String>) -> String {
    if scopes.is_empty() {
        return "things that are not named here".to_owned();
    }
    scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn telling(label: &VendorId, sign_in: &SignIn, is_page: bool) -> String {
    let (provider, asks) = (&sign_in.provider, asks(&sign_in.scopes));
    let then = if is_page {
        "Load this page again to go on, or go back and sign up with an address made for this vendor."
    } else {
        "It is told once it begins in a page of its own."
    };
    format!(
        "{label} wants {provider} to sign you in, and asks it for: {asks}. They tell each other who you are, as a rule with \
         your real address, where your gateway cannot see or change it, and {provider} learns when you are there. {then}"
    )
}

fn refused(rule: &'static str, reason: String) -> ExchangeError {
    ExchangeError::Forbidden { rule: rule.into(), reason: reason.into() }
}
