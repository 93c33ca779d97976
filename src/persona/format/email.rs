//! Addresses: `maria.keller427k2d@alias.example`, or two plain words where the vendor knows the person's real name.
//!
//! The last four letters of the local part are 20 bits of a MAC over the rest: the mail edge refuses a guessed address
//! of a catch-all domain without looking anything up. Never a vendor's name (guessable, and tells others), never `+`
//! (sites strip or refuse it).

use super::lists::{plain, words};
use super::{Avoid, Person};
use crate::persona::derive::{CheckKey, VendorKey};

/// Version of `given.family`.
pub const NAMED: u32 = 1;
/// Version of `word.word`, for vendors that know the real name: another name in the address would only puzzle them.
pub const WORDS: u32 = 2;
/// Characters of a local part at most.
pub const LONGEST: usize = 40;
const CHECK: usize = 4;
/// RFC 4648 base32, lower case.
const BASE32: &str = "abcdefghijklmnopqrstuvwxyz234567";
/// An adopted name may be of any length.
const NAME_LETTERS: usize = 14;

/// An address for the slot. `person` where the vendor meets the made-up one.
pub fn make(
    key: &VendorKey,
    check: &CheckKey,
    slot: &str,
    domain: &str,
    person: Option<&Person>,
    avoid: &Avoid,
    attempt: u32,
) -> Option<(String, u32)> {
    let name = person.and_then(|person| {
        let short = |name: &str| plain(name).chars().take(NAME_LETTERS).collect::<String>();
        let (given, family) = (short(&person.given), short(&person.family));
        (!given.is_empty() && !family.is_empty()).then(|| format!("{given}.{family}"))
    });
    let version = if name.is_some() { NAMED } else { WORDS };
    let mut draws = key.draws("email", slot, version, attempt);
    let stem = match name {
        Some(name) => name,
        None => {
            let (first, second) = (draws.pick(words())?, draws.pick(words())?);
            if first == second || avoid.sounds_real(first) || avoid.sounds_real(second) {
                return None;
            }
            format!("{first}.{second}")
        }
    };
    let local = format!("{stem}{}", 10 + draws.below(990));
    let local = format!("{local}{}", check_letters(check, &local));
    (local.len() <= LONGEST).then(|| (format!("{local}@{domain}"), version))
}

fn check_letters(check: &CheckKey, text: &str) -> String {
    let bits = check.bits(text);
    [15, 10, 5, 0]
        .into_iter()
        .filter_map(|shift| BASE32.chars().nth(usize::try_from(bits >> shift & 31).ok()?))
        .collect()
}

/// Whether a local part, in any case, was made under this key. A guess passes once in a million.
pub fn is_ours(check: &CheckKey, local: &str) -> bool {
    let local = local.to_ascii_lowercase();
    local
        .len()
        .checked_sub(CHECK)
        .and_then(|at| local.split_at_checked(at))
        .is_some_and(|(text, letters)| !text.is_empty() && check_letters(check, text) == letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;
    use crate::persona::format::Locale;

    fn make_for(vendor: &str, named: bool) -> String {
        let persona = PersonaKey::new(Secret::new([1; 32]));
        let key = persona.vendor(&vendor.into(), 1);
        let person = Person::derive(&key, Locale::DeDe, &Avoid::default()).filter(|_| named);
        let made = |attempt| {
            make(
                &key,
                &persona.check(),
                "email.primary",
                "alias.example",
                person.as_ref(),
                &Avoid::default(),
                attempt,
            )
        };
        (0..4).find_map(made).unwrap().0
    }

    #[test]
    fn golden_addresses_never_change() {
        assert_eq!(make_for("shop.example", true), GOLDEN_NAMED);
        assert_eq!(make_for("shop.example", false), GOLDEN_WORDS);
    }
    const GOLDEN_NAMED: &str = "marie.fritz4382ovy@alias.example";
    const GOLDEN_WORDS: &str = "balsam.cargo728vkxl@alias.example";

    #[test]
    fn every_address_is_one_that_sites_take() {
        let check = PersonaKey::new(Secret::new([1; 32])).check();
        for number in 0..300 {
            for named in [true, false] {
                let address = make_for(&format!("vendor{number}"), named);
                let (local, domain) = address.split_once('@').unwrap();
                assert_eq!(domain, "alias.example");
                assert!(local.len() <= LONGEST && !local.contains("vendor"), "{local}");
                assert!(
                    local
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.')
                );
                assert!(is_ours(&check, local) && is_ours(&check, &local.to_uppercase()));
            }
        }
    }

    #[test]
    fn a_guessed_address_is_not_ours() {
        let check = PersonaKey::new(Secret::new([1; 32])).check();
        let other = PersonaKey::new(Secret::new([2; 32])).check();
        let local = make_for("shop", true);
        let local = local.split_once('@').unwrap().0;
        assert!(!is_ours(&other, local));
        for guess in ["", "abcd", "ann", "maria.keller42aaaa", "é", &format!("x{local}")] {
            assert!(!is_ours(&check, guess), "{guess}");
        }
    }
}
