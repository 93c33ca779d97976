//! Redoes a coding as bytes leave, at a fast level.

use super::{CodecError, Coding};
use std::io::Write;

/// A fast level of zstd and brotli; gzip has its own name for it.
const ZSTD_LEVEL: i32 = 1;
const BROTLI_QUALITY: u32 = 3;
/// Window of 256 KiB: a stream costs little memory.
const BROTLI_WINDOW: u32 = 18;
const BUFFER: usize = 4 << 10;

enum Engine {
    Identity(Vec<u8>),
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Zlib(flate2::write::ZlibEncoder<Vec<u8>>),
    Deflate(flate2::write::DeflateEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

/// Applies one coding.
pub struct Encoder {
    coding: Coding,
    /// `None` after the end.
    engine: Option<Engine>,
}

impl Encoder {
    /// An encoder at the start of a body.
    ///
    /// # Errors
    /// [`CodecError::Encode`] where the library cannot be set up.
    pub fn new(coding: Coding) -> Result<Self, CodecError> {
        let fast = flate2::Compression::fast();
        let engine = match coding {
            Coding::Identity => Engine::Identity(Vec::new()),
            Coding::Gzip => Engine::Gzip(flate2::write::GzEncoder::new(Vec::new(), fast)),
            Coding::Deflate => Engine::Zlib(flate2::write::ZlibEncoder::new(Vec::new(), fast)),
            Coding::RawDeflate => Engine::Deflate(flate2::write::DeflateEncoder::new(Vec::new(), fast)),
            Coding::Brotli => Engine::Brotli(Box::new(brotli::CompressorWriter::new(
                Vec::new(),
                BUFFER,
                BROTLI_QUALITY,
                BROTLI_WINDOW,
            ))),
            Coding::Zstd => Engine::Zstd(
                zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)
                    .map_err(|_| CodecError::Encode(coding))?,
            ),
        };
        Ok(Self { coding, engine: Some(engine) })
    }

    /// Encodes the next bytes; what is ready goes onto `out`.
    ///
    /// # Errors
    /// [`CodecError::Encode`].
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.write(|writer| writer.write_all(bytes), out)
    }

    /// Makes everything so far decodable: all of it goes onto `out`.
    ///
    /// # Errors
    /// [`CodecError::Encode`].
    pub fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        self.write(|writer| writer.flush(), out)
    }

    /// Ends the body; the rest goes onto `out`. Nothing can be encoded afterwards.
    ///
    /// # Errors
    /// [`CodecError::Encode`].
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), CodecError> {
        let failed = |_| CodecError::Encode(self.coding);
        let rest = match self.engine.take().ok_or(CodecError::Encode(self.coding))? {
            Engine::Identity(rest) => rest,
            Engine::Gzip(encoder) => encoder.finish().map_err(failed)?,
            Engine::Zlib(encoder) => encoder.finish().map_err(failed)?,
            Engine::Deflate(encoder) => encoder.finish().map_err(failed)?,
            Engine::Brotli(encoder) => encoder.into_inner(),
            Engine::Zstd(encoder) => encoder.finish().map_err(failed)?,
        };
        out.extend_from_slice(&rest);
        Ok(())
    }

    fn write(
        &mut self,
        step: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let failed = CodecError::Encode(self.coding);
        let (result, ready) = match &mut self.engine {
            Some(Engine::Identity(ready)) => (step(ready), ready),
            Some(Engine::Gzip(encoder)) => (step(encoder), encoder.get_mut()),
            Some(Engine::Zlib(encoder)) => (step(encoder), encoder.get_mut()),
            Some(Engine::Deflate(encoder)) => (step(encoder), encoder.get_mut()),
            Some(Engine::Brotli(encoder)) => (step(encoder), encoder.get_mut()),
            Some(Engine::Zstd(encoder)) => (step(encoder), encoder.get_mut()),
            None => return Err(failed),
        };
        out.append(ready);
        result.map_err(|_| failed)
    }
}
