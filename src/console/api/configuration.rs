//! The configuration in force, and one that is to be.

use super::error::ApiError;
use super::read::Given;
use super::who::Asker;
use super::{Api, off_worker};
use crate::config::{Config, ConfigError, Finding, Severity};
use crate::gateway::{AdoptError, ReloadError};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// An absolute path; the file in force where none is named.
    #[serde(default)]
    file: Option<PathBuf>,
}

pub async fn show(State(api): State<Api>, asker: Asker) -> Result<Json<Value>, ApiError> {
    asker.must_own()?;
    let config = Arc::clone(&api.house.rooms().generation.load().config);
    off_worker(move || Ok(Json(json!({ "toml": config.to_toml(), "values": config.values() })))).await
}

/// All that is to be said of a file, with the home's members, credentials and the file's own tests.
pub async fn check(
    State(api): State<Api>,
    asker: Asker,
    Given(check): Given<Check>,
) -> Result<Json<Value>, ApiError> {
    asker.must_own()?;
    let house = &api.house;
    let in_force = house.rooms().generation.load().config.file().map(PathBuf::from);
    let Some(file) = check.file.or(in_force) else {
        return Ok(Json(json!({ "file": null, "findings": [] })));
    };
    let path = file.clone();
    let loaded = tokio::task::spawn_blocking(move || Config::load(&path)).await;
    let findings = match loaded.map_err(|_| ApiError::failed("interrupted"))? {
        Ok(config) => findings(&api, config).await?,
        Err(ConfigError::Invalid(findings)) => findings,
        Err(error) => return Err(ApiError::configuration(error)),
    };
    Ok(Json(json!({ "file": file, "findings": findings })))
}

async fn findings(api: &Api, config: Config) -> Result<Vec<Finding>, ApiError> {
    let vault = &api.house.rooms().vault;
    let members = vault.members()?;
    let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
    let mut findings = config.check_promises();
    findings.extend(config.check_doors(vault.has_credentials()));
    findings.extend(config.findings().iter().cloned());
    findings.extend(config.check_members(&names));
    let generation = Arc::new(api.house.compile(config).await?);
    findings.extend(api.house.failing_tests(&generation).await);
    findings.sort_by_key(|finding| finding.severity);
    // What is refused is not also warned of.
    let mut refused = Vec::new();
    findings.retain(|finding| match finding.severity {
        Severity::Error => {
            refused.extend(finding.key.clone());
            true
        }
        Severity::Warning | Severity::Note => finding.key.as_ref().is_none_or(|key| !refused.contains(key)),
    });
    Ok(findings)
}

/// What SIGHUP does.
pub async fn reload(State(api): State<Api>, asker: Asker) -> Result<Json<Value>, ApiError> {
    asker.must_own()?;
    match api.house.reload().await {
        Ok(reloaded) => Ok(Json(json!({ "reloaded": reloaded.file, "waiting": reloaded.waiting }))),
        Err(ReloadError::Adopt(AdoptError::House(error))) => Err(error.into()),
        Err(error) => Err(ApiError::configuration(error)),
    }
}
