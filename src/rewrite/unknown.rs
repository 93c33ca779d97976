//! Personal data that nobody told us of: what a whole field looks like. It is told by category and place, so that its
//! owner can add it; nothing is done to it.
//!
//! A value counts where its form leaves little doubt: e-mail addresses, international phone numbers, and numbers whose check
//! digits are right.

use super::Syntax;
use super::pattern::digits;
use crate::model::{Category, Place, Secret};

/// Most bytes of a value that is looked at.
pub(super) const LONGEST: usize = 254;
/// Most that is told of one body.
pub(super) const MOST: usize = 16;
/// Fewest bytes of one.
const SHORTEST: usize = 6;
/// Most values of one body that are looked at: some take ten microseconds.
pub(super) const LOOKS: usize = 256;
/// Fewer digits in a row are anything.
const FEWEST: usize = 8;
/// But for numbers that begin with a letter, or have some in between.
const FEWEST_OF_AN_ID: usize = 7;

/// Data of a person that is nobody's here.
#[derive(Clone, Debug)]
pub struct Noticed {
    /// The field.
    pub place: Place,
    /// What it seems to be.
    pub kind: Kind,
    /// What stands there, to be compared and forgotten.
    pub value: Secret<String>,
}

/// What a value seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone number with its country's code.
    Phone,
    /// A payment card's number.
    Card,
    /// An account with a bank (ISO 13616).
    Iban,
    /// A number that a state gives to a person.
    NationalId,
}

impl Kind {
    /// Its W3C DPV category.
    pub fn category(self) -> Category {
        Category(match self {
            Self::Email => "pd:EmailAddress",
            Self::Phone => "pd:TelephoneNumber",
            Self::Card => "pd:PaymentCardNumber",
            Self::Iban => "pd:BankAccount",
            Self::NationalId => "pd:NationalIdentificationNumber",
        })
    }

    /// What people call it, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Card => "a card number",
            Self::Iban => "a bank account",
            Self::NationalId => "a national id",
        }
    }
}

/// Whether the fields of a body may hold anything of the kind.
pub(super) fn may_hold(syntax: &Syntax, body: &[u8]) -> bool {
    if matches!(syntax, Syntax::Text | Syntax::Html) {
        return false;
    }
    let at = |sign: &&[u8]| memchr::memmem::find(body, sign).is_some();
    [&b"@"[..], b"%40", b"\\u0040"].iter().any(at)
        || body
            .split(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b' ' | b'-' | b'+' | b'.'))
            .any(|word| word.iter().filter(|byte| byte.is_ascii_digit()).count() >= FEWEST)
}

/// Whether a value can be any of it: an address has its sign, everything else digits.
pub(super) fn is_worth_a_look(decoded: &[u8]) -> bool {
    decoded.len() >= SHORTEST
        && (decoded.contains(&b'@')
            || decoded.iter().filter(|byte| byte.is_ascii_digit()).count() >= FEWEST_OF_AN_ID)
}

/// What a field's decoded value seems to be. A `+` may have become a space.
pub(super) fn kind_of(decoded: &[u8]) -> Option<Kind> {
    let text = std::str::from_utf8(decoded).ok().filter(|text| text.len() <= LONGEST)?;
    let plus = text.starts_with(['+', ' ']);
    let text = text.trim();
    if is_email(text) {
        return Some(Kind::Email);
    }
    if is_phone(text.trim_start_matches('+'), plus) {
        return Some(Kind::Phone);
    }
    let bare: String = text.chars().filter(|char| !matches!(char, ' ' | '-' | '.')).collect();
    let layout = text.len() <= 2 * bare.len();
    let bare = bare.to_ascii_uppercase();
    match bare.as_str() {
        _ if !layout => None,
        bare if is_iban(bare) => Some(Kind::Iban),
        bare if is_card(bare) => Some(Kind::Card),
        bare if is_national_id(bare) => Some(Kind::NationalId),
        _ => None,
    }
}

/// RFC 5321 section 4.1.2 without quotes, at a top-level domain that exists.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atext = |char: char| char.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char);
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|char| char.is_alphanumeric() || char == '-');
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top).to_lowercase();
    let exists = psl::suffix(top.as_bytes()).is_some_and(|suffix| suffix.is_known())
        || matches!(top.as_str(), "example" | "test");
    !local.is_empty()
        && local.len() <= 64
        && local.chars().all(atext)
        && domain.split('.').all(label)
        && exists
}

/// E.164, with separators.
fn is_phone(text: &str, plus: bool) -> bool {
    let digits = digits(text);
    let layout = text.chars().all(|char| char.is_ascii_digit() || " -.()/".contains(char));
    plus && layout
        && (FEWEST..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && phonenumber::parse(None, format!("+{digits}")).is_ok_and(|number| number.is_valid())
}

/// ISO 13616-1: country, two check digits, an account; the remainder by 97 of all of it, rearranged, is one.
fn is_iban(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(head), Some(rest)) = (bytes.get(..4), bytes.get(4..)) else { return false };
    let country =
        head.iter().take(2).all(u8::is_ascii_uppercase) && head.iter().skip(2).all(u8::is_ascii_digit);
    if !country || !(15..=34).contains(&bytes.len()) || !rest.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let remainder = rest.iter().chain(head).try_fold(0_u32, |sum, byte| {
        let digit = char::from(*byte).to_digit(36)?;
        Some((sum * if digit > 9 { 100 } else { 10 } + digit) % 97)
    });
    remainder == Some(1)
}

/// ISO/IEC 7812-1: issuers of payment cards, and the check digit.
fn is_card(text: &str) -> bool {
    let prefix =
        |length: usize| text.get(..length).and_then(|prefix| prefix.parse::<u32>().ok()).unwrap_or(0);
    let issuer = matches!(
        (text.len(), prefix(2), prefix(4)),
        (16 | 19, 40..=49, _)
            | (16, 51..=55, _)
            | (16, _, 2221..=2720 | 3528..=3589)
            | (15, 34 | 37, _)
            | (14, 30 | 36 | 38 | 39, _)
            | (16..=19, 64 | 65, _)
            | (16..=19, _, 6011)
    );
    let all = text.bytes().all(|byte| byte.is_ascii_digit());
    issuer && all && luhn_sum(text.chars().rev().filter_map(|digit| digit.to_digit(10))).is_multiple_of(10)
}

/// ISO/IEC 7812-1 annex B: of digits from the right, every second one is doubled; of a right number the sum is a multiple of
/// ten.
pub fn luhn_sum(digits: impl Iterator<Item = u32>) -> u32 {
    digits
        .enumerate()
        .map(|(index, digit)| if index % 2 == 1 { digit * 2 / 10 + digit * 2 % 10 } else { digit })
        .sum()
}

/// Numbers that say by a check character what they are: Spain's DNI and NIE, France's NIR, Italy's codice fiscale.
fn is_national_id(text: &str) -> bool {
    is_dni(text) || is_nir(text) || is_codice_fiscale(text)
}

/// Real Decreto 1553/2005: the letter is the remainder by 23.
fn is_dni(text: &str) -> bool {
    let Some((number, letter)) = text.split_at_checked(8).filter(|_| text.len() == 9) else { return false };
    let number = match number.split_at_checked(1) {
        Some(("X", rest)) => format!("0{rest}"),
        Some(("Y", rest)) => format!("1{rest}"),
        Some(("Z", rest)) => format!("2{rest}"),
        _ => number.to_owned(),
    };
    let all = number.bytes().all(|byte| byte.is_ascii_digit());
    let place = number.parse::<usize>().ok().filter(|_| all).map(|number| number % 23);
    place
        .and_then(|place| b"TRWAGMYFPDXBNJZSQVHLCKE".get(place))
        .is_some_and(|want| letter.as_bytes() == [*want])
}

/// Code de la sécurité sociale, article R. 115-1: sex, year, month, place and order, and what is missing to 97.
fn is_nir(text: &str) -> bool {
    let all = text.len() == 15 && text.bytes().all(|byte| byte.is_ascii_digit());
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse::<u64>().ok());
    let (Some(number), Some(key), Some(month)) = (part(0, 13), part(13, 15), part(3, 5)) else {
        return false;
    };
    all && text.starts_with(['1', '2']) && (1..=12).contains(&month) && 97 - number % 97 == key
}

/// Decreto ministeriale 23 dicembre 1976: odd places by a table, even ones by their order, the sum by 26.
fn is_codice_fiscale(text: &str) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    const SHAPE: &[u8; 16] = b"AAAAAA00A00A000A";
    let fits = |(byte, shape): (u8, &u8)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        _ => byte.is_ascii_digit(),
    };
    if text.len() != SHAPE.len() || !text.bytes().zip(SHAPE).all(fits) {
        return false;
    }
    let value = |byte: u8| {
        let order = if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') };
        usize::from(order)
    };
    let sum = text.bytes().take(15).enumerate().try_fold(0, |sum, (index, byte)| {
        let even = index % 2 == 1;
        Some(sum + if even { u32::try_from(value(byte)).ok()? } else { *ODD.get(value(byte))? })
    });
    let last = text.bytes().last().map(|byte| u32::from(byte.wrapping_sub(b'A')));
    sum.zip(last).is_some_and(|(sum, last)| sum % 26 == last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_leave_little_doubt() {
        for (text, want) in [
            ("bob@other.example", Some(Kind::Email)),
            ("Bob.O'Neil+x@mail.other.org", Some(Kind::Email)),
            ("call bob@other.org", None),
            ("bob@other", None),
            ("bob@other.zzzz", None),
            ("to bob@other.org and more", None),
            ("@handle", None),
            ("+49 (151) 123-456 78", Some(Kind::Phone)),
            ("+44 7700 900123", None),
            (" 4915112345678", Some(Kind::Phone)),
            ("4915112345678", None),
            ("+1", None),
            ("4111 1111 1111 1111", Some(Kind::Card)),
            ("4111-1111-1111-1112", None),
            ("378282246310005", Some(Kind::Card)),
            ("1795305600123", None),
            ("GB82 WEST 1234 5698 7654 32", Some(Kind::Iban)),
            ("de89370400440532013000", Some(Kind::Iban)),
            ("DE88370400440532013000", None),
            ("12345678Z", Some(Kind::NationalId)),
            ("X1234567L", Some(Kind::NationalId)),
            ("12345678A", None),
            ("255081416802538", Some(Kind::NationalId)),
            ("RSSMRA85T10A562S", Some(Kind::NationalId)),
            ("RSSMRA85T10A562T", None),
            ("6f2c1a90-77de-4b1c-9c55-0a1b2c3d4e5f", None),
            ("", None),
        ] {
            assert_eq!(kind_of(text.as_bytes()), want, "{text}");
            assert!(want.is_none() || is_worth_a_look(text.as_bytes()), "{text}");
        }
    }
}
