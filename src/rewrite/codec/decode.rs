//! Undoes a coding as bytes arrive, within limits.

use super::inflate::{Deflated, Gunzip};
use super::{CodecError, Coding, Limits};
use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use zstd::stream::raw::{DParameter, Operation};

/// Encoded bytes taken at a time, so that the limits are seen early.
pub(super) const SLICE: usize = 4 << 10;
/// Bytes decoded at a time.
const PIECE: usize = 16 << 10;
/// Largest zstd window: 8 MiB, what RFC 9659 asks every receiver to take.
const WINDOW_LOG: u32 = 23;

/// Why a step failed; the decoder knows its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    Invalid,
    Bomb,
}

/// Where decoded bytes go, as long as there is room.
pub(super) struct Sink<'a> {
    out: &'a mut Vec<u8>,
    room: u64,
}

impl Sink<'_> {
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.room = self.room.checked_sub(length).ok_or(Failure::Bomb)?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

enum Engine {
    Identity,
    Gzip(Box<Gunzip>),
    Deflate(Box<Deflated>),
    Brotli { state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>, over: bool },
    Zstd { raw: Box<zstd::stream::raw::Decoder<'static>>, over: bool },
}

/// Undoes one coding.
pub struct Decoder {
    coding: Coding,
    limits: Limits,
    engine: Engine,
    read: u64,
    written: u64,
    failed: bool,
}

impl Decoder {
    /// A decoder at the start of a body.
    ///
    /// # Errors
    /// [`CodecError::Invalid`] where the library cannot be set up.
    pub fn new(coding: Coding, limits: Limits) -> Result<Self, CodecError> {
        let engine = match coding {
            Coding::Identity => Engine::Identity,
            Coding::Gzip => Engine::Gzip(Box::new(Gunzip::new())),
            Coding::Deflate | Coding::RawDeflate => Engine::Deflate(Box::new(Deflated::new())),
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                Engine::Brotli {
                    state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())),
                    over: false,
                }
            }
            Coding::Zstd => {
                let mut raw = zstd::stream::raw::Decoder::new().map_err(|_| CodecError::Invalid(coding))?;
                raw.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
                    .map_err(|_| CodecError::Invalid(coding))?;
                Engine::Zstd { raw: Box::new(raw), over: false }
            }
        };
        Ok(Self { coding, limits, engine, read: 0, written: 0, failed: false })
    }

    /// The coding it undoes, as far as it is known by now: `deflate` may turn out to be [`Coding::RawDeflate`].
    pub fn coding(&self) -> Coding {
        match &self.engine {
            Engine::Deflate(deflated) if deflated.is_raw() => Coding::RawDeflate,
            _ => self.coding,
        }
    }

    /// Decodes the next bytes onto `out`. After an error nothing more can be decoded.
    ///
    /// # Errors
    /// [`CodecError::Invalid`], and [`CodecError::Bomb`] before more is written than the limits allow.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.push_within(u64::MAX, bytes, out)
    }

    /// The same, with at most `most` bytes written since the start of the body.
    pub(super) fn push_within(
        &mut self,
        most: u64,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        if self.failed {
            return Err(CodecError::Invalid(self.coding));
        }
        for slice in bytes.chunks(SLICE) {
            self.slice(most, slice, out).map_err(|failure| {
                self.failed = true;
                match failure {
                    Failure::Invalid => CodecError::Invalid(self.coding),
                    Failure::Bomb => CodecError::Bomb(self.coding),
                }
            })?;
        }
        Ok(())
    }

    /// The body is over. A body without any byte is whole in every coding.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] where it must not end here.
    pub fn finish(&mut self) -> Result<(), CodecError> {
        let whole = match &self.engine {
            Engine::Identity => true,
            Engine::Gzip(gunzip) => gunzip.is_whole(),
            Engine::Deflate(deflated) => deflated.is_whole(),
            Engine::Brotli { over, .. } | Engine::Zstd { over, .. } => *over,
        };
        if !self.failed && (whole || self.read == 0) {
            Ok(())
        } else {
            Err(CodecError::Truncated(self.coding))
        }
    }

    fn slice(&mut self, most: u64, slice: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        self.read += u64::try_from(slice.len()).unwrap_or(0);
        let allowed = match self.engine {
            Engine::Identity => self.limits.absolute,
            _ => self.limits.allowed(self.read),
        };
        let room = allowed.min(most).saturating_sub(self.written);
        let mut sink = Sink { out, room };
        let result = match &mut self.engine {
            Engine::Identity => sink.write(slice),
            Engine::Gzip(gunzip) => gunzip.push(slice, &mut sink),
            Engine::Deflate(deflated) => deflated.push(slice, &mut sink),
            Engine::Brotli { state, over } => unbrotli(state, over, slice, &mut sink),
            Engine::Zstd { raw, over } => unzstd(raw, over, slice, &mut sink),
        };
        self.written += room - sink.room;
        result
    }
}

fn unbrotli(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    over: &mut bool,
    input: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let mut piece = [0; PIECE];
    let (mut left, mut at, mut total) = (input.len(), 0, 0);
    loop {
        if *over {
            return if left == 0 { Ok(()) } else { Err(Failure::Invalid) };
        }
        let (mut room, mut given) = (PIECE, 0);
        let result = BrotliDecompressStream(
            &mut left, &mut at, input, &mut room, &mut given, &mut piece, &mut total, state,
        );
        sink.write(piece.get(..given).unwrap_or_default())?;
        match result {
            BrotliResult::ResultSuccess => *over = true,
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Ok(()),
            BrotliResult::ResultFailure => return Err(Failure::Invalid),
        }
    }
}

fn unzstd(
    raw: &mut zstd::stream::raw::Decoder<'static>,
    over: &mut bool,
    mut input: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), Failure> {
    let mut piece = [0; PIECE];
    loop {
        let status = raw.run_on_buffers(input, &mut piece).map_err(|_| Failure::Invalid)?;
        sink.write(piece.get(..status.bytes_written).unwrap_or_default())?;
        input = input.get(status.bytes_read..).unwrap_or_default();
        *over = status.remaining == 0;
        // A frame that is over while bytes are left is followed by another one.
        if input.is_empty() && (*over || status.bytes_written < PIECE) {
            return Ok(());
        }
        if !input.is_empty() && status.bytes_read == 0 && status.bytes_written == 0 {
            return Err(Failure::Invalid);
        }
    }
}
