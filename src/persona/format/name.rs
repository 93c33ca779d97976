//! One made-up person per identity: given and family name that every value of that identity agrees with.

use super::Avoid;
use super::lists::{self, Locale, Names};
use crate::persona::derive::VendorKey;

/// Version of the name format.
pub const VERSION: u32 = lists::VERSION;
/// How many persons are tried until one sounds unlike the real one. One in a few hundred draws fails.
const ATTEMPTS: u32 = 64;

/// The person that a vendor meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
}

impl Person {
    /// The first person the key leads to whose names sound unlike the member's own.
    pub fn derive(key: &VendorKey, locale: Locale, avoid: &Avoid) -> Option<Self> {
        let names = Names::of(locale);
        (0..ATTEMPTS).find_map(|attempt| {
            let mut draws = key.draws("name", "person", VERSION, attempt);
            let (given, family) = (draws.pick(&names.given)?, draws.pick(&names.family)?);
            let clear = given != family && !avoid.sounds_real(given) && !avoid.sounds_real(family);
            clear.then(|| Self { given: (*given).to_owned(), family: (*family).to_owned() })
        })
    }

    /// The person behind an issued e-mail address of the form `given.family…`, read back through the lists.
    pub fn of_address(address: &str, locale: Locale) -> Option<Self> {
        let (given, rest) = address.split_once('@')?.0.split_once('.')?;
        let family: String = rest.chars().take_while(|letter| !letter.is_ascii_digit()).collect();
        let names = Names::of(locale);
        let find = |list: &[&str], plain: &str| {
            list.iter().find(|name| lists::plain(name) == plain).map(|name| (*name).to_owned())
        };
        Some(Self { given: find(&names.given, given)?, family: find(&names.family, &family)? })
    }

    /// Given and family name.
    pub fn full(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Secret, Slot};
    use crate::persona::derive::PersonaKey;

    fn key(vendor: &str) -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&vendor.into(), 1)
    }

    #[test]
    fn golden_persons_never_change() {
        let full = |locale| Person::derive(&key("shop.example"), locale, &Avoid::default()).unwrap().full();
        assert_eq!(Locale::ALL.map(full), GOLDEN);
    }
    const GOLDEN: [&str; 5] =
        ["Carolyn Perry", "Amelia Lowe", "Marie Fritz", "Olivier Étienne", "Gloria Andrés"];

    #[test]
    fn nobody_is_called_like_the_member() {
        let real = Secret::new("Karin Weber".to_owned());
        let avoid = Avoid::new(&[(Slot::parse("name.full").unwrap(), real)]);
        for number in 0..500 {
            let person =
                Person::derive(&key(&format!("shop{number}.example")), Locale::DeDe, &avoid).unwrap();
            assert!(!avoid.sounds_real(&person.given) && !avoid.sounds_real(&person.family), "{person:?}");
        }
    }

    #[test]
    fn an_address_leads_back_to_its_person() {
        let person = Person::of_address("juergen.schaefer421abcd@alias.example", Locale::DeDe).unwrap();
        assert_eq!(person.full(), "Jürgen Schäfer");
        assert_eq!(Person::of_address("maple.river42abcd@alias.example", Locale::DeDe), None);
    }
}
