//! Members and vendors.

use super::rows::{time_of, to_column};
use super::{Relationship, Store, StoreError};
use crate::model::{Clock, Level, MemberId, SystemClock, Timestamp, VendorId};
use rusqlite::{Connection, OptionalExtension, params};

impl Store {
    /// Which identity the member uses at the vendor; 1 at first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn epoch(&self, member: MemberId, vendor: &VendorId) -> Result<u32, StoreError> {
        Ok(read_epoch(&self.read(), member, vendor)?)
    }

    /// Starts a new identity at the vendor and returns its number. Terms start anew with it: the vendor meets a stranger.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn next_epoch(&self, member: MemberId, vendor: &VendorId) -> Result<u32, StoreError> {
        self.write(|transaction| {
            touch(transaction, member, vendor, SystemClock.now())?;
            transaction
                .prepare_cached(
                    "UPDATE relationship SET epoch = epoch + 1, terms = 'none', answer = NULL
                     WHERE member = ?1 AND vendor = ?2",
                )?
                .execute(params![member.0.as_bytes(), vendor.as_str()])?;
            Ok(read_epoch(transaction, member, vendor)?)
        })
    }

    /// All of a member's relationships, by vendor.
    ///
    /// # Errors
    /// When the disk fails or a row is damaged.
    pub fn relationships(&self, member: MemberId) -> Result<Vec<Relationship>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(
            "SELECT vendor, epoch, level, since, terms, answer FROM relationship WHERE member = ?1 ORDER BY vendor",
        )?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            let level: Option<String> = row.get("level")?;
            Ok(Relationship {
                vendor: VendorId::from(row.get::<_, String>("vendor")?.as_str()),
                epoch: row.get("epoch")?,
                level: level.as_deref().and_then(Level::parse),
                since: time_of(row, "since")?,
                terms: row.get("terms")?,
                answer: row.get("answer")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that the member knows the vendor, since `at`. `true` when they did not before.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn touch_relationship(
        &self,
        member: MemberId,
        vendor: &VendorId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|transaction| touch(transaction, member, vendor, at))
    }

    /// Moves the state of the terms; `answer` is the vendor's own word, kept as it was sent.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn set_terms(
        &self,
        member: MemberId,
        vendor: &VendorId,
        state: &str,
        answer: Option<&str>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            touch(transaction, member, vendor, at)?;
            transaction
                .prepare_cached(
                    "UPDATE relationship SET terms = ?3, answer = ?4 WHERE member = ?1 AND vendor = ?2",
                )?
                .execute(params![member.0.as_bytes(), vendor.as_str(), state, answer])?;
            Ok(())
        })
    }

    /// Sets one of the member's settings for a vendor (keys as in the configuration); `None` takes it back.
    /// `level` moves the relationship's level. A vendor with a setting has a relationship.
    ///
    /// # Errors
    /// [`StoreError::Setting`] for a level that does not exist; when the member is gone or the disk fails.
    pub fn set_vendor(
        &self,
        member: MemberId,
        vendor: &VendorId,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        if key == "level" && value.is_some_and(|value| Level::parse(value).is_none()) {
            return Err(StoreError::Setting { key: "level" });
        }
        let (who, whom) = (member.0.as_bytes(), vendor.as_str());
        self.write(|transaction| {
            touch(transaction, member, vendor, SystemClock.now())?;
            match (key, value) {
                ("level", level) => transaction
                    .prepare_cached("UPDATE relationship SET level = ?3 WHERE member = ?1 AND vendor = ?2")?
                    .execute(params![who, whom, level])?,
                (key, Some(value)) => transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO vendor_setting (member, vendor, key, value)
                         VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![who, whom, key, value])?,
                (key, None) => transaction
                    .prepare_cached(
                        "DELETE FROM vendor_setting WHERE member = ?1 AND vendor = ?2 AND key = ?3",
                    )?
                    .execute(params![who, whom, key])?,
            };
            Ok(())
        })
    }

    /// The member's settings for a vendor as key and value, by key; the level is in the [`Relationship`].
    ///
    /// # Errors
    /// When the disk fails.
    pub fn vendor_settings(
        &self,
        member: MemberId,
        vendor: &VendorId,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(
            "SELECT key, value FROM vendor_setting WHERE member = ?1 AND vendor = ?2 ORDER BY key",
        )?;
        let rows = statement
            .query_map(params![member.0.as_bytes(), vendor.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All of the member's vendor settings as vendor, key and value: one read for a policy snapshot.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn all_vendor_settings(
        &self,
        member: MemberId,
    ) -> Result<Vec<(VendorId, String, String)>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(
            "SELECT vendor, key, value FROM vendor_setting WHERE member = ?1 ORDER BY vendor, key",
        )?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            Ok((VendorId::from(row.get::<_, String>(0)?.as_str()), row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn read_epoch(connection: &Connection, member: MemberId, vendor: &VendorId) -> rusqlite::Result<u32> {
    let epoch = connection
        .prepare_cached("SELECT epoch FROM relationship WHERE member = ?1 AND vendor = ?2")?
        .query_row(params![member.0.as_bytes(), vendor.as_str()], |row| row.get(0))
        .optional()?;
    Ok(epoch.unwrap_or(1))
}

pub(super) fn touch(
    connection: &Connection,
    member: MemberId,
    vendor: &VendorId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    // Not OR IGNORE: that would hide a member who is gone.
    let made = connection
        .prepare_cached(
            "INSERT INTO relationship (member, vendor, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![member.0.as_bytes(), vendor.as_str(), to_column(at)])?;
    Ok(made == 1)
}
