//! Values that are too common to be searched for: they count only as the whole value of a field typed for them.

pub(super) mod date;
pub(super) mod position;

use super::field::{self, Typed};
use super::prescan::Wanted;
use super::written::Written;
use crate::model::{Slot, SlotKind};
use date::Unit;
use position::Position;
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;

/// A value as a field may hold it.
struct Entry {
    identifier: usize,
    slot: Slot,
    written: Option<Written>,
    /// Only in a field for that part of it.
    unit: Option<Unit>,
}

/// The weak values of a member, by what a field would say.
#[derive(Default)]
pub(super) struct WeakValues {
    values: HashMap<String, Vec<Entry>>,
    positions: Vec<(usize, Slot, Position)>,
    longest: usize,
}

impl WeakValues {
    pub(super) fn add(&mut self, identifier: usize, slot: &Slot, value: &str) {
        let entry = |written, unit| Entry { identifier, slot: slot.clone(), written, unit };
        match slot.kind() {
            SlotKind::Birthdate => {
                for (text, layout, unit) in date::ways(value) {
                    self.insert(&text, entry(Some(Written::Date(layout)), unit));
                }
            }
            SlotKind::Geo => {
                if let Some(position) = Position::of(value) {
                    self.positions.push((identifier, slot.clone(), position));
                    self.longest = self.longest.max(position::LONGEST);
                }
            }
            _ => self.insert(value, entry(None, None)),
        }
    }

    fn insert(&mut self, text: &str, entry: Entry) {
        let text = normal(text);
        // A decomposed spelling of it takes at most three times the bytes.
        self.longest = self.longest.max(text.len() * 3);
        self.values.entry(text).or_default().push(entry);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.positions.is_empty()
    }

    /// Whether a field of that type may hold one.
    pub(super) fn has(&self, typed: Typed) -> bool {
        let slots = self.positions.iter().map(|(_, slot, _)| slot);
        slots.chain(self.values.values().flatten().map(|entry| &entry.slot)).any(|slot| typed.takes(slot))
    }

    /// Most decoded bytes of a value that may be one.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// What stands wherever one of them does: itself, or where that is too common the name of its field.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Wanted> + '_ {
        let entries =
            || self.values.iter().flat_map(|(text, entries)| entries.iter().map(move |e| (text, e)));
        let whole = entries().filter(|(_, entry)| entry.unit.is_none()).map(|(text, _)| Wanted::weak(text));
        let parts: &[&str] =
            if entries().any(|(_, entry)| entry.unit.is_some()) { field::BIRTH_STEMS } else { &[] };
        let positions = field::position_ends().filter(|_| !self.positions.is_empty());
        let parts = parts.iter().map(|stem| Wanted::name(stem, false));
        whole.chain(parts).chain(positions.map(|end| Wanted::name(end, true)))
    }

    /// The identifier that a field of that type with that decoded value holds, and how it is written.
    pub(super) fn find(&self, typed: Typed, decoded: &[u8]) -> Option<(usize, Option<Written>)> {
        let text = std::str::from_utf8(decoded).ok()?;
        if let Typed::Position(axis) = typed {
            return self.positions.iter().find_map(|(identifier, _, position)| {
                Some((*identifier, Some(Written::Position(position.find(axis, text.trim())?))))
            });
        }
        let unit = if let Typed::Birth(unit) = typed { Some(unit) } else { None };
        let found = self.values.get(&normal(text))?;
        let found = found.iter().find(|entry| entry.unit == unit && typed.takes(&entry.slot))?;
        Some((found.identifier, found.written))
    }
}

/// Lower case, composed, one space for any white space and for `+`.
fn normal(text: &str) -> String {
    let spaced = text.split(|char: char| char.is_whitespace() || char == '+').filter(|word| !word.is_empty());
    spaced.collect::<Vec<_>>().join(" ").to_lowercase().nfc().collect()
}
