use super::*;
use crate::model::{Answer, Host, Origin, RequestType, Scheme, SignedParts, Stub};
use http::{HeaderName, HeaderValue, Method};
use std::sync::LazyLock;

static TRACKERS: LazyLock<Trackers> =
    LazyLock::new(|| Trackers::build(&[List::new("mine", "||t.test^\n")]).0);

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

struct Asked {
    host: &'static str,
    target: &'static str,
    headers: HeaderMap,
    kind: RequestType,
    party: Party,
    signed: SignedParts,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            host: "shop.example",
            target: "/",
            headers: HeaderMap::new(),
            kind: RequestType::Other,
            party: Party::First,
            signed: SignedParts::default(),
        }
    }
}

impl Asked {
    fn with<R>(&self, then: impl FnOnce(&RequestView<'_>) -> R) -> R {
        let origin = Origin { scheme: Scheme::Https, host: Host::parse(self.host).unwrap(), port: 443 };
        then(&RequestView {
            method: &Method::POST,
            origin: &origin,
            target: self.target,
            headers: &self.headers,
            kind: self.kind,
            party: self.party,
            source: None,
            signed: &self.signed,
        })
    }

    fn plan(&self) -> Plan {
        self.plan_by(&TRACKERS, None)
    }

    fn plan_by(&self, trackers: &Trackers, passes: Option<&Passes>) -> Plan {
        let mut plan = Plan::default();
        self.with(|view| trackers.plan(view, passes, &mut plan));
        plan
    }

    fn response(&self, headers: &HeaderMap) -> Plan {
        let mut plan = Plan::default();
        self.with(|view| TRACKERS.plan_response(view, headers, &mut plan));
        plan
    }
}

fn rules(plan: &Plan) -> Vec<&str> {
    plan.edits().iter().map(|edit| edit.rule.as_ref()).collect()
}

#[test]
fn a_blocked_request_is_answered_by_kind_and_nothing_else_is_planned() {
    for (kind, want) in [
        (RequestType::Image, Stub::Pixel),
        (RequestType::Script, Stub::Script),
        (RequestType::Stylesheet, Stub::Style),
        (RequestType::Document, Stub::Page),
        (RequestType::Subdocument, Stub::Nothing),
        (RequestType::Xhr, Stub::Nothing),
        (RequestType::Other, Stub::Nothing),
    ] {
        let headers = fields(&[("x-client-data", "abc")]);
        let plan =
            Asked { host: "cdn.t.test", target: "/x?utm_source=a", headers, kind, ..Asked::default() }.plan();
        match plan.answer() {
            Some(Answer::Block { stub, rule, reason }) => {
                assert_eq!(
                    (*stub, rule.as_ref(), reason.as_ref()),
                    (want, "||t.test^", "on the tracker list mine")
                );
            }
            other => panic!("{kind:?}: {other:?}"),
        }
        let [edit] = plan.edits() else { panic!("{plan:?}") };
        assert_eq!((edit.action, edit.place.to_string().as_str()), (Action::Blocked, "request.message"));
        assert_eq!(edit.container, Container::Message);
    }
}

#[test]
fn what_passed_once_is_asked_anew_under_other_rules_and_for_every_other_address() {
    let rules = |text: &str| Trackers::build(&[List::new("mine", text)]).0;
    let (lenient, strict) = (rules(""), rules("shop.example/a\nshop.example/b"));
    let passes = Passes::default();
    let blocked = |trackers: &Trackers, asked: &Asked| {
        [0, 1].map(|_| asked.plan_by(trackers, Some(&passes)).answer().is_some())
    };
    for target in ["/a", "/b", "/c"] {
        let asked = Asked { target, ..Asked::default() };
        assert_eq!(blocked(&lenient, &asked), [false; 2], "{target}");
        assert_eq!(blocked(&strict, &asked), [target != "/c"; 2], "{target}");
    }
    // All that rules look at is part of the question.
    let scripts = rules("shop.example/s$script");
    let other = Asked { target: "/s", ..Asked::default() };
    let script = Asked { target: "/s", kind: RequestType::Script, ..Asked::default() };
    assert_eq!(blocked(&scripts, &other), [false; 2]);
    assert_eq!(blocked(&scripts, &script), [true; 2]);
}

#[test]
fn a_hyperlink_audit_is_answered_here() {
    let headers = fields(&[("content-type", "Text/Ping; charset=utf-8"), ("ping-to", "https://a.example/")]);
    let plan = Asked { headers, ..Asked::default() }.plan();
    assert!(matches!(plan.answer(), Some(Answer::Block { stub: Stub::Nothing, .. })));
    assert_eq!(rules(&plan), ["builtin/headers:ping-to"]);
}

#[test]
fn an_ordinary_request_is_left_alone() {
    let headers = fields(&[
        ("user-agent", "curl/8"),
        ("referer", "https://shop.example/"),
        ("x-requested-with", "XMLHttpRequest"),
        ("sec-fetch-dest", "empty"),
        ("cookie", "_ga=1"),
    ]);
    let plan = Asked { target: "/api?q=1&ref=x", headers, ..Asked::default() }.plan();
    assert!(plan.edits().is_empty() && plan.answer().is_none());
}

#[test]
fn fields_that_follow_people_are_dropped_on_the_way_out() {
    let headers = fields(&[
        ("x-client-data", "CIa2yQ"),
        ("attribution-reporting-eligible", "trigger"),
        ("sec-browsing-topics", "();p=P0"),
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.2"),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 box"),
        ("x-wap-profile", "http://device.example/x"),
        ("msisdn", "491511"),
        ("from", "ann@home.example"),
        ("dnt", "1"),
        ("x-requested-with", "com.shop.app"),
        ("accept", "*/*"),
    ]);
    let length = headers.len();
    let plan = Asked { headers, ..Asked::default() }.plan();
    assert_eq!(plan.standing().count(), length - 1);
    for edit in plan.edits() {
        let Container::Header { name, nth } = &edit.container else { panic!("{edit:?}") };
        assert_eq!(edit.rule, format!("builtin/headers:{name}"));
        assert!(!edit.reason.is_empty() && !edit.span.is_empty() && edit.action == Action::Removed);
        assert_eq!(edit.place.occurrence, nth + 1);
    }
}

#[test]
fn what_a_signature_covers_stays() {
    let headers = fields(&[("via", "1.1 box"), ("dnt", "1")]);
    let signed = SignedParts { target: true, headers: vec!["via".to_owned()], ..SignedParts::default() };
    let plan = Asked { target: "/?gclid=1", headers, signed, ..Asked::default() }.plan();
    assert_eq!(rules(&plan), ["builtin/headers:dnt"]);
}

#[test]
fn fields_that_report_or_lead_away_are_dropped_on_the_way_back() {
    let headers = fields(&[
        ("alt-svc", "h3=\":443\""),
        ("nel", "{}"),
        ("report-to", "{}"),
        ("reporting-endpoints", "a=\"https://r.example/\""),
        ("attribution-reporting-register-source", "{}"),
        ("observe-browsing-topics", "?1"),
        ("accept-ch", "Sec-CH-UA-Model"),
        ("critical-ch", "Sec-CH-UA-Model"),
        ("p3p", "CP=\"x\""),
        ("server-timing", "id;desc=abc"),
        ("content-security-policy", "default-src 'self'; report-uri /r"),
        ("set-cookie", "a=b"),
        ("etag", "x"),
        ("strict-transport-security", "max-age=1"),
    ]);
    let first = Asked::default().response(&headers);
    assert_eq!(first.standing().count(), 10);
    assert!(!rules(&first).contains(&"builtin/headers:server-timing"));
    let third = Asked { party: Party::Third, ..Asked::default() }.response(&headers);
    assert_eq!(third.standing().count(), 11);
    assert!(third.edits().iter().all(|edit| edit.place.to_string().starts_with("response.header:")));
    let own = Asked { party: Party::Gateway, ..Asked::default() };
    assert!(own.response(&headers).edits().is_empty());
}

#[test]
fn the_gateways_own_requests_pass() {
    let own = Asked { host: "t.test", target: "/?gclid=1", party: Party::Gateway, ..Asked::default() };
    assert!(own.plan().edits().is_empty());
    assert!(own.with(|view| TRACKERS.matches(view)).is_empty());
}
