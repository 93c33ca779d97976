//! Pseudonyms as the store and the log hold them: adopted from elsewhere, and put back out of the log.

use super::carry::HIDDEN;
use super::derive::mac;
use super::error::IssueError;
use super::format::{Unique, uniqueness};
use super::wardrobe::{Issued, Wardrobe};
use crate::model::record::{Event, Record};
use crate::model::{Secret, Slot, Timestamp, VendorId};
use crate::store::{Claim, IssuedRow};
use crate::vault::Vault;
use std::collections::BTreeSet;

/// How a value came about that existed before.
pub(super) const ADOPTED: &str = "adopted";
/// Bytes of an adopted value at most.
const LONGEST: usize = 256;

impl Wardrobe {
    /// Takes a value that the vendor knows already, in place of whatever was issued. `real` says that it is, or has in
    /// it, what a member really has: then the record names it not. The record has to be made durable, then
    /// [`Self::adopted`].
    ///
    /// # Errors
    /// An empty, overlong or unprintable value; the vault or the store fails.
    pub fn adopt(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        value: &str,
        real: bool,
        now: Timestamp,
    ) -> Result<Record, IssueError> {
        let value = value.trim();
        if value.is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(IssueError::Unfit(slot.clone()));
        }
        let issued = Issued {
            value: Secret::new(value.to_owned()),
            format: 0,
            how: ADOPTED.to_owned(),
            created: now,
            recorded: false,
        };
        self.store.adopt_pseudonym(&self.row(vendor, epoch, slot, &issued)?)?;
        let mut record = self.record_of(vendor, epoch, slot, &issued, now);
        if let (true, Event::Issue { value, .. }) = (real, &mut record.event) {
            HIDDEN.clone_into(value);
        }
        self.write().put(vendor, epoch, slot.clone(), issued);
        Ok(record)
    }

    /// The record of an adopted value is durable. Waits for the store's disk.
    ///
    /// # Errors
    /// The store fails.
    pub fn adopted(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        let slots = BTreeSet::from([slot.clone()]);
        self.confirmed(vendor, epoch, &slots);
        Ok(self.store.confirm_pseudonyms(self.member, vendor, epoch, &slots, now)?)
    }

    /// Puts back what an `issue` record of this member says, for a store that lost it; other records are passed over,
    /// and so is one that hides a real value. What was put in its place later stays. `true` where something was put
    /// back.
    ///
    /// # Errors
    /// The vault or the store fails.
    pub fn restore(&self, record: &Record) -> Result<bool, IssueError> {
        let (Event::Issue { slot, epoch, format, how, value }, Some(vendor)) =
            (&record.event, &record.vendor)
        else {
            return Ok(false);
        };
        let slot = Slot::parse(slot).filter(|_| record.member == self.member && value != HIDDEN);
        let Some(slot) = slot else { return Ok(false) };
        match self.issued(vendor, *epoch, &slot) {
            Some(there) if there.value.expose() == value => {
                if !there.recorded {
                    self.adopted(vendor, *epoch, &slot, record.time)?;
                }
                return Ok(false);
            }
            Some(there) if there.created >= record.time => return Ok(false),
            _ => {}
        }
        let issued = Issued {
            value: Secret::new(value.clone()),
            format: *format,
            how: how.clone(),
            created: record.time,
            recorded: true,
        };
        let row = self.row(vendor, *epoch, &slot, &issued)?;
        // The claim comes back with the value; where it is held already, the row alone is put in its place.
        let unique = issued.how != ADOPTED && uniqueness(&slot) != Unique::No;
        if self.store.claim_pseudonym(&row, unique)? != Claim::Claimed {
            self.store.adopt_pseudonym(&row)?;
        }
        while self.store.epoch(self.member, vendor)? < *epoch {
            self.store.next_epoch(self.member, vendor)?;
        }
        self.write().put(vendor, *epoch, slot.clone(), issued);
        self.adopted(vendor, *epoch, &slot, record.time)?;
        Ok(true)
    }

    /// The row of a value, sealed to the member; its blind is what uniqueness is claimed by.
    pub(super) fn row(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        issued: &Issued,
    ) -> Result<IssuedRow, IssueError> {
        let value = issued.value.expose();
        let sealed = self.vault.seal(self.member, &context(vendor, epoch, slot), value.as_bytes())?;
        let blind = self.blind_of(vendor, slot, value);
        Ok(IssuedRow {
            member: self.member,
            vendor: vendor.clone(),
            epoch,
            slot: slot.clone(),
            format: issued.format,
            how: issued.how.clone(),
            sealed,
            blind,
            created: issued.created,
            recorded: issued.recorded,
        })
    }

    /// As [`blind`], with this home's key.
    pub(super) fn blind_of(&self, vendor: &VendorId, slot: &Slot, value: &str) -> [u8; 32] {
        blind(&self.blind, vendor, slot, value)
    }
}

/// What a value is claimed by: a MAC of its kind, where it may stand once, and itself.
pub(super) fn blind(key: &Secret<[u8; 32]>, vendor: &VendorId, slot: &Slot, value: &str) -> [u8; 32] {
    let scope = if uniqueness(slot) == Unique::Home { "" } else { vendor.as_str() };
    let lower = Secret::new(value.to_lowercase());
    mac(
        key.expose(),
        &[slot.kind().as_str().as_bytes(), &[0], scope.as_bytes(), &[0], lower.expose().as_bytes()],
    )
}

/// Opens a stored row.
pub(super) fn open(vault: &Vault, row: &IssuedRow) -> Result<Issued, IssueError> {
    let plain = vault.open_sealed(row.member, &context(&row.vendor, row.epoch, &row.slot), &row.sealed)?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| IssueError::Damaged(row.slot.clone()))?;
    Ok(Issued {
        value: Secret::new(text.to_owned()),
        format: row.format,
        how: row.how.clone(),
        created: row.created,
        recorded: row.recorded,
    })
}

/// What a sealed value is bound to: it opens nowhere else.
pub(super) fn context(vendor: &VendorId, epoch: u32, slot: &Slot) -> String {
    format!("pseudonym/{slot}/{epoch}/{vendor}")
}

/// What the places are bound to where an identity's values were sent.
pub(super) fn context_of_places(vendor: &VendorId, epoch: u32) -> String {
    format!("sent/{epoch}/{vendor}")
}
