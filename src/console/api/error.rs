//! Answers that are not what was hoped for: RFC 9457 problems. A command exits by their status.

use crate::gateway::HouseError;
use crate::ledger::LedgerError;
use crate::persona::IssueError;
use crate::persona::recovery::RecoveryError;
use crate::store::StoreError;
use crate::vault::VaultError;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::fmt::Display;

/// A problem. The detail never carries a real value.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    detail: String,
}

impl ApiError {
    fn new(status: StatusCode, detail: impl Display) -> Self {
        Self { status, detail: detail.to_string() }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// The question makes no sense.
    pub fn usage(detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Not in that way.
    pub fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "the API does not take that method there")
    }

    /// Not for whoever asks.
    pub fn forbidden(detail: impl Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// A credential that is not ours.
    pub fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "this is not a credential of that member")
    }

    /// The configuration is in the way.
    pub fn configuration(detail: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It clashes with what is there.
    pub fn conflict(detail: impl Display) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// It did not work.
    pub fn failed(detail: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NoMember => Self::not_found(error),
            VaultError::NameTaken => Self::conflict(error),
            VaultError::BadName | VaultError::Attribute(_) => Self::usage(error),
            _ => Self::failed(error),
        }
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::NoMember => Self::not_found(error),
            IssueError::Unfit(_) | IssueError::NoFormat(_) => Self::usage(error),
            IssueError::NoMailRoute => Self::configuration(error),
            _ => Self::failed(error),
        }
    }
}

impl From<RecoveryError> for ApiError {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Store(error) => error.into(),
            RecoveryError::Vault(error) => error.into(),
            _ => Self::failed(error),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoMember => Self::not_found(error),
            StoreError::Setting { .. } => Self::usage(error),
            _ => Self::failed(error),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Corrupt { .. } | LedgerError::Foreign(_) => {
                Self::new(StatusCode::EXPECTATION_FAILED, error)
            }
            _ => Self::failed(error),
        }
    }
}

impl From<HouseError> for ApiError {
    fn from(error: HouseError) -> Self {
        match error {
            HouseError::Persona(error) => error.into(),
            HouseError::Vault(error) => error.into(),
            HouseError::Store(error) => error.into(),
            HouseError::Ledger(error) => error.into(),
            error => Self::failed(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = json!({
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let media_type = HeaderValue::from_static("application/problem+json");
        (self.status, [(header::CONTENT_TYPE, media_type)], problem.to_string()).into_response()
    }
}
