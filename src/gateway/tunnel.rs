//! Bytes that go through unread. Four steps: the member and their limits, the host block list and the vetted address, the
//! durable record; then the first byte.

use crate::exchange::{ExchangeError, Flow, Generation, Rooms, Who};
use crate::model::record::Event;
use crate::model::{Origin, Outcome};
use std::io;
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
        let vendor_id = generation.config.vendor_of(&origin.host).id;
        // A guest is somebody the log knows nothing about: counted, not named.
        let named = !who.is_guest();
        flow.concerns(
            named.then_some(vendor_id),
            if named { origin.host.to_string() } else { String::new() },
        );
        match Self::connect(rooms, generation, &mut flow, origin, reason, named).await {
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
        named: bool,
    ) -> Result<TcpStream, ExchangeError> {
        if let Some(matched) = origin.host.name().and_then(|name| generation.trackers.host_rule(name)) {
            return Err(ExchangeError::Forbidden {
                rule: matched.rule.into(),
                reason: "a tracker host".into(),
            });
        }
        let event = Event::Tunnel {
            flow: flow.id(),
            host: named.then(|| origin.host.to_string()),
            reason: reason.to_owned(),
        };
        let dial = rooms.upstream.dial(origin, &**generation);
        let (vendor, opened) = tokio::join!(dial, flow.open(Vec::new(), event));
        opened?;
        Ok(vendor?)
    }

    /// Carries bytes both ways until both sides are done, one breaks off, or nothing moves for an hour.
    pub async fn carry<T: AsyncRead + AsyncWrite + Unpin>(mut self, client: T) {
        let (mut client_reads, mut client_writes) = tokio::io::split(client);
        let (mut vendor_reads, mut vendor_writes) = self.vendor.split();
        let moved = Moved::default();
        let up = relay(&mut client_reads, &mut vendor_writes, &moved, &moved.up);
        let down = relay(&mut vendor_reads, &mut client_writes, &moved, &moved.down);
        let ended = tokio::try_join!(up, down);
        self.flow.tally().sent(moved.up.load(Ordering::Relaxed));
        self.flow.tally().received(moved.down.load(Ordering::Relaxed));
        self.flow.close(match ended {
            Ok(_) => Outcome::Complete,
            Err(_) => Outcome::CutByVendor,
        });
    }
}

/// Bytes in each direction.
#[derive(Default)]
struct Moved {
    up: AtomicU64,
    down: AtomicU64,
}

impl Moved {
    fn total(&self) -> u64 {
        self.up.load(Ordering::Relaxed) + self.down.load(Ordering::Relaxed)
    }
}

/// One direction. Its end is passed on as an end, not as a break: the other direction may still have much to say. It is
/// only too quiet when the other direction is, too.
async fn relay<R, W>(from: &mut R, to: &mut W, moved: &Moved, count: &AtomicU64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = vec![0; CHUNK];
    loop {
        let before = moved.total();
        let read = match timeout(IDLE, from.read(&mut chunk)).await {
            Ok(read) => read?,
            Err(_) if moved.total() != before => continue,
            Err(quiet) => return Err(quiet.into()),
        };
        if read == 0 {
            return to.shutdown().await;
        }
        timeout(IDLE, to.write_all(chunk.get(..read).unwrap_or_default())).await??;
        count.fetch_add(read as u64, Ordering::Relaxed);
    }
}
