//! What is protected: slots, their categories, and what may become of them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The part of a slot before its dot: what policies name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SlotKind {
    /// `email.primary`, `email.*`
    Email,
    /// `name.full`, `name.given`, `name.family`
    Name,
    /// `phone.primary`
    Phone,
    /// `address.street`, `address.postcode`, `address.city`
    Address,
    /// `birthdate`
    Birthdate,
    /// `username`
    Username,
    /// `device.id`, `device.mac`
    Device,
    /// `ad.id`
    Ad,
    /// `account.*`
    Account,
    /// `geo.home`
    Geo,
    /// `ip.home`
    Ip,
    /// `custom.*`
    Custom,
}

impl SlotKind {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 12] = [
        Self::Email,
        Self::Name,
        Self::Phone,
        Self::Address,
        Self::Birthdate,
        Self::Username,
        Self::Device,
        Self::Ad,
        Self::Account,
        Self::Geo,
        Self::Ip,
        Self::Custom,
    ];

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::Birthdate => "birthdate",
            Self::Username => "username",
            Self::Device => "device",
            Self::Ad => "ad",
            Self::Account => "account",
            Self::Geo => "geo",
            Self::Ip => "ip",
            Self::Custom => "custom",
        }
    }

    /// Whether some value of the kind can be made less precise.
    pub fn can_be_coarse(self) -> bool {
        matches!(self, Self::Address | Self::Birthdate | Self::Geo | Self::Ip)
    }

    /// Reads the word of the contract.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A named place for one of a person's attributes, such as `email.primary`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot {
    kind: SlotKind,
    name: Arc<str>,
}

impl Slot {
    /// Reads a slot name of the contract; `None` for a name it does not have.
    pub fn parse(text: &str) -> Option<Self> {
        let (head, tail) = match text.split_once('.') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        let kind = SlotKind::parse(head)?;
        let free = |tail: &str| {
            !tail.is_empty()
                && tail.len() <= 32
                && tail.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
                })
        };
        let known = match (kind, tail) {
            (SlotKind::Birthdate | SlotKind::Username, None) => true,
            (SlotKind::Email | SlotKind::Account | SlotKind::Custom | SlotKind::Phone, Some(tail)) => {
                free(tail)
            }
            (SlotKind::Name, Some(tail)) => matches!(tail, "full" | "given" | "family"),
            (SlotKind::Address, Some(tail)) => matches!(tail, "street" | "postcode" | "city"),
            (SlotKind::Device, Some(tail)) => matches!(tail, "id" | "mac"),
            (SlotKind::Ad, Some(tail)) => tail == "id",
            (SlotKind::Geo | SlotKind::Ip, Some(tail)) => tail == "home",
            _ => false,
        };
        known.then(|| Self { kind, name: text.into() })
    }

    /// The part policies name.
    pub fn kind(&self) -> SlotKind {
        self.kind
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Its W3C DPV personal-data category (<https://w3id.org/dpv/pd>).
    pub fn category(&self) -> Category {
        Category(match (self.kind, &*self.name) {
            (SlotKind::Email, _) => "pd:EmailAddress",
            (SlotKind::Name, _) => "pd:Name",
            (SlotKind::Phone, _) => "pd:TelephoneNumber",
            (SlotKind::Address, _) => "pd:PhysicalAddress",
            (SlotKind::Birthdate, _) => "pd:BirthDate",
            (SlotKind::Username, _) => "pd:Username",
            (SlotKind::Device, "device.mac") => "pd:MACAddress",
            (SlotKind::Device, _) => "pd:DeviceBased",
            (SlotKind::Ad, _) => "pd:UID",
            (SlotKind::Account, _) => "pd:AccountIdentifier",
            (SlotKind::Geo, _) => "pd:GPSCoordinate",
            (SlotKind::Ip, _) => "pd:IPAddress",
            (SlotKind::Custom, _) => "pd:Identifying",
        })
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A W3C DPV category, prefixed (`pd:EmailAddress`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Category(pub &'static str);

impl Category {
    /// Personal data of whatever kind.
    pub const ANY: Self = Self("dpv:PersonalData");
    /// Data by which a person is followed from place to place.
    pub const TRACKING: Self = Self("pd:Tracking");
    /// What a person prefers, as in terms and GPC.
    pub const PREFERENCE: Self = Self("pd:PrivacyPreference");
    /// What the machine or browser says of itself.
    pub const DEVICE: Self = Self("pd:DeviceBased");
}

/// What may become of a protected value on its way to a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Goes as typed; recorded.
    Real,
    /// Becomes this vendor's own value.
    Pseudonym,
    /// Becomes less precise.
    Coarse,
    /// Does not go.
    Withhold,
    /// The owner is asked; never a default.
    Ask,
}

impl Policy {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Pseudonym => "pseudonym",
            Self::Coarse => "coarse",
            Self::Withhold => "withhold",
            Self::Ask => "ask",
        }
    }

    /// Reads the word of the contract.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Real, Self::Pseudonym, Self::Coarse, Self::Withhold, Self::Ask]
            .into_iter()
            .find(|policy| policy.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_slots_of_the_contract_parse() {
        for name in ["email.primary", "email.work", "name.full", "birthdate", "username", "custom.club-id"] {
            assert_eq!(Slot::parse(name).map(|slot| slot.to_string()).as_deref(), Some(name));
        }
        for name in
            ["email", "name.middle", "birthdate.x", "device.serial", "shoe.size", "custom.", "email.A"]
        {
            assert_eq!(Slot::parse(name), None, "{name}");
        }
    }
}
