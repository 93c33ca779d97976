//! The owner's filter lists: compiled from what lies on disk, refreshed through the gateway's own way out.
//!
//! A start never waits for the network: copies of earlier downloads are used, and the built-in list is always there. What
//! is missing is downloaded at once, the rest once a day; new texts are compiled off the workers and swapped in whole.

use super::house::{House, HouseError};
use crate::config::Config;
use crate::exchange::{ExchangeError, Generation, Rooms, errand};
use crate::model::MemberId;
use crate::trackers::Trackers;
use crate::trackers::lists::{Copies, Fetch, FetchError, Fetched, Refreshed, Source};
use crate::vault::Home;
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A copy is held against its source this often.
const DAILY: Duration = Duration::from_secs(24 * 3600);
/// After a failed download.
const AGAIN: Duration = Duration::from_secs(15 * 60);
/// Redirects that one download follows.
const MOST_REDIRECTS: usize = 3;

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
        let download = Download { rooms: self.rooms(), generation: &generation };
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

/// Downloads by way of the gateway's own errands.
struct Download<'h> {
    rooms: &'h Arc<Rooms>,
    generation: &'h Arc<Generation>,
}

impl Fetch for Download<'_> {
    async fn fetch(&self, url: &str, limit: u64, tag: Option<&str>) -> Result<Fetched, FetchError> {
        let mut url = Url::parse(url).map_err(|_| FetchError("not a URL".to_owned()))?;
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        for _ in 0..=MOST_REDIRECTS {
            let failed = |error: ExchangeError| FetchError(error.to_string());
            let brought =
                errand(self.rooms, self.generation, &url, asking(tag), most).await.map_err(failed)?;
            match brought.status {
                StatusCode::NOT_MODIFIED if tag.is_some() => return Ok(Fetched::Unchanged),
                StatusCode::OK => {
                    if brought.headers.get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
                        return Err(FetchError("it came in a coding that was not asked for".to_owned()));
                    }
                    let tag = text(&brought.headers, &ETAG).map(str::to_owned);
                    return Ok(Fetched::Text { bytes: brought.body.into(), tag });
                }
                status if status.is_redirection() => {
                    let next = text(&brought.headers, &LOCATION).and_then(|to| url.join(to).ok());
                    url = next.ok_or_else(|| FetchError("a redirect to nowhere".to_owned()))?;
                }
                status => return Err(FetchError(format!("the answer was {}", status.as_u16()))),
            }
        }
        Err(FetchError("too many redirects".to_owned()))
    }
}

fn asking(tag: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(IF_NONE_MATCH, tag);
    }
    headers
}

fn text<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
