//! Frozen lists of names and words, and the locale that chooses among them.

use std::sync::LazyLock;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Version of every list here. A pseudonym comes from a position in a list, so a list never changes under its version.
pub const VERSION: u32 = 1;

/// A language and country that has name lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// American English; also for every locale without lists of its own.
    #[default]
    EnUs,
    /// British English.
    EnGb,
    /// German.
    DeDe,
    /// French.
    FrFr,
    /// Spanish.
    EsEs,
}

impl Locale {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::EnUs, Self::EnGb, Self::DeDe, Self::FrFr, Self::EsEs];

    /// The nearest locale with lists for a BCP 47 tag such as `de-AT`: by language, English by country.
    pub fn nearest(tag: &str) -> Self {
        let tag = tag.to_ascii_lowercase().replace('_', "-");
        match tag.split('-').next().unwrap_or_default() {
            "de" => Self::DeDe,
            "fr" => Self::FrFr,
            "es" => Self::EsEs,
            "en" if !matches!(tag.as_str(), "en" | "en-us" | "en-ca") => Self::EnGb,
            _ => Self::EnUs,
        }
    }

    /// The one of these that is this locale's; they stand in the order of [`Self::ALL`].
    pub(super) fn of<T>(self, all: &[T; 5]) -> &T {
        let [us, gb, de, fr, es] = all;
        match self {
            Self::EnUs => us,
            Self::EnGb => gb,
            Self::DeDe => de,
            Self::FrFr => fr,
            Self::EsEs => es,
        }
    }

    /// ISO 3166 code of its country.
    pub fn country(self) -> &'static str {
        match self {
            Self::EnUs => "US",
            Self::EnGb => "GB",
            Self::DeDe => "DE",
            Self::FrFr => "FR",
            Self::EsEs => "ES",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::EnUs => include_str!("../../../config/names/en-US.txt"),
            Self::EnGb => include_str!("../../../config/names/en-GB.txt"),
            Self::DeDe => include_str!("../../../config/names/de-DE.txt"),
            Self::FrFr => include_str!("../../../config/names/fr-FR.txt"),
            Self::EsEs => include_str!("../../../config/names/es-ES.txt"),
        }
    }
}

/// Given and family names of one locale.
#[derive(Debug)]
pub struct Names {
    /// Given names.
    pub given: Vec<&'static str>,
    /// Family names.
    pub family: Vec<&'static str>,
}

impl Names {
    fn read(text: &'static str) -> Self {
        let (given, family) = text.split_once("[family]").unwrap_or((text, ""));
        Self { given: lines(given), family: lines(family) }
    }

    /// The lists of a locale.
    pub fn of(locale: Locale) -> &'static Self {
        static LISTS: LazyLock<[Names; 5]> =
            LazyLock::new(|| Locale::ALL.map(|locale| Names::read(locale.text())));
        locale.of(&LISTS)
    }
}

/// Plain English words of four to eight letters.
pub fn words() -> &'static [&'static str] {
    static WORDS: LazyLock<Vec<&'static str>> =
        LazyLock::new(|| lines(include_str!("../../../config/names/words.txt")));
    &WORDS
}

fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '['])).collect()
}

/// A name in letters a to z: umlauts written out, accents and everything else dropped.
pub fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars().flat_map(char::to_lowercase).nfc() {
        match letter {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            'œ' => plain.push_str("oe"),
            'ø' => plain.push('o'),
            letter => plain.extend(
                std::iter::once(letter)
                    .nfd()
                    .filter(|part| part.is_ascii_lowercase() && !is_combining_mark(*part)),
            ),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use std::collections::BTreeSet;

    #[test]
    fn lists_are_long_enough_and_hold_each_name_once() {
        for locale in Locale::ALL {
            let names = Names::of(locale);
            assert!(names.given.len() >= 120 && names.family.len() >= 200, "{locale:?}");
            for list in [&names.given, &names.family] {
                assert_eq!(list.iter().collect::<BTreeSet<_>>().len(), list.len(), "{locale:?}");
                for name in list {
                    assert!((2..=15).contains(&plain(name).len()) && !name.contains(' '), "{name}");
                }
            }
        }
        assert!(words().len() >= 256);
        assert!(words().iter().all(|word| (4..=8).contains(&word.len()) && plain(word) == *word));
    }

    /// A changed list would rename people: these digests pin version 1.
    #[test]
    fn lists_are_frozen() {
        let mut hash = Sha256::new();
        for locale in Locale::ALL {
            hash.update(locale.text());
        }
        hash.update(include_str!("../../../config/names/words.txt"));
        let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, FROZEN);
    }
    const FROZEN: &str = "73e08e9d456f315f3e1470997a01d296c0aaa5d18e71cbc274323438e63f5051";

    #[test]
    fn a_tag_finds_its_nearest_locale() {
        for (tag, want) in [
            ("de-AT", Locale::DeDe),
            ("en_IE", Locale::EnGb),
            ("en", Locale::EnUs),
            ("fr", Locale::FrFr),
            ("es-MX", Locale::EsEs),
            ("pt-BR", Locale::EnUs),
            ("", Locale::EnUs),
        ] {
            assert_eq!(Locale::nearest(tag), want, "{tag}");
        }
    }

    #[test]
    fn names_become_plain_letters() {
        for (name, want) in [
            ("Jürgen", "juergen"),
            ("Weiß", "weiss"),
            ("Éléonore", "eleonore"),
            ("Núñez", "nunez"),
            ("O'Neil", "oneil"),
        ] {
            assert_eq!(plain(name), want);
        }
    }
}
