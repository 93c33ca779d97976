//! The local certificate authority: what clients have to trust.

use super::error::ApiError;
use super::who::Asker;
use super::{Api, off_worker};
use crate::gateway::authority::write_bundle;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// Also brings the bundle of the machine's roots and ours up to date, which `env` names.
pub async fn show(State(api): State<Api>, _asker: Asker) -> Result<Json<Value>, ApiError> {
    off_worker(move || {
        let certificates = api.house.front.leaves.certificates();
        let ca = api.house.home.ca_dir();
        let bundle = write_bundle(&ca, &certificates).map_err(ApiError::failed)?;
        Ok(Json(json!({
            "pem": certificates.root_pem(),
            "file": ca.join("root.pem"),
            "bundle": bundle,
            "certificates": certificates.described(),
        })))
    })
    .await
}
