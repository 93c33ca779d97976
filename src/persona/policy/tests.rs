//! What becomes of a slot at a vendor, and which line says so.

use super::*;
use std::sync::LazyLock;
use time::macros::date;

fn slot(name: &str) -> Slot {
    Slot::parse(name).unwrap()
}

fn written(entries: &[(&str, Policy)]) -> Written {
    entries.iter().map(|(key, policy)| ((*key).to_owned(), *policy)).collect()
}

fn settings(entries: &[(&str, Policy)]) -> Settings {
    Settings { domain: Some("alias.example".to_owned()), slots: written(entries), ..Settings::default() }
}

fn sources<'a>(
    party: Party,
    category: Option<&'static str>,
    settings: &'a Settings,
    own: Option<&'a VendorSettings>,
) -> Sources<'a> {
    static SHOP: LazyLock<VendorId> = LazyLock::new(|| "shop".into());
    let today = date!(2026 - 11 - 27);
    static NOTHING: LazyLock<Shown> = LazyLock::new(Shown::default);
    Sources { vendor: &SHOP, sector: &SHOP, party, category, settings, own, shown: &NOTHING, today }
}

/// What can be made of what Ann would have in the slot.
fn possible(name: &str) -> Possible {
    Possible { pseudonym: name != "geo.home", coarse: matches!(name, "geo.home" | "birthdate" | "ip.home") }
}

fn rule(name: &str, party: Party, settings: &Settings, own: Option<&VendorSettings>) -> Ruling {
    sources(party, None, settings, own).rule(&slot(name), possible(name))
}

#[test]
fn levels() {
    use Treatment::{Pseudonym, Real, Withhold};
    for (name, known, alias, stranger) in [
        ("email.primary", Real, Pseudonym, Pseudonym),
        ("username", Real, Pseudonym, Pseudonym),
        ("device.id", Real, Pseudonym, Pseudonym),
        ("ad.id", Real, Pseudonym, Pseudonym),
        ("name.full", Real, Real, Pseudonym),
        ("phone.primary", Real, Real, Pseudonym),
        ("account.club", Real, Real, Pseudonym),
        ("custom.badge", Real, Real, Pseudonym),
        ("address.street", Real, Real, Pseudonym),
        ("birthdate", Real, Real, Pseudonym),
        ("geo.home", Real, Real, Withhold),
        ("ip.home", Real, Real, Pseudonym),
    ] {
        for (level, want) in [(Level::Known, known), (Level::Alias, alias), (Level::Stranger, stranger)] {
            let own = VendorSettings { level: Some(level), ..VendorSettings::default() };
            let ruling = rule(name, Party::First, &settings(&[]), Some(&own));
            assert_eq!(ruling.treatment, want, "{name} {level:?}");
            let word = format!("{level:?}").to_lowercase();
            assert_eq!(ruling.rule, format!("level={word}"), "{name}");
        }
    }
}

#[test]
fn what_is_written_wins_in_its_order() {
    use Policy::{Pseudonym, Real, Withhold};
    type Entries = &'static [(&'static str, Policy)];
    let cases: [(Entries, Entries, Treatment, &str); 5] = [
        (&[("email", Real)], &[], Treatment::Real, "identity.email=real"),
        (
            &[("email", Real), ("email.work", Withhold)],
            &[],
            Treatment::Withhold,
            "identity.email.work=withhold",
        ),
        (&[("email.work", Withhold)], &[("email", Real)], Treatment::Real, "vendor.shop.identity.email=real"),
        (
            &[("email", Withhold)],
            &[("email.work", Pseudonym), ("email", Real)],
            Treatment::Pseudonym,
            "vendor.shop.identity.email.work=pseudonym",
        ),
        (&[("phone", Real)], &[("name", Real)], Treatment::Pseudonym, "level=alias"),
    ];
    for (everyone, vendor, treatment, text) in cases {
        let own =
            VendorSettings { level: Some(Level::Alias), slots: written(vendor), ..VendorSettings::default() };
        let ruling = rule("email.work", Party::First, &settings(everyone), Some(&own));
        assert_eq!((ruling.treatment, &*ruling.rule), (treatment, text));
    }
}

#[test]
fn built_in_categories_get_what_is_real_unless_the_vendor_is_written() {
    use Policy::{Pseudonym, Withhold};
    let ruled = |party, own: &VendorSettings| {
        let settings = settings(&[("email", Withhold)]);
        sources(party, Some("@travel"), &settings, Some(own))
            .rule(&slot("email.primary"), possible("email.primary"))
    };
    let unwritten =
        VendorSettings { level: None, slots: written(&[("name", Withhold)]), ..VendorSettings::default() };
    let ruling = ruled(Party::First, &unwritten);
    assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Real, "builtin/categories:@travel"));
    assert_eq!(ruled(Party::Third, &unwritten).treatment, Treatment::Withhold);
    let own =
        VendorSettings { level: None, slots: written(&[("email", Pseudonym)]), ..VendorSettings::default() };
    assert_eq!(ruled(Party::First, &own).rule, "vendor.shop.identity.email=pseudonym");
    let own =
        VendorSettings { level: Some(Level::Stranger), slots: Written::new(), ..VendorSettings::default() };
    assert_eq!(ruled(Party::First, &own).rule, "identity.email=withhold");
}

#[test]
fn where_the_first_time_asks_only_what_is_written_does_not() {
    let settings = Settings { ask_first: true, ..settings(&[("phone", Policy::Withhold)]) };
    let none = VendorSettings::default();
    for (name, own, want) in [
        ("name.full", None, Treatment::Ask),
        ("email.primary", Some(&none), Treatment::Ask),
        ("phone.primary", None, Treatment::Withhold),
        (
            "name.full",
            Some(&VendorSettings {
                level: Some(Level::Known),
                slots: Written::new(),
                ..VendorSettings::default()
            }),
            Treatment::Real,
        ),
        (
            "name.full",
            Some(&VendorSettings {
                level: None,
                slots: written(&[("name.full", Policy::Pseudonym)]),
                ..VendorSettings::default()
            }),
            Treatment::Pseudonym,
        ),
    ] {
        assert_eq!(rule(name, Party::First, &settings, own).treatment, want, "{name} {own:?}");
    }
    assert_eq!(rule("name.full", Party::Third, &settings, None).treatment, Treatment::Withhold);
}

#[test]
fn third_parties_get_nothing_whatever_is_written() {
    let own = VendorSettings {
        level: Some(Level::Known),
        slots: written(&[("email", Policy::Real)]),
        ..VendorSettings::default()
    };
    for party in [Party::Third, Party::Gateway] {
        for name in ["email.primary", "name.full", "address.street", "username"] {
            let ruling = rule(name, party, &settings(&[("name", Policy::Real)]), Some(&own));
            assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Withhold, "third party"), "{name}");
        }
        let without = Settings::default();
        assert_eq!(rule("email.primary", party, &without, None).treatment, Treatment::Withhold);
    }
}

#[test]
fn without_a_mail_route_an_address_stays_as_typed() {
    let ruling = rule("email.primary", Party::First, &Settings::default(), None);
    assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Real, "no mail route"));
    let user = rule("username", Party::First, &Settings::default(), None);
    assert_eq!(user.treatment, Treatment::Pseudonym);
    let held = Settings { slots: written(&[("email", Policy::Withhold)]), ..Settings::default() };
    assert_eq!(rule("email.primary", Party::First, &held, None).treatment, Treatment::Withhold);
}

#[test]
fn what_cannot_be_done_is_withheld_and_says_so() {
    for (name, policy, text) in [
        ("email.primary", Policy::Coarse, "no email is less precise"),
        ("geo.home", Policy::Pseudonym, "no made-up geo"),
    ] {
        let kind = name.split('.').next().unwrap();
        let ruling = rule(name, Party::First, &settings(&[(kind, policy)]), None);
        assert_eq!(ruling.treatment, Treatment::Withhold);
        assert!(ruling.reason.contains(text), "{}", ruling.reason);
        assert_eq!(ruling.rule, format!("identity.{kind}={}", policy.as_str()));
    }
    let ruling = rule("geo.home", Party::First, &settings(&[("geo", Policy::Ask)]), None);
    assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Ask, "identity.geo=ask"));
    let ruling = rule("birthdate", Party::First, &settings(&[("birthdate", Policy::Coarse)]), None);
    assert_eq!((ruling.treatment, &*ruling.reason), (Treatment::Coarse, "shop gets this less precisely"));
}
