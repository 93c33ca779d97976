//! The owner's filter lists: compiled from what lies on disk, refreshed through the gateway's own way out.
//!
//! A start never waits for the network: copies of earlier downloads are used, and the built-in list is always there. What
//! is missing is downloaded at once, the rest once a day; new texts are compiled off the workers and swapped in whole.

use super::download::Download;
use super::house::{House, HouseError};
use crate::config::Config;
use crate::model::MemberId;
use crate::trackers::Trackers;
use crate::trackers::lists::{Copies, Refreshed, Source};
use crate::vault::Home;
use std::sync::Arc;
use std::time::Duration;

/// A copy is held against its source this often.
const DAILY: Duration = Duration::from_secs(24 * 3600);
/// After a failed download.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// Compiles the built-in lists and the configured ones as they are on disk now. Blocks.
pub(super) fn compile(home: &Home, config: &Config) -> Trackers {
    let (lists, missing) = copies(home).load(&sources(config));
    for error in missing {
        tracing::warn!(%error, "a filter list is missing");
    }
    let (trackers, report) = Trackers::build_cached(&lists, Some(&home.dir().join("lists")));
    tracing::debug!(?report, "filter lists compiled");
    trackers
}

fn copies(home: &Home) -> Copies {
    Copies::new(home.dir().join("lists"))
}

/// The configured sources that can be read.
fn sources(config: &Config) -> Vec<Source> {
    let base = config.file().and_then(|file| file.parent()).unwrap_or(std::path::Path::new("/"));
    config
        .settings
        .trackers
        .lists
        .iter()
        .filter_map(|list| {
            Source::parse(&list.to_string(), base).map_err(|error| tracing::warn!(%error, "a list")).ok()
        })
        .collect()
}

impl House {
    /// Downloads what is missing or a day old, and takes new texts into force. Gives when to look again.
    pub(super) async fn refresh_lists(&self) -> Duration {
        let generation = self.rooms().generation.load_full();
        let copies = copies(&self.home);
        let download = Download::new(self.rooms(), &generation);
        let (mut next, mut is_new) = (DAILY, false);
        for source in sources(&generation.config) {
            if matches!(source, Source::File { .. }) {
                continue;
            }
            if let Some(left) = copies.age(&source).and_then(|age| DAILY.checked_sub(age)) {
                next = next.min(left);
                continue;
            }
            match copies.refresh(&source, &download).await {
                Ok(refreshed) => is_new |= refreshed == Refreshed::New,
                Err(error) => {
                    tracing::warn!(%error, "a filter list could not be downloaded");
                    next = next.min(AGAIN);
                }
            }
        }
        if is_new && let Err(error) = self.recompile_lists().await {
            tracing::warn!(%error, "the new filter lists are not in the log");
        }
        next
    }

    /// Takes the lists as they are on disk now into force, whatever else the policy is by then.
    async fn recompile_lists(&self) -> Result<(), HouseError> {
        let _alone = self.adopting.lock().await;
        let generation = self.rooms().generation.load_full();
        let (home, config) = (Home::beside(self.home.dir()), Arc::clone(&generation.config));
        let compiled = tokio::task::spawn_blocking(move || compile(&home, &config)).await;
        let trackers = Arc::new(compiled.map_err(|_| HouseError::Cut)?);
        self.rooms().generation.store(Arc::new(generation.with_trackers(trackers)));
        self.record_change(MemberId::GATEWAY, None, "filter lists updated".to_owned()).await
    }
}
