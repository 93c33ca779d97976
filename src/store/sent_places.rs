//! Where a member's programs sent what to whom, sealed.

use super::{Store, StoreError};
use crate::model::{MemberId, VendorId};
use rusqlite::params;

impl Store {
    /// All of a member's, by the identity that sent them.
    ///
    /// # Errors
    /// When the disk fails.
    pub(crate) fn sent_places(&self, member: MemberId) -> Result<Vec<(VendorId, u32, Vec<u8>)>, StoreError> {
        let connection = self.read();
        let mut statement =
            connection.prepare_cached("SELECT vendor, epoch, sealed FROM sent_place WHERE member = ?1")?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            Ok((
                VendorId::from(row.get::<_, String>("vendor")?.as_str()),
                row.get("epoch")?,
                row.get("sealed")?,
            ))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps all of one identity's, in place of those that were kept.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub(crate) fn keep_sent_places(
        &self,
        member: MemberId,
        vendor: &VendorId,
        epoch: u32,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO sent_place (member, vendor, epoch, sealed) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![member.0.as_bytes(), vendor.as_str(), epoch, sealed])?;
            Ok(())
        })
    }
}
