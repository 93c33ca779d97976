//! Phone numbers, only out of ranges that their regulator keeps free for films and books: nobody gets the calls.
//!
//! US and CA: NANPA, 555-0100 to 555-0199 in every area code. GB: Ofcom, 07700 900xxx and 01632 960xxx. IE: ComReg,
//! 020 91x. DE: Bundesnetzagentur, Mitteilung 148/2021. FR: ARCEP, plan national de numérotation. SE: PTS. AU: ACMA.
//! A country without such a range has no pseudonym: there the number is withheld.

use crate::persona::derive::VendorKey;
use phonenumber::Type;
use phonenumber::metadata::DATABASE;

/// Version of the format and its ranges.
pub const VERSION: u32 = 1;

/// A row of numbers: what they begin with, the first ending, how many follow on, and how many digits the ending has.
type Row = (&'static str, u32, u32, usize);

const DE_MOBILE: &[Row] = &[
    ("+4917139200", 0, 100, 2),
    ("+49176040690", 0, 100, 2),
    ("+4915228817386", 0, 1, 0),
    ("+4915228895456", 0, 1, 0),
    ("+4915254599371", 0, 1, 0),
    ("+491729925904", 0, 1, 0),
    ("+491729968532", 0, 1, 0),
    ("+491729973185", 0, 1, 0),
    ("+491729973186", 0, 1, 0),
    ("+491729980752", 0, 1, 0),
    ("+491749091317", 0, 1, 0),
    ("+491749464308", 0, 1, 0),
];
const DE_FIXED: &[Row] = &[
    ("+493023125", 0, 1000, 3),
    ("+496990009", 0, 1000, 3),
    ("+494066969", 0, 1000, 3),
    ("+492214710", 0, 1000, 3),
    ("+498999998", 0, 1000, 3),
];
const FR_MOBILE: &[Row] = &[("+3363998", 0, 10_000, 4)];
const FR_FIXED: &[Row] = &[
    ("+3319900", 0, 10_000, 4),
    ("+3326191", 0, 10_000, 4),
    ("+3335301", 0, 10_000, 4),
    ("+3346571", 0, 10_000, 4),
    ("+3353649", 0, 10_000, 4),
];
const GB_MOBILE: &[Row] = &[("+447700900", 0, 1000, 3)];
const GB_FIXED: &[Row] = &[("+441632960", 0, 1000, 3)];
const IE: &[Row] = &[("+3532091", 0, 100_000, 5)];
const SE_MOBILE: &[Row] = &[("+467017406", 5, 95, 2)];
const SE_FIXED: &[Row] = &[("+468465004", 0, 100, 2), ("+463139006", 0, 100, 2), ("+464062804", 0, 100, 2)];
const AU_MOBILE: &[Row] = &[
    ("+61491570006", 0, 1, 0),
    ("+61491570110", 0, 1, 0),
    ("+6149157015", 6, 4, 1),
    ("+61491570313", 0, 1, 0),
    ("+61491570737", 0, 1, 0),
    ("+61491571266", 0, 1, 0),
    ("+61491571491", 0, 1, 0),
    ("+61491571804", 0, 1, 0),
    ("+61491572549", 0, 1, 0),
    ("+61491572665", 0, 1, 0),
    ("+61491572983", 0, 1, 0),
    ("+61491573087", 0, 1, 0),
    ("+61491573770", 0, 1, 0),
    ("+61491574118", 0, 1, 0),
    ("+61491574632", 0, 1, 0),
    ("+61491575254", 0, 1, 0),
    ("+61491575789", 0, 1, 0),
    ("+61491576398", 0, 1, 0),
    ("+61491576801", 0, 1, 0),
    ("+61491577426", 0, 1, 0),
    ("+61491577644", 0, 1, 0),
    ("+61491578888", 0, 1, 0),
    ("+61491578957", 0, 1, 0),
    ("+61491579212", 0, 1, 0),
    ("+61491579455", 0, 1, 0),
    ("+61491579760", 0, 1, 0),
];
const AU_FIXED: &[Row] = &[
    ("+6125550", 0, 10_000, 4),
    ("+6127010", 0, 10_000, 4),
    ("+6135550", 0, 10_000, 4),
    ("+6137010", 0, 10_000, 4),
    ("+6175550", 0, 10_000, 4),
    ("+6177010", 0, 10_000, 4),
    ("+6185550", 0, 10_000, 4),
    ("+6187010", 0, 10_000, 4),
];
const US_AREAS: &[&str] = &[
    "201", "202", "205", "206", "207", "208", "212", "213", "214", "215", "216", "217", "225", "303", "304",
    "305", "307", "312", "313", "314", "316", "317", "401", "402", "404", "405", "406", "407", "410", "412",
    "413", "414", "415", "419", "501", "502", "503", "504", "505", "512", "513", "515", "601", "602", "603",
    "605", "609", "612", "614", "615", "616", "617", "619", "701", "702", "703", "704", "713", "716", "717",
    "801", "802", "803", "804", "808", "816", "901", "904", "907", "910", "913", "914", "916", "919",
];
const CA_AREAS: &[&str] = &[
    "204", "250", "306", "403", "416", "418", "506", "514", "519", "604", "613", "705", "709", "780", "902",
    "905",
];

/// What a number tells about itself that its pseudonym keeps: the country, and whether it is a mobile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneShape {
    country: String,
    mobile: bool,
}

impl PhoneShape {
    /// Of a real number in E.164; `None` for one that cannot be read or whose country keeps no range.
    pub fn of(number: &str) -> Option<Self> {
        let number = phonenumber::parse(None, number).ok()?;
        let country = format!("{:?}", number.country().id()?);
        let mobile = matches!(number.number_type(&DATABASE), Type::Mobile | Type::FixedLineOrMobile);
        Self { country, mobile }.supported()
    }

    /// A mobile number of that ISO 3166 country.
    pub fn mobile(country: &str) -> Option<Self> {
        Self { country: country.to_owned(), mobile: true }.supported()
    }

    fn supported(self) -> Option<Self> {
        (self.areas().is_some() || !self.rows().is_empty()).then_some(self)
    }

    fn rows(&self) -> &'static [Row] {
        match (self.country.as_str(), self.mobile) {
            ("DE", true) => DE_MOBILE,
            ("DE", false) => DE_FIXED,
            ("FR", true) => FR_MOBILE,
            ("FR", false) => FR_FIXED,
            ("GB", true) => GB_MOBILE,
            ("GB", false) => GB_FIXED,
            ("IE", _) => IE,
            ("SE", true) => SE_MOBILE,
            ("SE", false) => SE_FIXED,
            ("AU", true) => AU_MOBILE,
            ("AU", false) => AU_FIXED,
            _ => &[],
        }
    }

    fn areas(&self) -> Option<&'static [&'static str]> {
        match self.country.as_str() {
            "US" => Some(US_AREAS),
            "CA" => Some(CA_AREAS),
            _ => None,
        }
    }
}

/// A number in E.164.
pub fn make(key: &VendorKey, slot: &str, shape: &PhoneShape, attempt: u32) -> Option<String> {
    let mut draws = key.draws("phone", slot, VERSION, attempt);
    if let Some(areas) = shape.areas() {
        let area = draws.pick(areas)?;
        return Some(format!("+1{area}55501{:02}", draws.below(100)));
    }
    let rows = shape.rows();
    let mut index = draws.below(rows.iter().map(|(_, _, count, _)| count).sum());
    for (head, first, count, width) in rows {
        if index < *count {
            return Some(match width {
                0 => (*head).to_owned(),
                width => format!("{head}{:0width$}", first + index, width = *width),
            });
        }
        index -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;

    fn key(epoch: u32) -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&"shop.example".into(), epoch)
    }

    #[test]
    fn golden_numbers_never_change() {
        let made = ["US", "CA", "GB", "DE", "FR", "IE", "SE", "AU"]
            .map(|country| make(&key(1), "phone.primary", &PhoneShape::mobile(country).unwrap(), 0).unwrap());
        assert_eq!(made, GOLDEN);
    }
    const GOLDEN: [&str; 8] = [
        "+12075550133",
        "+15195550133",
        "+447700900816",
        "+491729973186",
        "+33639983816",
        "+353209133816",
        "+46701740651",
        "+61491572549",
    ];

    #[test]
    fn a_number_keeps_country_and_kind_and_is_reserved_for_fiction() {
        for (real, starts) in [
            (
                "+4915112345678",
                &["+4917139200", "+49176040690", "+491522", "+491525", "+49172", "+49174"][..],
            ),
            ("+493012345678", &["+493023125", "+496990009", "+494066969", "+492214710", "+498999998"]),
            ("+33612345678", &["+3363998"]),
            ("+33142345678", &["+3319900", "+3326191", "+3335301", "+3346571", "+3353649"]),
            ("+447400123456", &["+447700900"]),
            ("+442079460000", &["+441632960"]),
            ("+353851234567", &["+3532091"]),
            ("+46701234567", &["+467017406"]),
            ("+61412345678", &["+6149157"]),
            ("+12125551234", &["+1"]),
        ] {
            let shape = PhoneShape::of(real).unwrap_or_else(|| panic!("{real}"));
            for epoch in 1..60 {
                let number = make(&key(epoch), "phone.primary", &shape, 0).unwrap();
                assert!(starts.iter().any(|start| number.starts_with(start)), "{real} {number}");
                assert!(number.len() <= 16 && number.len() >= 11, "{number}");
                if real.starts_with("+1") {
                    assert_eq!(number.get(5..10), Some("55501"), "{number}");
                }
            }
        }
    }

    #[test]
    fn a_country_without_a_range_has_no_pseudonym() {
        for real in ["+34612345678", "+393123456789", "12345", "", "phone"] {
            assert_eq!(PhoneShape::of(real), None, "{real}");
        }
    }

    #[test]
    fn swedish_numbers_start_at_the_first_reserved_one() {
        let shape = PhoneShape::mobile("SE").unwrap();
        for epoch in 1..300 {
            let number = make(&key(epoch), "phone.primary", &shape, 0).unwrap();
            let ending: u32 = number.get(10..).unwrap().parse().unwrap();
            assert!((5..=99).contains(&ending), "{number}");
        }
    }
}
