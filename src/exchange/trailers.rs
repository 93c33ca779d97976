//! Trailer fields behind a body, edited whatever the body is.

use super::error::ExchangeError;
use super::streamed::{Decide, Deciding};
use crate::rewrite::{Hit, Identifiers, find_in_trailer, replacements, splice};
use http::{HeaderMap, HeaderValue};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

type Editing = Pin<Box<dyn Future<Output = Result<HeaderMap, ExchangeError>> + Send>>;

/// Trailer fields on their way.
#[derive(Default)]
pub(super) enum Trailers {
    /// None, or they have left.
    #[default]
    None,
    /// As they came.
    Came(HeaderMap),
    /// What becomes of them is being decided.
    Editing(Editing),
}

impl Trailers {
    /// Those that came.
    pub(super) fn came(fields: HeaderMap) -> Self {
        Self::Came(fields)
    }

    /// The fields as they may leave, once; `None` where there are none.
    pub(super) fn poll(
        &mut self,
        identifiers: &Identifiers,
        decide: &mut dyn Decide,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<HeaderMap, ExchangeError>>> {
        if let Self::Came(fields) = self {
            let fields = std::mem::take(fields);
            *self = Self::Editing(edit(fields, identifiers, decide));
        }
        let Self::Editing(editing) = self else { return Poll::Ready(None) };
        let edited = ready!(editing.as_mut().poll(cx));
        *self = Self::None;
        Poll::Ready(Some(edited))
    }
}

/// What looks into the trailer fields of a body that leaves as it comes.
pub(super) struct TrailerGuard {
    identifiers: Arc<Identifiers>,
    decide: Box<dyn Decide>,
    trailers: Trailers,
}

impl TrailerGuard {
    /// Looks for `identifiers`, by the word of `decide`.
    pub(super) fn new(identifiers: Arc<Identifiers>, decide: Box<dyn Decide>) -> Self {
        Self { identifiers, decide, trailers: Trailers::None }
    }

    /// Whether nothing waits to leave.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.trailers, Trailers::None)
    }

    /// These came.
    pub(super) fn take(&mut self, fields: HeaderMap) {
        self.trailers = Trailers::came(fields);
    }

    /// As [`Trailers::poll`].
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<HeaderMap, ExchangeError>>> {
        self.trailers.poll(&self.identifiers, &mut *self.decide, cx)
    }
}

fn edit(fields: HeaderMap, identifiers: &Identifiers, decide: &mut dyn Decide) -> Editing {
    let mut lines = Vec::new();
    for name in fields.keys() {
        for (nth, value) in fields.get_all(name).iter().enumerate() {
            let hits = find_in_trailer(identifiers, name.as_str(), nth, value.as_bytes());
            let decisions: Vec<_> = hits.into_iter().map(|hit| (decide.decide(&hit), hit)).collect();
            lines.push((name.clone(), value.clone(), decisions));
        }
    }
    Box::pin(async move {
        let mut edited = HeaderMap::with_capacity(lines.len());
        for (name, value, decisions) in lines {
            edited.append(name, decided(value, decisions).await?);
        }
        Ok(edited)
    })
}

/// A trailer field's value after the decisions on its hits.
async fn decided(value: HeaderValue, decisions: Vec<(Deciding, Hit)>) -> Result<HeaderValue, ExchangeError> {
    let mut decided = Vec::with_capacity(decisions.len());
    for (deciding, hit) in decisions {
        decided.push((hit, deciding.await?));
    }
    let edits = replacements(&decided);
    if edits.is_empty() {
        return Ok(value);
    }
    let edits: Vec<_> = edits.iter().map(|(span, bytes)| (span.clone(), bytes.expose().as_slice())).collect();
    HeaderValue::from_bytes(&splice(value.as_bytes(), &edits))
        .map_err(|_| ExchangeError::Internal("an edit broke a trailer field"))
}
