//! What is published of revoked certificates: read from the disk at the start, downloaded while the gateway runs.
//!
//! Each filter is kept under its digest, and the manifest is replaced last: whatever a download is cut at, what lies there
//! is whole. A failed one leaves all as it was.

use super::download::Download;
use super::house::House;
use crate::config::Config;
use crate::config::value::RevocationSource;
use crate::trackers::lists::{Fetch, FetchError, Fetched};
use crate::upstream::revocation::{Filters, Manifest, ManifestError, Part};
use crate::vault::{Home, replace_file};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use url::Url;

/// They are published four times a day.
const QUARTER: Duration = Duration::from_secs(6 * 3600);
/// Says in the folder of the filters where they came from.
const SOURCE: &str = "source";
/// After a failed download.
const AGAIN: Duration = Duration::from_secs(15 * 60);

/// Why there are no newer ones.
#[derive(Debug, Error)]
enum RefreshError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("the gateway is ending")]
    Cut,
}

/// The filters that lie on the disk, where the configuration wants any. Blocks.
pub(super) fn read(home: &Home, config: &Config) -> Option<Filters> {
    let RevocationSource::Url(_) = config.settings.upstream.revocations else { return None };
    let read = Filters::read(&dir(home.dir()));
    read.unwrap_or_else(|error| {
        tracing::warn!(%error, "what is known of revoked certificates cannot be read");
        None
    })
}

fn dir(home: &Path) -> PathBuf {
    home.join("revocations")
}

impl House {
    /// Downloads what was published since, and takes it into force. Gives when to look again.
    pub(super) async fn refresh_revocations(&self) -> Duration {
        let generation = self.rooms().generation.load_full();
        let RevocationSource::Url(source) = &generation.config.settings.upstream.revocations else {
            self.rooms().upstream.take_revocations(None);
            return QUARTER;
        };
        let dir = dir(self.home.dir());
        let is_in_force = self.rooms().upstream.revocations().as_of().is_some() && is_from(&dir, source);
        if let Some(left) = age(&dir).filter(|_| is_in_force).and_then(|age| QUARTER.checked_sub(age)) {
            return left;
        }
        match renew(&Download::new(self.rooms(), &generation), source, dir).await {
            Ok(filters) => {
                self.rooms().upstream.take_revocations(Some(filters));
                QUARTER
            }
            Err(error) => {
                tracing::warn!(%error, "what is known of revoked certificates could not be renewed");
                AGAIN
            }
        }
    }
}

/// Whether what lies there came from `source`.
fn is_from(dir: &Path, source: &Url) -> bool {
    std::fs::read_to_string(dir.join(SOURCE)).is_ok_and(|from| from == source.as_str())
}

/// How long ago a manifest came.
fn age(dir: &Path) -> Option<Duration> {
    let changed = std::fs::metadata(dir.join(Manifest::FILE)).and_then(|about| about.modified()).ok()?;
    Some(changed.elapsed().unwrap_or_default())
}

async fn renew(download: &impl Fetch, source: &Url, dir: PathBuf) -> Result<Filters, RefreshError> {
    let written = bring(download, source, Manifest::FILE, Manifest::LARGEST).await?;
    let manifest = Manifest::parse(&written)?;
    let (parts, there) = (manifest.parts.clone(), dir.clone());
    let missing = move || Ok(parts.into_iter().filter(|part| part.read(&there).is_err()).collect::<Vec<_>>());
    for part in off_worker(missing).await? {
        let bytes = bring(download, source, &part.filename, part.size).await?;
        let dir = dir.clone();
        off_worker(move || keep(&dir, &part, &bytes)).await?;
    }
    let source = source.to_string();
    off_worker(move || {
        let filters = Filters::of(&manifest, &dir)?;
        replace_file(&dir, Manifest::FILE, |file| file.write_all(&written)).map_err(ManifestError::from)?;
        replace_file(&dir, SOURCE, |file| file.write_all(source.as_bytes())).map_err(ManifestError::from)?;
        clear(&dir, &manifest).map_err(ManifestError::from)?;
        Ok(filters)
    })
    .await
}

fn keep(dir: &Path, part: &Part, bytes: &[u8]) -> Result<(), RefreshError> {
    if !part.is(bytes) {
        return Err(ManifestError::Digest.into());
    }
    Ok(replace_file(dir, &part.kept_as(), |file| file.write_all(bytes)).map_err(ManifestError::from)?)
}

/// Removes the filters that are no longer published.
fn clear(dir: &Path, manifest: &Manifest) -> std::io::Result<()> {
    let kept: BTreeSet<String> = manifest.parts.iter().map(Part::kept_as).collect();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(".filter") && !kept.contains(name)) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn bring(download: &impl Fetch, source: &Url, name: &str, limit: u64) -> Result<Vec<u8>, RefreshError> {
    let url = source.join(name).map_err(|_| FetchError("not a URL".to_owned()))?;
    match download.fetch(url.as_str(), limit, None).await? {
        Fetched::Text { bytes, .. } => Ok(bytes),
        Fetched::Unchanged => Err(FetchError("nothing came".to_owned()).into()),
    }
}

async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RefreshError> + Send + 'static,
) -> Result<T, RefreshError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(RefreshError::Cut))
}
