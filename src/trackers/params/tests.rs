use super::*;
use crate::model::{Host, Origin, Party, RequestType, Scheme, SignedParts};
use http::{HeaderMap, Method};
use proptest::prelude::*;

fn planned(host: &str, target: &str, signed: &SignedParts) -> Plan {
    let origin = Origin { scheme: Scheme::Https, host: Host::parse(host).unwrap(), port: 443 };
    let view = RequestView {
        method: &Method::POST,
        origin: &origin,
        target,
        headers: &HeaderMap::new(),
        kind: RequestType::Other,
        party: Party::First,
        source: None,
        signed,
    };
    let mut plan = Plan::default();
    Params::builtin().plan(&view, &mut plan);
    plan
}

fn replay(target: &str, plan: &Plan) -> String {
    let mut text = target.to_owned();
    let mut spans: Vec<_> = plan.standing().map(|edit| edit.span.clone()).collect();
    spans.sort_by_key(|span| span.start);
    for span in spans.into_iter().rev() {
        text.replace_range(span, "");
    }
    text
}

fn strip(target: &str) -> String {
    replay(target, &planned("shop.example", target, &SignedParts::default()))
}

#[test]
fn tracking_parameters_go_and_nothing_else_moves() {
    for (target, want) in [
        ("/", "/"),
        ("/?", "/?"),
        ("/p?a=1&b=2", "/p?a=1&b=2"),
        ("/p?utm_source=x", "/p"),
        ("/p?utm_source", "/p"),
        ("/p?utm_source=", "/p"),
        ("/p?utm_source=x&utm_medium=y", "/p"),
        ("/p?utm_source=x&a=1", "/p?a=1"),
        ("/p?a=1&utm_source=x", "/p?a=1"),
        ("/p?utm_source=x&a=1&fbclid=y&b=%20+%zz&gclid=z", "/p?a=1&b=%20+%zz"),
        ("/p?utm%5Fsource=x&a=%C3%A9", "/p?a=%C3%A9"),
        ("/p?UTM_SOURCE=x&FBCLID=y", "/p?FBCLID=y"),
        ("/p?a=1&&utm_id=2&", "/p?a=1&&"),
        ("/p?utm_id=2&", "/p?"),
        ("/p?a=1&a=2&a=1", "/p?a=1&a=2&a=1"),
        (
            "/p?u=https%3A%2F%2Fx.example%2F%3Futm_source%3D1",
            "/p?u=https%3A%2F%2Fx.example%2F%3Futm_source%3D1",
        ),
        ("/p?a=?utm_source=1", "/p?a=?utm_source=1"),
        ("/utm_source=1/x", "/utm_source=1/x"),
        ("/p?a=1;utm_source=2", "/p?a=1;utm_source=2"),
        ("/p?a=é&gclid=ü&b=ö", "/p?a=é&b=ö"),
        ("/p?gclid=1#gclid=2", "/p#gclid=2"),
    ] {
        assert_eq!(strip(target), want, "{target}");
    }
}

#[test]
fn each_removal_says_what_and_why() {
    let plan = planned("shop.example", "/p?utm_source=a&x=1&utm_source=b&utm_new=c", &SignedParts::default());
    let said: Vec<_> = plan
        .edits()
        .iter()
        .map(|edit| {
            (edit.place.to_string(), edit.rule.to_string(), edit.reason.to_string(), edit.span.clone())
        })
        .collect();
    let campaign = || "campaign parameter".to_owned();
    assert_eq!(
        said,
        [
            (
                "request.url.query:utm_source".to_owned(),
                "builtin/params:utm_source".to_owned(),
                campaign(),
                3..16
            ),
            (
                "request.url.query:utm_source#2".to_owned(),
                "builtin/params:utm_source".to_owned(),
                campaign(),
                19..32
            ),
            ("request.url.query:utm_new".to_owned(), "builtin/params:utm_*".to_owned(), campaign(), 32..42),
        ]
    );
}

#[test]
fn what_is_signed_or_must_not_be_touched_stays_and_is_noted() {
    let target = "/cb?code=1&state=2&utm_source=x";
    let plan = planned("shop.example", target, &SignedParts::default());
    assert_eq!(plan.standing().count(), 0);
    assert_eq!(plan.edits().len(), 1);
    assert_eq!(plan.edits()[0].action, Action::WouldHave);
    assert_eq!(plan.edits()[0].reason, "campaign parameter, left alone: sign-in");
    let signed = SignedParts { target: true, ..SignedParts::default() };
    assert!(planned("shop.example", "/p?utm_source=x", &signed).edits().is_empty());
}

#[test]
fn a_query_of_nothing_but_trackers_without_end_is_refused() {
    let target = format!("/?{}", "utm_a&".repeat(MAX_REMOVALS + 1));
    let plan = planned("shop.example", &target, &SignedParts::default());
    assert!(matches!(plan.answer(), Some(Answer::Refuse { .. })));
}

fn parameter() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z%=+é;?/]{0,12}",
        "utm_[a-z]{0,4}=[a-z0-9%]{0,6}",
        Just("fbclid=x".to_owned()),
        Just("gclid".to_owned()),
        Just(String::new()),
    ]
}

proptest! {
    #[test]
    fn what_is_left_is_the_kept_parameters_joined(path in "/[a-z/]{0,8}", query in prop::collection::vec(parameter(), 1..10)) {
        let target = format!("{path}?{}", query.join("&"));
        let plan = planned("shop.example", &target, &SignedParts::default());
        prop_assume!(plan.edits().iter().all(|edit| edit.action == Action::Removed));
        let table = Table::builtin();
        let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
        let all: Vec<&str> = target[path.len() + 1..].split('&').collect();
        let kept: Vec<&str> = all.iter().copied().filter(|text| table.find(&Name::read(&name(text))).is_none()).collect();
        let want = if kept.is_empty() && !plan.edits().is_empty() { path } else { format!("{path}?{}", kept.join("&")) };
        prop_assert_eq!(replay(&target, &plan), want);
    }

    #[test]
    fn no_target_makes_it_panic(target in "\\PC*") {
        planned("shop.example", &target, &SignedParts::default());
    }
}
