//! What goes back to the client, and the place where a flow that was sent comes to its end.

use super::flow::Flow;
use super::hop_by_hop::without_head_fields;
use super::inflow::Inflow;
use super::send_body::SendBody;
use super::tally::Tally;
use super::upload::Course;
use super::websocket::Channel;
use crate::model::Outcome;
use crate::upstream::Connection;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};

/// Errors of a body, as hyper takes them.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a reply.
pub enum ReplyBody {
    /// The gateway's own words.
    Local(Option<Bytes>),
    /// The vendor's, before the flow layer has taken it over.
    Vendor(Box<VendorBody>),
    /// The vendor's, with the flow that ends with it.
    Flowing(Box<FlowBody>),
    /// None: the connection becomes a channel.
    Channel(Box<Channel>),
}

/// A vendor's body with the connection it comes from.
pub struct VendorBody {
    pub(super) inflow: Inflow,
    pub(super) connection: Connection<SendBody>,
}

impl ReplyBody {
    /// The gateway's own words.
    pub fn local(text: impl Into<Bytes>) -> Self {
        Self::Local(Some(text.into()).filter(|text: &Bytes| !text.is_empty()))
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self::Local(None)
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Local(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Self::Vendor(body) => Pin::new(&mut body.inflow).poll_frame(cx).map_err(Into::into),
            Self::Flowing(body) => body.poll(cx),
            Self::Channel(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Local(text) => text.is_none(),
            Self::Vendor(body) => body.inflow.is_end_stream(),
            Self::Flowing(body) => body.inflow.is_end_stream(),
            Self::Channel(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Local(text) => SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64)),
            Self::Vendor(body) => body.inflow.size_hint(),
            Self::Flowing(body) => body.inflow.size_hint(),
            Self::Channel(_) => SizeHint::with_exact(0),
        }
    }
}

/// A vendor's body on its way to the client. However it ends — read out, broken off, dropped — the flow's CLOSE is
/// written from here: at once, or when the request's body is over too.
pub struct FlowBody {
    inflow: Inflow,
    connection: Option<Connection<SendBody>>,
    flow: Flow,
    upload: Option<Arc<Course>>,
    patience: Duration,
    quiet: Quiet,
}

impl FlowBody {
    /// Takes the body over; the vendor may be silent for `patience` while the client is, too. One that is empty from the
    /// start ends the flow at once: nobody will poll it.
    pub(super) fn new(body: VendorBody, flow: Flow, upload: Option<Arc<Course>>, patience: Duration) -> Self {
        let mut flowing = Self {
            upload,
            patience,
            inflow: body.inflow,
            connection: Some(body.connection),
            quiet: Quiet::new(patience, flow.tally()),
            flow,
        };
        if flowing.inflow.is_end_stream() {
            flowing.complete();
        }
        flowing
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let is_counted = self.inflow.is_ahead();
        match Pin::new(&mut self.inflow).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.quiet.broken();
                if let Some(data) = frame.data_ref().filter(|_| !is_counted) {
                    self.flow.tally().received(data.len() as u64);
                }
                // hyper does not ask again once the announced length has passed.
                if self.inflow.is_end_stream() {
                    self.complete();
                }
                Poll::Ready(Some(Ok(without_head_fields(frame))))
            }
            Poll::Ready(Some(Err(error))) => {
                self.end(Outcome::CutByVendor);
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                self.complete();
                Poll::Ready(None)
            }
            Poll::Pending if self.quiet.poll(cx).is_ready() => {
                self.end(Outcome::CutByVendor);
                Poll::Ready(Some(Err("the vendor fell silent".into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn complete(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.give_back();
        }
        self.end(Outcome::Complete);
    }

    /// Whoever ends last closes the flow. An upload that goes on may still be edited; one that falls silent is over.
    fn end(&mut self, outcome: Outcome) {
        let upload = self.upload.take().filter(|upload| !upload.is_over());
        let (Some(upload), Ok(runtime)) = (upload, Handle::try_current()) else {
            return self.flow.close(outcome);
        };
        let (mut flow, patience) = (self.flow.pass_on(), self.patience);
        runtime.spawn(async move {
            let ended = upload.ends(flow.tally(), patience).await;
            let whole = ended && upload.error().is_none();
            flow.close(if whole { outcome } else { Outcome::CutByClient });
        });
    }
}

impl Drop for FlowBody {
    fn drop(&mut self) {
        // Does nothing where it has ended.
        self.end(Outcome::CutByClient);
    }
}

/// How long nothing has come in either direction: a body that is silent because the other side is at work is not idle.
pub(super) struct Quiet {
    patience: Duration,
    tally: Arc<Tally>,
    moved: u64,
    silence: Silence,
}

impl Quiet {
    pub(super) fn new(patience: Duration, tally: &Arc<Tally>) -> Self {
        Self { patience, tally: Arc::clone(tally), moved: 0, silence: Silence::default() }
    }

    pub(super) fn broken(&mut self) {
        self.silence.broken();
    }

    /// Ready once nothing has moved for as long as the patience lasts.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.silence.poll(cx, self.patience));
            let moved = self.tally.moved();
            if moved == self.moved {
                return Poll::Ready(());
            }
            self.moved = moved;
            self.silence.broken();
        }
    }
}

/// How long nothing has come. The timer is only made once something is waited for, and only moved when it fires.
#[derive(Default)]
pub(super) struct Silence {
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Silence {
    pub(super) fn broken(&mut self) {
        self.since = None;
    }

    /// Ready once nothing has come for `patience`.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, patience: Duration) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + patience)));
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if since.elapsed() >= patience {
                return Poll::Ready(());
            }
            timer.as_mut().reset(since + patience);
        }
    }
}
