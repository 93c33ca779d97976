//! Field names that say which slot their value belongs to.

use super::weak::date::Unit;
use super::weak::position::Axis;
use crate::model::{Slot, SlotKind};
use memchr::memmem;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a field's name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Exactly this slot.
    Slot(&'static str),
    /// Any slot of this kind.
    Kind(SlotKind),
    /// A part of a birth date.
    Birth(Unit),
    /// A position, or a part of one.
    Position(Axis),
}

impl Typed {
    /// Whether a value of that slot may stand in the field.
    pub(super) fn takes(self, slot: &Slot) -> bool {
        match self {
            Self::Slot(name) => slot.as_str() == name,
            Self::Kind(kind) => slot.kind() == kind,
            Self::Birth(_) => slot.kind() == SlotKind::Birthdate,
            Self::Position(_) => slot.kind() == SlotKind::Geo,
        }
    }
}

/// Names without case and separators.
const NAMES: &[(&[&str], Typed)] = &[
    (
        &["firstname", "givenname", "fname", "forename", "given", "first", "vorname", "prenom", "nombre"],
        Typed::Slot("name.given"),
    ),
    (
        &[
            "lastname",
            "familyname",
            "surname",
            "lname",
            "family",
            "last",
            "nachname",
            "nomdefamille",
            "apellido",
            "secondname",
        ],
        Typed::Slot("name.family"),
    ),
    (
        &["fullname", "displayname", "name", "customername", "cardholder", "cardname", "realname"],
        Typed::Kind(SlotKind::Name),
    ),
    (
        &["birthdate", "dateofbirth", "birthday", "bday", "dob", "geburtsdatum", "birth", "datebirth"],
        Typed::Kind(SlotKind::Birthdate),
    ),
    (
        &["zip", "zipcode", "postcode", "postalcode", "postal", "plz", "billingzip", "shippingzip"],
        Typed::Slot("address.postcode"),
    ),
    (
        &["city", "town", "locality", "addresslevel2", "addresslocality", "ort", "stadt", "ville"],
        Typed::Slot("address.city"),
    ),
    (
        &[
            "street",
            "streetaddress",
            "address1",
            "addressline1",
            "address",
            "addr",
            "line1",
            "strasse",
            "addressline",
            "streetname",
            "street1",
        ],
        Typed::Slot("address.street"),
    ),
    (
        &[
            "username",
            "user",
            "login",
            "userid",
            "uid",
            "nickname",
            "nick",
            "handle",
            "loginname",
            "account",
            "screenname",
        ],
        Typed::Kind(SlotKind::Username),
    ),
    (&["phone", "telephone", "tel", "mobile", "phonenumber", "cell", "msisdn"], Typed::Kind(SlotKind::Phone)),
    (&["email", "mail", "emailaddress"], Typed::Kind(SlotKind::Email)),
    (&["deviceid", "udid", "androidid", "idfv"], Typed::Slot("device.id")),
    (&["mac", "macaddress"], Typed::Slot("device.mac")),
    (&["adid", "idfa", "gaid", "advertisingid", "ifa", "aaid"], Typed::Kind(SlotKind::Ad)),
    (
        &["accountid", "accountnumber", "customerid", "customernumber", "memberid"],
        Typed::Kind(SlotKind::Account),
    ),
    (&["lat", "latitude", "geolat"], Typed::Position(Axis::Latitude)),
    (&["lng", "lon", "longitude", "geolng", "geolon"], Typed::Position(Axis::Longitude)),
    (
        &[
            "latlng",
            "latlon",
            "latlong",
            "coords",
            "coordinates",
            "geo",
            "geolocation",
            "position",
            "location",
        ],
        Typed::Position(Axis::Both(',')),
    ),
];

/// The name of every field for a position ends in one of these.
pub(super) fn position_ends() -> impl Iterator<Item = &'static str> {
    let names = || {
        let positions = NAMES.iter().filter(|(_, typed)| matches!(typed, Typed::Position(_)));
        positions.flat_map(|(names, _)| names.iter().copied())
    };
    names().filter(move |name| !names().any(|other| other != *name && name.ends_with(other)))
}

/// What stands before the part in the name of a field for a part of a birth date.
const BIRTH: &[&str] =
    &["birth", "birthdate", "dateofbirth", "birthday", "bday", "dob", "geburtsdatum", "geburts", "geburt"];
/// One of these stands in every such name.
pub(super) const BIRTH_STEMS: &[&str] = &["birth", "bday", "dob", "geburt"];

/// How these fields name the parts; with numbers Rails does.
const UNITS: &[(&str, Unit)] = &[
    ("day", Unit::Day),
    ("month", Unit::Month),
    ("year", Unit::Year),
    ("dd", Unit::Day),
    ("mm", Unit::Month),
    ("yyyy", Unit::Year),
    ("tag", Unit::Day),
    ("monat", Unit::Month),
    ("jahr", Unit::Year),
    ("3i", Unit::Day),
    ("2i", Unit::Month),
    ("1i", Unit::Year),
    ("d", Unit::Day),
    ("m", Unit::Month),
    ("y", Unit::Year),
];

/// Longest name that is looked at.
const LONGEST: usize = 64;

/// What a field's name says. The last component counts: `user[email]`, `billing.zip` and `address[0][city]` are typed by
/// `email`, `zip` and `city`; `billing_first_name` by its end.
pub(super) fn typed(name: &[u8]) -> Option<Typed> {
    let name = name.strip_suffix(b"[]").unwrap_or(name);
    if let Some(unit) = part_of_birth(name) {
        return Some(Typed::Birth(unit));
    }
    let cut = name.iter().rposition(|byte| matches!(byte, b'[' | b'.' | b'/' | b':')).map_or(0, |at| at + 1);
    let last = name.get(cut..)?;
    if last.len() > LONGEST {
        return None;
    }
    let mut buffer = [0; LONGEST];
    let mut length = 0;
    for byte in last.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = buffer.get(..length)?;
    let prefixes: [&[u8]; 9] =
        [b"billing", b"shipping", b"user", b"customer", b"contact", b"account", b"profile", b"your", b"new"];
    let known = |plain: &[u8]| BY_NAME.get(plain).copied();
    known(plain).or_else(|| prefixes.iter().filter_map(|prefix| plain.strip_prefix(*prefix)).find_map(known))
}

/// The part of a birth date that a field says it is for: `birth_day`, `dob[month]`, `user[birthdate(1i)]`.
fn part_of_birth(name: &[u8]) -> Option<Unit> {
    let end = name.get(name.len().saturating_sub(LONGEST)..)?;
    // All of them have a b, and few other names do.
    memchr::memchr2(b'b', b'B', end)?;
    let lower = end.to_ascii_lowercase();
    if !BIRTH_STEMS.iter().any(|stem| memmem::find(&lower, stem.as_bytes()).is_some()) {
        return None;
    }
    let plain: Vec<u8> = lower.into_iter().filter(u8::is_ascii_alphanumeric).collect();
    // `birthday` is the whole date, `birth_day` and `birthDay` are not.
    let whole = plain.ends_with(b"birthday") || plain.ends_with(b"bday") && !plain.ends_with(b"dobday");
    let before = end.len().checked_sub(4).and_then(|at| end.get(at));
    if whole && !end.ends_with(b"Day") && before.is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    UNITS.iter().find_map(|(unit, what)| {
        let before = plain.strip_suffix(unit.as_bytes())?;
        BIRTH.iter().any(|birth| before.ends_with(birth.as_bytes())).then_some(*what)
    })
}

/// Every field of every document is looked up.
static BY_NAME: LazyLock<HashMap<&'static [u8], Typed>> = LazyLock::new(|| {
    let typed = NAMES.iter().flat_map(|(names, typed)| names.iter().map(|name| (name.as_bytes(), *typed)));
    typed.collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_usual_form() {
        for (name, want) in [
            ("first_name", Some(Typed::Slot("name.given"))),
            ("firstName", Some(Typed::Slot("name.given"))),
            ("user[given-name]", Some(Typed::Slot("name.given"))),
            ("billing_first_name", Some(Typed::Slot("name.given"))),
            ("customer.lastName", Some(Typed::Slot("name.family"))),
            ("DOB", Some(Typed::Kind(SlotKind::Birthdate))),
            ("address[0][zip]", Some(Typed::Slot("address.postcode"))),
            ("city[]", Some(Typed::Slot("address.city"))),
            ("login", Some(Typed::Kind(SlotKind::Username))),
            ("birthday", Some(Typed::Kind(SlotKind::Birthdate))),
            ("birthdate", Some(Typed::Kind(SlotKind::Birthdate))),
            ("birth_day", Some(Typed::Birth(Unit::Day))),
            ("birthDay", Some(Typed::Birth(Unit::Day))),
            ("b-day", Some(Typed::Kind(SlotKind::Birthdate))),
            ("BirthMonth", Some(Typed::Birth(Unit::Month))),
            ("birthday_day", Some(Typed::Birth(Unit::Day))),
            ("dobday", Some(Typed::Birth(Unit::Day))),
            ("dob[year]", Some(Typed::Birth(Unit::Year))),
            ("user[birthdate(1i)]", Some(Typed::Birth(Unit::Year))),
            ("geburtsjahr", Some(Typed::Birth(Unit::Year))),
            ("birthplace", None),
            ("geo.lat", Some(Typed::Position(Axis::Latitude))),
            ("user_longitude", Some(Typed::Position(Axis::Longitude))),
            ("latLng", Some(Typed::Position(Axis::Both(',')))),
            ("flat", None),
            ("velocity", None),
            ("", None),
            ("comment", None),
        ] {
            assert_eq!(typed(name.as_bytes()), want, "{name}");
        }
    }

    #[test]
    fn what_is_looked_for_first_stands_in_every_name_that_counts() {
        for birth in BIRTH {
            assert!(birth.contains('b') && BIRTH_STEMS.iter().any(|stem| birth.contains(stem)), "{birth}");
        }
        let ends: Vec<_> = position_ends().collect();
        assert!(
            ends.contains(&"lat") && ends.contains(&"location") && !ends.contains(&"geolocation"),
            "{ends:?}"
        );
    }
}
