//! The patterns of one value: what its decoded, folded spellings look like.

use super::automaton::fold;
use crate::model::SlotKind;
use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use unicode_normalization::UnicodeNormalization;

/// What must stand around a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Boundary {
    /// No character that would make it another address.
    Address,
    /// No letter or digit on the sides that say so; scripts without word spaces need none.
    Word {
        /// On the left.
        left: bool,
        /// On the right.
        right: bool,
    },
    /// No digit.
    Number,
}

/// In which form a phone number is written; decides what another number looks like in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PhoneForm {
    /// Country code and number, with `+` or without.
    International,
    /// `00` or `011` before the country code.
    Prefixed,
    /// Country code, the trunk `0` that people put in parentheses, and number.
    WithTrunk,
    /// The national number with its trunk prefix.
    National,
    /// The national number alone.
    Significant,
}

/// Letters at most of a user name that may be a word or somebody's name: so many most of these have.
const WORD: usize = 8;

/// How letters that were found folded have to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    /// As anybody likes.
    Folded,
    /// In lower case these: a `+` must be told from a space.
    Signed(Vec<u8>),
    /// All small or all capital: `wright` is somebody's user name, Wright the name of many.
    OneCase,
}

impl Letters {
    /// Whether decoded letters may be it; `plus` stands for a `+` that is no space.
    pub(super) fn admit(&self, mut written: impl Iterator<Item = u8> + Clone, plus: u8) -> bool {
        match self {
            Self::Folded => true,
            Self::Signed(wanted) => wanted.iter().all(|wanted| match written.next() {
                Some(byte) if byte == plus => *wanted == b'+',
                byte => byte.map(|byte| byte.to_ascii_lowercase()) == Some(*wanted),
            }),
            Self::OneCase => {
                !(written.clone().any(|byte| byte.is_ascii_lowercase())
                    && written.any(|byte| byte.is_ascii_uppercase()))
            }
        }
    }
}

/// Whether a user name reads like a word or a name: a few letters, none capital but perhaps the first. As the whole value
/// of a field that is typed for it, it counts in any letters.
pub(super) fn reads_like_a_word(kind: SlotKind, value: &str) -> bool {
    kind == SlotKind::Username
        && value.chars().count() <= WORD
        && value.chars().all(char::is_alphabetic)
        && !value.chars().skip(1).any(char::is_uppercase)
}

/// One spelling of one value.
pub(super) struct Pattern {
    /// Whose.
    pub(super) identifier: usize,
    /// What is searched for, folded; digits only for a phone.
    pub(super) folded: Vec<u8>,
    /// How the letters must stand there, since the search folds them.
    pub(super) letters: Letters,
    /// What must stand around it.
    pub(super) boundary: Boundary,
    /// Set for a phone.
    pub(super) phone: Option<PhoneForm>,
}

/// The patterns of a strong value.
pub(super) fn of_value(identifier: usize, kind: SlotKind, value: &str) -> Vec<Pattern> {
    match kind {
        SlotKind::Phone => phone(identifier, value),
        SlotKind::Email => cased(&addresses(value.trim()))
            .into_iter()
            .map(|text| {
                let letters = match text.contains('+') {
                    true => Letters::Signed(text.to_ascii_lowercase().into_bytes()),
                    false => Letters::Folded,
                };
                let boundary = Boundary::Address;
                Pattern { identifier, folded: folded(&text), letters, boundary, phone: None }
            })
            .collect(),
        SlotKind::Name => words(identifier, names(value)),
        SlotKind::Device | SlotKind::Ad => words(identifier, hexadecimal(value)),
        SlotKind::Ip => words(identifier, ip(value)),
        _ => {
            let mut patterns = words(identifier, BTreeSet::from([value.trim().to_owned()]));
            if reads_like_a_word(kind, value.trim()) {
                patterns.iter_mut().for_each(|pattern| pattern.letters = Letters::OneCase);
            }
            patterns
        }
    }
}

/// With the domain in letters of its own script and in those of the DNS (RFC 5890 section 2.3.2.1).
pub(super) fn addresses(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.to_owned()]);
    if let Some((local, domain)) = value.rsplit_once('@') {
        for domain in [url::quirks::domain_to_ascii(domain), url::quirks::domain_to_unicode(domain)] {
            // Empty where it is no domain name.
            if !domain.is_empty() {
                forms.insert(format!("{local}@{domain}"));
            }
        }
    }
    forms
}

/// `Ann Real`, `Real Ann`, `Real, Ann`.
fn names(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.trim().to_owned()]);
    if let Some((given, family)) = value.trim().rsplit_once(char::is_whitespace) {
        let (given, family) = (given.trim(), family.trim());
        forms.insert(format!("{family} {given}"));
        forms.insert(format!("{family}, {given}"));
        forms.insert(format!("{family},{given}"));
    }
    forms
}

/// An address as RFC 5952 has it, and with every zero.
fn ip(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.to_owned()]);
    if let Ok(address) = value.parse::<Ipv6Addr>() {
        let all = |width: usize| address.segments().map(|segment| format!("{segment:0width$x}")).join(":");
        forms.extend([address.to_string(), all(1), all(4)]);
    }
    forms
}

/// A UUID or MAC address with and without its separators.
fn hexadecimal(value: &str) -> BTreeSet<String> {
    let value = value.trim();
    let mut forms = BTreeSet::from([value.to_owned()]);
    let is_layout = |char: char| matches!(char, '-' | ':' | '.');
    let bare: String = value.chars().filter(|&char| !is_layout(char)).collect();
    if bare.len() < 12 || !bare.chars().all(|char| char.is_ascii_hexdigit()) {
        return forms;
    }
    if bare.len() == 12 {
        let pairs: Vec<_> = bare.as_bytes().chunks(2).map(String::from_utf8_lossy).collect();
        forms.insert(pairs.join(":"));
        forms.insert(pairs.join("-"));
    }
    if bare.len() == 32 {
        let mut rest = bare.as_str();
        let mut groups = Vec::new();
        for length in [8, 4, 4, 4] {
            let (group, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
            groups.push(group);
            rest = behind;
        }
        groups.push(rest);
        forms.insert(groups.join("-"));
    }
    forms.insert(bare);
    forms
}

fn words(identifier: usize, forms: BTreeSet<String>) -> Vec<Pattern> {
    let spaced: BTreeSet<String> = forms
        .into_iter()
        .map(|form| form.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|form| !form.is_empty())
        .collect();
    let mut patterns = Vec::new();
    let mut seen = BTreeSet::new();
    for form in cased(&spaced) {
        // A script without letter case (Han, Kana) has no spaces between words either.
        let edge = |char: Option<char>| {
            char.is_none_or(|char| char.is_ascii() || char.is_lowercase() || char.is_uppercase())
        };
        let boundary =
            Boundary::Word { left: edge(form.chars().next()), right: edge(form.chars().next_back()) };
        for text in [form.clone(), form.replace(' ', "\u{A0}")] {
            let folded = folded(&text);
            if seen.insert(folded.clone()) {
                patterns.push(Pattern {
                    identifier,
                    folded,
                    letters: Letters::Folded,
                    boundary,
                    phone: None,
                });
            }
        }
    }
    patterns
}

/// As written, in lower and upper case, composed and decomposed.
fn cased(forms: &BTreeSet<String>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for form in forms {
        for text in [form.clone(), form.to_lowercase(), form.to_uppercase()] {
            all.insert(text.nfc().collect::<String>().to_ascii_lowercase());
            all.insert(text.nfd().collect::<String>().to_ascii_lowercase());
        }
    }
    all
}

fn folded(text: &str) -> Vec<u8> {
    text.bytes().map(fold).collect()
}

/// A number taken apart: country code, significant national number, national number with its trunk prefix.
pub(super) struct Number {
    pub(super) code: String,
    pub(super) significant: String,
    pub(super) national: String,
}

impl Number {
    /// Reads E.164; `None` for anything else.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let digits = digits(value);
        let number = phonenumber::parse(None, format!("+{digits}")).ok()?;
        let code = number.code().value().to_string();
        let significant = digits.strip_prefix(&code)?.to_owned();
        let national = self::digits(&number.format().mode(phonenumber::Mode::National).to_string());
        Some(Self { code, significant, national })
    }

    /// The digits in that form.
    pub(super) fn written(&self, form: PhoneForm) -> String {
        match form {
            PhoneForm::International => format!("{}{}", self.code, self.significant),
            PhoneForm::Prefixed => format!("00{}{}", self.code, self.significant),
            PhoneForm::WithTrunk => format!("{}0{}", self.code, self.significant),
            PhoneForm::National => self.national.clone(),
            PhoneForm::Significant => self.significant.clone(),
        }
    }
}

pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Fewest digits that are searched for without a prefix.
const SIGNIFICANT: usize = 8;

fn phone(identifier: usize, value: &str) -> Vec<Pattern> {
    let mut forms = vec![
        (digits(value), PhoneForm::International),
        (format!("00{}", digits(value)), PhoneForm::Prefixed),
    ];
    if let Some(number) = Number::parse(value) {
        let written = |form| (number.written(form), form);
        forms.push((format!("011{}", digits(value)), PhoneForm::Prefixed));
        forms.push(written(PhoneForm::WithTrunk));
        // Where there is no trunk prefix both are the same; the national form is looked up first.
        forms.push(written(PhoneForm::National));
        forms.push((format!("0{}", number.significant), PhoneForm::National));
        forms.push(written(PhoneForm::Significant));
    }
    let mut seen = BTreeSet::new();
    forms
        .into_iter()
        .filter(|(digits, form)| {
            let enough = if *form == PhoneForm::International { 5 } else { SIGNIFICANT };
            digits.len() >= enough && seen.insert(digits.clone())
        })
        .map(|(digits, form)| Pattern {
            identifier,
            folded: digits.into_bytes(),
            letters: Letters::Folded,
            boundary: Boundary::Number,
            phone: Some(form),
        })
        .collect()
}
