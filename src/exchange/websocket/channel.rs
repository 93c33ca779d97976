//! The two sides of a WebSocket once the vendor has accepted it, with the flow that ends with it.

use super::messages::{Messages, Stopped};
use crate::exchange::flow::Flow;
use crate::exchange::record;
use crate::exchange::relay::{relay, winds_up};
use crate::exchange::tally::Tally;
use crate::model::{Container, Outcome, Part, Place};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio_util::sync::CancellationToken;

/// A WebSocket between client and vendor. Dropped, it ends the flow.
pub struct Channel {
    pub(in crate::exchange) client: OnUpgrade,
    pub(in crate::exchange) vendor: OnUpgrade,
    pub(in crate::exchange) messages: Option<Messages>,
    /// Whether the client's side is a stream of HTTP/2.
    pub over_http2: bool,
    /// Set by the flow layer.
    pub(in crate::exchange) flow: Option<Flow>,
}

impl Channel {
    /// Carries both ways until both sides are done, one breaks off, or it is quiet and the gateway is `closing`; writes
    /// the flow's end.
    pub async fn run(self, closing: &CancellationToken) {
        let Some(mut flow) = self.flow else { return };
        let (Ok(client), Ok(vendor)) = tokio::join!(self.client, self.vendor) else {
            return flow.close(Outcome::CutByClient);
        };
        let (mut client_reads, mut client_writes) = tokio::io::split(TokioIo::new(client));
        let (mut vendor_reads, mut vendor_writes) = tokio::io::split(TokioIo::new(vendor));
        let tally = Arc::clone(flow.tally());
        let moved = AtomicU64::new(0);
        let up = async {
            match self.messages {
                Some(messages) => messages.carry(&mut client_reads, &mut vendor_writes, &moved, &tally).await,
                None => {
                    let sent = |bytes| tally.sent(bytes);
                    Ok(relay(&mut client_reads, &mut vendor_writes, &moved, sent).await?)
                }
            }
        };
        let up = async { up.await.map_err(|stopped| outcome(stopped, &tally)) };
        let down = relay(&mut vendor_reads, &mut client_writes, &moved, |bytes| tally.received(bytes));
        let down = async { down.await.map_err(|cut| cut.blame(Outcome::CutByVendor, Outcome::CutByClient)) };
        let ended = tokio::select! {
            ended = async { tokio::try_join!(up, down) } => ended.err().unwrap_or(Outcome::Complete),
            () = winds_up(closing, &moved) => Outcome::Failed,
        };
        flow.close(ended);
    }
}

/// How a flow ends that could not go on. Why, where it was this gateway that ended it, the owner reads among the edits.
fn outcome(stopped: Stopped, tally: &Tally) -> Outcome {
    let (outcome, reason) = match stopped {
        Stopped::Cut(cut) => return cut.blame(Outcome::CutByClient, Outcome::CutByVendor),
        Stopped::Client(broken) => (Outcome::CutByClient, broken.to_string()),
        Stopped::Refused(error) => (Outcome::Failed, error.to_string()),
    };
    let place = Place::request(Part::Message);
    let note = record::note(tally, place, Container::Message, "websocket.ended", reason.into());
    tally.edited(vec![note]);
    outcome
}
