//! User names: two words and a number, at most 15 letters and digits, which every site takes.

use super::Avoid;
use super::lists::words;
use crate::persona::derive::VendorKey;

/// Version of the format.
pub const VERSION: u32 = 1;
/// Characters at most: the shortest limit among large sites.
pub const LONGEST: usize = 15;
/// Draws until two words fit; most pairs do.
const TRIES: usize = 64;

/// A user name for the slot.
pub fn make(key: &VendorKey, slot: &str, avoid: &Avoid, attempt: u32) -> Option<String> {
    let mut draws = key.draws("username", slot, VERSION, attempt);
    for _ in 0..TRIES {
        let (first, second) = (draws.pick(words())?, draws.pick(words())?);
        let name = format!("{first}{second}{}", 10 + draws.below(990));
        if first != second && name.len() <= LONGEST && !avoid.sounds_real(first) && !avoid.sounds_real(second)
        {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;

    #[test]
    fn golden_user_names_never_change() {
        let key = PersonaKey::new(Secret::new([1; 32])).vendor(&"shop.example".into(), 1);
        assert_eq!(make(&key, "username", &Avoid::default(), 0).as_deref(), Some(GOLDEN));
    }
    const GOLDEN: &str = "radishsketch553";

    #[test]
    fn every_user_name_is_one_that_sites_take() {
        for number in 0..300_u32 {
            let key = PersonaKey::new(Secret::new([2; 32])).vendor(&"shop".into(), number);
            let name = make(&key, "username", &Avoid::default(), 0).unwrap();
            assert!(name.len() <= LONGEST, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{name}");
        }
    }
}
