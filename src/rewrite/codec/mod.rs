//! Content codings (RFC 9110 section 8.4), undone and redone as bytes flow.

mod decode;
mod encode;
mod inflate;
mod stack;
#[cfg(test)]
mod tests;

pub use decode::Decoder;
pub use encode::Encoder;
pub use stack::{Decoders, Encoders};

use http::HeaderMap;

/// A content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None.
    Identity,
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, any number of frames.
    Zstd,
    /// RFC 1950; the raw RFC 1951 form that some send is read as well.
    Deflate,
    /// What calls itself `deflate` and is RFC 1951 without the wrapper: only found out by reading.
    RawDeflate,
}

/// Why a body cannot be decoded or encoded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodecError {
    /// A coding that is not spoken here.
    #[error("unknown content coding")]
    Unknown,
    /// More codings on top of each other than [`Coding::STACK`].
    #[error("more than {max} content codings", max = Coding::STACK)]
    Stacked,
    /// The bytes are not what the coding says.
    #[error("the body is not valid {0:?}")]
    Invalid(Coding),
    /// The body ends too early.
    #[error("the {0:?} body is cut off")]
    Truncated(Coding),
    /// It unfolds to more than the limits allow.
    #[error("the {0:?} body unfolds to more than allowed")]
    Bomb(Coding),
    /// The encoder failed.
    #[error("encoding as {0:?} failed")]
    Encode(Coding),
}

/// From how many decoded bytes on the ratio counts.
const GRACE: u64 = 1 << 20;

/// How far a body may unfold, all its codings together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Decoded bytes per encoded byte, once more than 1 MiB was decoded.
    pub ratio: u64,
    /// Decoded bytes.
    pub absolute: u64,
}

impl Default for Limits {
    /// 100 to 1, and 1 GiB.
    fn default() -> Self {
        Self { ratio: 100, absolute: 1 << 30 }
    }
}

impl Limits {
    /// Most bytes that `read` encoded ones may unfold to.
    fn allowed(&self, read: u64) -> u64 {
        read.saturating_mul(self.ratio).max(GRACE).min(self.absolute)
    }
}

impl Coding {
    /// Most codings on top of each other.
    pub const STACK: usize = 2;

    /// The codings of a message in the order they were applied; empty where there is none.
    ///
    /// # Errors
    /// An unknown coding, or more than [`Coding::STACK`].
    pub fn of(headers: &HeaderMap) -> Result<Vec<Self>, CodecError> {
        let mut codings = Vec::new();
        for value in headers.get_all(http::header::CONTENT_ENCODING) {
            for name in value.to_str().map_err(|_| CodecError::Unknown)?.split(',') {
                match Self::parse(name.trim()).ok_or(CodecError::Unknown)? {
                    Self::Identity => {}
                    coding => codings.push(coding),
                }
            }
        }
        if codings.len() > Self::STACK { Err(CodecError::Stacked) } else { Ok(codings) }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "" | "identity" => Self::Identity,
            "gzip" | "x-gzip" => Self::Gzip,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            "deflate" => Self::Deflate,
            _ => return None,
        })
    }
}
