//! What the gateway downloads for itself, through its own way out: every download leaves a record.

use crate::exchange::{ExchangeError, Generation, Rooms, errand};
use crate::trackers::lists::{Fetch, FetchError, Fetched};
use http::StatusCode;
use http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
};
use std::sync::Arc;
use url::Url;

/// Redirects that one download follows.
const MOST_REDIRECTS: usize = 3;

/// Downloads by way of the gateway's own errands.
pub(super) struct Download<'h> {
    rooms: &'h Arc<Rooms>,
    generation: &'h Arc<Generation>,
}

impl<'h> Download<'h> {
    pub(super) fn new(rooms: &'h Arc<Rooms>, generation: &'h Arc<Generation>) -> Self {
        Self { rooms, generation }
    }
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
