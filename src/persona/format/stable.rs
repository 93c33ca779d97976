//! What is derived from a key is the same in every release, and of the promised form for every key.

use super::*;
use crate::model::Secret;
use crate::persona::derive::PersonaKey;
use proptest::prelude::*;
use std::fmt::Write;
use time::macros::date;

/// Real values give nothing but their shape; a birth date half a year.
const SHAPES: [(&str, &str); 19] = [
    ("email.primary", "ann@home.example"),
    ("email.work", "ann@work.example"),
    ("name.full", "Ann Real"),
    ("name.given", "Ann"),
    ("name.family", "Real"),
    ("phone.primary", "+12025551234"),
    ("phone.work", "+447400123456"),
    ("username", "annreal77"),
    ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("device.mac", "a4:83:e7:01:02:03"),
    ("ad.id", "0f3c2a10-91de-4c6b-8a77-5c1f0d2b6e44"),
    ("account.club", "DE-1234567890"),
    ("custom.badge", "BADGE-00-4711"),
    ("device.id", "490154203237518"),
    ("address.street", "Home Street 12"),
    ("address.postcode", "20095"),
    ("address.city", "Hamburg"),
    ("birthdate", "1984-05-17"),
    ("ip.home", "127.0.0.1"),
];

fn made(member: [u8; 32], vendor: &str, epoch: u32, locale: Locale, named: bool) -> Vec<(String, u32)> {
    let persona = PersonaKey::new(Secret::new(member));
    let (key, check) = (persona.vendor(&vendor.into(), epoch), persona.check());
    let avoid = Avoid::default();
    let person = Person::derive(&key, locale, &avoid).unwrap();
    let place = Place::derive(&key, locale, &avoid).unwrap();
    let maker = Maker {
        key: &key,
        check: &check,
        person: &person,
        place: &place,
        today: date!(2026 - 11 - 27),
        named,
        domain: Some("alias.example"),
        avoid: &avoid,
    };
    let one = |(name, real): (&str, &str)| {
        let slot = Slot::parse(name).unwrap();
        let shape = Shape::of(&slot, real).unwrap();
        (0..8).find_map(|attempt| maker.make(&slot, &shape, attempt)).unwrap()
    };
    SHAPES.map(one).into()
}

/// Homes hold identities that were made with these values. Where a line has to change, its format gets a new version
/// and the old one stays.
#[test]
fn golden_values_never_change() {
    let mut text =
        String::from("# member key byte, vendor, epoch, locale, named, slot, format version, value\n");
    for (member, vendor, epoch, locale, named) in [
        (1, "shop.example", 1, Locale::DeDe, true),
        (1, "shop.example", 2, Locale::DeDe, true),
        (1, "news.example", 1, Locale::EnUs, false),
        (2, "shop.example", 1, Locale::FrFr, true),
        (3, "a", 4_000_000_000, Locale::EsEs, false),
        (4, "bücher.example", 1, Locale::EnGb, true),
    ] {
        let values = made([member; 32], vendor, epoch, locale, named);
        for ((slot, _), (value, version)) in SHAPES.iter().zip(values) {
            writeln!(text, "{member} {vendor} {epoch} {locale:?} {named} {slot} {version} {value}").unwrap();
        }
    }
    assert_eq!(text, include_str!("../testdata/golden.txt"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_key_gives_values_that_sites_take(
        member: [u8; 32],
        vendor in "[a-z0-9]{1,20}\\.[a-z]{2,6}",
        epoch in 1_u32..,
        locale in proptest::sample::select(&Locale::ALL[..]),
        named: bool,
    ) {
        let values = made(member, &vendor, epoch, locale, named);
        prop_assert_eq!(&values, &made(member, &vendor, epoch, locale, named), "the key alone brings it back");
        for ((name, real), (value, version)) in SHAPES.iter().zip(&values) {
            let slot = Slot::parse(name).unwrap();
            prop_assert!(*version > 0 && value != real);
            match slot.kind() {
                SlotKind::Email => {
                    let local = value.strip_suffix("@alias.example").unwrap();
                    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.');
                    prop_assert!(value.len() <= 64 && local.bytes().all(allowed), "{value}");
                    prop_assert!(local.bytes().any(|byte| byte.is_ascii_lowercase()), "{value}");
                    let site = vendor.split('.').next().unwrap();
                    prop_assert!(site.len() < 6 || !local.contains(site), "{value} names {vendor}");
                    let check = PersonaKey::new(Secret::new(member)).check();
                    prop_assert!(email::is_ours(&check, local));
                }
                SlotKind::Phone => {
                    prop_assert_eq!(&value[..2], &real[..2], "the same country");
                    prop_assert_eq!(value.len(), real.len());
                    prop_assert!(value[1..].bytes().all(|byte| byte.is_ascii_digit()));
                }
                SlotKind::Device | SlotKind::Ad => {
                    prop_assert_eq!(Shape::of(&slot, value), Shape::of(&slot, real), "{}", value);
                }
                SlotKind::Account | SlotKind::Custom => {
                    let class = |char: char| match char {
                        char if char.is_ascii_uppercase() => 'A',
                        char if char.is_ascii_digit() => '0',
                        mark => mark,
                    };
                    let shape = |text: &str| text.chars().map(class).collect::<String>();
                    prop_assert_eq!(shape(value), shape(real), "{}", value);
                }
                SlotKind::Birthdate => prop_assert!(value.as_str() > *real && &value[..4] == "1984", "{value}"),
                SlotKind::Ip => prop_assert!(value.parse::<std::net::Ipv4Addr>().unwrap().is_documentation()),
                SlotKind::Address | SlotKind::Name | SlotKind::Username | SlotKind::Geo => {
                    prop_assert!(!value.is_empty());
                }
            }
        }
        let named = |slot: &str| &values[SHAPES.iter().position(|(name, _)| *name == slot).unwrap()].0;
        prop_assert_eq!(named("name.full"), &format!("{} {}", named("name.given"), named("name.family")));
    }

    #[test]
    fn no_input_but_the_key_is_shared(
        member: [u8; 32],
        vendor in "[a-z]{1,12}",
        other in "[a-z]{1,12}",
        epoch in 1_u32..1_000_000,
        step in 1_u32..1_000,
    ) {
        prop_assume!(vendor != other);
        let here = made(member, &vendor, epoch, Locale::DeDe, true);
        for there in [
            made(member, &other, epoch, Locale::DeDe, true),
            made(member, &vendor, epoch + step, Locale::DeDe, true),
            made(member.map(|byte| byte.wrapping_add(1)), &vendor, epoch, Locale::DeDe, true),
        ] {
            for ((slot, real), (one, two)) in SHAPES.iter().zip(here.iter().zip(&there)) {
                // Of these there are few, or few that are possible.
                let few = ["name.", "phone.", "address.", "birthdate", "ip."];
                let imei = device::ImeiShape::of(real).is_some();
                if !imei && !few.iter().any(|few| slot.starts_with(few)) {
                    prop_assert_ne!(one, two, "{}", slot);
                }
            }
        }
    }
}
