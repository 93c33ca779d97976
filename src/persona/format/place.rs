//! Postal addresses: a street too short to have the number, in a town with one of its postcodes. Nobody lives there.

use super::Avoid;
use super::lists::Locale;
use crate::persona::derive::{Draws, VendorKey};
use std::sync::LazyLock;

/// Version of the format and its lists.
pub const VERSION: u32 = 1;
/// How many places are tried until none of it is the real one.
const ATTEMPTS: u32 = 64;

/// Where the person lives whom a vendor meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Street and house number, in the order of the country.
    pub street: String,
    /// One of the town's postcodes.
    pub postcode: String,
    /// The town.
    pub city: String,
}

impl Place {
    /// The first place the key leads to of which nothing is the member's own.
    pub fn derive(key: &VendorKey, locale: Locale, avoid: &Avoid) -> Option<Self> {
        Self::derive_in(key, locale, avoid, |_| true)
    }

    /// The same in the town or under the postcode that the vendor was told before.
    pub fn derive_near(
        key: &VendorKey,
        locale: Locale,
        avoid: &Avoid,
        postcode: Option<&str>,
        city: Option<&str>,
    ) -> Option<Self> {
        let is = |town: &Town| {
            postcode.is_none_or(|told| told == town.postcode) && city.is_none_or(|told| told == town.name)
        };
        Self::derive_in(key, locale, avoid, is).or_else(|| Self::derive(key, locale, avoid))
    }

    fn derive_in(key: &VendorKey, locale: Locale, avoid: &Avoid, is: impl Fn(&Town) -> bool) -> Option<Self> {
        let places = Places::of(locale);
        let towns: Vec<&Town> = places.towns.iter().filter(|town| is(town)).collect();
        (0..ATTEMPTS).find_map(|attempt| {
            let mut draws = key.draws("place", "place", VERSION, attempt);
            let street = places.street(&mut draws, locale)?;
            let town = draws.pick(&towns)?;
            let (postcode, city) = (town.postcode.to_owned(), town.name.to_owned());
            let place = Self { street, postcode, city };
            let real =
                [&place.street, &place.postcode, &place.city].into_iter().any(|part| avoid.is_real(part));
            (!real).then_some(place)
        })
    }
}

struct Town {
    postcode: &'static str,
    name: &'static str,
}

/// The lists of one locale.
struct Places {
    towns: Vec<Town>,
    streets: Vec<&'static str>,
    /// The first house number and how many follow on.
    numbers: (u32, u32),
}

impl Places {
    fn read(text: &'static str) -> Self {
        let part = |name: &str| {
            let part = text.split_once(name).map_or("", |(_, rest)| rest);
            part.lines().skip(1).take_while(|line| !line.starts_with('[')).map(str::trim)
        };
        let town = |line: &'static str| {
            let (postcode, name) = line.split_once(", ")?;
            Some(Town { postcode, name })
        };
        let numbers = part("[numbers]").next().and_then(|line| {
            let (from, to) = line.split_once(' ')?;
            let from: u32 = from.parse().ok()?;
            Some((from, to.parse::<u32>().ok()?.checked_sub(from)?))
        });
        Self {
            towns: part("[towns]").filter_map(town).collect(),
            streets: part("[streets]").filter(|line| !line.is_empty()).collect(),
            numbers: numbers.unwrap_or_default(),
        }
    }

    fn of(locale: Locale) -> &'static Self {
        static LISTS: LazyLock<[Places; 5]> =
            LazyLock::new(|| Locale::ALL.map(|locale| Places::read(text(locale))));
        locale.of(&LISTS)
    }

    fn street(&self, draws: &mut Draws, locale: Locale) -> Option<String> {
        let street = draws.pick(&self.streets)?;
        let (first, more) = self.numbers;
        let number = first + draws.below(more + 1);
        Some(match locale {
            Locale::DeDe => format!("{street} {number}"),
            Locale::EsEs => format!("{street}, {number}"),
            Locale::EnUs | Locale::EnGb | Locale::FrFr => format!("{number} {street}"),
        })
    }
}

fn text(locale: Locale) -> &'static str {
    match locale {
        Locale::EnUs => include_str!("../../../config/places/en-US.txt"),
        Locale::EnGb => include_str!("../../../config/places/en-GB.txt"),
        Locale::DeDe => include_str!("../../../config/places/de-DE.txt"),
        Locale::FrFr => include_str!("../../../config/places/fr-FR.txt"),
        Locale::EsEs => include_str!("../../../config/places/es-ES.txt"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Secret, Slot};
    use crate::persona::derive::PersonaKey;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;

    fn key(vendor: &str) -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&vendor.into(), 1)
    }

    #[test]
    fn golden_places_never_change() {
        let place = |locale| {
            let Place { street, postcode, city } =
                Place::derive(&key("shop.example"), locale, &Avoid::default()).unwrap();
            format!("{street}; {postcode} {city}")
        };
        assert_eq!(Locale::ALL.map(place), GOLDEN);
    }
    const GOLDEN: [&str; 5] = [
        "98324 Sycamore Court; 30303 Atlanta",
        "824 Oak Close; BT1 5GS Belfast",
        "Blumenweg 824; 49074 Osnabrück",
        "8324 impasse des Mésanges; 57000 Metz",
        "Calle del Pino, 824; 09001 Burgos",
    ];

    #[test]
    fn lists_are_frozen_and_hold_each_line_once() {
        let mut hash = Sha256::new();
        for locale in Locale::ALL {
            hash.update(text(locale));
            let places = Places::of(locale);
            let postcodes: BTreeSet<_> = places.towns.iter().map(|town| town.postcode).collect();
            let streets: BTreeSet<_> = places.streets.iter().collect();
            assert!(places.towns.len() >= 24 && postcodes.len() == places.towns.len(), "{locale:?}");
            assert!(places.streets.len() >= 24 && streets.len() == places.streets.len(), "{locale:?}");
            assert!(places.numbers.0 >= 700 && places.numbers.1 >= 299, "{locale:?}");
        }
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, FROZEN);
    }
    const FROZEN: &str = "7b1b5843a86666afdece581a65d36245adeaec5faf170097fe30d7eb68d02a96";

    #[test]
    fn nothing_of_it_is_real_and_what_was_told_stays() {
        let slot = |name| Slot::parse(name).unwrap();
        let real = [("address.city", "Kiel"), ("address.postcode", "20095")];
        let real = real.map(|(name, value)| (slot(name), Secret::new(value.to_owned())));
        let avoid = Avoid::new(&real);
        for number in 0..300 {
            let key = key(&format!("shop{number}.example"));
            let place = Place::derive(&key, Locale::DeDe, &avoid).unwrap();
            assert!(place.city != "Kiel" && place.postcode != "24103", "{place:?}");
            let near = Place::derive_near(&key, Locale::DeDe, &avoid, None, Some("Ulm")).unwrap();
            assert_eq!((&*near.city, &*near.postcode), ("Ulm", "89073"));
            let near = Place::derive_near(&key, Locale::DeDe, &avoid, Some("no such"), None).unwrap();
            assert_eq!(near, place);
        }
    }
}
