//! What a recovery takes out of one home and puts into another.

use super::rows::{time_of, to_column};
use super::{IssuedRow, MemberRow, Relationship, Store, StoreError};
use crate::model::{Level, MemberId, Timestamp, VendorId};
use rusqlite::{Transaction, params};

/// Everything that comes back.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Who was there, the first one first.
    pub members: Vec<RecoveredMember>,
    /// The blinds of values that may never be made again.
    pub claims: Vec<[u8; 32]>,
}

/// A member with what is theirs.
#[derive(Debug)]
pub struct RecoveredMember {
    /// Who.
    pub member: MemberRow,
    /// Their key, wrapped.
    pub wrapped: Vec<u8>,
    /// Vendors they deal with.
    pub relationships: Vec<Relationship>,
    /// Their own settings: vendor, key, value.
    pub settings: Vec<(VendorId, String, String)>,
    /// Under which name hosts met them, and since when.
    pub hosts: Vec<Acquaintance<String>>,
    /// Whom they met, and whether its cookies came along.
    pub met: Vec<Acquaintance<bool>>,
    /// What vendors know.
    pub pseudonyms: Vec<IssuedRow>,
}

/// A vendor that was met, and what there is to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquaintance<T> {
    /// Whom.
    pub vendor: VendorId,
    /// A host of it, or whether its cookies came along.
    pub what: T,
    /// When.
    pub since: Timestamp,
}

impl Store {
    /// The blind of every value that was ever claimed.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn claims(&self) -> Result<Vec<[u8; 32]>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached("SELECT blind FROM claimed ORDER BY blind")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The hosts that met the member, with the name under which they did.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn acquainted_hosts(&self, member: MemberId) -> Result<Vec<Acquaintance<String>>, StoreError> {
        self.acquaintances(
            "SELECT vendor, host AS what, since FROM known_host WHERE member = ?1 ORDER BY since, host",
            member,
        )
    }

    /// The vendors the member met, with whether their cookies came along.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn acquainted_vendors(&self, member: MemberId) -> Result<Vec<Acquaintance<bool>>, StoreError> {
        self.acquaintances(
            "SELECT vendor, cookies AS what, since FROM met WHERE member = ?1 ORDER BY since, vendor",
            member,
        )
    }

    fn acquaintances<T: rusqlite::types::FromSql>(
        &self,
        query: &str,
        member: MemberId,
    ) -> Result<Vec<Acquaintance<T>>, StoreError> {
        let connection = self.read();
        let mut statement = connection.prepare_cached(query)?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            Ok(Acquaintance {
                vendor: VendorId::from(row.get::<_, String>("vendor")?.as_str()),
                what: row.get("what")?,
                since: time_of(row, "since")?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many pseudonyms were made since then, not counting those that a recovery does not bring back.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn recoverable_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT count(*) FROM pseudonym WHERE how <> 'random' AND created > ?1")?;
        Ok(statement.query_row([to_column(since)], |row| row.get(0))?)
    }

    /// Puts everything into the store, or nothing. Durable when it returns.
    ///
    /// # Errors
    /// When something of it is there already, or the disk fails.
    pub(crate) fn recover(&self, recovered: &Recovered) -> Result<(), StoreError> {
        self.write(|transaction| {
            for member in &recovered.members {
                put_member(transaction, member)?;
            }
            let mut statement =
                transaction.prepare_cached("INSERT OR IGNORE INTO claimed (blind) VALUES (?1)")?;
            for blind in &recovered.claims {
                statement.execute([&blind[..]])?;
            }
            Ok(())
        })
    }
}

fn put_member(transaction: &Transaction<'_>, recovered: &RecoveredMember) -> Result<(), StoreError> {
    let member = &recovered.member;
    let id = member.id.0.as_bytes();
    super::members::insert(transaction, member, &recovered.wrapped)?;
    for relationship in &recovered.relationships {
        transaction
            .prepare_cached(
                "INSERT INTO relationship (member, vendor, epoch, level, since, terms, answer)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                relationship.vendor.as_str(),
                relationship.epoch,
                relationship.level.map(Level::as_str),
                to_column(relationship.since),
                relationship.terms,
                relationship.answer
            ])?;
    }
    for (vendor, key, value) in &recovered.settings {
        transaction
            .prepare_cached(
                "INSERT INTO vendor_setting (member, vendor, key, value) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![id, vendor.as_str(), key, value])?;
    }
    for Acquaintance { vendor, what, since } in &recovered.hosts {
        transaction
            .prepare_cached("INSERT INTO known_host (member, host, vendor, since) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id, what, vendor.as_str(), to_column(*since)])?;
    }
    for Acquaintance { vendor, what, since } in &recovered.met {
        transaction
            .prepare_cached("INSERT INTO met (member, vendor, cookies, since) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![id, vendor.as_str(), what, to_column(*since)])?;
    }
    for row in &recovered.pseudonyms {
        super::pseudonyms::insert(transaction, row)?;
    }
    Ok(())
}
