//! What was made for another vendor, or for an identity that was reset, must not get to this one: by it the two would
//! know that they talk about the same person. It is treated as the real value is: where a vendor gets a pseudonym it gets
//! its own, a third party gets none, and where a vendor gets what is typed it goes and is recorded. Names, places, dates
//! and phones made for others are not looked for: other people have the same.

use super::wardrobe::{State, Wardrobe};
use crate::model::{Slot, VendorId};
use crate::rewrite::Guard;
use std::sync::Arc;

impl Wardrobe {
    /// The pseudonyms that were made for others than this vendor in this epoch; `None` where there are none. From memory.
    pub fn guard(&self, sector: &VendorId, epoch: u32) -> Option<Guard> {
        let state = self.read();
        let own = state.owners.get(&(sector.clone(), epoch)).copied();
        // Whom nothing was made for has a number that nobody has.
        Guard::new(&state.made, own.unwrap_or(u32::MAX))
    }
}

impl State {
    /// Notes a value made here.
    pub(super) fn note_made(&mut self, slot: &Slot, value: &str, vendor: &VendorId, epoch: u32) {
        let next = u32::try_from(self.owners.len()).unwrap_or(u32::MAX - 1);
        let owner = *self.owners.entry((vendor.clone(), epoch)).or_insert(next);
        Arc::make_mut(&mut self.made).add(slot.clone(), value, owner);
    }
}
