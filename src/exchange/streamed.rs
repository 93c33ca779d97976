//! A request body that is edited as it flows.
//!
//! Bytes that may be part of an identifier wait until it is clear; a pseudonym that is needed for the first time waits
//! until it is durable. Everything else leaves as it comes. Trailers survive.

use super::body::{BodyError, Silence};
use super::error::ExchangeError;
use super::flow::Tally;
use super::request_body::{Arriving, Failure};
use crate::rewrite::{Decision, Hit, StreamEditor};
use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// A decision on its way.
pub type Deciding = Pin<Box<dyn Future<Output = Result<Decision, ExchangeError>> + Send>>;

/// Says what becomes of each hit, in their order, and keeps the record of it.
pub trait Decide: Send {
    /// May take as long as making a pseudonym durable takes.
    fn decide(&mut self, hit: &Hit) -> Deciding;
}

/// The body with its editor.
pub struct EditedBody {
    incoming: Incoming,
    editor: StreamEditor,
    decide: Box<dyn Decide>,
    undecided: VecDeque<usize>,
    deciding: Option<(usize, Deciding)>,
    trailers: Option<Frame<Bytes>>,
    ended: bool,
    tally: Arc<Tally>,
    failure: Arc<Failure>,
    silence: Silence,
}

impl EditedBody {
    /// Edits `body` with `editor`, by the word of `decide`.
    pub fn new(body: Arriving, editor: StreamEditor, decide: Box<dyn Decide>, tally: Arc<Tally>) -> Self {
        Self {
            incoming: body.incoming,
            editor,
            decide,
            undecided: VecDeque::new(),
            deciding: None,
            trailers: None,
            ended: false,
            tally,
            failure: Arc::default(),
            silence: body.silence,
        }
    }

    /// The same, with the place where its failures are told.
    pub(super) fn sending(mut self, failure: Arc<Failure>) -> Self {
        self.failure = failure;
        self
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            if let Err(error) = ready!(self.poll_decisions(cx)) {
                self.failure.refused();
                return Poll::Ready(Some(Err(error.into())));
            }
            let output = match self.editor.take_output() {
                Ok(output) => output,
                Err(error) => return self.broke(error),
            };
            if !output.is_empty() {
                self.tally.sent(output.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(output.into()))));
            }
            if self.ended {
                return Poll::Ready(self.trailers.take().map(Ok));
            }
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(next) => {
                    self.silence.broken();
                    if let Err(error) = self.take(next) {
                        return self.broke(error);
                    }
                }
                Poll::Pending if self.silence.poll(cx).is_ready() => {
                    self.failure.was_silent();
                    return Poll::Ready(Some(Err("the client fell silent".into())));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take(&mut self, next: Option<hyper::Result<Frame<Bytes>>>) -> Result<(), BodyError> {
        let found = match next.transpose()?.map(Frame::into_data) {
            Some(Ok(data)) => self.editor.push(&data)?,
            Some(Err(other)) => {
                self.trailers = other.is_trailers().then_some(other);
                return Ok(());
            }
            None => {
                self.ended = true;
                self.editor.finish()?
            }
        };
        self.undecided.extend(found);
        Ok(())
    }

    fn poll_decisions(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ExchangeError>> {
        loop {
            if let Some((number, deciding)) = &mut self.deciding {
                let decision = ready!(deciding.as_mut().poll(cx));
                let number = *number;
                self.deciding = None;
                match decision {
                    Ok(decision) => self.editor.decide(number, decision),
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            let Some(number) = self.undecided.pop_front() else { return Poll::Ready(Ok(())) };
            if let Some(hit) = self.editor.hit(number) {
                self.deciding = Some((number, self.decide.decide(hit)));
            }
        }
    }

    fn broke(&self, error: impl Into<BodyError>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.failure.broke();
        Poll::Ready(Some(Err(error.into())))
    }
}
