//! Why an exchange broke off on a connection that stood.

use h2::Reason;
use thiserror::Error;

/// Why an exchange broke off on a connection that stood.
#[derive(Debug, Error)]
pub enum TransportError {
    /// Over HTTP/1.1.
    #[error("the exchange broke off")]
    Http1(#[from] hyper::Error),
    /// Over HTTP/2.
    #[error("the stream broke off")]
    Http2(#[from] h2::Error),
    /// The vendor was silent, and answered no PING.
    #[error("the vendor fell silent")]
    Silent,
}

impl TransportError {
    /// Whether it was this side's doing.
    pub fn is_own(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_user(),
            Self::Http2(error) => error.reason().is_none() && !error.is_io(),
            Self::Silent => false,
        }
    }

    /// Whether the vendor took too long.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_timeout(),
            Self::Http2(_) => false,
            Self::Silent => true,
        }
    }

    /// Whether the answer's head is larger than was offered to take.
    pub fn is_head_too_large(&self) -> bool {
        matches!(self, Self::Http1(error) if error.is_parse_too_large())
    }

    /// Whether the vendor did answer, but not by the rules of HTTP: asked again, it would say the same.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::Http1(error) => error.is_parse(),
            Self::Http2(error) => error.is_library(),
            Self::Silent => false,
        }
    }

    /// Whether the vendor says that it has done nothing with the request (RFC 9113 section 8.7): "A request that has not
    /// been processed" is told by REFUSED_STREAM, or by a GOAWAY, which ends the streams it does not name alone.
    pub fn is_unprocessed(&self) -> bool {
        match self {
            Self::Http2(error) => {
                error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM))
            }
            Self::Http1(_) | Self::Silent => false,
        }
    }
}
