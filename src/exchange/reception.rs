//! How a vendor receives what is inspected: some want a certificate of the device's, others take the gateway for a robot.

use super::layers::Exchange;
use crate::model::RequestType;
use http::response::Parts;
use http::{HeaderMap, StatusCode};

/// What a reply says of that. Goes along in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It serves a page.
    Served,
    /// It wants a certificate that only the user's device has.
    Certificate,
    /// It wants to see what a browser does, or refuses the page.
    Challenge,
}

/// nginx answers so where a certificate is missing or bad; its log and `error_page` know them as 496 and 495
/// (ngx_http_ssl_module, "Error Processing").
const WITHOUT_CERTIFICATE: [u16; 3] = [400, 495, 496];

/// Fields by which defences against robots mark what is no answer: Cloudflare's `cf-mitigated: challenge` ("Detect a
/// Challenge Page response"), AWS WAF's `x-amzn-waf-action` ("Challenge and CAPTCHA response").
const CHALLENGES: [(&str, &[&str]); 2] =
    [("cf-mitigated", &["challenge"]), ("x-amzn-waf-action", &["challenge", "captcha"])];

/// What the vendor's head says of that, where it says anything. `wants_certificate` tells whether it asked for one in its handshake.
pub(super) fn of_reply(
    exchange: &Exchange,
    head: &Parts,
    wants_certificate: impl Fn() -> bool,
) -> Option<Reception> {
    if WITHOUT_CERTIFICATE.contains(&head.status.as_u16()) && wants_certificate() {
        return Some(Reception::Certificate);
    }
    if is_challenge(&head.headers) {
        return Some(Reception::Challenge);
    }
    let is_page = exchange.context.as_ref().is_some_and(|context| context.kind == RequestType::Document);
    match head.status {
        StatusCode::FORBIDDEN if is_page => Some(Reception::Challenge),
        status if is_page && status.is_success() => Some(Reception::Served),
        _ => None,
    }
}

fn is_challenge(headers: &HeaderMap) -> bool {
    CHALLENGES.iter().any(|(name, values)| {
        let value = headers.get(*name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| values.iter().any(|one| value.trim().eq_ignore_ascii_case(one)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn challenges_are_known_by_their_fields() {
        for (name, value, want) in [
            ("cf-mitigated", "challenge", true),
            ("x-amzn-waf-action", "Captcha", true),
            ("x-amzn-waf-action", "count", false),
            ("server", "challenge", false),
        ] {
            let headers =
                HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            assert_eq!(is_challenge(&headers), want, "{name}: {value}");
        }
    }
}
