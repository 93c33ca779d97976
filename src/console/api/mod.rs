//! `/api/v1`: what the owner may see and do. Every command is one of these.

mod accounts;
mod ca;
mod configuration;
mod error;
mod exceptions;
mod explain;
mod flows;
mod log;
mod members;
mod openapi;
mod personas;
mod questions;
mod read;
mod recovery;
mod span;
mod status;
mod vendors;
mod who;

use crate::gateway::House;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, patch, post};
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
    let api = routes().into_iter().fold(Router::new(), |api, (path, methods)| api.route(path, methods));
    let api = api
        .fallback(|| async { ApiError::not_found("the API has nothing of that name") })
        .method_not_allowed_fallback(|| async { ApiError::method() });
    Router::new().nest("/api/v1", api).with_state(Api { house })
}

/// What there is; `openapi.json` describes each.
fn routes() -> [(&'static str, MethodRouter<Api>); 28] {
    [
        ("/status", get(status::status)),
        ("/reload", post(configuration::reload)),
        ("/config", get(configuration::show)),
        ("/config/check", post(configuration::check)),
        ("/members", get(members::list).post(members::add)),
        ("/members/{name}", patch(members::set).delete(members::remove)),
        ("/members/{name}/token", post(members::token)),
        ("/vendors", get(vendors::list)),
        ("/vendors/{vendor}", get(vendors::show).patch(vendors::set)),
        ("/personas/{vendor}", get(personas::show)),
        ("/personas/{vendor}/issue", post(personas::issue)),
        ("/personas/{vendor}/reset", post(personas::reset)),
        ("/personas/{vendor}/adopt", post(personas::adopt)),
        ("/questions", get(questions::list)),
        ("/questions/{question}", post(questions::answer)),
        ("/exceptions", get(exceptions::list).post(exceptions::add).delete(exceptions::resume)),
        ("/exceptions/{id}", delete(exceptions::remove)),
        ("/uninspected/{host}", delete(exceptions::inspect)),
        ("/accounts", get(accounts::export).post(accounts::import)),
        ("/recovery/manifest", post(recovery::manifest)),
        ("/flows", get(flows::list)),
        ("/flows/{flow}", get(flows::show)),
        ("/ledger/verify", post(log::verify)),
        ("/ledger/export", get(log::export)),
        ("/ledger/stats", get(log::stats)),
        ("/explain", post(explain::explain)),
        ("/ca", get(ca::show)),
        ("/openapi.json", get(openapi::document)),
    ]
}

/// Work that waits for the disk or takes long, off the workers.
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ApiError::failed("interrupted"))?
}

/// 201 with what was made.
type Created<T> = (StatusCode, axum::Json<T>);
