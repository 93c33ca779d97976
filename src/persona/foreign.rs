//! An address made for another vendor, or for an identity that was reset, must not get to this one: by it the two would
//! know that they talk about the same person. It is treated as the real one is: where a vendor gets an alias it gets its
//! own, a third party gets none, and where a vendor gets what is typed it goes and is recorded. User names and device ids
//! of other identities are not looked for.

use super::wardrobe::{State, Wardrobe};
use crate::model::{Slot, SlotKind, VendorId};
use crate::rewrite::Guard;
use std::sync::Arc;

impl Wardrobe {
    /// The addresses that were made for others than this vendor in this epoch; `None` where there are none. From memory.
    pub fn guard(&self, sector: &VendorId, epoch: u32) -> Option<Guard> {
        let state = self.read();
        let own = state.owners.get(&(sector.clone(), epoch)).copied();
        // Whom nothing was made for has a number that nobody has.
        Guard::new(&state.addresses, own.unwrap_or(u32::MAX))
    }
}

impl State {
    /// Notes an address made here.
    pub(super) fn note_alias(&mut self, slot: &Slot, address: &str, vendor: &VendorId, epoch: u32) {
        if slot.kind() != SlotKind::Email {
            return;
        }
        let next = u32::try_from(self.owners.len()).unwrap_or(u32::MAX - 1);
        let owner = *self.owners.entry((vendor.clone(), epoch)).or_insert(next);
        Arc::make_mut(&mut self.addresses).add(slot.clone(), address, owner);
    }
}
