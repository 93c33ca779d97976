//! Whom a member has met.

use super::rows::to_column;
use super::{Store, StoreError};
use crate::model::{MemberId, Timestamp, VendorId};
use rusqlite::params;

impl Store {
    /// Every vendor the member has met, with whether its cookies came along the first time.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn met(&self, member: MemberId) -> Result<Vec<(VendorId, bool)>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached("SELECT vendor, cookies FROM met WHERE member = ?1")?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            Ok((VendorId::from(row.get::<_, String>("vendor")?.as_str()), row.get("cookies")?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Notes that the member met the vendor; the first time counts.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn meet(
        &self,
        member: MemberId,
        vendor: &VendorId,
        cookies: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO met (member, vendor, cookies, since) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![member.0.as_bytes(), vendor.as_str(), cookies, to_column(now)])?;
            Ok(())
        })
    }
}
