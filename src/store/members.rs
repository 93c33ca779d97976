//! People, their credentials and their sealed attributes.

use super::rows::{time_of, to_column};
use super::{AttributeRow, MemberRow, Store, StoreError, TokenRow};
use crate::model::{MemberId, MemberKind, Slot, Timestamp};
use rusqlite::{ErrorCode, Transaction, params};
use uuid::Uuid;

impl Store {
    /// All members, the first one first.
    pub(crate) fn members(&self) -> Result<Vec<MemberRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT id, name, kind, placeholder, created FROM member ORDER BY ordinal")?;
        let rows = statement.query_map([], |row| {
            let kind: String = row.get("kind")?;
            Ok(MemberKind::parse(&kind).map(|kind| {
                Ok(MemberRow {
                    id: MemberId(Uuid::from_bytes(row.get("id")?)),
                    name: row.get("name")?,
                    kind,
                    placeholder: row.get("placeholder")?,
                    created: time_of(row, "created")?,
                })
            }))
        })?;
        rows.map(|row| row?.ok_or(StoreError::Damaged("the kind of a member"))?).collect()
    }

    /// Adds a member with their wrapped key.
    pub(crate) fn insert_member(&self, row: &MemberRow, wrapped: &[u8]) -> Result<(), StoreError> {
        self.write(|transaction| insert(transaction, row, wrapped))
    }

    /// Gives the placeholder its name and kind; from then on it is a member like any other.
    pub(crate) fn name_placeholder(
        &self,
        id: MemberId,
        name: &str,
        kind: MemberKind,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE member SET name = ?2, kind = ?3, placeholder = 0 WHERE id = ?1")?
                .execute(params![id.0.as_bytes(), name, kind.as_str()])
                .map_err(name_taken)?;
            if changed == 1 { Ok(()) } else { Err(StoreError::NoMember) }
        })
    }

    /// Deletes a member with everything of theirs; `false` where there was none.
    pub(crate) fn delete_member(&self, id: MemberId) -> Result<bool, StoreError> {
        let gone = self.write(|transaction| {
            Ok(transaction
                .prepare_cached("DELETE FROM holder WHERE id = ?1 AND id IN (SELECT id FROM member)")?
                .execute([id.0.as_bytes()])?)
        })?;
        self.scrub()?;
        Ok(gone == 1)
    }

    /// All credentials.
    pub(crate) fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let connection = self.read();
        let mut statement =
            connection.prepare_cached("SELECT member, tag, agent FROM token ORDER BY ordinal")?;
        let rows = statement.query_map([], |row| {
            let member = MemberId(Uuid::from_bytes(row.get("member")?));
            Ok(TokenRow { member, tag: row.get("tag")?, agent: row.get("agent")? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Adds a credential; beyond `keep` of them, the member's oldest go.
    pub(crate) fn insert_token(
        &self,
        row: &TokenRow,
        created: Timestamp,
        keep: u32,
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("INSERT INTO token (member, tag, agent, created) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![row.member.0.as_bytes(), row.tag, row.agent, to_column(created)])?;
            transaction
                .prepare_cached(
                    "DELETE FROM token WHERE member = ?1 AND ordinal NOT IN
                     (SELECT ordinal FROM token WHERE member = ?1 ORDER BY ordinal DESC LIMIT ?2)",
                )?
                .execute(params![row.member.0.as_bytes(), keep])?;
            Ok(())
        })
    }

    /// A member's attributes, sealed, by slot.
    pub(crate) fn attributes(&self, member: MemberId) -> Result<Vec<AttributeRow>, StoreError> {
        let connection = self.read();
        let mut statement = connection
            .prepare_cached("SELECT slot, sealed, derived FROM attribute WHERE member = ?1 ORDER BY slot")?;
        let rows = statement.query_map([member.0.as_bytes()], |row| {
            let slot: String = row.get("slot")?;
            Ok(Slot::parse(&slot).map(|slot| {
                Ok(AttributeRow { slot, sealed: row.get("sealed")?, derived: row.get("derived")? })
            }))
        })?;
        rows.map(|row| row?.ok_or(StoreError::Damaged("the slot of an attribute"))?).collect()
    }

    /// Puts and deletes attributes in one step.
    pub(crate) fn change_attributes(
        &self,
        member: MemberId,
        put: &[AttributeRow],
        delete: &[Slot],
    ) -> Result<(), StoreError> {
        self.write(|transaction| {
            for slot in delete {
                transaction
                    .prepare_cached("DELETE FROM attribute WHERE member = ?1 AND slot = ?2")?
                    .execute(params![member.0.as_bytes(), slot.as_str()])?;
            }
            for row in put {
                transaction
                    .prepare_cached(
                        "INSERT OR REPLACE INTO attribute (member, slot, sealed, derived) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![member.0.as_bytes(), row.slot.as_str(), row.sealed, row.derived])?;
            }
            Ok(())
        })
    }
}

/// A member with their wrapped key.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    row: &MemberRow,
    wrapped: &[u8],
) -> Result<(), StoreError> {
    transaction
        .prepare_cached("INSERT INTO holder (id, wrapped) VALUES (?1, ?2)")?
        .execute(params![row.id.0.as_bytes(), wrapped])?;
    transaction
        .prepare_cached(
            "INSERT INTO member (id, name, kind, placeholder, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            row.id.0.as_bytes(),
            row.name,
            row.kind.as_str(),
            row.placeholder,
            to_column(row.created)
        ])
        .map_err(name_taken)?;
    Ok(())
}

/// The one unique text column of the table is the name.
fn name_taken(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => StoreError::NameTaken,
        _ => StoreError::Sqlite(error),
    }
}
