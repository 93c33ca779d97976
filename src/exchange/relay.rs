//! Bytes from one side to the other, as they come.

use crate::model::Outcome;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Nothing moves either way for this long: the connection is taken to be forgotten.
pub(super) const IDLE: Duration = Duration::from_secs(3600);
/// Nothing moves for this long: nobody is in the middle of something.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes carried at a time.
pub(super) const CHUNK: usize = 16 * 1024;

/// Where one direction broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its source failed.
    Source,
    /// Its destination failed.
    Destination,
    /// Nothing moved either way for too long.
    Quiet,
}

impl Cut {
    /// How the flow ended, told from who is at either end of this direction.
    pub fn blame(self, source: Outcome, destination: Outcome) -> Outcome {
        match self {
            Self::Source => source,
            Self::Destination => destination,
            // As with a body that falls silent.
            Self::Quiet => Outcome::CutByVendor,
        }
    }
}

/// Some bytes of one direction into `chunk`; 0 at its end. It is only too quiet when the other direction is, too.
pub(super) async fn read<R>(from: &mut R, chunk: &mut [u8], moved: &AtomicU64) -> Result<usize, Cut>
where
    R: AsyncRead + Unpin,
{
    loop {
        let before = moved.load(Ordering::Relaxed);
        match timeout(IDLE, from.read(chunk)).await {
            // TLS without close_notify: what is carried here has ends of its own.
            Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
            Ok(read) => return read.map_err(|_| Cut::Source),
            Err(_) if moved.load(Ordering::Relaxed) != before => {}
            Err(_) => return Err(Cut::Quiet),
        }
    }
}

/// Resolves once `closing` is told and then nothing moves for a moment: a connection without an end of its own cannot be
/// waited for, but what is being carried can.
pub async fn winds_up(closing: &CancellationToken, moved: &AtomicU64) {
    closing.cancelled().await;
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(PAUSE).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}

/// All of these bytes, to where they go, at once.
pub(super) async fn write<W>(to: &mut W, bytes: &[u8], moved: &AtomicU64) -> Result<(), Cut>
where
    W: AsyncWrite + Unpin,
{
    let written = timeout(IDLE, async {
        to.write_all(bytes).await?;
        to.flush().await
    });
    written.await.map_err(|_| Cut::Quiet)?.map_err(|_| Cut::Destination)?;
    moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    Ok(())
}

/// Is told of one direction's bytes; a closure of how many have left.
pub trait Watch {
    /// Bytes begin to leave.
    fn departs(&mut self) {}

    /// These bytes have left.
    fn left(&mut self, bytes: &[u8]);
}

impl<F: FnMut(u64)> Watch for F {
    fn left(&mut self, bytes: &[u8]) {
        self(bytes.len() as u64);
    }
}

/// One direction. Its end is passed on as an end, not as a break: the other direction may still have much to say.
/// `moved` counts both directions, `watch` is told of this one's bytes.
pub async fn relay<R, W>(
    from: &mut R,
    to: &mut W,
    moved: &AtomicU64,
    mut watch: impl Watch,
) -> Result<(), Cut>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = read(from, &mut chunk, moved).await?;
        if read == 0 {
            return to.shutdown().await.map_err(|_| Cut::Destination);
        }
        let bytes = chunk.get(..read).unwrap_or_default();
        watch.departs();
        write(to, bytes, moved).await?;
        watch.left(bytes);
    }
}
