//! Device identifiers: UUIDs that keep version, variant and case; MAC addresses that say they were made up; IMEIs of the
//! same kind of device.

use super::pattern::{mend_luhn, satisfies_luhn};
use crate::persona::derive::VendorKey;

/// Version of the formats.
pub const VERSION: u32 = 1;

/// How a UUID is written, and the two fields that its pseudonym keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UuidShape {
    version: u8,
    variant: u8,
    hyphens: bool,
    upper: bool,
}

impl UuidShape {
    /// A lower-case version 4 with hyphens: what a new device would have.
    pub const USUAL: Self = Self { version: 4, variant: 0x80, hyphens: true, upper: false };

    /// Of a real one, hyphenated or 32 hexadecimal digits; `None` for anything else.
    pub fn of(text: &str) -> Option<Self> {
        if !matches!(text.len(), 32 | 36) {
            return None;
        }
        let bytes = uuid::Uuid::try_parse(text).ok()?.into_bytes();
        let (version, variant) = (bytes.get(6)? >> 4, bytes.get(8)? & 0xc0);
        // Versions 1, 2, 6 and 7 hold a time, and some a MAC address: noise there would be a time nobody lives in.
        let version = if matches!(version, 1 | 2 | 6 | 7) { 4 } else { version };
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(Self { version, variant, hyphens: text.len() == 36, upper })
    }
}

/// A UUID of that shape.
pub fn make_uuid(key: &VendorKey, slot: &str, shape: &UuidShape, attempt: u32) -> String {
    let mut bytes = key.draws("uuid", slot, VERSION, attempt).bytes16();
    let [_, _, _, _, _, _, sixth, _, eighth, ..] = &mut bytes;
    *sixth = *sixth & 0x0f | shape.version << 4;
    *eighth = *eighth & 0x3f | shape.variant;
    let uuid = uuid::Uuid::from_bytes(bytes);
    let text = if shape.hyphens { uuid.hyphenated().to_string() } else { uuid.simple().to_string() };
    if shape.upper { text.to_ascii_uppercase() } else { text }
}

/// How a MAC address is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacShape {
    separator: Option<char>,
    /// Digits between separators: 2, or 4 in the dotted form.
    group: usize,
    upper: bool,
}

impl MacShape {
    /// `02:1a:…`
    pub const USUAL: Self = Self { separator: Some(':'), group: 2, upper: false };

    /// Of a real one: twelve hexadecimal digits, bare or separated by `:`, `-` or `.`; `None` for anything else.
    pub fn of(text: &str) -> Option<Self> {
        let separator = text.chars().find(|letter| !letter.is_ascii_hexdigit());
        let groups: Vec<&str> = match separator {
            Some(separator @ (':' | '-' | '.')) => text.split(separator).collect(),
            Some(_) => return None,
            None => vec![text],
        };
        let group = groups.first()?.len();
        let even = groups.iter().all(|one| one.len() == group && one.bytes().all(|b| b.is_ascii_hexdigit()));
        (even && groups.len() * group == 12 && matches!(group, 2 | 4 | 12)).then(|| Self {
            separator,
            group,
            upper: text.bytes().any(|byte| byte.is_ascii_uppercase()),
        })
    }

    /// Twelve hexadecimal digits, written this way.
    pub fn write(&self, digits: &str) -> String {
        let mut text = String::with_capacity(17);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && index.is_multiple_of(self.group) {
                text.extend(self.separator);
            }
            text.push(if self.upper { digit.to_ascii_uppercase() } else { digit.to_ascii_lowercase() });
        }
        text
    }
}

/// A MAC address of that shape: unicast, locally administered (IEEE 802-2014 section 8.2), so that it is no maker's.
pub fn make_mac(key: &VendorKey, slot: &str, shape: &MacShape, attempt: u32) -> String {
    let bytes = key.draws("mac", slot, VERSION, attempt).bytes16();
    let mut digits = String::with_capacity(12);
    for (index, byte) in bytes.into_iter().take(6).enumerate() {
        let byte = if index == 0 { byte & 0xfc | 0x02 } else { byte };
        digits.push_str(&format!("{byte:02x}"));
    }
    shape.write(&digits)
}

/// The first eight digits of an IMEI, which say what kind of device it is (3GPP TS 23.003 section 6.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImeiShape {
    type_allocation: String,
}

/// Digits of an IMEI, the check digit among them.
const IMEI: usize = 15;
const TYPE_ALLOCATION: usize = 8;

impl ImeiShape {
    /// Of a real one, fifteen digits without separators; `None` for anything else.
    pub fn of(text: &str) -> Option<Self> {
        let digits = text.len() == IMEI && text.bytes().all(|byte| byte.is_ascii_digit());
        let type_allocation = text.get(..TYPE_ALLOCATION).filter(|_| digits && satisfies_luhn(text))?;
        Some(Self { type_allocation: type_allocation.to_owned() })
    }
}

/// An IMEI of the same kind of device, with another serial number and its check digit.
pub fn make_imei(key: &VendorKey, slot: &str, shape: &ImeiShape, attempt: u32) -> String {
    let serial = key.draws("imei", slot, VERSION, attempt).below(1_000_000);
    let mut digits: Vec<char> = format!("{}{serial:06}0", shape.type_allocation).chars().collect();
    mend_luhn(&mut digits);
    digits.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;

    fn key() -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&"shop.example".into(), 1)
    }

    #[test]
    fn golden_identifiers_never_change() {
        assert_eq!(make_uuid(&key(), "device.id", &UuidShape::USUAL, 0), GOLDEN_UUID);
        assert_eq!(make_mac(&key(), "device.mac", &MacShape::USUAL, 0), GOLDEN_MAC);
    }
    const GOLDEN_UUID: &str = "035ff528-b0df-4fe1-a4a9-e19455840889";
    const GOLDEN_MAC: &str = "ba:e7:e1:7c:99:dd";

    #[test]
    fn an_imei_keeps_its_kind_of_device_and_its_check_digit() {
        let real = "490154203237518";
        let made = make_imei(&key(), "device.id", &ImeiShape::of(real).unwrap(), 0);
        assert_eq!((made.as_str(), ImeiShape::of(&made)), (GOLDEN_IMEI, ImeiShape::of(real)));
        for other in ["490154203237519", "49015420323751", "49-015420-323751-8", "79927398713"] {
            assert_eq!(ImeiShape::of(other), None, "{other}");
        }
    }
    const GOLDEN_IMEI: &str = "490154205802814";

    #[test]
    fn a_uuid_keeps_version_variant_and_case() {
        for (real, version, upper, length) in [
            ("6D92078A-8246-4BA4-AE5B-76104861E7DC", '4', true, 36),
            ("38400000-8cf0-11bd-b23e-10b96e40000d", '4', false, 36),
            ("0192f3c7-0000-7000-8000-000000000001", '4', false, 36),
            ("f81d4fae7dec51d0a76500a0c91e6bf6", '5', false, 32),
        ] {
            let made = make_uuid(&key(), "device.id", &UuidShape::of(real).unwrap(), 0);
            assert_eq!(made.len(), length);
            let bare = made.replace('-', "");
            assert_eq!(bare.chars().nth(12), Some(version), "{made}");
            assert!(
                matches!(bare.chars().nth(16).unwrap().to_ascii_lowercase(), '8' | '9' | 'a' | 'b'),
                "{made}"
            );
            assert_eq!(made.bytes().any(|byte| byte.is_ascii_uppercase()), upper, "{made}");
        }
        assert_eq!(UuidShape::of("not-a-uuid"), None);
        assert_eq!(UuidShape::of(&"g".repeat(32)), None);
    }

    #[test]
    fn a_mac_keeps_its_writing_and_is_nobodys() {
        for real in ["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7", "001b44113ab7"] {
            let shape = MacShape::of(real).unwrap();
            let made = make_mac(&key(), "device.mac", &shape, 0);
            assert_eq!(MacShape::of(&made).map(|made| made.group), Some(shape.group), "{made}");
            assert_eq!(made.len(), real.len());
            assert!(matches!(made.as_bytes()[1].to_ascii_lowercase(), b'2' | b'6' | b'a' | b'e'), "{made}");
        }
        for bad in
            ["", "00:1b:44:11:3a", "00:1b:44:11:3a:zz", "00_1b_44_11_3a_b7", ":::::", "0:01b:44:11:3a:b7"]
        {
            assert_eq!(MacShape::of(bad), None, "{bad}");
        }
    }
}
