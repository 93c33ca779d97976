use super::*;
use crate::model::{Host, Origin, Party, RequestType, RequestView, Scheme, SignedParts};
use crate::trackers::Matched;
use http::{HeaderMap, Method};
use std::fs;

fn filters(text: &str) -> Filters {
    Filters::build(&[List::new("mine", text)], None).0
}

struct Asked<'a> {
    url: &'a str,
    source: Option<&'a str>,
    party: Party,
    kind: RequestType,
}

impl Asked<'_> {
    fn with<R>(&self, then: impl FnOnce(&RequestView<'_>) -> R) -> R {
        let url = url::Url::parse(self.url).unwrap();
        let scheme = if url.scheme() == "http" { Scheme::Http } else { Scheme::Https };
        let port = url.port_or_known_default().unwrap();
        let origin = Origin { scheme, host: Host::parse(url.host_str().unwrap()).unwrap(), port };
        then(&RequestView {
            method: &Method::GET,
            origin: &origin,
            target: &url[url::Position::BeforePath..],
            headers: &HeaderMap::new(),
            kind: self.kind,
            party: self.party,
            source: self.source,
            signed: &SignedParts::default(),
        })
    }
}

fn from_page<'a>(url: &'a str, source: &'a str) -> Asked<'a> {
    Asked { url, source: Some(source), party: Party::Third, kind: RequestType::Script }
}

fn from_app(url: &str) -> Asked<'_> {
    Asked { url, source: None, party: Party::First, kind: RequestType::Other }
}

fn blocked_by(filters: &Filters, asked: &Asked<'_>) -> Option<String> {
    match asked.with(|view| filters.check(view)) {
        Decision::Block(rule) => Some(rule.rule),
        _ => None,
    }
}

#[test]
fn precedence_is_important_then_exception_then_block_across_both_kinds_of_rule() {
    for (rules, want) in [
        ("||t.test^", Some("||t.test^")),
        ("||t.test^\n@@||t.test^", None),
        ("||t.test^\n@@||t.test^\n||t.test^$important", Some("||t.test^$important")),
        // Block and exception of different kinds.
        ("||t.test^\n@@||t.test^$third-party", None),
        ("||t.test^$third-party\n@@||t.test^", None),
        ("||t.test^$third-party\n@@||t.test^$domain=shop.test", None),
        ("||t.test^$third-party\n@@||t.test^$domain=other.test", Some("||t.test^$third-party")),
        (
            "||t.test^\n@@||t.test^\n||t.test^$important,domain=shop.test",
            Some("||t.test^$important,domain=shop.test"),
        ),
        ("||t.test^$important\n@@||t.test^$domain=shop.test", Some("||t.test^$important")),
        ("||t.test^\n||t.test^$badfilter", None),
    ] {
        assert_eq!(
            blocked_by(&filters(rules), &from_page("https://t.test/x", "www.shop.test")).as_deref(),
            want,
            "{rules}"
        );
    }
}

#[test]
fn where_the_source_is_unknown_only_rules_that_do_not_ask_for_it_act() {
    let rules = "||open.test^\n||party.test^$third-party\n||first.test^$~third-party\n||domain.test^$domain=shop.test\n||not.test^$domain=~shop.test";
    let filters = filters(rules);
    let acts = |host: &str| blocked_by(&filters, &from_app(&format!("https://{host}/x"))).is_some();
    assert_eq!(
        ["open.test", "party.test", "first.test", "domain.test", "not.test"].map(acts),
        [true, false, false, false, false]
    );
    // Known to be third party by fetch metadata, without a referrer: the party is known, the domain is not.
    let acts = |host: &str| {
        let url = format!("https://{host}/x");
        blocked_by(&filters, &Asked { party: Party::Third, ..from_app(&url) }).is_some()
    };
    assert_eq!(
        ["open.test", "party.test", "first.test", "domain.test", "not.test"].map(acts),
        [true, true, false, false, false]
    );
    for source in ["null", "", "about:blank", "Not A Host"] {
        let asked = Asked { source: Some(source), ..from_app("https://party.test/x") };
        assert_eq!(blocked_by(&filters, &asked), None, "{source}");
        let asked = Asked { source: Some(source), ..from_app("https://open.test/x") };
        assert!(blocked_by(&filters, &asked).is_some(), "{source}: never let through silently");
    }
}

#[test]
fn the_party_of_a_known_source_is_told_by_registrable_domain() {
    let filters = filters("||shop.co.uk^$third-party");
    let from = |source| blocked_by(&filters, &from_page("https://cdn.shop.co.uk/x.js", source));
    assert_eq!(from("www.shop.co.uk"), None);
    assert!(from("other.co.uk").is_some());
}

#[test]
fn ports_addresses_and_sockets_are_matched() {
    let filters = filters("||ads.test^\n||10.0.0.7^\n|wss://push.test/$websocket");
    assert!(blocked_by(&filters, &from_app("https://ads.test:8443/x")).is_some());
    assert!(blocked_by(&filters, &from_app("http://10.0.0.7/x")).is_some());
    let socket = Asked { kind: RequestType::Websocket, ..from_app("https://push.test/live") };
    assert!(blocked_by(&filters, &socket).is_some());
    assert!(blocked_by(&filters, &from_app("https://push.test/live")).is_none());
    assert!(blocked_by(&filters, &from_app("https://[::1]:8443/x")).is_none());
}

#[test]
fn the_rule_that_decided_is_named_with_its_list() {
    let (filters, report) = Filters::build(
        &[List::new("a", "/one.gif\n/two.gif\n/three.gif"), List::new("b", "0.0.0.0 hosts.test")],
        None,
    );
    let decided = |url: &str| from_app(url).with(|view| filters.check(view));
    let by = |rule: &str, list: &str| Decision::Block(Matched { rule: rule.into(), list: list.into() });
    assert_eq!(decided("https://x.test/two.gif"), by("/two.gif", "a"));
    assert_eq!(decided("https://hosts.test/"), by("||hosts.test^", "b"));
    assert_eq!(
        decided("https://region1.google-analytics.com/g/collect?v=2"),
        by("||google-analytics.com^", "builtin")
    );
    assert_eq!(report.lists.iter().map(|list| list.name.as_str()).collect::<Vec<_>>(), ["builtin", "a", "b"]);
    assert_eq!(report.lists[1].accepted, 3);
}

#[test]
fn the_built_in_list_is_read_without_loss_and_leaves_ordinary_sites_alone() {
    let (filters, report) = Filters::build(&[], None);
    assert!(report.lists.iter().all(|list| list.rejected() == 0), "{:?}", report.lists);
    assert!(report.lists.iter().map(|list| list.accepted).sum::<usize>() > 80);
    assert_eq!(
        filters.host_rule("www.google-analytics.com").map(|m| m.rule).as_deref(),
        Some("||google-analytics.com^")
    );
    assert_eq!(filters.host_rule("www.facebook.com"), None);
    for url in [
        "https://www.facebook.com/",
        "https://www.criteo.com/",
        "https://shop.example/analytics",
        "https://t.co/abc",
    ] {
        assert_eq!(blocked_by(&filters, &from_app(url)), None, "{url}");
    }
}

#[test]
fn every_matching_rule_is_told_and_the_winner_marked() {
    let filters = filters(
        "||t.test^\n/pixel.js\n/pixel.js$domain=other.test\n@@||t.test/pixel.js$script\n||t.test^$third-party\n||gone.test^\n/pixel.$badfilter\n/pixel.",
    );
    let asked = from_page("https://t.test/pixel.js", "shop.test");
    let told: Vec<_> =
        asked.with(|view| filters.matches(view)).into_iter().map(|m| (m.rule, m.winner)).collect();
    assert_eq!(
        told,
        [
            ("||t.test^".to_owned(), false),
            ("/pixel.js".to_owned(), false),
            ("@@||t.test/pixel.js$script".to_owned(), true),
            ("||t.test^$third-party".to_owned(), false),
        ]
    );
    let told = from_app("https://t.test/pixel.js").with(|view| filters.matches(view));
    assert_eq!(told.iter().filter(|m| m.winner).count(), 1);
    assert_eq!(told.len(), 2, "rules that ask for a source do not count without one");
}

#[test]
fn the_cache_is_used_for_exactly_its_lists_and_only_while_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let lists = [List::new("mine", "||cached.test^\n||party.test^$third-party\nbroken$nooption")];
    let (_, first) = Filters::build(&lists, Some(dir.path()));
    assert!(!first.cached);
    let (filters, second) = Filters::build(&lists, Some(dir.path()));
    assert!(second.cached);
    assert_eq!(second.lists, first.lists, "the report is kept with the rules");
    assert!(blocked_by(&filters, &from_app("https://cached.test/")).is_some());
    assert!(blocked_by(&filters, &from_page("https://party.test/", "shop.test")).is_some());
    assert!(filters.host_rule("cached.test").is_some());

    let other = [List::new("mine", "||other.test^")];
    assert!(!Filters::build(&other, Some(dir.path())).1.cached);
    assert!(!Filters::build(&lists, Some(dir.path())).1.cached, "the file was of the other lists");

    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut torn = whole.clone();
        torn[at] ^= 0x40;
        fs::write(&file, &torn).unwrap();
        assert!(!Filters::build(&lists, Some(dir.path())).1.cached, "byte {at}");
    }
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert!(!Filters::build(&lists, Some(dir.path())).1.cached);
}

/// Whoever can write the file can also write its digest: what the engine makes of the bytes must not depend on it.
#[test]
fn a_forged_cache_never_reaches_past_its_bytes() {
    use sha2::{Digest, Sha256};
    let dir = tempfile::tempdir().unwrap();
    let lists = [List::new("mine", "||cached.test^")];
    Filters::build(&lists, Some(dir.path()));
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&file).unwrap();
    for at in (80..whole.len()).step_by(61) {
        let mut forged = whole.clone();
        forged[at] = !forged[at];
        let digest = Sha256::digest(&forged[80..]);
        forged[48..80].copy_from_slice(&digest);
        fs::write(&file, &forged).unwrap();
        let (filters, _) = Filters::build(&lists, Some(dir.path()));
        blocked_by(&filters, &from_app("https://cached.test/"));
        fs::write(&file, &whole).unwrap();
    }
}

proptest::proptest! {
    #[test]
    fn no_target_or_source_makes_it_panic(target in "/\\PC{0,60}", source in "\\PC{0,20}") {
        static FILTERS: std::sync::LazyLock<Filters> =
            std::sync::LazyLock::new(|| filters("||ad*.test/x^y\n/banner/*/img^\n/^https?:\\/\\/.*[0-9]{3}/$image\n|http://x*|"));
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("ads.test").unwrap(), port: 443 };
        let view = RequestView {
            method: &Method::GET,
            origin: &origin,
            target: &target,
            headers: &HeaderMap::new(),
            kind: RequestType::Image,
            party: Party::Third,
            source: Some(&source),
            signed: &SignedParts::default(),
        };
        FILTERS.check(&view);
    }
}
