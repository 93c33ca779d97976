//! Reverse mode: `/v/VENDOR/…` of the gateway itself, for API clients that cannot use a proxy.
//!
//! Whoever asks must show a member's credential, on loopback too, in Proxy-Authorization: Authorization is the vendor's.
//! Pages in a browser get nothing: for them every vendor would be one site. Cookies would be one jar for all vendors, so
//! none passes, either way. Redirects pass as they come.

use super::front::{Arrival, Front};
use super::own::{self, addressed};
use super::who::Asking;
use crate::config::Config;
use crate::config::value::HostPattern;
use crate::exchange::{ExchangeError, Reply, Who};
use crate::model::Host;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, ORIGIN, PROXY_AUTHORIZATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, StatusCode, Uri};
use hyper::body::Incoming;
use std::sync::Arc;

/// What such a path begins with.
const PREFIX: &str = "/v/";
/// For the log.
const NOTE: &str = "asked of the gateway itself: cookies do not pass";

/// Whether a request for the gateway itself is meant for a vendor.
pub(super) fn is_meant(uri: &Uri) -> bool {
    uri.path().starts_with(PREFIX)
}

/// Passes a request on, as one of the member's to that vendor over https.
pub(super) async fn answer(front: &Arc<Front>, arrival: Arrival, request: Request<Incoming>) -> Reply {
    let who = match admit(front, &arrival, &request) {
        Ok(Asking::Known(who)) => who,
        Ok(Asking::Unauthorised) => return front.unauthorised(arrival.peer, request.headers()).await,
        Err(refused) => {
            let (who, error) = *refused;
            return front.refuse(arrival.peer, &who, &error, request.headers()).await;
        }
    };
    let config = Arc::clone(&front.rooms.generation.load().config);
    let Some(uri) = at_vendor(request.uri(), &config) else {
        let details = "no vendor of this name has a host that could be asked";
        return own::refuse(StatusCode::NOT_FOUND, details, request.headers());
    };
    let client = Arc::new(arrival.client(who.clone(), None));
    let mut reply = front.exchange(client, who, readdressed(request, uri), vec![NOTE.to_owned()]).await;
    let headers = std::mem::take(reply.headers_mut());
    *reply.headers_mut() = without(headers, &SET_COOKIE);
    reply
}

/// Who is asking, or why they may not.
fn admit(
    front: &Arc<Front>,
    arrival: &Arrival,
    request: &Request<Incoming>,
) -> Result<Asking, Box<(Who, ExchangeError)>> {
    let headers = request.headers();
    let names = &front.rooms.generation.load().config.settings.listen.names;
    // Any other name could be one that somebody's page was rebound to this address by.
    if addressed(request, names).is_none() {
        return Err(Box::new((Who::guest(), ExchangeError::Misdirected)));
    }
    // W3C Fetch Metadata: every request of a page has one of these fields.
    if headers.contains_key(ORIGIN) || headers.keys().any(|name| name.as_str().starts_with("sec-fetch-")) {
        let reason = "not for pages in a browser".into();
        return Err(Box::new((Who::guest(), ExchangeError::Forbidden { rule: "reverse".into(), reason })));
    }
    if !headers.contains_key(PROXY_AUTHORIZATION) {
        return Ok(Asking::Unauthorised);
    }
    let asking = front.identify(arrival.peer, headers);
    match &asking {
        Asking::Known(who) if !front.seats(arrival, who) => {
            Err(Box::new((who.clone(), ExchangeError::Crowded)))
        }
        _ => Ok(asking),
    }
}

/// Where a target of ours goes; `None` where there is no such vendor.
fn at_vendor(uri: &Uri, config: &Config) -> Option<Uri> {
    let (vendor, target) = split(uri.path_and_query()?)?;
    let authority = host_of(vendor, config)?.to_string();
    Uri::builder().scheme("https").authority(authority).path_and_query(target).build().ok()
}

/// The same request to another place. Host, where it stands, says so in its old place.
fn readdressed(request: Request<Incoming>, uri: Uri) -> Request<Incoming> {
    let (mut head, body) = request.into_parts();
    head.headers = without(head.headers, &COOKIE);
    let host = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let (true, Some(host)) = (head.headers.contains_key(HOST), host) {
        head.headers.insert(HOST, host);
    }
    head.uri = uri;
    Request::from_parts(head, body)
}

/// The vendor, and the request-target that is left, exactly as sent.
fn split(target: &PathAndQuery) -> Option<(&str, String)> {
    let rest = target.as_str().strip_prefix(PREFIX)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (vendor, target) = rest.split_at_checked(end)?;
    let slash = if target.starts_with('/') { "" } else { "/" };
    Some((vendor, format!("{slash}{target}")))
}

/// The first host of the configured vendor that stands without a wildcard, else the host of this name.
fn host_of(vendor: &str, config: &Config) -> Option<Host> {
    match config.settings.vendor.get(vendor) {
        Some(configured) => configured.hosts.iter().find_map(|pattern| match pattern {
            HostPattern::Exact(host) => Some(host.clone()),
            HostPattern::Below(_) => None,
        }),
        // A word without a dot is a vendor's name that nobody has written.
        None => Host::parse(vendor).filter(|_| vendor.contains(['.', ':'])),
    }
}

/// Rebuilt rather than removed from: removal moves the last field into the gap.
fn without(headers: HeaderMap, unwanted: &HeaderName) -> HeaderMap {
    if !headers.contains_key(unwanted) {
        return headers;
    }
    let mut kept = HeaderMap::with_capacity(headers.len());
    for name in headers.keys().filter(|name| *name != unwanted) {
        for value in headers.get_all(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_target_is_as_it_was_sent() {
        let cases = [
            ("/v/shop/a/b?c=%20d", "shop", "/a/b?c=%20d"),
            ("/v/shop//../a", "shop", "//../a"),
            ("/v/shop", "shop", "/"),
            ("/v/shop?a=/b", "shop", "/?a=/b"),
            ("/v/api.shop.test/v/x", "api.shop.test", "/v/x"),
            ("/v//a", "", "/a"),
        ];
        for (target, vendor, left) in cases {
            let target = target.parse().unwrap();
            assert_eq!(split(&target), Some((vendor, left.to_owned())));
        }
        assert_eq!(split(&"/w/shop".parse().unwrap()), None);
    }

    #[test]
    fn fields_keep_their_order() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("a", "1"), ("cookie", "x"), ("b", "2"), ("a", "3"), ("c", "4")] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let kept = without(headers, &COOKIE);
        let kept: Vec<_> =
            kept.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(kept, [("a", "1"), ("a", "3"), ("b", "2"), ("c", "4")]);
    }
}
