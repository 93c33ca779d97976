//! Errors of the API, and what a command exits with.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use std::fmt::Display;

/// An answer that is not what was hoped for. The message never carries a real value.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    detail: String,
}

impl ApiError {
    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, detail: format!("{what} not found") }
    }

    /// The question makes no sense.
    pub fn usage(detail: impl Display) -> Self {
        Self { status: StatusCode::BAD_REQUEST, detail: detail.to_string() }
    }

    /// The configuration is in the way.
    pub fn configuration(detail: impl Display) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, detail: detail.to_string() }
    }

    /// It did not work.
    pub fn failed(detail: impl Display) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, detail: detail.to_string() }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({ "title": self.status.canonical_reason(), "status": self.status.as_u16(), "detail": self.detail });
        (self.status, Json(body)).into_response()
    }
}
