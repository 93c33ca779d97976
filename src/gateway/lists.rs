//! The owner's filter lists: compiled from what lies on disk, refreshed through the gateway's own way out.

use crate::config::Config;
use crate::trackers::Trackers;
use crate::trackers::lists::{Copies, Source};
use crate::vault::Home;

/// Compiles the built-in lists and the configured ones as they are on disk now. Blocks.
pub(super) fn compile(home: &Home, config: &Config) -> Trackers {
    let sources = sources(config);
    let (lists, missing) = Copies::new(home.dir().join("lists")).load(&sources);
    for error in missing {
        tracing::warn!(%error, "a filter list is missing");
    }
    let (trackers, report) = Trackers::build_cached(&lists, Some(&home.dir().join("lists")));
    tracing::debug!(?report, "filter lists compiled");
    trackers
}

/// The configured sources that can be read.
pub(super) fn sources(config: &Config) -> Vec<Source> {
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
