//! What members have let by.

use super::rows::{time_of, to_column};
use super::{Store, StoreError};
use crate::model::exception::{Excepted, Exception};
use crate::model::{MemberId, Timestamp, VendorId};
use rusqlite::{Row, params};
use uuid::Uuid;

impl Store {
    /// Every exception whose time is not over, by number.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn exceptions(&self, now: Timestamp) -> Result<Vec<Exception>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(
            "SELECT id, member, device, vendor, kind, what, since, until, once FROM exception
             WHERE until IS NULL OR until > ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([to_column(now)], read)?;
        // One of a kind that only a later version knows has no effect here.
        let known = rows.filter_map(Result::transpose);
        Ok(known.collect::<Result<_, _>>()?)
    }

    /// Keeps one and gives its number; `None` where the member has `most` of them. Those whose time is over go.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn add_exception(&self, exception: &Exception, most: usize) -> Result<Option<i64>, StoreError> {
        self.write(|transaction| {
            let since = to_column(exception.since);
            transaction.execute("DELETE FROM exception WHERE until <= ?1", [since])?;
            let member = exception.member.0.as_bytes();
            let count: u64 = transaction
                .prepare_cached("SELECT count(*) FROM exception WHERE member = ?1")?
                .query_row([member], |row| row.get(0))?;
            if count >= most as u64 {
                return Ok(None);
            }
            let (kind, what) = exception.what.written();
            transaction
                .prepare_cached(
                    "INSERT INTO exception (member, device, vendor, kind, what, since, until, once)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    member,
                    exception.device.as_deref(),
                    exception.vendor.as_ref().map(VendorId::as_str),
                    kind,
                    what,
                    since,
                    exception.until.map(to_column),
                    exception.once,
                ])?;
            Ok(Some(transaction.last_insert_rowid()))
        })
    }

    /// Lets go of one.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove_exception(&self, id: i64) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.prepare_cached("DELETE FROM exception WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<Exception>> {
    let (kind, what): (String, Option<String>) = (row.get("kind")?, row.get("what")?);
    let Some(what) = Excepted::read(&kind, what.as_deref()) else { return Ok(None) };
    let has_end = row.get::<_, Option<i64>>("until")?.is_some();
    Ok(Some(Exception {
        id: row.get("id")?,
        member: MemberId(Uuid::from_bytes(row.get("member")?)),
        device: row.get::<_, Option<String>>("device")?.map(Into::into),
        vendor: row.get::<_, Option<String>>("vendor")?.map(|vendor| VendorId::from(vendor.as_str())),
        what,
        since: time_of(row, "since")?,
        until: if has_end { Some(time_of(row, "until")?) } else { None },
        once: row.get("once")?,
    }))
}
