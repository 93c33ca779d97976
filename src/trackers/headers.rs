//! Header fields that only follow people, both ways.

use super::{csp, removal};
use crate::model::{Category, Container, Edit, Part, Party, Place, Plan, RequestView, Side};
use http::{HeaderMap, HeaderValue, header};

/// Why a field goes, and what it says about the person.
#[derive(Clone, Copy)]
struct Cause {
    reason: &'static str,
    category: Category,
}

const IP_ADDRESS: Category = Category("pd:IPAddress");
const EMAIL: Category = Category("pd:EmailAddress");
const TELEPHONE: Category = Category("pd:TelephoneNumber");

/// Whether a request is a hyperlink audit, which a browser sends when a link with `ping` is followed.
pub(super) fn is_link_audit(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let essence = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/ping")
}

/// The rules of fields, before the field's name.
const RULE: &str = "builtin/headers:";

/// Whether a field goes whatever its owner lets by: it tells where they are or who, or leads past the gateway.
pub(super) fn always_goes(name: &str) -> bool {
    name == "alt-svc"
        || from_request(name).is_some_and(|cause| [IP_ADDRESS, EMAIL, TELEPHONE].contains(&cause.category))
        || matches!(
            name,
            "via" | "x-uidh" | "x-acr" | "x-up-subno" | "x-nokia-msisdn" | "x-up-calling-line-id"
        )
}

/// Whether this is the rule of such a field.
pub(super) fn is_of_one_that_always_goes(rule: &str) -> bool {
    rule.strip_prefix(RULE).is_some_and(always_goes)
}

/// Drops what a request should not carry, of the fields that are `meant`. What a signature covers stays.
pub(super) fn plan_request(request: &RequestView<'_>, meant: impl Fn(&str) -> bool, plan: &mut Plan) {
    for name in request.headers.keys() {
        let Some(cause) = from_request(name.as_str()) else { continue };
        if request.signed.covers_header(name.as_str()) || !meant(name.as_str()) {
            continue;
        }
        for (nth, value) in request.headers.get_all(name).iter().enumerate() {
            if name.as_str() == "x-requested-with" && !is_android_package(value) {
                continue;
            }
            plan.add(whole_line(Side::Request, name.as_str(), nth, value, cause));
        }
    }
}

/// Drops what a response should not bring, of the fields that are `meant`.
pub(super) fn plan_response(
    party: Party,
    headers: &HeaderMap,
    meant: impl Fn(&str) -> bool,
    plan: &mut Plan,
) {
    for name in headers.keys().filter(|name| meant(name.as_str())) {
        if let Some(cause) = from_response(name.as_str(), party) {
            for (nth, value) in headers.get_all(name).iter().enumerate() {
                plan.add(whole_line(Side::Response, name.as_str(), nth, value, cause));
            }
        } else if csp::is_policy(name.as_str()) {
            for (nth, value) in headers.get_all(name).iter().enumerate() {
                csp::plan(name.as_str(), nth, value, plan);
            }
        }
    }
}

fn from_request(name: &str) -> Option<Cause> {
    let because = |reason, category| Some(Cause { reason, category });
    let tracking = |reason| because(reason, Category::TRACKING);
    match name {
        "x-client-data" => tracking("names the browser's installation to Google"),
        "sec-browsing-topics" => tracking("tells interests derived from browsing"),
        "x-forwarded-for" | "forwarded" | "x-real-ip" | "true-client-ip" | "client-ip" => {
            because("tells the address behind the gateway", IP_ADDRESS)
        }
        "via" => tracking("tells of a proxy on the way"),
        "x-uidh" | "x-acr" | "x-up-subno" | "x-nokia-msisdn" | "x-up-calling-line-id" => {
            tracking("a subscriber number put in by a network operator")
        }
        "x-wap-profile" => because("describes the device", Category::DEVICE),
        "from" => because("an e-mail address", EMAIL),
        "dnt" => because("an old signal that only sets people apart; Sec-GPC says it", Category::PREFERENCE),
        "ping-from" | "ping-to" => tracking("tells which link was followed"),
        "x-requested-with" => because("names the app", Category::DEVICE),
        _ if name.starts_with("attribution-reporting-") => tracking("measures advertisements in the browser"),
        _ if name.starts_with("msisdn") || name == "x-msisdn" => {
            because("a phone number put in by a network operator", TELEPHONE)
        }
        _ => None,
    }
}

fn from_response(name: &str, party: Party) -> Option<Cause> {
    let tracking = |reason| Some(Cause { reason, category: Category::TRACKING });
    match name {
        "alt-svc" => tracking("would lead the browser past the gateway, and can mark it"),
        "nel" => tracking("has the browser report every request to a third party"),
        "report-to" | "reporting-endpoints" => tracking("names where the browser reports to"),
        "observe-browsing-topics" => tracking("has the browser count this visit as an interest"),
        "accept-ch" | "critical-ch" => Some(Cause {
            reason: "asks the browser for a closer description of itself",
            category: Category::DEVICE,
        }),
        "p3p" => tracking("an old claim that only opens third-party cookies"),
        // A script of the page reads it (W3C Server Timing section 3.1): an identifier in it passes cookie rules.
        "server-timing" if party == Party::Third => tracking("lets a third party hand values to the page"),
        _ if name.starts_with("attribution-reporting-register-") => {
            tracking("measures advertisements in the browser")
        }
        _ => None,
    }
}

fn whole_line(side: Side, name: &str, nth: usize, value: &HeaderValue, cause: Cause) -> Edit {
    let place = Place { side, part: Part::Header(name.into()), occurrence: nth + 1 };
    let container = Container::Header { name: name.into(), nth };
    let edit = removal(place, container, 0..value.len(), [RULE, name].concat(), cause.reason);
    Edit { category: cause.category, ..edit }
}

/// An Android package id (`com.shop.app`), which a WebView sends; a script's own `XMLHttpRequest` is none.
fn is_android_package(value: &HeaderValue) -> bool {
    let word = |word: &[u8]| {
        word.first().is_some_and(u8::is_ascii_alphabetic)
            && word.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    let value = value.as_bytes().trim_ascii();
    value.contains(&b'.') && value.split(|byte| *byte == b'.').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_id_is_told_from_a_script() {
        for (value, want) in [
            ("com.shop.app", true),
            ("com.android.browser", true),
            ("org.mozilla.fenix_2", true),
            ("XMLHttpRequest", false),
            ("", false),
            ("com..app", false),
            ("1.2", false),
            ("shop app.x", false),
        ] {
            assert_eq!(is_android_package(&HeaderValue::from_static(value)), want, "{value}");
        }
    }
}
