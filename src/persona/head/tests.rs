//! Requests as a shop and its third parties would get them.

use super::*;
use crate::model::Party;
use crate::model::{Host, Origin, Policy, RequestType, Scheme, Secret, Timestamp, VendorId};
use crate::persona::Locale;
use crate::persona::policy::{Settings, Shown, Sources, VendorSettings};
use crate::persona::wardrobe::Issued;
use crate::rewrite::splice;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::ops::Range;

const EMAIL: &str = "ann@home.example";
const ALIAS: &str = "marie.fritz438@alias.example";

struct Case {
    identity: MemberIdentity,
    settings: Settings,
    own: VendorSettings,
    party: Party,
    signed: SignedParts,
    target: &'static str,
    headers: HeaderMap,
    worn: Worn,
}

fn slot(name: &str) -> Slot {
    Slot::parse(name).unwrap()
}

impl Case {
    fn new(target: &'static str, headers: &[(&'static str, &str)]) -> Self {
        let attributes = [
            ("email.primary", EMAIL),
            ("name.full", "Ann Realname"),
            ("phone.primary", "+4915112345678"),
            ("address.street", "Home Street 12"),
        ];
        let attributes = attributes.map(|(name, value)| (slot(name), Secret::new(value.to_owned())));
        let fields = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
        let mut case = Self {
            identity: MemberIdentity::compile(attributes.to_vec(), Locale::DeDe).unwrap(),
            settings: Settings { domain: Some("alias.example".to_owned()), ..Settings::default() },
            own: VendorSettings::default(),
            party: Party::First,
            signed: SignedParts::default(),
            target,
            headers: fields.collect(),
            worn: Worn::new(),
        };
        case.wear("email.primary", ALIAS);
        case
    }

    fn wear(&mut self, name: &str, value: &str) {
        let issued = Issued {
            value: Secret::new(value.to_owned()),
            format: 1,
            how: "derived".to_owned(),
            created: Timestamp(1),
            recorded: true,
        };
        self.worn.insert(slot(name), issued);
    }

    fn policy(mut self, name: &str, policy: Policy) -> Self {
        self.own.slots.insert(name.to_owned(), policy);
        self
    }

    fn party(mut self, party: Party) -> Self {
        self.party = party;
        self
    }

    fn run(&self) -> Sent {
        self.run_after(Plan::default())
    }

    fn run_after(&self, mut plan: Plan) -> Sent {
        let vendor = VendorId::from("shop");
        let sources = Sources {
            vendor: &vendor,
            sector: &vendor,
            party: self.party,
            category: None,
            settings: &self.settings,
            own: Some(&self.own),
            shown: &Shown::default(),
            today: time::macros::date!(2026 - 11 - 27),
        };
        let mask = Mask::new(&self.identity, &sources);
        let origin = Origin { scheme: Scheme::Https, host: Host::parse("shop.test").unwrap(), port: 443 };
        let view = RequestView {
            method: &Method::GET,
            origin: &origin,
            target: self.target,
            headers: &self.headers,
            kind: RequestType::Document,
            party: self.party,
            source: None,
            signed: &self.signed,
        };
        let hits = find_in_head(&view, self.identity.identifiers());
        let gathered = Gathered::new(view, &self.identity, &mask, hits, &mut plan);
        let needs = gathered.needs(&self.identity, &mask, &self.worn, &plan);
        let notes = gathered.apply(&self.identity, &mask, &self.worn, &mut plan);
        Sent { target: self.spliced(&plan, &Container::Target), needs, notes, plan }
    }

    fn spliced(&self, plan: &Plan, container: &Container) -> String {
        let original = match container {
            Container::Header { name, nth } => {
                self.headers.get_all(&**name).iter().nth(*nth).unwrap().as_bytes().to_vec()
            }
            _ => self.target.as_bytes().to_vec(),
        };
        let mut edits: Vec<_> = plan
            .standing()
            .filter(|edit| edit.container == *container)
            .map(|edit| (edit.span.clone(), edit.value.expose().as_slice()))
            .collect();
        edits.sort_by_key(|(span, _)| span.start);
        String::from_utf8(splice(&original, &edits)).unwrap()
    }

    fn header(&self, sent: &Sent, name: &str) -> String {
        self.spliced(&sent.plan, &Container::Header { name: name.into(), nth: 0 })
    }
}

struct Sent {
    target: String,
    needs: BTreeSet<Slot>,
    notes: Vec<String>,
    plan: Plan,
}

impl Sent {
    fn refused(&self) -> Option<(&str, &str)> {
        match self.plan.answer() {
            Some(Answer::Refuse { rule, reason }) => Some((rule, reason)),
            _ => None,
        }
    }

    fn rules(&self) -> Vec<(Action, &str)> {
        self.plan.edits().iter().map(|edit| (edit.action, &*edit.rule)).collect()
    }
}

#[test]
fn an_address_becomes_the_alias_written_the_same_way() {
    let case = Case::new("/signup?mail=ann%40home.example&b=2", &[("x-user", EMAIL), ("host", "shop.test")]);
    let sent = case.run();
    assert_eq!(sent.target, "/signup?mail=marie.fritz438%40alias.example&b=2");
    assert_eq!(case.header(&sent, "x-user"), ALIAS);
    assert_eq!(sent.rules(), [(Action::Replaced, "level=alias"); 2]);
    assert_eq!(sent.plan.edits()[0].reason, "shop knows you by an alias");
    assert_eq!(sent.plan.edits()[0].place.to_string(), "request.url.query:mail");
    assert!(sent.needs.is_empty() && sent.refused().is_none() && sent.notes.is_empty());
}

#[test]
fn a_real_value_is_recorded_and_changes_nothing() {
    let case = Case::new("/?mail=ann@home.example&tel=%2B4915112345678", &[]).policy("email", Policy::Real);
    let sent = case.run();
    assert_eq!(sent.target, case.target);
    let rules = sent.rules();
    assert_eq!(
        rules,
        [(Action::WouldHave, "vendor.shop.identity.email=real"), (Action::WouldHave, "level=alias")]
    );
}

#[test]
fn what_is_withheld_takes_its_value_cookie_or_field_along() {
    let case = Case::new(
        "/?mail=ann@home.example&b=2",
        &[("cookie", "a=1; who=ann%40home.example; b=2"), ("x-about", "write to ann@home.example now")],
    )
    .policy("email", Policy::Withhold);
    let sent = case.run();
    assert_eq!(sent.target, "/?mail=&b=2");
    assert_eq!(case.header(&sent, "cookie"), "a=1; b=2");
    assert_eq!(case.header(&sent, "x-about"), "");
    assert_eq!(sent.refused(), None);
    assert!(
        sent.rules().iter().all(|rule| *rule == (Action::Removed, "vendor.shop.identity.email=withhold"))
    );
}

#[test]
fn in_a_path_nothing_can_be_left_out() {
    let sent = Case::new("/users/ann@home.example", &[]).policy("email", Policy::Withhold).run();
    let (rule, reason) = sent.refused().unwrap();
    assert_eq!(rule, "vendor.shop.identity.email=withhold");
    assert!(reason.contains("e-mail address") && !reason.contains("ann@"), "{reason}");
}

#[test]
fn a_third_party_gets_no_value_at_any_level() {
    for level in [crate::model::Level::Known, crate::model::Level::Alias, crate::model::Level::Stranger] {
        let mut case = Case::new(
            "/collect?em=ann%40home.example&n=Ann+Realname&x=1",
            &[("referer", "https://shop.test/?mail=ann@home.example"), ("cookie", "m=ann@home.example")],
        )
        .party(Party::Third)
        .policy("email", Policy::Real);
        case.own.level = Some(level);
        let sent = case.run();
        assert_eq!(sent.target, "/collect?em=&n=&x=1", "{level:?}");
        assert_eq!(
            (case.header(&sent, "referer"), case.header(&sent, "cookie")),
            (String::new(), String::new())
        );
        assert!(sent.needs.is_empty(), "{level:?}");
        assert!(
            sent.rules().iter().all(|rule| *rule == (Action::Removed, "third party")),
            "{:?}",
            sent.rules()
        );
    }
    let path = Case::new("/u/ann@home.example", &[]).party(Party::Third).run();
    assert_eq!(path.refused().map(|(rule, _)| rule), Some("third party"));
}

#[test]
fn without_a_domain_an_address_stays_as_typed() {
    let mut case = Case::new("/?mail=ann@home.example", &[]);
    case.settings.domain = None;
    assert_eq!(case.run().rules(), [(Action::Replaced, "known address")], "the one it knows goes on");
    case.worn.clear();
    assert_eq!(case.run().rules(), [(Action::WouldHave, "no mail route")]);
    let third = case.party(Party::Third).run();
    assert_eq!(third.target, "/?mail=");
}

#[test]
fn missing_pseudonyms_are_named_once_and_never_sent_without() {
    let mut case = Case::new("/?a=ann@home.example&b=ann@home.example&tel=%2B4915112345678", &[]);
    case.worn.clear();
    let sent = case.run();
    assert_eq!(sent.needs, BTreeSet::from([slot("email.primary")]));
    assert_eq!(sent.refused().map(|(rule, _)| rule), Some("identity"));
    case.wear("email.primary", ALIAS);
    case.worn.get_mut(&slot("email.primary")).unwrap().recorded = false;
    assert_eq!(case.run().needs.len(), 1, "a value whose record is not durable yet is asked for as well");
}

#[test]
fn signed_parts_pass_with_a_note_or_are_refused() {
    let mut case = Case::new("/?mail=ann@home.example", &[("x-user", EMAIL)]);
    case.signed = SignedParts { scheme: Some("aws-sigv4"), target: true, ..SignedParts::default() };
    let sent = case.run();
    assert_eq!(sent.target, case.target);
    assert_eq!(sent.notes, ["request.url.query:mail: email.primary: real, signed (aws-sigv4)"]);
    assert_eq!(case.header(&sent, "x-user"), ALIAS, "what is not covered is edited");
    assert_eq!(sent.refused(), None);
    case.settings.strict = true;
    assert_eq!(case.run().refused().map(|(rule, _)| rule), Some("signed"));
    case.settings.strict = false;
    assert_eq!(case.party(Party::Third).run().refused().map(|(rule, _)| rule), Some("signed"));
}

fn tracker(container: Container, span: Range<usize>, action: Action, value: &str) -> Edit {
    Edit {
        place: crate::model::Place::request(crate::model::Part::Message),
        container,
        span,
        action,
        stage: crate::model::Stage::Trackers,
        slot: None,
        category: crate::model::Category::TRACKING,
        rule: "builtin".into(),
        reason: "test".into(),
        within: None,
        value: Secret::new(value.as_bytes().to_vec()),
    }
}

#[test]
fn what_a_tracker_rule_takes_away_needs_no_pseudonym() {
    let mut case =
        Case::new("/?utm_id=ann@home.example&b=2", &[("referer", "https://shop.test/ann@home.example")]);
    case.worn.clear();
    let mut plan = Plan::default();
    plan.add(tracker(Container::Target, 2..26, Action::Removed, ""));
    let referer = Container::Header { name: "referer".into(), nth: 0 };
    plan.add(tracker(referer, 0..34, Action::Coarsened, "https://shop.test/"));
    let sent = case.run_after(plan);
    assert_eq!((sent.target.as_str(), sent.refused()), ("/?b=2", None));
    assert!(sent.needs.is_empty());
    assert_eq!(case.header(&sent, "referer"), "https://shop.test/");
}

#[test]
fn a_tracker_edit_that_leaves_the_value_does_not_protect_it() {
    let case = Case::new("/", &[("referer", "https://shop.test/?m=ann@home.example&x=1")]);
    let referer = Container::Header { name: "referer".into(), nth: 0 };
    let mut plan = Plan::default();
    plan.add(tracker(referer, 0..41, Action::Coarsened, "https://shop.test/?m=ann@home.example"));
    let sent = case.run_after(plan);
    let after = case.header(&sent, "referer");
    assert!(sent.refused().is_some() || !after.contains(EMAIL), "{after}");
}

#[test]
fn a_field_that_others_edit_loses_the_value_all_the_same() {
    let case = Case::new("/", &[("x-about", "id=1; ann@home.example")]).policy("email", Policy::Withhold);
    let about = Container::Header { name: "x-about".into(), nth: 0 };
    let mut plan = Plan::default();
    plan.add(tracker(about, 0..6, Action::Removed, ""));
    let sent = case.run_after(plan);
    assert_eq!(sent.refused(), None);
    assert_eq!(case.header(&sent, "x-about"), "");
}

#[test]
fn an_adopted_real_address_stays() {
    let mut case = Case::new("/?mail=ANN@home.example", &[]);
    case.wear("email.primary", EMAIL);
    case.worn.get_mut(&slot("email.primary")).unwrap().how = "adopted".to_owned();
    let sent = case.run();
    assert_eq!(sent.target, case.target);
    assert_eq!(sent.rules(), [(Action::WouldHave, "adopted")]);
}

#[test]
fn a_stranger_withholds_what_has_no_pseudonym() {
    let mut case = Case::new("/?street=Home+Street+12&tel=%2B4915112345678", &[]);
    case.own.level = Some(crate::model::Level::Stranger);
    case.own.slots.insert("address".to_owned(), Policy::Coarse);
    case.wear("phone.primary", "+4917139200042");
    let sent = case.run();
    assert_eq!(sent.target, "/?street=&tel=%2B4917139200042");
}
