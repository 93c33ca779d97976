//! The `issue` record of a pseudonym goes into the log once, with the OPEN that first carries the value.
//!
//! Of several exchanges that need it at the same time one carries the record; the others wait until it is durable, or
//! take over where it failed. Nothing counts as issued before.

use super::rows::ADOPTED;
use super::wardrobe::Wardrobe;
use crate::model::record::{Event, Record};
use crate::model::{Slot, Timestamp, VendorId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What stands in an `issue` record for a value that the member really has.
pub(super) const HIDDEN: &str = "…";

/// Records under way. Dropped without [`Self::confirm`], another exchange carries them.
#[derive(Debug)]
pub struct Carried {
    wardrobe: Arc<Wardrobe>,
    vendor: VendorId,
    epoch: u32,
    slots: BTreeSet<Slot>,
}

impl Wardrobe {
    /// Waits until every slot's record is durable or nobody else carries it, then takes charge of those that are left.
    pub async fn carry(
        self: &Arc<Self>,
        vendor: &VendorId,
        epoch: u32,
        slots: &BTreeSet<Slot>,
    ) -> Option<Carried> {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            // From here on no wake-up is missed.
            settled.as_mut().enable();
            match self.take_charge(vendor, epoch, slots) {
                Charge::Busy => settled.await,
                Charge::None => return None,
                Charge::Of(slots) => {
                    let wardrobe = Arc::clone(self);
                    return Some(Carried { wardrobe, vendor: vendor.clone(), epoch, slots });
                }
            }
        }
    }

    fn take_charge(&self, vendor: &VendorId, epoch: u32, slots: &BTreeSet<Slot>) -> Charge {
        let mut state = self.write();
        let key = (vendor.clone(), epoch);
        let Some(worn) = state.worn.get(&key) else { return Charge::None };
        let left = slots.iter().filter(|slot| worn.get(slot).is_some_and(|issued| !issued.recorded));
        let left: BTreeSet<Slot> = left.cloned().collect();
        if left.is_empty() {
            return Charge::None;
        }
        let busy = state.carried.entry(key).or_default();
        if left.iter().any(|slot| busy.contains(slot)) {
            return Charge::Busy;
        }
        busy.extend(left.iter().cloned());
        Charge::Of(left)
    }

    /// The records of these slots are durable: the vendor knows the values from here on. From memory.
    pub(super) fn confirmed(&self, vendor: &VendorId, epoch: u32, slots: &BTreeSet<Slot>) {
        let mut state = self.write();
        if let Some(worn) = state.worn.get_mut(&(vendor.clone(), epoch)) {
            let worn = Arc::make_mut(worn);
            for slot in slots {
                if let Some(issued) = worn.get_mut(slot) {
                    issued.recorded = true;
                }
            }
        }
        let current = state.epochs.entry(vendor.clone()).or_insert(epoch);
        *current = epoch.max(*current);
    }
}

enum Charge {
    /// Nothing is left to be recorded.
    None,
    /// Another exchange carries one of them.
    Busy,
    Of(BTreeSet<Slot>),
}

impl Carried {
    /// The records, to be made durable in the same commit as the OPEN that carries the values, before it.
    pub fn records(&self, now: Timestamp) -> Vec<Record> {
        let worn = self.wardrobe.worn(&self.vendor, self.epoch);
        let records = self.slots.iter().filter_map(|slot| {
            let issued = worn.get(slot)?;
            let mut record = self.wardrobe.record_of(&self.vendor, self.epoch, slot, issued, now);
            if let (ADOPTED, Event::Issue { value, .. }) = (&*issued.how, &mut record.event) {
                // Adopted, and cut off before its own record: it may be real.
                HIDDEN.clone_into(value);
            }
            Some(record)
        });
        records.collect()
    }

    /// They are durable. The store is told by [`Settled::store`].
    pub fn confirm(self) -> Settled {
        self.wardrobe.confirmed(&self.vendor, self.epoch, &self.slots);
        Settled {
            wardrobe: Arc::clone(&self.wardrobe),
            vendor: self.vendor.clone(),
            epoch: self.epoch,
            slots: self.slots.clone(),
        }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        let key = (self.vendor.clone(), self.epoch);
        {
            let mut state = self.wardrobe.write();
            if let Some(busy) = state.carried.get_mut(&key) {
                busy.retain(|slot| !self.slots.contains(slot));
                if busy.is_empty() {
                    state.carried.remove(&key);
                }
            }
        }
        self.wardrobe.settled.notify_waiters();
    }
}

/// Values whose records are durable, for the store to remember.
#[derive(Debug)]
pub struct Settled {
    wardrobe: Arc<Wardrobe>,
    vendor: VendorId,
    epoch: u32,
    slots: BTreeSet<Slot>,
}

impl Settled {
    /// Tells the store. Blocks on its disk: never on a worker. What is not told is recorded once more after a restart
    /// that does not find it in the log.
    ///
    /// # Errors
    /// The store fails.
    pub fn store(self, now: Timestamp) -> Result<(), super::IssueError> {
        let (wardrobe, vendor) = (&self.wardrobe, &self.vendor);
        Ok(wardrobe.store.confirm_pseudonyms(wardrobe.member, vendor, self.epoch, &self.slots, now)?)
    }
}

impl Wardrobe {
    /// The record of a value.
    pub(super) fn record_of(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        issued: &super::Issued,
        time: Timestamp,
    ) -> Record {
        Record {
            time,
            member: self.member,
            vendor: Some(vendor.clone()),
            event: Event::Issue {
                slot: slot.to_string(),
                epoch,
                format: issued.format,
                how: issued.how.clone(),
                value: issued.value.expose().clone(),
            },
        }
    }
}
