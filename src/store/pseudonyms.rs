//! What was issued to whom.

use super::relationships::touch;
use super::rows::{time_of, to_column};
use super::{Claim, IssuedRow, Store, StoreError};
use crate::model::{MemberId, Slot, Timestamp, VendorId};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

const COLUMNS: &str = "member, vendor, epoch, slot, format, how, sealed, blind, created, recorded";

impl Store {
    /// Stores a pseudonym unless there is one. With `unique`, its value is claimed for good: no other claim of the
    /// same `blind` will ever succeed. Durable when it returns.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn claim_pseudonym(&self, row: &IssuedRow, unique: bool) -> Result<Claim, StoreError> {
        self.write(|transaction| {
            if let Some(there) = find(transaction, row)? {
                return Ok(Claim::Exists(there));
            }
            if unique {
                let claimed = transaction
                    .prepare_cached("INSERT OR IGNORE INTO claimed (blind) VALUES (?1)")?
                    .execute([&row.blind[..]])?;
                if claimed == 0 {
                    return Ok(Claim::Taken);
                }
            }
            insert(transaction, row)?;
            Ok(Claim::Claimed)
        })
    }

    /// Stores a pseudonym in the place of whatever stands there: an account that existed before, or one read back
    /// from the log. Claims nothing: the value may be known to other vendors.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn adopt_pseudonym(&self, row: &IssuedRow) -> Result<(), StoreError> {
        self.write(|transaction| insert(transaction, row))
    }

    /// Whether a value is claimed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn is_claimed(&self, blind: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.read().prepare_cached("SELECT 1 FROM claimed WHERE blind = ?1")?.exists([&blind[..]])?)
    }

    /// Notes that the `issue` records of these slots are durable, which makes the vendor known to the member.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn confirm_pseudonyms<'a>(
        &self,
        member: MemberId,
        vendor: &VendorId,
        epoch: u32,
        slots: impl IntoIterator<Item = &'a Slot>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            touch(transaction, member, vendor, at)?;
            let mut statement = transaction.prepare_cached(
                "UPDATE pseudonym SET recorded = 1
                 WHERE member = ?1 AND vendor = ?2 AND epoch = ?3 AND slot = ?4",
            )?;
            for slot in slots {
                statement.execute(params![member.0.as_bytes(), vendor.as_str(), epoch, slot.as_str()])?;
            }
            Ok(())
        })
    }

    /// Notes under which name a host meets the member, unless it does already. Durable when it returns.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn bind_host(
        &self,
        member: MemberId,
        host: &str,
        vendor: &VendorId,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO known_host (member, host, vendor, since) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![member.0.as_bytes(), host, vendor.as_str(), to_column(since)])?;
            Ok(())
        })
    }

    /// The hosts that met the member with the names under which they did, oldest first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn known_hosts(&self, member: MemberId) -> Result<Vec<(String, VendorId)>, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT host, vendor FROM known_host WHERE member = ?1 ORDER BY since, host")?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            Ok((row.get("host")?, VendorId::from(row.get::<_, String>("vendor")?.as_str())))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All of a member's pseudonyms, every vendor and epoch.
    ///
    /// # Errors
    /// When the disk fails or a row is damaged.
    pub fn pseudonyms(&self, member: MemberId) -> Result<Vec<IssuedRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM pseudonym WHERE member = ?1 ORDER BY vendor, epoch, slot"
        ))?;
        let rows = statement.query_map([member.0.as_bytes()], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }
}

fn find(connection: &Connection, like: &IssuedRow) -> Result<Option<IssuedRow>, StoreError> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM pseudonym WHERE member = ?1 AND vendor = ?2 AND epoch = ?3 AND slot = ?4"
        ))?
        .query_row(
            params![like.member.0.as_bytes(), like.vendor.as_str(), like.epoch, like.slot.as_str()],
            |row| Ok(read(row)),
        )
        .optional()?
        .transpose()
}

pub(super) fn insert(connection: &Connection, row: &IssuedRow) -> Result<(), StoreError> {
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO pseudonym ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        ))?
        .execute(params![
            row.member.0.as_bytes(),
            row.vendor.as_str(),
            row.epoch,
            row.slot.as_str(),
            row.format,
            row.how,
            row.sealed,
            row.blind,
            to_column(row.created),
            row.recorded,
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<IssuedRow, StoreError> {
    let slot: String = row.get("slot")?;
    Ok(IssuedRow {
        member: MemberId(Uuid::from_bytes(row.get("member")?)),
        vendor: VendorId::from(row.get::<_, String>("vendor")?.as_str()),
        epoch: row.get("epoch")?,
        slot: Slot::parse(&slot).ok_or(StoreError::Damaged("the slot of a pseudonym"))?,
        format: row.get("format")?,
        how: row.get("how")?,
        sealed: row.get("sealed")?,
        blind: row.get("blind")?,
        created: time_of(row, "created")?,
        recorded: row.get("recorded")?,
    })
}
