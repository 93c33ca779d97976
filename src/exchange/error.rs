//! What can go wrong with an exchange, whose doing it is, and what the client is told.

use super::reception::Reception;
use crate::model::Blame;
use crate::upstream::{TlsError, TransportError, UpstreamError};
use http::StatusCode;
use std::borrow::Cow;
use thiserror::Error;

/// Why an exchange did not reach its vendor or brought nothing back. Becomes a response in [`super::rescue`] alone.
#[derive(Debug, Error)]
pub enum ExchangeError {
    /// The request breaks a rule of HTTP; the sentence names the rule.
    #[error("{0}")]
    Malformed(&'static str),
    /// The request is for another origin than its connection (RFC 9110 section 15.5.20).
    #[error("this connection is for another host")]
    Misdirected,
    /// The head or target is larger than this gateway takes.
    #[error("the {0} is too large")]
    TooLarge(&'static str),
    /// The port is not one the configuration names.
    #[error("this port may not be reached through the gateway")]
    Port,
    /// Asked for something this gateway does not carry.
    #[error("{0} is not carried by this gateway")]
    NotCarried(&'static str),
    /// The member sends more than their share.
    #[error("too many requests; slow down")]
    RateLimited {
        /// Until one more is admitted (seconds, at least 1).
        seconds: u64,
    },
    /// The member holds as many connections as they may.
    #[error("too many connections")]
    Crowded,
    /// The gateway is at its limit.
    #[error("the gateway is busy")]
    Overloaded,
    /// A rule says the request may not go.
    #[error("{reason}")]
    Forbidden {
        /// The rule.
        rule: Cow<'static, str>,
        /// For the owner.
        reason: Cow<'static, str>,
    },
    /// The log cannot be written, so nothing may be sent.
    #[error("the log cannot be written, so nothing was sent")]
    Ledger,
    /// A value made for this vendor could not be made or kept.
    #[error("a pseudonym could not be made, so nothing was sent")]
    Persona,
    /// The client did not accept the certificate it was shown, or broke the handshake off.
    #[error("{0}")]
    Handshake(&'static str),
    /// The client began a request head and did not end it in time.
    #[error("the request head took too long")]
    RequestHeadTimeout,
    /// The client's body broke off or was malformed.
    #[error("the request body could not be read")]
    RequestBody,
    /// The client's body took too long.
    #[error("the request body took too long")]
    RequestBodyTimeout,
    /// The client's body unfolds to more than this gateway takes.
    #[error("the request body unfolds to more than this gateway takes")]
    BodyTooLarge,
    /// The client's body could not be held until its length was known.
    #[error("the request body could not be held")]
    Spool,
    /// The vendor could not be reached.
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    /// The vendor does not serve what is inspected, and it may not pass uninspected.
    #[error("{0}")]
    Unserved(&'static str),
    /// The vendor closed or broke HTTP before a response head.
    #[error("the vendor broke off before it answered")]
    NoResponse(#[source] Option<TransportError>),
    /// The vendor's answer breaks a rule of HTTP.
    #[error("{reason}")]
    BadResponse {
        /// The RFC 9209 error type.
        error: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// The vendor took too long to answer.
    #[error("the vendor took too long to answer")]
    ResponseTimeout,
    /// A mistake of this gateway.
    #[error("the gateway made a mistake: {0}")]
    Internal(&'static str),
}

impl ExchangeError {
    /// Refused because it cannot be inspected and `strict` is set.
    pub(super) fn unread(note: &'static str) -> Self {
        Self::Forbidden { rule: "identity.strict".into(), reason: note.into() }
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) | Self::RequestBody | Self::Handshake(_) => StatusCode::BAD_REQUEST,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooLarge("target") => StatusCode::URI_TOO_LONG,
            Self::TooLarge(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Port | Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NotCarried(_) => StatusCode::NOT_IMPLEMENTED,
            Self::RateLimited { .. } | Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::Ledger | Self::Spool => StatusCode::SERVICE_UNAVAILABLE,
            Self::Persona | Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RequestHeadTimeout | Self::RequestBodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Upstream(error) => error.status(),
            Self::NoResponse(_) | Self::BadResponse { .. } | Self::Unserved(_) => StatusCode::BAD_GATEWAY,
            Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The RFC 9209 section 2.3 error type, and the reason code of the record.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Malformed(_)
            | Self::Misdirected
            | Self::TooLarge(_)
            | Self::BodyTooLarge
            | Self::NotCarried(_)
            | Self::RequestHeadTimeout
            | Self::RequestBody
            | Self::RequestBodyTimeout => "http_request_error",
            Self::Handshake(_) => "certificate_not_accepted",
            Self::Port | Self::Forbidden { .. } => "http_request_denied",
            Self::RateLimited { .. } => "http_request_denied",
            Self::Overloaded | Self::Crowded => "connection_limit_reached",
            Self::Ledger | Self::Persona | Self::Spool | Self::Internal(_) => "proxy_internal_error",
            Self::Upstream(error) => error.proxy_error(),
            Self::NoResponse(_) => "http_response_incomplete",
            Self::Unserved(_) => "destination_unavailable",
            Self::BadResponse { error, .. } => error,
            Self::ResponseTimeout => "http_response_timeout",
        }
    }

    /// How the vendor receives what is inspected, where the error says so.
    pub fn reception(&self) -> Option<Reception> {
        match self {
            Self::Upstream(UpstreamError::Tls(TlsError::WantsCertificate)) => Some(Reception::Certificate),
            _ => None,
        }
    }

    /// Whose doing it is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Malformed(_)
            | Self::Misdirected
            | Self::TooLarge(_)
            | Self::Port
            | Self::NotCarried(_)
            | Self::RateLimited { .. }
            | Self::Crowded
            | Self::Handshake(_)
            | Self::RequestHeadTimeout
            | Self::RequestBody
            | Self::RequestBodyTimeout
            | Self::BodyTooLarge => Blame::Client,
            Self::Overloaded
            | Self::Forbidden { .. }
            | Self::Ledger
            | Self::Persona
            | Self::Spool
            | Self::Internal(_) => Blame::Gateway,
            Self::Upstream(error) => error.blame(),
            Self::NoResponse(_) | Self::BadResponse { .. } | Self::ResponseTimeout | Self::Unserved(_) => {
                Blame::Vendor
            }
        }
    }

    /// When to try again (seconds), where that is known (RFC 9110 section 10.2.3).
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { seconds } => Some(*seconds),
            _ => None,
        }
    }

    /// Whether the connection to the client must not be used again: what follows on it cannot be trusted to be a request.
    pub fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::NotCarried(_)
                | Self::RequestBody
                | Self::RequestBodyTimeout
                | Self::TooLarge(_)
                | Self::BodyTooLarge
        )
    }
}
