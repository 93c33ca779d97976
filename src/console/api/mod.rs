//! `/api/v1`: what the owner may see and do. Every command is one of these.

mod ca;
mod error;
mod explain;
mod ledger;
mod members;
mod personas;
mod status;
mod vendors;

pub use error::ApiError;

use crate::gateway::House;
use axum::Router;
use axum::routing::{get, patch, post};
use std::sync::Arc;

/// Everything below `/api/v1`, for whoever may speak for the owner.
pub fn router(house: Arc<House>) -> Router {
    let api = Router::new()
        .route("/status", get(status::status))
        .route("/reload", post(status::reload))
        .route("/members", get(members::list).post(members::add))
        .route("/members/{name}", patch(members::set).delete(members::remove))
        .route("/members/{name}/token", post(members::token))
        .route("/vendors", get(vendors::list))
        .route("/vendors/{vendor}", get(vendors::show).patch(vendors::set))
        .route("/personas/{vendor}", get(personas::show))
        .route("/personas/{vendor}/issue", post(personas::issue))
        .route("/personas/{vendor}/reset", post(personas::reset))
        .route("/personas/{vendor}/adopt", post(personas::adopt))
        .route("/flows", get(ledger::list))
        .route("/flows/{flow}", get(ledger::show))
        .route("/ledger/verify", post(ledger::verify))
        .route("/ledger/export", get(ledger::export))
        .route("/ledger/stats", get(ledger::stats))
        .route("/explain", post(explain::explain))
        .route("/ca", get(ca::show));
    Router::new().nest("/api/v1", api).with_state(house)
}
