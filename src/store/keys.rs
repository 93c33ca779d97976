//! Wrapped keys and the home's own marks.

use super::{KeyRow, Store, StoreError};
use crate::model::{KeyId, MemberId, VendorId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

impl Store {
    /// Every holder of a key with it, wrapped.
    pub(crate) fn holders(&self) -> Result<Vec<(MemberId, Vec<u8>)>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached("SELECT id, wrapped FROM holder")?;
        let rows = statement
            .query_map([], |row| Ok((MemberId(Uuid::from_bytes(row.get("id")?)), row.get("wrapped")?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a holder that is no person.
    pub(crate) fn insert_holder(&self, id: MemberId, wrapped: &[u8]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO holder (id, wrapped) VALUES (?1, ?2)")?
                .execute(params![id.0.as_bytes(), wrapped])?;
            Ok(())
        })
    }

    /// Stores a month key, unless there is one for its member, vendor and month; returns the one that stands.
    pub(crate) fn insert_month_key(&self, row: &KeyRow) -> Result<KeyRow, StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO month_key (id, member, vendor, month, wrapped) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (member, vendor, month) DO NOTHING",
                )?
                .execute(params![
                    row.id.0,
                    row.member.0.as_bytes(),
                    vendor_column(row.vendor.as_ref()),
                    row.month,
                    row.wrapped
                ])?;
            let there = find(transaction, row.member, row.vendor.as_ref(), row.month)?;
            there.ok_or(StoreError::Damaged("a month key"))
        })
    }

    /// The month key of a member, vendor and month, where there is one.
    pub(crate) fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<Option<KeyRow>, StoreError> {
        find(&self.read(), member, vendor, month)
    }

    /// The month key of that name, where it has not been erased.
    pub(crate) fn month_key_by_id(&self, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT id, member, vendor, month, wrapped FROM month_key WHERE id = ?1")?;
        Ok(statement.query_row([id.0], read).optional()?)
    }

    /// The names of the keys that seal a member's records about a vendor, of every month.
    pub(crate) fn month_key_ids(
        &self,
        member: MemberId,
        vendor: &VendorId,
    ) -> Result<Vec<KeyId>, StoreError> {
        let connection = self.read();
        let mut statement =
            connection.prepare_cached("SELECT id FROM month_key WHERE member = ?1 AND vendor = ?2")?;
        let rows = statement.query_map(params![member.0.as_bytes(), vendor.as_str()], |row| row.get(0))?;
        Ok(rows.map(|id| id.map(KeyId)).collect::<Result<_, _>>()?)
    }

    /// Deletes a member's month keys, of one vendor or all; returns how many went.
    pub(crate) fn delete_month_keys(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
    ) -> Result<u64, StoreError> {
        let gone = self.write(|transaction| {
            Ok(transaction
                .prepare_cached("DELETE FROM month_key WHERE member = ?1 AND (?2 IS NULL OR vendor = ?2)")?
                .execute(params![member.0.as_bytes(), vendor.map(VendorId::as_str)])?)
        })?;
        self.scrub()?;
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }

    /// Deletes the month keys of every month before this one; returns how many went.
    pub(crate) fn delete_month_keys_before(&self, month: u32) -> Result<u64, StoreError> {
        let gone = self.write(|transaction| {
            Ok(transaction.prepare_cached("DELETE FROM month_key WHERE month < ?1")?.execute([month])?)
        })?;
        self.scrub()?;
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }

    /// A mark of the home (list revision, last checkpoint, …), where it was set.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    /// Sets a mark of the home. Real values never go here.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn set_meta(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
                .execute(params![key, value])?;
            Ok(())
        })
    }
}

/// SQL treats each NULL as different from every other, so "no vendor" is the empty name, which no vendor has.
fn vendor_column(vendor: Option<&VendorId>) -> &str {
    vendor.map_or("", VendorId::as_str)
}

fn find(
    connection: &Connection,
    member: MemberId,
    vendor: Option<&VendorId>,
    month: u32,
) -> Result<Option<KeyRow>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT id, member, vendor, month, wrapped FROM month_key
             WHERE member = ?1 AND vendor = ?2 AND month = ?3",
        )?
        .query_row(params![member.0.as_bytes(), vendor_column(vendor), month], read)
        .optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let vendor: String = row.get("vendor")?;
    Ok(KeyRow {
        id: KeyId(row.get("id")?),
        member: MemberId(Uuid::from_bytes(row.get("member")?)),
        vendor: (!vendor.is_empty()).then(|| VendorId::from(vendor.as_str())),
        month: row.get("month")?,
        wrapped: row.get("wrapped")?,
    })
}
