//! Bytes that go through unread. Four steps: the member and their limits, the host block list and the vetted address, the
//! durable record; then the first byte.

use crate::exchange::{ExchangeError, Flow, Generation, Rooms, TRACKER_HOST, Who};
use crate::model::record::Event;
use crate::model::{Origin, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A tunnel through which nothing went in either direction for so long is closed.
const IDLE: Duration = Duration::from_secs(3600);
/// Read at a time.
const CHUNK: usize = 16 * 1024;

/// A tunnel that may carry its first byte.
pub struct Tunnel {
    flow: Flow,
    vendor: TcpStream,
}

impl Tunnel {
    /// The four steps. Nothing has been sent when this fails, and the refusal is recorded.
    pub async fn open(
        rooms: &Arc<Rooms>,
        generation: &Arc<Generation>,
        who: &Who,
        origin: &Origin,
        reason: &str,
    ) -> Result<Self, ExchangeError> {
        let mut flow = Flow::begin(rooms, who.member).await?;
        let (label, host) = (generation.config.vendor_of(&origin.host).id, origin.host.to_string());
        flow.concerns(Some(rooms.personas.sector(who.member, &host, &label)), host);
        match Self::connect(rooms, generation, &mut flow, origin, reason).await {
            Ok(vendor) => Ok(Self { flow, vendor }),
            Err(error) => {
                flow.fail(&error);
                Err(error)
            }
        }
    }

    async fn connect(
        rooms: &Arc<Rooms>,
        generation: &Arc<Generation>,
        flow: &mut Flow,
        origin: &Origin,
        reason: &str,
    ) -> Result<TcpStream, ExchangeError> {
        if let Some(matched) = origin.host.name().and_then(|name| generation.trackers.host_rule(name)) {
            return Err(ExchangeError::Forbidden { rule: matched.rule.into(), reason: TRACKER_HOST.into() });
        }
        let event =
            Event::Tunnel { flow: flow.id(), host: Some(origin.host.to_string()), reason: reason.to_owned() };
        let dial = rooms.upstream.dial(origin, &**generation);
        let (vendor, opened) = tokio::join!(dial, flow.open(Vec::new(), event));
        opened?;
        Ok(vendor?)
    }

    /// Carries bytes both ways until both sides are done, one breaks off, or nothing moves for an hour. Bytes are counted
    /// as they go, so that a tunnel that is dropped in the middle tells them too.
    pub async fn carry<T: AsyncRead + AsyncWrite + Unpin>(mut self, client: T) {
        let (mut client_reads, mut client_writes) = tokio::io::split(client);
        let (mut vendor_reads, mut vendor_writes) = self.vendor.split();
        let tally = Arc::clone(self.flow.tally());
        let moved = AtomicU64::new(0);
        let up = relay(&mut client_reads, &mut vendor_writes, &moved, |bytes| tally.sent(bytes));
        let down = relay(&mut vendor_reads, &mut client_writes, &moved, |bytes| tally.received(bytes));
        let up = async { up.await.map_err(|cut| cut.blame(Outcome::CutByClient, Outcome::CutByVendor)) };
        let down = async { down.await.map_err(|cut| cut.blame(Outcome::CutByVendor, Outcome::CutByClient)) };
        let ended = tokio::try_join!(up, down);
        self.flow.close(ended.err().unwrap_or(Outcome::Complete));
    }
}

/// Where one direction broke off.
enum Cut {
    /// Its source failed.
    Source,
    /// Its destination failed.
    Destination,
    /// Nothing moved either way for too long.
    Quiet,
}

impl Cut {
    fn blame(self, source: Outcome, destination: Outcome) -> Outcome {
        match self {
            Self::Source => source,
            Self::Destination => destination,
            // As with a body that falls silent.
            Self::Quiet => Outcome::CutByVendor,
        }
    }
}

/// One direction. Its end is passed on as an end, not as a break: the other direction may still have much to say. It is
/// only too quiet when the other direction is, too.
async fn relay<R, W>(from: &mut R, to: &mut W, moved: &AtomicU64, count: impl Fn(u64)) -> Result<(), Cut>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = vec![0; CHUNK];
    loop {
        let before = moved.load(Ordering::Relaxed);
        let read = match timeout(IDLE, from.read(&mut chunk)).await {
            Ok(read) => read.map_err(|_| Cut::Source)?,
            Err(_) if moved.load(Ordering::Relaxed) != before => continue,
            Err(_) => return Err(Cut::Quiet),
        };
        if read == 0 {
            return to.shutdown().await.map_err(|_| Cut::Destination);
        }
        let written = timeout(IDLE, to.write_all(chunk.get(..read).unwrap_or_default())).await;
        written.map_err(|_| Cut::Quiet)?.map_err(|_| Cut::Destination)?;
        moved.fetch_add(read as u64, Ordering::Relaxed);
        count(read as u64);
    }
}
