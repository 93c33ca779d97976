//! Phone numbers in any usual spelling.

use crate::model::Secret;
use phonenumber::{Mode, country};

/// E.164 allows 15 digits; prefixes for dialling abroad and trunk zeros come on top.
const MAX_DIGITS: usize = 20;
const MIN_DIGITS: usize = 5;

/// A phone number in the spellings a form may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// `+` and up to 15 digits (ITU-T E.164).
    pub e164: Secret<String>,
    /// Digits as dialled inside the country, with the trunk prefix where it has one.
    pub national: Secret<String>,
    /// Digits without country code and trunk prefix.
    pub significant: Secret<String>,
}

impl Phone {
    /// Reads a number with country code (`+49 …`, `0049 …`, `tel:+49…`), or one without in `region`, an ISO 3166
    /// alpha-2 code or a locale. An extension is left out. Loads number plans on first use: not for the hot path.
    ///
    /// # Errors
    /// What is wrong, for the person who wrote it.
    pub fn parse(typed: &str, region: Option<&str>) -> Result<Self, &'static str> {
        let typed = typed.trim();
        let digits = typed.bytes().filter(u8::is_ascii_digit).count();
        let usual = |letter: char| {
            letter.is_ascii_digit() || " \u{a0}+-\u{2010}\u{2011}\u{2013}().,/".contains(letter)
        };
        let bare = typed.strip_prefix("tel:").unwrap_or(typed);
        if !bare.chars().all(usual) || !(MIN_DIGITS..=MAX_DIGITS).contains(&digits) {
            return Err("not a phone number");
        }
        // Only what carries meaning. The number plan tells whether the zero of "+49 (0)30 …" is one to dial (+39) or not.
        let plain: String = bare.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect();
        let region = region.and_then(region_of).and_then(|region| region.parse::<country::Id>().ok());
        let plain = match (plain.strip_prefix("00"), region) {
            (Some(rest), None) => format!("+{rest}"),
            _ => plain,
        };
        if region.is_none() && !plain.starts_with('+') {
            return Err(
                "a phone number without country code needs a country: write it as +49… or set a locale",
            );
        }
        let number = phonenumber::parse(region, &plain).map_err(|_| "not a phone number of that country")?;
        let e164 = number.format().mode(Mode::E164).to_string();
        // What is kept must read as itself again, without a region.
        let again = phonenumber::parse(None, &e164).map(|again| again.format().mode(Mode::E164).to_string());
        if !(8..=16).contains(&e164.len()) || again.ok().as_ref() != Some(&e164) {
            return Err("not a phone number of that country");
        }
        let national = number.format().mode(Mode::National).to_string();
        Ok(Self {
            e164: Secret::new(e164),
            national: Secret::new(national.chars().filter(char::is_ascii_digit).collect()),
            significant: Secret::new(number.national().to_string()),
        })
    }
}

/// The region of an ISO 3166 alpha-2 code or a locale: `DE` of `DE`, `de-DE` or `de_DE.UTF-8`.
pub fn region_of(locale: &str) -> Option<String> {
    let tag = locale.split(['.', '@']).next()?;
    let mut parts = tag.split(['-', '_']);
    let first = parts.next()?;
    let region = parts.find(|part| part.len() == 2).or(Some(first).filter(|_| tag.len() == 2))?;
    region.bytes().all(|byte| byte.is_ascii_alphabetic()).then(|| region.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn e164(typed: &str, region: Option<&str>) -> Option<String> {
        Phone::parse(typed, region).ok().map(|phone| phone.e164.expose().clone())
    }

    #[test]
    fn every_usual_spelling_is_one_number() {
        for typed in [
            "+4915112345678",
            "+49 151 12345678",
            "+49 (0)151 1234 5678",
            "+49-151-123-45-678",
            "004915112345678",
            "0049 151 / 12345678",
            "tel:+49-151-12345678",
        ] {
            assert_eq!(e164(typed, None).as_deref(), Some("+4915112345678"), "{typed}");
            assert_eq!(e164(typed, Some("DE")).as_deref(), Some("+4915112345678"), "{typed} in DE");
        }
        for typed in ["0151 12345678", "0151/1234-5678", "(0151) 12345678"] {
            assert_eq!(e164(typed, Some("de_DE.UTF-8")).as_deref(), Some("+4915112345678"), "{typed}");
            assert_eq!(e164(typed, None), None, "{typed}");
        }
        assert_eq!(e164("(202) 555-0143", Some("en-US")).as_deref(), Some("+12025550143"));
        assert_eq!(e164("+39 06 1234 5678", None).as_deref(), Some("+390612345678"));
        assert_eq!(e164("+39 (0)6 1234 5678", None).as_deref(), Some("+390612345678"));
        assert_eq!(e164("020 7946 0958", Some("GB")).as_deref(), Some("+442079460958"));
    }

    #[test]
    fn the_national_spellings_come_with_it() {
        let phone = Phone::parse("+4915112345678", None).unwrap();
        assert_eq!(phone.national.expose(), "015112345678");
        assert_eq!(phone.significant.expose(), "15112345678");
        let phone = Phone::parse("+12025550143", None).unwrap();
        assert_eq!(phone.national.expose(), "2025550143");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for typed in
            ["", "+", "110", "call me", "+49", "0800-FLOWERS", "+999999999999", "1".repeat(30).as_str()]
        {
            assert_eq!(e164(typed, Some("DE")), None, "{typed}");
        }
    }

    proptest! {
        #[test]
        fn what_was_read_reads_the_same(typed in "[+]?[0-9 ()-]{5,22}", region in 0_usize..4) {
            let region = [None, Some("DE"), Some("US"), Some("IT")][region];
            if let Ok(phone) = Phone::parse(&typed, region) {
                let kept = phone.e164.expose();
                let digits = kept.strip_prefix('+').unwrap();
                prop_assert!((7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
                prop_assert_eq!(e164(kept, None), Some(kept.clone()));
            }
        }
    }

    #[test]
    fn a_locale_names_its_region() {
        for (locale, want) in [
            ("DE", Some("DE")),
            ("de-DE", Some("DE")),
            ("de_AT.UTF-8", Some("AT")),
            ("zh-Hant-TW", Some("TW")),
            ("C.UTF-8", None),
            ("", None),
        ] {
            assert_eq!(region_of(locale).as_deref(), want, "{locale}");
        }
    }
}
