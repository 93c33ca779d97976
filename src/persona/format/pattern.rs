//! Account numbers and other ids: as long as the real one, each character of its class, check digit kept right.

use crate::persona::derive::VendorKey;
use crate::rewrite::luhn_sum;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Characters at most.
pub const LONGEST: usize = 256;
/// Fewer digits satisfy the Luhn formula too often by chance to mean anything.
const LUHN_DIGITS: usize = 8;
/// A long run of nothing but hexadecimal digits, or a short one that mixes letters and digits this often, is one.
const HEX_LENGTH: usize = 16;
const HEX_CHANGES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Digit,
    /// A digit that starts a number: never 0, or a JSON number would not be one any more.
    Leading,
    Lower,
    Upper,
    HexLower,
    HexUpper,
    /// ASCII punctuation or a space: structure, the same for everyone with such an id.
    Mark(char),
}

/// The classes of an id's characters. All that a pseudonym takes over from the real value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    classes: Vec<Class>,
    luhn: bool,
}

impl Pattern {
    /// Of a real id; `None` for one without a letter or digit, or a very long one.
    pub fn of(value: &str) -> Option<Self> {
        if value.chars().count() > LONGEST {
            return None;
        }
        let hex = hex_class(value);
        let mut classes: Vec<Class> = Vec::with_capacity(value.len());
        for letter in value.chars() {
            let first = !matches!(classes.last(), Some(Class::Digit | Class::Leading));
            classes.push(match letter {
                letter if letter.is_ascii_hexdigit() && hex.is_some() => hex.unwrap_or(Class::HexLower),
                '0' => Class::Digit,
                '1'..='9' if first => Class::Leading,
                '1'..='9' => Class::Digit,
                letter if letter.is_uppercase() => Class::Upper,
                letter if letter.is_ascii_punctuation() || letter == ' ' => Class::Mark(letter),
                _ => Class::Lower,
            });
        }
        let variable = classes.iter().any(|class| !matches!(class, Class::Mark(_)));
        variable.then(|| Self { luhn: hex.is_none() && satisfies_luhn(value), classes })
    }

    /// `count` digits.
    pub fn digits(count: usize) -> Self {
        let mut classes = vec![Class::Digit; count.clamp(1, LONGEST)];
        if let Some(first) = classes.first_mut() {
            *first = Class::Leading;
        }
        Self { classes, luhn: false }
    }

    /// `count` lower-case letters.
    pub fn letters(count: usize) -> Self {
        Self { classes: vec![Class::Lower; count.clamp(1, LONGEST)], luhn: false }
    }
}

fn hex_class(value: &str) -> Option<Class> {
    let all = || value.chars().filter(char::is_ascii_alphanumeric);
    let changes = all().zip(all().skip(1)).filter(|(a, b)| a.is_ascii_digit() != b.is_ascii_digit()).count();
    let hex = value.is_ascii()
        && (all().count() >= HEX_LENGTH || changes >= HEX_CHANGES)
        && all().all(|letter| letter.is_ascii_hexdigit());
    let (lower, upper) = (all().any(|l| l.is_ascii_lowercase()), all().any(|l| l.is_ascii_uppercase()));
    match (hex && all().any(|l| l.is_ascii_digit()), lower, upper) {
        (true, true, false) => Some(Class::HexLower),
        (true, false, true) => Some(Class::HexUpper),
        _ => None,
    }
}

pub(super) fn satisfies_luhn(value: &str) -> bool {
    let digits: Vec<u32> = value.chars().rev().filter_map(|letter| letter.to_digit(10)).collect();
    digits.len() >= LUHN_DIGITS
        && !value.chars().any(char::is_alphabetic)
        && luhn_sum(digits.into_iter()).is_multiple_of(10)
}

/// The last digit becomes the check digit of the others.
pub(super) fn mend_luhn(text: &mut [char]) {
    let Some(last) = text.iter().rposition(char::is_ascii_digit) else { return };
    if let Some(digit) = text.get_mut(last) {
        *digit = '0';
    }
    let sum = luhn_sum(text.iter().rev().filter_map(|letter| letter.to_digit(10)));
    if let (Some(place), Some(digit)) = (text.get_mut(last), char::from_digit((10 - sum % 10) % 10, 10)) {
        *place = digit;
    }
}

/// An id of that pattern.
pub fn make(key: &VendorKey, slot: &str, pattern: &Pattern, attempt: u32) -> String {
    let mut draws = key.draws("pattern", slot, VERSION, attempt);
    let mut text: Vec<char> = pattern
        .classes
        .iter()
        .map(|class| match class {
            Class::Digit => draws.character("0123456789"),
            Class::Leading => draws.character("123456789"),
            Class::Lower => draws.character("abcdefghijklmnopqrstuvwxyz"),
            Class::Upper => draws.character("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
            Class::HexLower => draws.character("0123456789abcdef"),
            Class::HexUpper => draws.character("0123456789ABCDEF"),
            Class::Mark(mark) => *mark,
        })
        .collect();
    if pattern.luhn {
        mend_luhn(&mut text);
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;
    use proptest::prelude::*;

    fn key() -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&"shop.example".into(), 1)
    }

    fn made(real: &str) -> String {
        make(&key(), "account.club", &Pattern::of(real).unwrap(), 0)
    }

    #[test]
    fn golden_ids_never_change() {
        assert_eq!(["AB-12345-x", "4111 1111 1111 1111", "60aa622cb7"].map(made), GOLDEN);
    }
    const GOLDEN: [&str; 3] = ["UI-90848-m", "6080 2480 1360 9370", "60aa622cb7"];

    #[test]
    fn a_card_like_number_keeps_its_check_digit_right() {
        for real in ["4111111111111111", "79927398713", "4111-1111-1111-1111"] {
            assert!(satisfies_luhn(real) && satisfies_luhn(&made(real)), "{}", made(real));
        }
        assert!(!satisfies_luhn("79927398710"));
    }

    #[test]
    fn only_punctuation_is_taken_over() {
        assert!(made("Ä1-β2/9").is_ascii());
        assert_eq!(Pattern::of("--- ---"), None);
        assert_eq!(Pattern::of(&"a".repeat(LONGEST + 1)), None);
        assert_eq!(Pattern::of(""), None);
    }

    #[test]
    fn hexadecimal_ids_stay_hexadecimal() {
        assert!(made("01ab-23cd-4567").chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-'));
    }

    proptest! {
        #[test]
        fn length_and_classes_stay(real in "[A-Za-z0-9 ._/-]{1,40}") {
            prop_assume!(real.chars().any(|letter| letter.is_ascii_alphanumeric()));
            let hex = hex_class(&real).is_some();
            let made = made(&real);
            prop_assert_eq!(made.chars().count(), real.chars().count());
            for (left, right) in real.chars().zip(made.chars()) {
                let same = |class: fn(&char) -> bool| class(&left) == class(&right);
                prop_assert!(hex || same(char::is_ascii_digit));
                prop_assert!(hex || same(char::is_ascii_lowercase));
                prop_assert!(same(char::is_ascii_punctuation));
            }
        }

        #[test]
        fn a_number_stays_a_number_of_that_length(real in 1_u64..) {
            prop_assert!(!made(&real.to_string()).starts_with('0'));
        }
    }
}
