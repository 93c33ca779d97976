//! Field names that say which slot their value belongs to.

use crate::model::{Slot, SlotKind};
use std::collections::HashMap;
use std::sync::LazyLock;

/// What a field's name says of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Exactly this slot.
    Slot(&'static str),
    /// Any slot of this kind.
    Kind(SlotKind),
}

impl Typed {
    /// Whether a value of that slot may stand in the field.
    pub(super) fn takes(self, slot: &Slot) -> bool {
        match self {
            Self::Slot(name) => slot.as_str() == name,
            Self::Kind(kind) => slot.kind() == kind,
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
];

/// Longest name that is looked at.
const LONGEST: usize = 64;

/// What a field's name says. The last component counts: `user[email]`, `billing.zip` and `address[0][city]` are typed by
/// `email`, `zip` and `city`; `billing_first_name` by its end.
pub(super) fn typed(name: &[u8]) -> Option<Typed> {
    let name = name.strip_suffix(b"[]").unwrap_or(name);
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
            ("velocity", None),
            ("", None),
            ("comment", None),
        ] {
            assert_eq!(typed(name.as_bytes()), want, "{name}");
        }
    }
}
