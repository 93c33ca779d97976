//! Uploads that are held until their length is known: many HTTP/1.1 vendors take no body without one.
//!
//! A short one waits in memory, a longer one in a sealed file without a name. It can be sent more than once.

use super::body::BodyError;
use super::error::ExchangeError;
use super::streamed::EditedBody;
use super::tally::Tally;
use super::upload::{Course, Underway};
use crate::model::MemberId;
use crate::vault::SealedBlocks;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};

/// An upload of more bytes than this, as its client announced it, is not held.
pub const MOST_HELD: u64 = 32 << 20;
/// What it may become by being edited.
const MOST_EDITED: u64 = MOST_HELD + (8 << 20);
/// Up to so many bytes of it wait in memory.
const IN_MEMORY: usize = 1 << 20;
/// Bytes of a block of the file.
const BLOCK: usize = 256 << 10;
/// Uploads of one member that are held at a time.
const PER_MEMBER: usize = 8;

/// Where uploads are held.
pub struct Spools {
    dir: Arc<Path>,
    places: Mutex<HashMap<MemberId, Arc<Semaphore>>>,
}

impl Spools {
    /// On the disk of `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir: dir.into(), places: Mutex::default() }
    }

    /// Room for one upload of `member`; `None` while as many are held as may be.
    pub(super) fn place(&self, member: MemberId) -> Option<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let of_member = places.entry(member).or_insert_with(|| Arc::new(Semaphore::new(PER_MEMBER)));
        let permit = Arc::clone(of_member).try_acquire_owned().ok()?;
        Some(Place { dir: Arc::clone(&self.dir), _permit: permit })
    }
}

/// Room for one upload.
pub struct Place {
    dir: Arc<Path>,
    _permit: OwnedSemaphorePermit,
}

/// An upload that came to its end.
pub struct Spool {
    kept: Kept,
    length: u64,
    trailers: Option<HeaderMap>,
    _place: Place,
}

enum Kept {
    Memory(Vec<Bytes>),
    Disk(Arc<SealedBlocks>),
}

impl Spool {
    /// Takes all of `body`, edited as it comes.
    pub(super) async fn gather(body: EditedBody, place: Place) -> Result<Self, ExchangeError> {
        let course = Arc::<Course>::default();
        let mut body = body.sending(Arc::clone(&course));
        let mut gathering = Gathering::default();
        let mut trailers = None;
        while let Some(frame) = poll_fn(|cx| body.poll(cx)).await {
            let frame = frame.map_err(|_| course.error().unwrap_or(ExchangeError::RequestBody))?;
            match frame.into_data() {
                Ok(data) => gathering.take(data, &place.dir).await?,
                Err(frame) => trailers = frame.into_trailers().ok(),
            }
        }
        let (kept, length) = gathering.end(&place.dir).await?;
        Ok(Self { kept, length, trailers, _place: place })
    }

    /// Its length (bytes), where it can be said: trailers come only behind a body without one (RFC 9112 section 7.1.2).
    pub(super) fn length(&self) -> Option<u64> {
        self.trailers.is_none().then_some(self.length)
    }
}

/// An upload that is still coming.
#[derive(Default)]
struct Gathering {
    waiting: Vec<Bytes>,
    bytes: usize,
    disk: Option<SealedBlocks>,
    length: u64,
}

impl Gathering {
    async fn take(&mut self, data: Bytes, dir: &Arc<Path>) -> Result<(), ExchangeError> {
        self.bytes += data.len();
        self.length += data.len() as u64;
        if self.length > MOST_EDITED {
            return Err(ExchangeError::BodyTooLarge);
        }
        self.waiting.push(data);
        let most = if self.disk.is_some() { BLOCK } else { IN_MEMORY };
        if self.bytes > most { self.put_down(dir).await } else { Ok(()) }
    }

    /// What waits goes to the disk.
    async fn put_down(&mut self, dir: &Arc<Path>) -> Result<(), ExchangeError> {
        let (waiting, disk, dir) = (std::mem::take(&mut self.waiting), self.disk.take(), Arc::clone(dir));
        self.bytes = 0;
        let written = spawn_blocking(move || -> io::Result<SealedBlocks> {
            let mut disk = disk.map_or_else(|| SealedBlocks::create(&dir), Ok)?;
            for block in waiting.concat().chunks(BLOCK) {
                disk.append(block)?;
            }
            Ok(disk)
        });
        let written = written.await.map_err(io::Error::other).flatten();
        self.disk = Some(written.map_err(|error| {
            tracing::warn!(%error, "an upload could not be held");
            ExchangeError::Spool
        })?);
        Ok(())
    }

    async fn end(mut self, dir: &Arc<Path>) -> Result<(Kept, u64), ExchangeError> {
        if self.disk.is_some() && !self.waiting.is_empty() {
            self.put_down(dir).await?;
        }
        let kept = match self.disk {
            Some(disk) => Kept::Disk(Arc::new(disk)),
            None => Kept::Memory(self.waiting),
        };
        Ok((kept, self.length))
    }
}

/// A held upload on its way to the vendor.
pub struct SpooledBody {
    spool: Arc<Spool>,
    /// The piece or block that comes next.
    next: usize,
    left: u64,
    trailers: Option<HeaderMap>,
    reading: Option<JoinHandle<io::Result<Option<Bytes>>>>,
    tally: Arc<Tally>,
    underway: Underway,
}

impl SpooledBody {
    /// From its beginning. How the sending goes is told to `course`.
    pub(super) fn new(spool: &Arc<Spool>, tally: &Arc<Tally>, course: &Arc<Course>) -> Self {
        // Where it goes a second time it is still the one.
        tally.sent_whole(0);
        Self {
            next: 0,
            left: spool.length,
            trailers: spool.trailers.clone(),
            reading: None,
            tally: Arc::clone(tally),
            underway: Underway(Arc::clone(course)),
            spool: Arc::clone(spool),
        }
    }

    pub(super) fn course(&self) -> &Arc<Course> {
        &self.underway.0
    }

    /// The length of all of it, where it can be said.
    pub(super) fn length(&self) -> Option<u64> {
        self.spool.length()
    }

    pub(super) fn is_over(&self) -> bool {
        self.left == 0 && self.trailers.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        if self.length().is_some() { SizeHint::with_exact(self.left) } else { SizeHint::default() }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match ready!(self.poll_piece(cx)) {
            Ok(Some(piece)) => {
                self.next += 1;
                self.left = self.left.saturating_sub(piece.len() as u64);
                self.tally.sent(piece.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Ok(None) => Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => {
                tracing::warn!(%error, "an upload that was held could not be read");
                self.course().was_lost();
                Poll::Ready(Some(Err(error.into())))
            }
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let blocks = match &self.spool.kept {
            Kept::Memory(pieces) => return Poll::Ready(Ok(pieces.get(self.next).cloned())),
            Kept::Disk(blocks) => blocks,
        };
        let reading = self.reading.get_or_insert_with(|| {
            let (blocks, number) = (Arc::clone(blocks), self.next);
            spawn_blocking(move || {
                Ok(blocks.read(number)?.map(|block| Bytes::copy_from_slice(block.expose())))
            })
        });
        let read = ready!(Pin::new(reading).poll(cx));
        self.reading = None;
        Poll::Ready(read.map_err(io::Error::other).flatten())
    }
}
