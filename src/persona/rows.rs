//! Pseudonyms as the store and the log hold them: adopted from elsewhere, and put back out of the log.

use super::derive::mac;
use super::error::IssueError;
use super::format::{Unique, uniqueness};
use super::wardrobe::{Issued, Wardrobe};
use crate::model::record::{Event, Record};
use crate::model::{Secret, Slot, Timestamp, VendorId};
use crate::store::{Claim, IssuedRow};
use crate::vault::Vault;

/// Bytes of an adopted value at most.
const LONGEST: usize = 256;

impl Wardrobe {
    /// Records a value that the vendor knows already, in place of whatever was issued. The record has to be made
    /// durable, then [`Self::confirm`]ed.
    ///
    /// # Errors
    /// An empty, overlong or unprintable value; the vault or the store fails.
    pub fn adopt(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        value: &str,
        now: Timestamp,
    ) -> Result<Record, IssueError> {
        let value = value.trim();
        if value.is_empty() || value.len() > LONGEST || value.chars().any(char::is_control) {
            return Err(IssueError::Unfit(slot.clone()));
        }
        let issued = Issued {
            value: Secret::new(value.to_owned()),
            format: 0,
            how: "adopted".to_owned(),
            created: now,
            recorded: false,
        };
        self.store.adopt_pseudonym(&self.row(vendor, epoch, slot, &issued)?)?;
        self.store.touch_relationship(self.member, vendor, now)?;
        let record = self.record_of(vendor, epoch, slot, &issued, now);
        self.write().put(vendor, epoch, slot.clone(), issued);
        Ok(record)
    }

    /// Puts back what an `issue` record of this member says, for a store that is rebuilt from the log; other records
    /// are passed over. `true` where something was put back.
    ///
    /// # Errors
    /// The vault or the store fails.
    pub fn restore(&self, record: &Record) -> Result<bool, IssueError> {
        let (Event::Issue { slot, epoch, format, how, value }, Some(vendor)) =
            (&record.event, &record.vendor)
        else {
            return Ok(false);
        };
        let Some(slot) = Slot::parse(slot).filter(|_| record.member == self.member) else { return Ok(false) };
        let issued = Issued {
            value: Secret::new(value.clone()),
            format: *format,
            how: how.clone(),
            created: record.time,
            recorded: true,
        };
        let row = self.row(vendor, *epoch, &slot, &issued)?;
        // The claim comes back with the value; where it is held already, the row alone is put in its place.
        let unique = issued.how != "adopted" && uniqueness(&slot) != Unique::No;
        if self.store.claim_pseudonym(&row, unique)? != Claim::Claimed {
            self.store.adopt_pseudonym(&row)?;
        }
        while self.store.epoch(self.member, vendor)? < *epoch {
            self.store.next_epoch(self.member, vendor)?;
        }
        self.write().put(vendor, *epoch, slot, issued);
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
        let scope = if uniqueness(slot) == Unique::Home { "" } else { vendor.as_str() };
        let lower = Secret::new(value.to_lowercase());
        let blind = mac(
            self.blind.expose(),
            &[slot.kind().as_str().as_bytes(), &[0], scope.as_bytes(), &[0], lower.expose().as_bytes()],
        );
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
        })
    }

    /// The record of a value.
    pub(super) fn record_of(
        &self,
        vendor: &VendorId,
        epoch: u32,
        slot: &Slot,
        issued: &Issued,
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

/// Opens a stored row.
pub(super) fn open(vault: &Vault, row: &IssuedRow, recorded: bool) -> Result<Issued, IssueError> {
    let plain = vault.open_sealed(row.member, &context(&row.vendor, row.epoch, &row.slot), &row.sealed)?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| IssueError::Damaged(row.slot.clone()))?;
    Ok(Issued {
        value: Secret::new(text.to_owned()),
        format: row.format,
        how: row.how.clone(),
        created: row.created,
        recorded,
    })
}

/// What a sealed value is bound to: it opens nowhere else.
fn context(vendor: &VendorId, epoch: u32, slot: &Slot) -> String {
    format!("pseudonym/{slot}/{epoch}/{vendor}")
}
