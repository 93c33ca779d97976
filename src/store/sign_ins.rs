//! By way of whom a member signs in at vendors.

use super::rows::{time_of, to_column};
use super::{Store, StoreError};
use crate::model::{MemberId, Timestamp, VendorId};
use rusqlite::{Row, params};

/// One vendor and one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRow {
    /// Who learns something.
    pub vendor: VendorId,
    /// Who tells it.
    pub provider: VendorId,
    /// What was asked for, between spaces.
    pub scopes: String,
    /// When it was asked for first.
    pub asked: Timestamp,
    /// When it went to the provider first.
    pub went: Option<Timestamp>,
}

impl Store {
    /// All of a member's.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sign_ins(&self, member: MemberId) -> Result<Vec<SignInRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(
            "SELECT vendor, provider, scopes, asked, went FROM sign_in WHERE member = ?1 ORDER BY vendor, provider",
        )?;
        let rows = statement.query_map([member.0.as_bytes()], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps one as it is now; the first times stay. Of more than `most` of the member's the oldest go.
    ///
    /// # Errors
    /// When the member is gone or the disk fails.
    pub fn keep_sign_in(&self, member: MemberId, row: &SignInRow, most: usize) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO sign_in (member, vendor, provider, scopes, asked, went) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO UPDATE SET scopes = excluded.scopes, went = coalesce(went, excluded.went)",
                )?
                .execute(params![
                    member.0.as_bytes(),
                    row.vendor.as_str(),
                    row.provider.as_str(),
                    row.scopes,
                    to_column(row.asked),
                    row.went.map(to_column),
                ])?;
            transaction
                .prepare_cached(
                    "DELETE FROM sign_in WHERE member = ?1 AND asked <=
                     (SELECT asked FROM sign_in WHERE member = ?1 ORDER BY asked DESC LIMIT 1 OFFSET ?2)",
                )?
                .execute(params![member.0.as_bytes(), most as u64])?;
            Ok(())
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<SignInRow> {
    let has_gone = row.get::<_, Option<i64>>("went")?.is_some();
    Ok(SignInRow {
        vendor: VendorId::from(row.get::<_, String>("vendor")?.as_str()),
        provider: VendorId::from(row.get::<_, String>("provider")?.as_str()),
        scopes: row.get("scopes")?,
        asked: time_of(row, "asked")?,
        went: if has_gone { Some(time_of(row, "went")?) } else { None },
    })
}
