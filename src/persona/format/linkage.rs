//! Two vendors put their copies side by side: do they find the same member in both? A naive Bayes classifier learns from
//! half of the members, over everything that can be compared, what two copies of one person have in common, and is asked
//! about the other half. Keys are fixed, so that it says the same each time.

use super::*;
use crate::model::Secret;
use crate::persona::derive::PersonaKey;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use time::macros::{date, format_description};
use time::{Date, Duration};

const TODAY: Date = date!(2026 - 11 - 27);
/// Half of them to learn from, half to be asked about.
const MEMBERS: u32 = 6_000;
/// So far from a half chance alone leads (two standard deviations of the area under the curve of so many).
const CHANCE: f64 = 0.015;
/// All of one shape: whoever is of a rare one stands out by that alone.
const REAL: [(&str, &str); 11] = [
    ("email.primary", "ann@home.example"),
    ("name.full", "Ann Realname"),
    ("username", "annreal77"),
    ("phone.primary", "+12025551234"),
    ("address.street", "12 Real Street"),
    ("address.postcode", "12345"),
    ("address.city", "Realtown"),
    ("device.id", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
    ("device.mac", "00:1b:44:11:3a:b7"),
    ("ip.home", "127.0.0.1"),
    ("custom.badge", "BADGE-00-4711"),
];

type Copy = BTreeMap<&'static str, String>;

/// What one vendor has of a member.
fn copy(member: u32, vendor: &str) -> Copy {
    let mut seed = [7; 32];
    seed[..4].copy_from_slice(&member.to_be_bytes());
    let persona = PersonaKey::new(Secret::new(seed));
    let (key, check) = (persona.vendor(&vendor.into(), 1), persona.check());
    let avoid = Avoid::default();
    let person = Person::derive(&key, Locale::EnUs, &avoid).unwrap();
    let place = Place::derive(&key, Locale::EnUs, &avoid).unwrap();
    let maker = Maker {
        key: &key,
        check: &check,
        person: &person,
        place: &place,
        today: TODAY,
        named: true,
        domain: Some("alias.example"),
        avoid: &avoid,
    };
    // Of every age between 20 and 80.
    let born = TODAY - Duration::days(7_300 + i64::from(member.wrapping_mul(2_654_435_761) % 21_900));
    let real = REAL.iter().map(|(slot, value)| (*slot, (*value).to_owned()));
    real.chain([("birthdate", born.to_string())])
        .filter_map(|(name, value)| {
            let slot = Slot::parse(name).unwrap();
            let shape = Shape::of(&slot, &value).unwrap();
            // The month after a birthday that counts has no date.
            Some((name, (0..8).find_map(|attempt| maker.make(&slot, &shape, attempt))?.0))
        })
        .collect()
}

/// Something that two values have in common: of which slot, what, and how much.
type Common = (&'static str, &'static str, usize);

fn common(slot: &'static str, one: &str, other: &str) -> Vec<Common> {
    let own = |text: &str| text.split('@').next().unwrap_or_default().to_lowercase();
    let (one, other) = (own(one), own(other));
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|letter: char| !letter.is_ascii_alphabetic());
        words.filter(|word| word.len() > 1).map(str::to_owned).collect()
    };
    let pairs = |text: &str| -> BTreeSet<[u8; 2]> {
        text.as_bytes().windows(2).filter_map(|pair| pair.try_into().ok()).collect()
    };
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let number = |text: &str| digits(text).parse::<u128>().unwrap_or(0);
    let letters = one.bytes().zip(other.bytes());
    let mut all = vec![
        ("equal", usize::from(one == other)),
        ("words", words(&one).intersection(&words(&other)).count()),
        ("pairs", pairs(&one).intersection(&pairs(&other)).count().min(9)),
        ("prefix", letters.clone().take_while(|(one, other)| one == other).count().min(9)),
        ("places", letters.filter(|(one, other)| one == other).count()),
        ("length", one.len().abs_diff(other.len()).min(9)),
        ("digits", digits(&one).len().abs_diff(digits(&other).len())),
        ("parity", usize::from(number(&one) % 2 == number(&other) % 2)),
        (
            "distance",
            number(&one).abs_diff(number(&other)).checked_ilog2().map_or(0, |bits| bits as usize + 1),
        ),
    ];
    if slot == "birthdate" {
        let day = |text: &str| {
            Date::parse(text, format_description!("[year]-[month]-[day]")).map_or(0, Date::to_julian_day)
        };
        all.push(("months", (day(&one).abs_diff(day(&other)) / 30) as usize));
    }
    all.into_iter().map(|(what, much)| (slot, what, much)).collect()
}

fn compared(one: &Copy, other: &Copy) -> Vec<Common> {
    let both = one.iter().filter_map(|(slot, value)| Some((slot, value, other.get(slot)?)));
    both.flat_map(|(slot, one, other)| common(slot, one, other)).collect()
}

/// What two vendors' copies have in common: of the same member, and of one and the next.
struct Pairs {
    same: Vec<Vec<Common>>,
    strangers: Vec<Vec<Common>>,
}

impl Pairs {
    fn of(copies: &[(Copy, Copy)]) -> Self {
        let next = copies.iter().cycle().skip(1);
        Self {
            same: copies.iter().map(|(one, other)| compared(one, other)).collect(),
            strangers: copies.iter().zip(next).map(|((one, _), (_, other))| compared(one, other)).collect(),
        }
    }

    /// How often two copies of one member look more alike than two of two, by these slots (the area under the ROC curve):
    /// a half is chance, 1 is certainty.
    fn told_apart(&self, counts: impl Fn(&str) -> bool) -> f64 {
        let half = self.same.len() / 2;
        let seen = |pairs: &[Vec<Common>]| {
            let mut seen: HashMap<Common, f64> = HashMap::new();
            pairs.iter().flatten().for_each(|common| *seen.entry(*common).or_default() += 1.0);
            seen
        };
        let (of_same, of_strangers) = (seen(&self.same[..half]), seen(&self.strangers[..half]));
        let odds = |common: &Common| {
            let often = |seen: &HashMap<Common, f64>| seen.get(common).copied().unwrap_or(0.0) + 1.0;
            (often(&of_same) / often(&of_strangers)).ln()
        };
        let score =
            |pair: &Vec<Common>| -> f64 { pair.iter().filter(|(slot, ..)| counts(slot)).map(odds).sum() };
        let same: Vec<f64> = self.same[half..].iter().map(score).collect();
        let mut strangers: Vec<f64> = self.strangers[half..].iter().map(score).collect();
        strangers.sort_by(f64::total_cmp);
        let below = |score: &f64| {
            let less = strangers.partition_point(|other| other < score);
            let ties = strangers.partition_point(|other| other <= score) - less;
            less as f64 + ties as f64 / 2.0
        };
        same.iter().map(below).sum::<f64>() / (same.len() * strangers.len()) as f64
    }
}

#[test]
fn two_vendors_find_nobody_again_but_by_a_birth_date() {
    let copies: Vec<_> =
        (0..MEMBERS).map(|member| (copy(member, "shop.test"), copy(member, "news.test"))).collect();
    let pairs = Pairs::of(&copies);
    let all = pairs.told_apart(|slot| slot != "birthdate");
    assert!((all - 0.5).abs() < CHANCE, "everything but a birth date: {all:.4}");
    for (slot, _) in REAL {
        let one = pairs.told_apart(|name| name == slot);
        assert!((one - 0.5).abs() < CHANCE, "{slot}: {one:.4}");
    }
    // It is that person's age, near enough: what it costs is said where it is offered.
    let born = pairs.told_apart(|slot| slot == "birthdate");
    assert!((0.98..1.0).contains(&born), "a birth date: {born:.4}");
    // The classifier sees what there is to see: two copies of one vendor's are one.
    let twice: Vec<_> = copies.iter().take(500).map(|(one, _)| (one.clone(), one.clone())).collect();
    assert!(Pairs::of(&twice).told_apart(|slot| slot != "birthdate") > 0.999);
}
