//! Formats: one file per kind of value, each with a version that is part of the seed.
//!
//! A value is made from the slot and the identity's key. From the real value a format takes at most its *shape*: the
//! country of a number, the classes of an id's characters; of a birth date half a year around it. Positions have no
//! made-up value, only less precise ones ([`coarse`]): where a pseudonym is asked for, they are withheld.

mod avoid;
pub mod birthdate;
mod coarse;
pub mod device;
pub mod email;
pub mod ip;
pub mod lists;
pub mod name;
pub mod pattern;
pub mod phone;
pub mod place;
pub mod username;

pub use avoid::Avoid;
pub use coarse::coarse;
pub use lists::Locale;
pub use name::Person;
pub use place::Place;

use super::derive::{CheckKey, VendorKey};
use crate::model::{Slot, SlotKind};
use birthdate::Born;
use device::{ImeiShape, MacShape, UuidShape};
use ip::Family;
use pattern::Pattern;
use phone::PhoneShape;
use time::Date;

/// What a pseudonym of a slot looks like. But for a birth date, holds nothing that tells one value of its shape from
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An address at the alias domain.
    Email,
    /// A name, or a part of one.
    Name,
    /// A number reserved for fiction.
    Phone(PhoneShape),
    /// Words and a number.
    Username,
    /// A UUID.
    Uuid(UuidShape),
    /// A MAC address.
    Mac(MacShape),
    /// An IMEI.
    Imei(ImeiShape),
    /// A part of a postal address.
    Place,
    /// A date near the real one.
    Birthdate(Born),
    /// An address kept for documentation.
    Ip(Family),
    /// Any other id.
    Pattern(Pattern),
}

impl Shape {
    /// Of a real value; `None` where no pseudonym can be made.
    pub fn of(slot: &Slot, value: &str) -> Option<Self> {
        match slot.kind() {
            SlotKind::Email => Some(Self::Email),
            SlotKind::Name => Some(Self::Name),
            SlotKind::Username => Some(Self::Username),
            SlotKind::Phone => PhoneShape::of(value).map(Self::Phone),
            SlotKind::Device | SlotKind::Ad | SlotKind::Account | SlotKind::Custom => {
                let mac = || MacShape::of(value).filter(|_| slot.as_str() == "device.mac").map(Self::Mac);
                let imei = || ImeiShape::of(value).filter(|_| slot.as_str() == "device.id").map(Self::Imei);
                let uuid = || UuidShape::of(value).map(Self::Uuid);
                mac().or_else(imei).or_else(uuid).or_else(|| Pattern::of(value).map(Self::Pattern))
            }
            SlotKind::Address => Some(Self::Place),
            SlotKind::Birthdate => Born::of(value).map(Self::Birthdate),
            SlotKind::Ip => Family::of(value).map(Self::Ip),
            SlotKind::Geo => None,
        }
    }

    /// What to make where the member has no real value in the slot.
    pub fn usual(slot: &Slot, locale: Locale) -> Option<Self> {
        match slot.kind() {
            SlotKind::Email => Some(Self::Email),
            SlotKind::Name => Some(Self::Name),
            SlotKind::Username => Some(Self::Username),
            SlotKind::Phone => PhoneShape::mobile(locale.country()).map(Self::Phone),
            SlotKind::Device if slot.as_str() == "device.mac" => Some(Self::Mac(MacShape::USUAL)),
            SlotKind::Device | SlotKind::Ad => Some(Self::Uuid(UuidShape::USUAL)),
            SlotKind::Account => Some(Self::Pattern(Pattern::digits(10))),
            SlotKind::Custom => Some(Self::Pattern(Pattern::letters(10))),
            SlotKind::Address => Some(Self::Place),
            SlotKind::Ip => Some(Self::Ip(Family::V4)),
            // There is no age to keep.
            SlotKind::Birthdate | SlotKind::Geo => None,
        }
    }

    /// Whether one can be made on this day: soon after a birthday that counts, no birth date can.
    pub fn can_be_made(&self, today: Date) -> bool {
        !matches!(self, Self::Birthdate(born) if born.room(today).is_none())
    }
}

/// How far a value has to be the only one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// In the whole home.
    Home,
    /// At one vendor: phone numbers and IP addresses, of which there are few.
    Vendor,
    /// Not at all: what people share as well.
    No,
}

/// How far values of the slot have to be unique.
pub fn uniqueness(slot: &Slot) -> Unique {
    match slot.kind() {
        SlotKind::Name | SlotKind::Address | SlotKind::Birthdate => Unique::No,
        SlotKind::Phone | SlotKind::Ip => Unique::Vendor,
        _ => Unique::Home,
    }
}

/// Everything but the slot that a value comes from.
#[derive(Clone, Copy, Debug)]
pub struct Maker<'a> {
    /// The identity's key.
    pub key: &'a VendorKey,
    /// The key of address checks.
    pub check: &'a CheckKey,
    /// The person the vendor meets.
    pub person: &'a Person,
    /// Where that person lives.
    pub place: &'a Place,
    /// The day on which values are made.
    pub today: Date,
    /// Whether the vendor meets that person's name, so that the address shows it.
    pub named: bool,
    /// The alias domain, where there is one.
    pub domain: Option<&'a str>,
    /// The member's own values.
    pub avoid: &'a Avoid,
}

impl Maker<'_> {
    /// The value of this attempt and the version of its format. `None` where the attempt leads to one that must not be
    /// used; the next may do.
    pub fn make(&self, slot: &Slot, shape: &Shape, attempt: u32) -> Option<(String, u32)> {
        let (key, name) = (self.key, slot.as_str());
        let (value, version) = match shape {
            Shape::Email => {
                let person = self.named.then_some(self.person);
                email::make(key, self.check, name, self.domain?, person, self.avoid, attempt)?
            }
            Shape::Name => (self.part(name), name::VERSION),
            Shape::Phone(shape) => (phone::make(key, name, shape, attempt)?, phone::VERSION),
            Shape::Username => (username::make(key, name, self.avoid, attempt)?, username::VERSION),
            Shape::Uuid(shape) => (device::make_uuid(key, name, shape, attempt), device::VERSION),
            Shape::Mac(shape) => (device::make_mac(key, name, shape, attempt), device::VERSION),
            Shape::Imei(shape) => (device::make_imei(key, name, shape, attempt), device::VERSION),
            Shape::Place => (self.part_of_address(name), place::VERSION),
            Shape::Birthdate(born) => {
                (birthdate::make(key, name, *born, self.today, attempt)?, birthdate::VERSION)
            }
            Shape::Ip(family) => (ip::make(key, name, *family, attempt)?, ip::VERSION),
            Shape::Pattern(pattern) => (pattern::make(key, name, pattern, attempt), pattern::VERSION),
        };
        (!self.avoid.is_real(&value)).then_some((value, version))
    }

    fn part(&self, slot: &str) -> String {
        match slot {
            "name.given" => self.person.given.clone(),
            "name.family" => self.person.family.clone(),
            _ => self.person.full(),
        }
    }

    fn part_of_address(&self, slot: &str) -> String {
        match slot {
            "address.postcode" => self.place.postcode.clone(),
            "address.city" => self.place.city.clone(),
            _ => self.place.street.clone(),
        }
    }
}

#[cfg(test)]
mod linkage;
#[cfg(test)]
mod stable;
#[cfg(test)]
mod tests;
