//! The configuration file, read again: on SIGHUP, when asked, and when it has become another.

use super::house::House;
use super::policy::AdoptError;
use crate::config::schema::Settings;
use crate::config::{Config, ConfigError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};
use thiserror::Error;

/// The file is looked at this often.
const LOOK: Duration = Duration::from_secs(2);

/// What a reload took up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The file.
    pub file: PathBuf,
    /// Keys whose new values hold from the next start only.
    pub waiting: Vec<&'static str>,
}

/// Why everything stays as it was.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// There is none, neither named at the start nor in the home.
    #[error("there is no configuration file: {}", .0.display())]
    NoFile(PathBuf),
    /// It is not a configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is not taken.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
}

/// By what one state of a file is told from another.
pub(super) type Print = (SystemTime, u64);

pub(super) fn print_of(file: &Path) -> Option<Print> {
    let data = std::fs::metadata(file).ok()?;
    Some((data.modified().ok()?, data.len()))
}

impl House {
    /// Reads the configuration file again and takes it up whole: the one in force, else the one that has come to lie in
    /// the home since.
    ///
    /// # Errors
    /// [`ReloadError`]; nothing has changed then.
    pub async fn reload(self: &Arc<Self>) -> Result<Reloaded, ReloadError> {
        let file = self.config_file();
        let before = Arc::clone(&self.rooms().generation.load().config);
        let (house, path) = (Arc::clone(self), file.clone());
        let loaded = tokio::task::spawn_blocking(move || {
            let Some(print) = print_of(&path) else { return Err(ReloadError::NoFile(path)) };
            *house.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(print);
            Ok(Config::load(&path)?)
        });
        let config = loaded.await.map_err(|_| AdoptError::House(super::HouseError::Cut))??;
        let config = self.handed.get().copied().unwrap_or_default().applied_to(config);
        let waiting = waiting(&before.settings, &config.settings);
        self.adopt(config).await?;
        Ok(Reloaded { file, waiting })
    }

    /// Likewise, with what came of it in the program's own log. Whether it was taken up.
    pub async fn reload_aloud(self: &Arc<Self>) -> bool {
        let reloaded = self.reload().await;
        let is_taken = reloaded.is_ok();
        match reloaded {
            Ok(Reloaded { waiting, .. }) if waiting.is_empty() => tracing::info!("configuration reloaded"),
            Ok(Reloaded { waiting, .. }) => {
                tracing::warn!("configuration reloaded; {} waits for the next start", waiting.join(", "));
            }
            Err(error @ ReloadError::NoFile(_)) => tracing::warn!("{error}"),
            Err(error) => tracing::error!("the configuration stays as it was:\n{error}"),
        }
        is_taken
    }

    /// Takes the file up again whenever it has become another.
    pub(super) async fn keep_config(self: &Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK);
        let mut last = None;
        while self.front.stop.run_until_cancelled(tick.tick()).await.is_some() {
            let file = self.config_file();
            let Ok(Some(now)) = tokio::task::spawn_blocking(move || print_of(&file)).await else { continue };
            let new = *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != Some(now);
            // Half a file is one, too: what is still being written is left alone.
            if new && last == Some(now) {
                self.reload_aloud().await;
            }
            last = Some(now);
        }
    }

    fn config_file(&self) -> PathBuf {
        let generation = self.rooms().generation.load();
        generation.config.file().map_or_else(|| self.home.config_file(), Path::to_owned)
    }
}

fn waiting(was: &Settings, is: &Settings) -> Vec<&'static str> {
    let keys = [
        ("listen.proxy", was.listen.proxy != is.listen.proxy),
        ("listen.console", was.listen.console != is.listen.console),
        ("listen.metrics", was.listen.metrics != is.listen.metrics),
        ("listen.transparent", was.listen.transparent != is.listen.transparent),
        ("ledger.write", was.ledger.write != is.ledger.write),
    ];
    keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key).collect()
}
