//! What passes uninspected because inspection did not work there.

use super::rows::{time_of, to_column};
use super::{Store, StoreError};
use crate::model::{MemberId, Timestamp};
use rusqlite::params;
use uuid::Uuid;

/// One device that is not inspected at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassingRow {
    /// Whose device.
    pub member: MemberId,
    /// Which: `name:` as it is configured, or `address:`.
    pub device: String,
    /// Where.
    pub host: String,
    /// `pinned`, `client-certificate` or `challenged`.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

impl Store {
    /// Everything that was learned after `since`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn passing(&self, since: Timestamp) -> Result<Vec<PassingRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT member, device, host, why, since FROM passing WHERE since > ?1")?;
        let rows = statement.query_map([to_column(since)], |row| {
            Ok(PassingRow {
                member: MemberId(Uuid::from_bytes(row.get("member")?)),
                device: row.get("device")?,
                host: row.get("host")?,
                why: row.get("why")?,
                since: time_of(row, "since")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Lets go of what was learned of one host by the member's devices.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn forget_passing(&self, member: MemberId, host: &str) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("DELETE FROM passing WHERE member = ?1 AND host = ?2")?
                .execute(params![member.0.as_bytes(), host])?;
            Ok(())
        })
    }

    /// Keeps what was learned, and lets go of what was before `over`.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn keep_passing(&self, row: &PassingRow, over: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM passing WHERE since <= ?1", [to_column(over)])?;
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO passing (member, device, host, why, since) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![row.member.0.as_bytes(), row.device, row.host, row.why, to_column(row.since)])?;
            Ok(())
        })
    }
}
