//! The two sides of a WebSocket once the vendor has accepted it, with the flow that ends with it.

use super::boundary::Boundary;
use super::frame;
use super::messages::{Messages, Stopped, TOO_LONG};
use crate::exchange::flow::Flow;
use crate::exchange::record;
use crate::exchange::relay::{Watch, relay, winds_up};
use crate::exchange::tally::Tally;
use crate::model::{Container, Outcome, Part, Place};
use crate::upstream::Switched;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A side that takes no farewell within this gets none.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why the gateway ends a channel (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// "An endpoint is going away, such as a server going down".
    GoingAway = 1001,
    /// "Due to a protocol error".
    ProtocolError = 1002,
    /// "A message that violates its policy".
    Policy = 1008,
    /// "A message that is too big for it to process".
    TooBig = 1009,
}

/// A WebSocket between client and vendor. Dropped, it ends the flow.
pub struct Channel {
    pub(in crate::exchange) client: OnUpgrade,
    pub(in crate::exchange) vendor: Switched,
    pub(in crate::exchange) messages: Option<Messages>,
    /// Whether the client's side is a stream of HTTP/2.
    pub over_http2: bool,
    /// Set by the flow layer.
    pub(in crate::exchange) flow: Option<Flow>,
}

/// How a channel ended, and what the client is told where it was the gateway that ended it.
struct Ended {
    outcome: Outcome,
    code: Option<Code>,
}

impl From<Outcome> for Ended {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, code: None }
    }
}

impl Channel {
    /// Carries both ways until both sides are done, one breaks off, or it is quiet and the gateway is `closing`; writes
    /// the flow's end.
    pub async fn run(self, closing: &CancellationToken) {
        let Some(mut flow) = self.flow else { return };
        let (Ok(client), Ok(vendor)) = tokio::join!(self.client, self.vendor.stream()) else {
            return flow.close(Outcome::CutByClient);
        };
        let (mut client_reads, mut client_writes) = tokio::io::split(TokioIo::new(client));
        let (mut vendor_reads, mut vendor_writes) = tokio::io::split(vendor);
        let tally = Arc::clone(flow.tally());
        let moved = AtomicU64::new(0);
        let (mut upward, mut downward) = (Boundary::default(), Boundary::default());
        let up = async {
            let sent = Frames { boundary: &mut upward, count: |bytes| tally.sent(bytes) };
            match self.messages {
                Some(messages) => messages.carry(&mut client_reads, &mut vendor_writes, &moved, sent).await,
                None => Ok(relay(&mut client_reads, &mut vendor_writes, &moved, sent).await?),
            }
        };
        let up = async { up.await.map_err(|stopped| stop(stopped, &tally)) };
        let down = async {
            let received = Frames { boundary: &mut downward, count: |bytes| tally.received(bytes) };
            let cut = relay(&mut vendor_reads, &mut client_writes, &moved, received).await;
            cut.map_err(|cut| Ended::from(cut.blame(Outcome::CutByVendor, Outcome::CutByClient)))
        };
        let ended = tokio::select! {
            ended = async { tokio::try_join!(up, down) } => ended.err().unwrap_or(Outcome::Complete.into()),
            () = winds_up(closing, &moved) => Ended { outcome: Outcome::Failed, code: Some(Code::GoingAway) },
        };
        if let Some(code) = ended.code {
            let to_client = farewell(&mut client_writes, &downward, code, None);
            // The vendor has done nothing wrong, and learns nothing of what was.
            let to_vendor = farewell(&mut vendor_writes, &upward, Code::GoingAway, mask());
            tokio::join!(to_client, to_vendor);
        }
        flow.close(ended.outcome);
    }
}

/// One direction's frames.
struct Frames<'b, F> {
    boundary: &'b mut Boundary,
    count: F,
}

impl<F: FnMut(u64)> Watch for Frames<'_, F> {
    fn departs(&mut self) {
        self.boundary.departs();
    }

    fn left(&mut self, bytes: &[u8]) {
        self.boundary.follow(bytes);
        (self.count)(bytes.len() as u64);
    }
}

/// A Close frame, where one may stand. Whoever does not take it loses the connection as it is.
async fn farewell<W: AsyncWrite + Unpin>(to: &mut W, boundary: &Boundary, code: Code, mask: Option<[u8; 4]>) {
    if !boundary.is_open() {
        return;
    }
    let said = timeout(PATIENCE, async {
        to.write_all(&frame::close(code as u16, mask)).await?;
        to.shutdown().await
    });
    // It ends in any case.
    let _ = said.await;
}

/// RFC 6455 section 5.3: a masking key "MUST be derived from a strong source of entropy".
fn mask() -> Option<[u8; 4]> {
    let mut mask = [0; 4];
    getrandom::fill(&mut mask).ok().map(|()| mask)
}

/// How a flow ends that could not go on. Why, where it was this gateway that ended it, the owner reads among the edits.
fn stop(stopped: Stopped, tally: &Tally) -> Ended {
    let (outcome, code, reason) = match stopped {
        Stopped::Cut(cut) => return cut.blame(Outcome::CutByClient, Outcome::CutByVendor).into(),
        Stopped::Client(broken) => {
            let code = if broken.0 == TOO_LONG { Code::TooBig } else { Code::ProtocolError };
            (Outcome::CutByClient, code, broken.to_string())
        }
        Stopped::Refused(error) => (Outcome::Failed, Code::Policy, error.to_string()),
    };
    let place = Place::request(Part::Message);
    let note = record::note(tally, place, Container::Message, "websocket.ended", reason.into());
    tally.edited(vec![note]);
    Ended { outcome, code: Some(code) }
}
