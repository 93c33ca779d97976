//! A member's real values, compiled once: what is searched for, and what a pseudonym of each would look like.

use super::format::{self, Avoid, Locale, Shape};
use crate::model::{Secret, Slot, SlotKind};
use crate::rewrite::{CompileError, Guard, Identifier, Identifiers, Strength, find_in_header};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use time::Date;

/// Shorter user names are words that others use.
const STRONG_USERNAME: usize = 6;
/// Shorter account and custom ids are numbers that stand everywhere.
const STRONG_ID: usize = 8;

/// Real values by slot, as the vault gives them.
pub type Values = Vec<(Slot, Secret<String>)>;

/// What the rooms above need to know about one member. Real values are the same at every vendor, so one serves all.
pub struct MemberIdentity {
    identifiers: Arc<Identifiers>,
    real: Arc<Real>,
}

/// The real values, whomever they are kept from.
struct Real {
    slots: BTreeMap<Slot, Known>,
    avoid: Avoid,
    locale: Locale,
    left_out: Vec<Slot>,
}

struct Known {
    value: Secret<String>,
    shape: Option<Shape>,
}

impl MemberIdentity {
    /// Compiles a member's attributes as the vault gives them. Takes milliseconds: never on a worker. A value that
    /// cannot be searched for (empty, a strong one under [`Identifiers::SHORTEST`] bytes, a very long one) is left
    /// out and named by [`Self::left_out`]; it must not keep the others from being protected.
    ///
    /// # Errors
    /// More values than can be compiled.
    pub fn compile(attributes: Values, locale: Locale) -> Result<Self, CompileError> {
        Self::compile_shared(vec![attributes], locale)
    }

    /// As [`Self::compile`], for a device that several people use: everybody's values are protected as its own are. The
    /// first of `people` is the device.
    ///
    /// # Errors
    /// More values than can be compiled.
    pub fn compile_shared(people: Vec<Values>, locale: Locale) -> Result<Self, CompileError> {
        let all: Vec<_> = people.into_iter().flat_map(with_full_name).collect();
        let avoid = Avoid::new(&all);
        let mut list: Vec<Identifier> = Vec::with_capacity(all.len());
        let mut left_out = Vec::new();
        let mut slots = BTreeMap::new();
        for (slot, value) in all {
            let text = value.expose().trim();
            let strength = strength(&slot, text);
            let shortest = if strength == Strength::Strong { Identifiers::SHORTEST } else { 1 };
            let known = list.iter().any(|one| one.slot == slot && is_same(one.value.expose(), text));
            if !(shortest..=Identifiers::LONGEST).contains(&text.len()) {
                left_out.push(slot.clone());
            } else if !known {
                list.push(Identifier { slot: slot.clone(), value: value.clone(), strength });
            }
            let shape = Shape::of(&slot, text);
            slots.entry(slot).or_insert(Known { value, shape });
        }
        let identifiers = Arc::new(Identifiers::compile(list)?);
        Ok(Self { identifiers, real: Arc::new(Real { slots, avoid, locale, left_out }) })
    }

    /// The same person; the addresses of `guard`, which were made for others, are searched for as well.
    pub fn guarding(&self, guard: Guard) -> Self {
        let identifiers = Arc::new(self.identifiers.guarding(guard));
        Self { identifiers, real: Arc::clone(&self.real) }
    }

    /// The identifier that stands for a slot's value; `None` where the member has none.
    pub fn identifier_of(&self, slot: &Slot) -> Option<usize> {
        let identifiers = &self.identifiers;
        let all = (0..).map_while(|at| Some((at, identifiers.get(at)?)));
        all.filter(|(at, _)| !self.is_foreign(*at)).find(|(_, one)| one.slot == *slot).map(|(at, _)| at)
    }

    /// Whether the identifier with this index was made for another vendor.
    pub fn is_foreign(&self, identifier: usize) -> bool {
        self.identifiers.is_guarded(identifier)
    }

    /// What is searched for.
    pub fn identifiers(&self) -> &Arc<Identifiers> {
        &self.identifiers
    }

    /// The slots that have a real value.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.real.slots.keys()
    }

    /// Slots whose value cannot be searched for and is therefore not protected.
    pub fn left_out(&self) -> &[Slot] {
        &self.real.left_out
    }

    /// What a pseudonym of the slot looks like; the usual shape where there is no real value. `None` where none can be
    /// made on this day.
    pub fn shape(&self, slot: &Slot, today: Date) -> Option<Shape> {
        let shape = match self.real.slots.get(slot) {
            Some(known) => known.shape.clone(),
            None => Shape::usual(slot, self.real.locale),
        };
        shape.filter(|shape| shape.can_be_made(today))
    }

    /// The real value of the slot less precisely; `None` where there is none, or nothing less precise.
    pub fn coarse(&self, slot: &Slot, today: Date) -> Option<Secret<String>> {
        let known = self.real.slots.get(slot)?;
        format::coarse(slot, known.value.expose().trim(), today).map(Secret::new)
    }

    /// The real value of a slot, for what must be shown to nobody but its owner.
    pub fn value(&self, slot: &Slot) -> Option<&Secret<String>> {
        self.real.slots.get(slot).map(|known| &known.value)
    }

    /// The slot whose value `text` is, in any case; of several the first by name.
    pub fn slot_of(&self, text: &str) -> Option<&Slot> {
        self.real.slots.iter().find(|(_, known)| is_same(known.value.expose(), text)).map(|(slot, _)| slot)
    }

    /// Whether `text` is what the member really has in the slot, or has it in it, in any spelling.
    pub fn is_real(&self, slot: &Slot, text: &str) -> bool {
        let same = |known: &Known| is_same(known.value.expose(), text);
        self.real.slots.get(slot).is_some_and(same) || self.found(text).any(|found| found == slot)
    }

    /// Whether `text` is any of the member's real values, or has one in it.
    pub fn reveals(&self, text: &str) -> bool {
        self.real.slots.values().any(|known| is_same(known.value.expose(), text))
            || self.found(text).next().is_some()
    }

    fn found(&self, text: &str) -> impl Iterator<Item = &Slot> {
        let hits = find_in_header(&self.identifiers, "x", 0, text.as_bytes());
        // What was made for others is nobody's real value.
        hits.into_iter()
            .filter(|hit| !self.is_foreign(hit.identifier))
            .filter_map(|hit| Some(&self.identifiers.get(hit.identifier)?.slot))
    }

    /// What made-up values keep away from.
    pub fn avoid(&self) -> &Avoid {
        &self.real.avoid
    }

    /// Whose names made-up persons bear.
    pub fn locale(&self) -> Locale {
        self.real.locale
    }
}

fn is_same(real: &str, text: &str) -> bool {
    real.trim().to_lowercase() == text.trim().to_lowercase()
}

impl fmt::Debug for MemberIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberIdentity").field("slots", &self.real.slots.keys()).finish_non_exhaustive()
    }
}

/// Where a full name is not written but its parts are, they make one: together they are searched for everywhere.
fn with_full_name(mut attributes: Values) -> Values {
    let part = |name: &str| attributes.iter().find(|(slot, _)| slot.as_str() == name).map(|(_, value)| value);
    let full = match (part("name.full"), part("name.given"), part("name.family")) {
        (None, Some(given), Some(family)) => {
            Some(Secret::new(format!("{} {}", given.expose(), family.expose())))
        }
        _ => None,
    };
    attributes.extend(Slot::parse("name.full").zip(full));
    attributes
}

/// How sure a match of the bare value is.
fn strength(slot: &Slot, value: &str) -> Strength {
    let strong = match slot.kind() {
        SlotKind::Email | SlotKind::Phone | SlotKind::Device | SlotKind::Ad | SlotKind::Ip => true,
        // One word alone is a name that others bear.
        SlotKind::Name => slot.as_str() == "name.full" && value.contains(char::is_whitespace),
        SlotKind::Username => value.chars().count() >= STRONG_USERNAME,
        SlotKind::Account | SlotKind::Custom => value.chars().count() >= STRONG_ID,
        // Only with its house number: a street alone is many people's.
        SlotKind::Address => {
            slot.as_str() == "address.street"
                && value.chars().any(|letter| letter.is_ascii_digit())
                && value.chars().filter(|letter| letter.is_alphabetic()).count() >= 3
        }
        SlotKind::Birthdate | SlotKind::Geo => false,
    };
    if strong { Strength::Strong } else { Strength::Weak }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(entries: &[(&str, &str)]) -> Vec<(Slot, Secret<String>)> {
        entries
            .iter()
            .map(|(slot, value)| (Slot::parse(slot).unwrap(), Secret::new((*value).to_owned())))
            .collect()
    }

    #[test]
    fn values_are_as_strong_as_they_are_rare() {
        use Strength::{Strong, Weak};
        for (slot, value, want) in [
            ("email.primary", "ann@home.example", Strong),
            ("phone.primary", "+4915112345678", Strong),
            ("name.full", "Ann Real", Strong),
            ("name.full", "Ann", Weak),
            ("name.given", "Ann", Weak),
            ("username", "ann", Weak),
            ("username", "annreal", Strong),
            ("account.club", "1234567", Weak),
            ("account.club", "12345678", Strong),
            ("address.street", "Home Street 12", Strong),
            ("address.street", "Home Street", Weak),
            ("address.city", "Berlin 10", Weak),
            ("birthdate", "1990-01-02", Weak),
            ("ip.home", "127.0.0.1", Strong),
            ("geo.home", "52.52,13.405", Weak),
            ("device.id", "6d92078a-8246-4ba4-ae5b-76104861e7dc", Strong),
        ] {
            assert_eq!(strength(&Slot::parse(slot).unwrap(), value), want, "{slot} {value}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_searched_for_leaves_the_others_protected() {
        let long = "x".repeat(300);
        let identity = MemberIdentity::compile(
            attributes(&[("email.primary", "ann@home.example"), ("device.id", "a1"), ("custom.long", &long)]),
            Locale::DeDe,
        )
        .unwrap();
        let names: Vec<_> = identity.left_out().iter().map(Slot::as_str).collect();
        assert_eq!(names, ["device.id", "custom.long"]);
        assert!(!identity.identifiers().is_empty());
    }

    #[test]
    fn parts_of_a_name_make_a_full_one() {
        let identity = MemberIdentity::compile(
            attributes(&[("name.given", "Ann"), ("name.family", "Real")]),
            Locale::EnUs,
        )
        .unwrap();
        assert!(identity.is_real(&Slot::parse("name.full").unwrap(), "ann real"));
    }

    #[test]
    fn debug_shows_slots_only() {
        let identity =
            MemberIdentity::compile(attributes(&[("email.primary", "ann@home.example")]), Locale::EnUs)
                .unwrap();
        let text = format!("{identity:?}");
        assert!(text.contains("email.primary") && !text.contains("home.example"), "{text}");
    }
}
