//! `/api/v1`: what the owner may see and do. Every command is one of these.

mod ca;
mod configuration;
mod error;
mod explain;
mod flows;
mod log;
mod members;
mod personas;
mod status;
mod vendors;
mod who;

use crate::gateway::House;
use axum::Router;
use axum::routing::{get, patch, post};
use error::ApiError;
use http::StatusCode;
use std::sync::Arc;

/// What the API works with.
#[derive(Clone)]
pub struct Api {
    /// The home.
    pub house: Arc<House>,
}

/// Everything below `/api/v1`, for whoever may speak for the owner.
pub fn router(house: Arc<House>) -> Router {
    let api = Router::new()
        .route("/status", get(status::status))
        .route("/reload", post(configuration::reload))
        .route("/config", get(configuration::show))
        .route("/config/check", post(configuration::check))
        .route("/members", get(members::list).post(members::add))
        .route("/members/{name}", patch(members::set).delete(members::remove))
        .route("/members/{name}/token", post(members::token))
        .route("/vendors", get(vendors::list))
        .route("/vendors/{vendor}", get(vendors::show).patch(vendors::set))
        .route("/personas/{vendor}", get(personas::show))
        .route("/personas/{vendor}/issue", post(personas::issue))
        .route("/personas/{vendor}/reset", post(personas::reset))
        .route("/personas/{vendor}/adopt", post(personas::adopt))
        .route("/flows", get(flows::list))
        .route("/flows/{flow}", get(flows::show))
        .route("/ledger/verify", post(log::verify))
        .route("/ledger/export", get(log::export))
        .route("/ledger/stats", get(log::stats))
        .route("/explain", post(explain::explain))
        .route("/ca", get(ca::show))
        .fallback(|| async { ApiError::not_found("the API has nothing of that name") })
        .method_not_allowed_fallback(|| async { ApiError::usage("the API does not take that method there") });
    Router::new().nest("/api/v1", api).with_state(Api { house })
}

/// Work that waits for the disk or takes long, off the workers.
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::failed("interrupted"))?
}

/// 201 with what was made.
type Created<T> = (StatusCode, axum::Json<T>);
