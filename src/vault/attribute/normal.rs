//! One spelling for each value, whatever way it was typed.

use super::{AttributeError, Phone};
use crate::model::{Host, Secret, Slot, SlotKind};
use std::net::IpAddr;
use time::{Date, macros::format_description};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;
use zeroize::Zeroizing;

/// No real value is longer, in bytes.
const MAX_LEN: usize = 512;

/// The value as it is kept.
pub(super) fn normalise(
    slot: &Slot,
    typed: &str,
    region: Option<&str>,
) -> Result<Secret<String>, AttributeError> {
    spell(slot, typed, region)
        .map(Secret::new)
        .map_err(|problem| AttributeError { slot: slot.clone(), problem })
}

fn spell(slot: &Slot, typed: &str, region: Option<&str>) -> Result<String, &'static str> {
    if typed.len() > MAX_LEN {
        return Err("the value is longer than 512 bytes");
    }
    let visible: Zeroizing<String> =
        Zeroizing::new(typed.chars().filter(|letter| !is_invisible(*letter)).collect());
    let typed = visible.trim();
    if typed.is_empty() {
        return Err("the value is empty");
    }
    if typed.chars().any(char::is_control) {
        return Err("the value holds a control character");
    }
    match slot.kind() {
        SlotKind::Email => email(typed),
        SlotKind::Phone => Phone::parse(typed, region).map(|phone| phone.e164.expose().clone()),
        SlotKind::Birthdate => birthdate(typed),
        SlotKind::Geo => coordinates(typed),
        SlotKind::Ip => typed
            .parse::<IpAddr>()
            .map(|address| address.to_string())
            .map_err(|_| "not an IPv4 or IPv6 address"),
        SlotKind::Device if slot.as_str() == "device.mac" => mac(typed),
        SlotKind::Device | SlotKind::Ad | SlotKind::Account => Ok(identifier(typed)),
        SlotKind::Name | SlotKind::Address | SlotKind::Username | SlotKind::Custom => Ok(text(typed)),
    }
}

/// Marks that address books and web pages leave around copied text: zero width space, direction marks, byte order mark.
/// The joiners stay: Persian and Indic names need them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `name.given` and `name.family` as the first and the last word of the full name; `None` each where it has one word.
pub(super) fn name_parts(full: Option<&Secret<String>>) -> Vec<(Slot, Option<Secret<String>>)> {
    let words: Vec<&str> = full.map(|full| full.expose().split(' ').collect()).unwrap_or_default();
    let (given, family) = match words.as_slice() {
        [given, .., family] => (Some(*given), Some(*family)),
        _ => (None, None),
    };
    [("name.given", given), ("name.family", family)]
        .into_iter()
        .filter_map(|(slot, word)| Some((Slot::parse(slot)?, word.map(|word| Secret::new(word.to_owned())))))
        .collect()
}

/// NFC, each run of white space one space.
fn text(typed: &str) -> String {
    let words: Vec<&str> = typed.split_whitespace().collect();
    words.join(" ").nfc().collect()
}

/// RFC 5321 section 4.1.2 without quoted local parts and address literals, with the letters of RFC 6531. The domain
/// folds; the local part is the mailbox's own business and keeps its case.
fn email(typed: &str) -> Result<String, &'static str> {
    let (local, domain) = typed.rsplit_once('@').ok_or("an e-mail address has an @")?;
    let atext = |letter: char| {
        letter.is_alphanumeric() || !letter.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(letter)
    };
    let atom = |atom: &str| !atom.is_empty() && atom.chars().all(atext);
    if local.len() > 64 || !local.split('.').all(atom) || local.chars().any(char::is_whitespace) {
        return Err("the part before the @ is not one of an e-mail address");
    }
    let named = matches!(Host::parse(domain), Some(Host::Name(name)) if name.contains('.'));
    let plain = domain.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '.');
    if !named || !plain || domain.ends_with('.') {
        return Err("the part after the @ is not a mail domain");
    }
    Ok(format!("{}@{}", local.nfc(), domain.to_lowercase().nfc()))
}

fn birthdate(typed: &str) -> Result<String, &'static str> {
    let date = Date::parse(typed, format_description!("[year]-[month]-[day]"))
        .map_err(|_| "a birth date is written YYYY-MM-DD")?;
    if !(1850..=2200).contains(&date.year()) {
        return Err("the year is not one of a living person");
    }
    Ok(typed.to_owned())
}

/// Latitude and longitude in degrees, as precise as typed.
fn coordinates(typed: &str) -> Result<String, &'static str> {
    const PROBLEM: &str = "a place is written LATITUDE,LONGITUDE in degrees";
    let (latitude, longitude) = typed.split_once(',').ok_or(PROBLEM)?;
    let degrees = |typed: &str, most: f64| {
        let plain = typed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let value = typed.parse::<f64>().ok().filter(|value| plain && value.abs() <= most);
        value.map(|_| typed.to_owned()).ok_or(PROBLEM)
    };
    Ok(format!("{},{}", degrees(latitude.trim(), 90.0)?, degrees(longitude.trim(), 180.0)?))
}

/// Twelve hex digits as `aa:bb:cc:dd:ee:ff`.
fn mac(typed: &str) -> Result<String, &'static str> {
    let digits: String = typed
        .chars()
        .filter(|letter| !matches!(letter, ':' | '-' | '.'))
        .collect::<String>()
        .to_ascii_lowercase();
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("a MAC address has twelve hex digits");
    }
    let pairs: Vec<String> = digits
        .as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| pair.iter().map(|byte| char::from(*byte)).collect())
        .collect();
    Ok(pairs.join(":"))
}

/// A UUID in lower case without braces or scheme; anything else as typed.
fn identifier(typed: &str) -> String {
    if Uuid::try_parse(typed).is_err() {
        return typed.nfc().collect();
    }
    let bare = typed.strip_prefix("urn:uuid:").unwrap_or(typed);
    bare.trim_matches(|letter| matches!(letter, '{' | '}')).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(slot: &str, typed: &str) -> Option<String> {
        let kept = normalise(&Slot::parse(slot).unwrap(), typed, Some("de-DE"));
        kept.ok().map(|value| value.expose().clone())
    }

    #[test]
    fn each_value_has_one_spelling() {
        for (slot, typed, want) in [
            ("email.primary", "  Ann.Real+x@Home.EXAMPLE ", "Ann.Real+x@home.example"),
            ("email.work", "o'neil@mail.home.example", "o'neil@mail.home.example"),
            ("name.full", "  Jose\u{301}   Real\u{a0}Vega ", "José Real Vega"),
            ("address.street", "Long  Lane 4", "Long Lane 4"),
            ("birthdate", "1990-02-28", "1990-02-28"),
            ("username", "AnnReal", "AnnReal"),
            ("ad.id", "{38400000-8CF0-11BD-B23E-10B96E40000D}", "38400000-8cf0-11bd-b23e-10b96e40000d"),
            ("device.id", "384000008CF011BDB23E10B96E40000D", "384000008cf011bdb23e10b96e40000d"),
            ("device.id", "Serial-AbC", "Serial-AbC"),
            ("device.mac", "00-1B-63-84-45-E6", "00:1b:63:84:45:e6"),
            ("device.mac", "001b.6384.45e6", "00:1b:63:84:45:e6"),
            ("geo.home", "52.5200, -13.405", "52.5200,-13.405"),
            ("ip.home", "2001:DB8::0:1", "2001:db8::1"),
            ("phone.primary", "\u{202a}+49 151 12345678\u{202c}", "+4915112345678"),
            ("phone.primary", "0151 12345678", "+4915112345678"),
        ] {
            assert_eq!(kept(slot, typed).as_deref(), Some(want), "{slot} {typed}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (slot, typed) in [
            ("email.primary", ""),
            ("email.primary", "ann"),
            ("email.primary", "@home.example"),
            ("email.primary", "a..b@home.example"),
            ("email.primary", "ann@home"),
            ("email.primary", "ann real@home.example"),
            ("email.primary", "ann@127.0.0.1"),
            ("email.primary", "a@b@home.example"),
            ("email.primary", "ann@home.example/x"),
            ("name.full", " \u{a0} "),
            ("name.full", "Ann\nReal"),
            ("birthdate", "28.2.1990"),
            ("birthdate", "1990-02-30"),
            ("birthdate", "0001-01-01"),
            ("device.mac", "00:1b:63"),
            ("geo.home", "91,0"),
            ("geo.home", "nan,inf"),
            ("ip.home", "home"),
            ("phone.primary", "call me"),
        ] {
            assert_eq!(kept(slot, typed), None, "{slot} {typed}");
        }
        assert_eq!(kept("custom.x", &"x".repeat(MAX_LEN + 1)), None);
    }

    #[test]
    fn an_error_names_the_slot_and_never_the_value() {
        let slot = Slot::parse("email.primary").unwrap();
        let error = normalise(&slot, "canary-value", None).unwrap_err();
        assert_eq!(error.to_string(), "email.primary: an e-mail address has an @");
        assert!(!format!("{error:?}").contains("canary"));
    }

    #[test]
    fn a_full_name_has_a_first_and_a_last_word() {
        let parts = |name: &str| {
            let parts = name_parts(Some(&Secret::new(name.to_owned())));
            parts.into_iter().map(|(_, word)| word.map(|word| word.expose().clone())).collect::<Vec<_>>()
        };
        assert_eq!(parts("Ann Maria Real"), [Some("Ann".to_owned()), Some("Real".to_owned())]);
        assert_eq!(parts("Ann"), [None, None]);
    }

    proptest! {
        #[test]
        fn keeping_what_was_kept_changes_nothing(typed in ".{1,40}", which in 0_usize..8) {
            let slot = ["email.primary", "name.full", "username", "device.id", "device.mac", "geo.home", "ip.home",
                "custom.x"][which];
            if let Some(once) = kept(slot, &typed) {
                prop_assert_eq!(kept(slot, &once), Some(once));
            }
        }
    }
}
