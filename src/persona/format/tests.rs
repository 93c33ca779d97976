//! One identity's values together: consistent with each other, sharing nothing with another identity's.

use super::*;
use crate::model::Secret;
use crate::persona::derive::PersonaKey;
use std::collections::BTreeSet;
use time::macros::date;

const SLOTS: [&str; 10] = [
    "email.primary",
    "email.work",
    "name.full",
    "phone.primary",
    "username",
    "device.id",
    "device.mac",
    "ad.id",
    "account.club",
    "custom.badge",
];

fn slot(name: &str) -> Slot {
    Slot::parse(name).unwrap()
}

/// All values of one identity, from nothing but the persona key, the vendor and the epoch.
fn wardrobe(member: u8, vendor: &str, epoch: u32, avoid: &Avoid) -> Vec<String> {
    let persona = PersonaKey::new(Secret::new([member; 32]));
    let key = persona.vendor(&vendor.into(), epoch);
    let person = Person::derive(&key, Locale::DeDe, avoid).unwrap();
    let check = persona.check();
    let domain = Some("alias.example");
    let place = Place::derive(&key, Locale::DeDe, avoid).unwrap();
    let today = date!(2026 - 11 - 27);
    let maker =
        Maker { key: &key, check: &check, person: &person, place: &place, today, named: true, domain, avoid };
    SLOTS
        .map(|name| {
            let shape = Shape::usual(&slot(name), Locale::DeDe).unwrap();
            (0..8).find_map(|attempt| maker.make(&slot(name), &shape, attempt)).unwrap().0
        })
        .to_vec()
}

#[test]
fn the_persona_key_alone_brings_everything_back() {
    let first = wardrobe(1, "shop.example", 1, &Avoid::default());
    assert_eq!(first, wardrobe(1, "shop.example", 1, &Avoid::default()));
    assert_eq!(first.len(), SLOTS.len());
}

#[test]
fn a_changed_real_address_changes_no_pseudonym() {
    let attributes = |mail: &str| vec![(slot("email.primary"), Secret::new(mail.to_owned()))];
    let before = wardrobe(1, "shop.example", 1, &Avoid::new(&attributes("ann@home.example")));
    let after = wardrobe(1, "shop.example", 1, &Avoid::new(&attributes("ann.real@new.example")));
    assert_eq!(before, after);
}

#[test]
fn the_address_bears_the_persons_name() {
    let values = wardrobe(1, "shop.example", 1, &Avoid::default());
    let (given, family) = values[2].split_once(' ').unwrap();
    for address in [&values[0], &values[1]] {
        assert!(
            address.starts_with(&format!("{}.{}", lists::plain(given), lists::plain(family))),
            "{address}"
        );
    }
    assert_ne!(values[0], values[1]);
}

/// P3: identities differ in member, vendor or epoch; no value that could name a person is in two of them.
#[test]
fn identities_share_no_value() {
    let mut seen = BTreeSet::new();
    for (member, vendor, epoch) in
        [(1, "shop.example", 1), (1, "news.example", 1), (1, "shop.example", 2), (2, "shop.example", 1)]
    {
        for value in wardrobe(member, vendor, epoch, &Avoid::default()) {
            assert!(seen.insert(value.clone()), "{value}");
        }
    }
}

/// P3: beyond the listed words, the domain and what phone and MAC formats fix, no run of six letters or digits of one
/// identity stands in another.
#[test]
fn identities_share_no_substring() {
    let runs = |values: &[String]| -> BTreeSet<String> {
        values
            .iter()
            .enumerate()
            .filter(|(index, _)| ![2, 3].contains(index))
            .map(|(_, value)| value.split('@').next().unwrap_or_default().to_lowercase())
            // Name and word stems are drawn from lists: only what follows them could single somebody out.
            .map(|value| value.chars().skip_while(|letter| !letter.is_ascii_digit()).collect::<String>())
            .flat_map(|value| {
                let letters: Vec<char> = value.chars().filter(char::is_ascii_alphanumeric).collect();
                letters.windows(6).map(|run| run.iter().collect()).collect::<Vec<String>>()
            })
            .collect()
    };
    let identities: Vec<_> = (0..40_u32)
        .map(|number| runs(&wardrobe(1, &format!("vendor{}", number / 2), number % 2 + 1, &Avoid::default())))
        .collect();
    for (index, one) in identities.iter().enumerate() {
        for other in identities.iter().skip(index + 1) {
            assert_eq!(one.intersection(other).next(), None);
        }
    }
}

#[test]
fn kinds_without_a_format_have_no_shape() {
    for name in ["birthdate", "geo.home"] {
        assert_eq!(Shape::of(&slot(name), "52.52,13.4"), None, "{name}");
        assert_eq!(Shape::usual(&slot(name), Locale::DeDe), None, "{name}");
    }
    let born = Shape::of(&slot("birthdate"), "2008-11-20").unwrap();
    assert!(!born.can_be_made(date!(2026 - 11 - 27)) && born.can_be_made(date!(2027 - 01 - 27)));
}

#[test]
fn shapes_come_from_the_kind_of_the_value() {
    let of = |name: &str, value: &str| Shape::of(&slot(name), value);
    assert!(matches!(of("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"), Some(Shape::Uuid(_))));
    assert!(matches!(of("device.mac", "00:1b:44:11:3a:b7"), Some(Shape::Mac(_))));
    assert!(matches!(of("device.id", "SN-123456"), Some(Shape::Pattern(_))));
    assert!(matches!(of("account.club", "0012345"), Some(Shape::Pattern(_))));
    assert!(matches!(of("phone.primary", "+4915112345678"), Some(Shape::Phone(_))));
    assert_eq!(of("phone.primary", "+34612345678"), None);
}

#[test]
fn shapes_tell_nothing_but_the_shape() {
    let shape = |value: &str| Shape::of(&slot("account.club"), value);
    assert_eq!(shape("AB-1234567"), shape("XY-9876543"));
    let phone = |value: &str| Shape::of(&slot("phone.primary"), value);
    assert_eq!(phone("+4915112345678"), phone("+4917698765432"));
}
