//! Why a vendor could not be reached.

use super::next_hop::NextHopError;
use super::tls::TlsError;
use super::transport::TransportError;
use super::vet::Refusal;
use crate::model::Blame;
use thiserror::Error;

/// Why a vendor could not be reached. Each has its RFC 9209 error type.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The resolver failed or was too slow.
    #[error("the name could not be resolved")]
    Resolve(#[source] Option<std::sync::Arc<std::io::Error>>),
    /// The resolver says there is no such name.
    #[error("the name does not exist")]
    NoSuchName,
    /// The house's resolver answered with the unspecified address: it blocks the name.
    #[error("blocked by the resolver")]
    BlockedByResolver,
    /// The address is one the gateway does not dial.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Nobody answered at any address.
    #[error("the connection failed")]
    Connect(#[source] std::io::Error),
    /// TCP took too long.
    #[error("the connection took too long")]
    ConnectTimeout,
    /// The next hop did not bring us there.
    #[error("{0}")]
    NextHop(#[from] NextHopError),
    /// TLS failed; no byte of this vendor reaches the client.
    #[error("{}", .0.about("the vendor"))]
    Tls(#[from] TlsError),
    /// TLS or the HTTP/2 preface took too long.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// HTTP could not be started on the connection.
    #[error("the vendor does not speak HTTP")]
    Http(#[source] TransportError),
}

impl UpstreamError {
    /// The RFC 9209 section 2.3 proxy error type.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Resolve(_) => "dns_error",
            Self::NoSuchName => "dns_error",
            Self::BlockedByResolver => "destination_ip_prohibited",
            Self::Refused(_) => "destination_ip_prohibited",
            Self::Connect(_) => "connection_refused",
            Self::ConnectTimeout | Self::HandshakeTimeout => "connection_timeout",
            Self::NextHop(error) => error.proxy_error(),
            Self::Tls(error) => error.proxy_error(),
            Self::Http(_) => "http_protocol_error",
        }
    }

    /// 403 for what this gateway refuses to dial, 504 for what took too long, 500 where its own set-up is wrong, else 502.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Refused(_) | Self::BlockedByResolver => http::StatusCode::FORBIDDEN,
            Self::ConnectTimeout | Self::HandshakeTimeout => http::StatusCode::GATEWAY_TIMEOUT,
            Self::NextHop(NextHopError::NoPassword | NextHopError::Credentials) => {
                http::StatusCode::INTERNAL_SERVER_ERROR
            }
            _ => http::StatusCode::BAD_GATEWAY,
        }
    }

    /// Whose doing it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Refused(_) => Blame::Client,
            Self::BlockedByResolver => Blame::Gateway,
            Self::NextHop(error) => error.blame(),
            _ => Blame::Vendor,
        }
    }
}
