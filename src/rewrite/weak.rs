//! Values that are too common to be searched for: they count only as the whole value of a field typed for them.

use super::field::Typed;
use crate::model::{Slot, SlotKind};
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;

/// The weak values of a member, by what a field would say.
#[derive(Default)]
pub(super) struct WeakValues {
    values: HashMap<String, Vec<(usize, Slot)>>,
    longest: usize,
}

impl WeakValues {
    pub(super) fn add(&mut self, identifier: usize, slot: &Slot, value: &str) {
        let forms = if slot.kind() == SlotKind::Birthdate { dates(value) } else { vec![value.to_owned()] };
        for form in forms {
            let form = normal(&form);
            // A decomposed spelling of it takes at most three times the bytes.
            self.longest = self.longest.max(form.len() * 3);
            self.values.entry(form).or_default().push((identifier, slot.clone()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether a field of that type may hold one.
    pub(super) fn has(&self, typed: Typed) -> bool {
        self.values.values().flatten().any(|(_, slot)| typed.takes(slot))
    }

    /// Most decoded bytes of a value that may be one.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// The values as they are searched for.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The identifier that a field of that type with that decoded value holds.
    pub(super) fn find(&self, typed: Typed, decoded: &[u8]) -> Option<usize> {
        let text = std::str::from_utf8(decoded).ok()?;
        let found = self.values.get(&normal(text))?;
        found.iter().find(|(_, slot)| typed.takes(slot)).map(|(identifier, _)| *identifier)
    }
}

/// Lower case, composed, one space for any white space and for `+`.
fn normal(text: &str) -> String {
    let spaced = text.split(|char: char| char.is_whitespace() || char == '+').filter(|word| !word.is_empty());
    spaced.collect::<Vec<_>>().join(" ").to_lowercase().nfc().collect()
}

/// The usual ways to write a day: ISO 8601, day first, month first.
fn dates(value: &str) -> Vec<String> {
    let parts: Vec<&str> = value.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return vec![value.to_owned()] };
    let short = |part: &str| part.trim_start_matches('0').to_owned();
    let mut all = vec![value.to_owned(), format!("{year}{month}{day}"), format!("{year}/{month}/{day}")];
    for separator in [".", "/", "-"] {
        for (first, second) in [(day, month), (month, day)] {
            all.push([*first, *second, *year].join(separator));
            all.push([short(first).as_str(), short(second).as_str(), *year].join(separator));
        }
    }
    all.push(format!("{value}t00:00:00z"));
    all.push(format!("{value}t00:00:00.000z"));
    all.sort();
    all.dedup();
    all
}
