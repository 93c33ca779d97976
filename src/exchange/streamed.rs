//! A request body that is edited as it flows.
//!
//! Bytes that may be part of an identifier wait until it is clear; a pseudonym that is needed for the first time waits
//! until it is durable. Everything else leaves as it comes. Trailers survive.
//!
//! Whether anything will change is not known before the end: such a body leaves without its length or waits for it
//! ([`super::spool`]), and a compressed one
//! is coded again even where nothing changes (its decoded bytes are the same). The record says both. A body that cannot
//! be decoded, or unfolds too far, breaks off and never comes to its end.

use super::body::{BodyError, Quiet, Silence};
use super::error::ExchangeError;
use super::request_body::Arriving;
use super::trailers::Trailers;
use super::upload::Course;
use crate::model::Place;
use crate::rewrite::codec::CodecError;
use crate::rewrite::{Decision, Hit, StreamEditor};
use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What waits for more leaves after this much silence, once the vendor is answering too.
const PAUSE: Duration = Duration::from_millis(50);
/// Coded bytes that are undone at a time: what they unfold to is edited and leaves before more is undone.
const SLICE: usize = 4 << 10;

/// A decision on its way.
pub type Deciding = Pin<Box<dyn Future<Output = Result<Decision, ExchangeError>> + Send>>;

/// Says what becomes of each hit, in their order, and keeps the record of it.
pub trait Decide: Send {
    /// May take as long as making a pseudonym durable takes.
    fn decide(&mut self, hit: &Hit) -> Deciding;

    /// A part that is no text is about to leave as it is.
    fn unread(&mut self, place: Place) -> Result<(), ExchangeError>;
}

/// The body with its editor.
pub struct EditedBody {
    incoming: Incoming,
    /// Bytes that came and are still to be edited.
    came: Bytes,
    editor: StreamEditor,
    decide: Box<dyn Decide>,
    undecided: VecDeque<usize>,
    deciding: Option<(usize, Deciding)>,
    trailers: Trailers,
    ended: bool,
    course: Arc<Course>,
    quiet: Quiet,
    pause: Silence,
    /// Nothing has come since the last hurry.
    hurried: bool,
}

impl EditedBody {
    /// Edits `body` with `editor`, by the word of `decide`.
    pub fn new(body: Arriving, editor: StreamEditor, decide: Box<dyn Decide>) -> Self {
        Self {
            incoming: body.incoming,
            came: Bytes::new(),
            editor,
            decide,
            undecided: VecDeque::new(),
            deciding: None,
            trailers: Trailers::default(),
            ended: false,
            course: Arc::default(),
            quiet: body.quiet,
            pause: Silence::default(),
            hurried: false,
        }
    }

    /// The same, with the place where it is told how the sending goes.
    pub(super) fn sending(mut self, course: Arc<Course>) -> Self {
        self.course = course;
        self
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            for place in self.editor.take_unread() {
                if let Err(error) = self.decide.unread(place) {
                    return self.unreadable(error);
                }
            }
            if let Err(error) = ready!(self.poll_decisions(cx)) {
                return self.refused(error);
            }
            if self.editor.is_torn() {
                return self.refused(torn());
            }
            let output = match self.editor.take_output() {
                Ok(output) => output,
                Err(error) => return self.broke(error.into()),
            };
            if !output.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(output.into()))));
            }
            if self.ended {
                return self.poll_trailers(cx);
            }
            if !self.came.is_empty() {
                if let Err(error) = self.edit() {
                    return self.broke(error);
                }
                continue;
            }
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Ready(next) => {
                    self.quiet.broken();
                    self.pause.broken();
                    self.hurried = false;
                    if let Err(error) = self.take(next) {
                        return self.broke(error);
                    }
                }
                Poll::Pending if self.quiet.poll(cx).is_ready() => {
                    self.course.was_silent();
                    return Poll::Ready(Some(Err("the client fell silent".into())));
                }
                Poll::Pending => ready!(self.poll_pause(cx)),
            }
        }
    }

    fn take(&mut self, next: Option<hyper::Result<Frame<Bytes>>>) -> Result<(), BodyError> {
        match next.transpose()?.map(Frame::into_data) {
            Some(Ok(data)) => self.came = data,
            Some(Err(other)) => {
                self.trailers = other.into_trailers().map(Trailers::came).unwrap_or_default();
            }
            None => {
                self.ended = true;
                self.undecided.extend(self.editor.finish()?);
            }
        }
        Ok(())
    }

    fn edit(&mut self) -> Result<(), BodyError> {
        let length = if self.editor.is_coded() { self.came.len().min(SLICE) } else { self.came.len() };
        let piece = self.came.split_to(length);
        self.undecided.extend(self.editor.push(&piece)?);
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

    /// Ready once the client has been silent for a while and the vendor answers: what waits is let go then, since the
    /// two may be waiting for each other. Before that a stall of the network must not tear an identifier in two.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.hurried || self.editor.held() == 0 {
            return Poll::Pending;
        }
        while self.pause.poll(cx, PAUSE).is_ready() {
            if self.course.is_answered() {
                self.hurried = true;
                self.undecided.extend(self.editor.hurry());
                return Poll::Ready(());
            }
            self.pause.broken();
        }
        Poll::Pending
    }

    /// The trailer fields, edited like the body.
    fn poll_trailers(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(self.trailers.poll(self.editor.identifiers(), &mut *self.decide, cx)) {
            Some(Ok(fields)) => Poll::Ready(Some(Ok(Frame::trailers(fields)))),
            Some(Err(error)) => self.refused(error),
            None => Poll::Ready(None),
        }
    }

    fn refused(&self, error: ExchangeError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.course.refused();
        Poll::Ready(Some(Err(error.into())))
    }

    fn unreadable(&self, error: ExchangeError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.course.was_unreadable();
        Poll::Ready(Some(Err(error.into())))
    }

    fn broke(&self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match error.downcast_ref() {
            Some(CodecError::Bomb(_)) => self.course.was_a_bomb(),
            _ => self.course.broke(),
        }
        Poll::Ready(Some(Err(error)))
    }
}

fn torn() -> ExchangeError {
    ExchangeError::Forbidden {
        rule: "identity".into(),
        reason: "a protected value came in pieces that were too far apart".into(),
    }
}
