//! What a made-up value must never be: the real one, or a name that sounds like it.

use super::lists::plain;
use crate::model::{Secret, Slot, SlotKind};

/// Two names this few edits apart may be one typing error apart.
const NEAR: usize = 2;

/// A member's real names and values, as far as a made-up one has to keep away from them. Real values only ever take
/// a candidate away; they never choose one.
#[derive(Clone, Debug, Default)]
pub struct Avoid {
    names: Vec<Secret<String>>,
    values: Vec<Secret<String>>,
}

impl Avoid {
    /// Keeps away from these attributes.
    pub fn new(attributes: &[(Slot, Secret<String>)]) -> Self {
        let mut avoid = Self::default();
        for (slot, value) in attributes {
            avoid.values.push(Secret::new(value.expose().to_lowercase()));
            if slot.kind() == SlotKind::Name {
                let parts = value.expose().split(|letter: char| !letter.is_alphabetic());
                // An initial is near to every short name and says nothing.
                avoid.names.extend(parts.map(plain).filter(|part| part.len() > 1).map(Secret::new));
            }
        }
        avoid
    }

    /// Whether the name is a real one or within two edits of one, whatever its accents and case.
    pub fn sounds_real(&self, name: &str) -> bool {
        let name = plain(name);
        self.names.iter().any(|real| strsim::osa_distance(real.expose(), &name) <= NEAR)
    }

    /// Whether the value is one of the member's own.
    pub fn is_real(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        self.values.iter().any(|real| *real.expose() == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_names_and_their_neighbours_are_avoided() {
        let slot = |name| Slot::parse(name).unwrap();
        let avoid = Avoid::new(&[
            (slot("name.full"), Secret::new("Jürgen B. Meyer-Keller".to_owned())),
            (slot("email.primary"), Secret::new("Ann@Home.Example".to_owned())),
        ]);
        for near in ["Jürgen", "Jurgen", "Meier", "Maier", "KELLER", "Kellner"] {
            assert!(avoid.sounds_real(near), "{near}");
        }
        for far in ["Bo", "Schuster", "Angelika", "Ann"] {
            assert!(!avoid.sounds_real(far), "{far}");
        }
        assert!(avoid.is_real("ann@home.example") && !avoid.is_real("bob@home.example"));
        assert!(!format!("{avoid:?}").contains("eller"));
    }
}
