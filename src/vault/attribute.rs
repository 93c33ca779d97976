//! Real values: kept in one spelling each, sealed to their member.

mod normal;
mod phone;

pub use phone::{Phone, region_of};

use super::seal::{self, Key};
use super::{Vault, VaultError};
use crate::model::{MemberId, Secret, Slot, SlotKind};
use crate::store::AttributeRow;

/// Why a value does not fit its slot. Never carries the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{slot}: {problem}")]
pub struct AttributeError {
    /// The slot.
    pub slot: Slot,
    /// What is wrong, for the person who wrote it.
    pub problem: &'static str,
}

/// Whether `value` fits `slot`, for a caller that sets several values or none. `region` as in
/// [`Vault::set_attribute_in`].
///
/// # Errors
/// Names the slot and what is wrong, never the value.
pub fn check_attribute(
    slot: &Slot,
    value: &Secret<String>,
    region: Option<&str>,
) -> Result<(), AttributeError> {
    normal::normalise(slot, value.expose(), region).map(drop)
}

impl Vault {
    /// Sets a real value, or takes it back. The value is kept in one spelling: see [`Self::set_attribute_in`].
    ///
    /// # Errors
    /// [`VaultError::Attribute`] for a value that does not fit its slot, [`VaultError::NoMember`]; when the disk fails.
    pub fn set_attribute(
        &self,
        member: MemberId,
        slot: &Slot,
        value: Option<&Secret<String>>,
    ) -> Result<(), VaultError> {
        self.set_attribute_in(member, slot, value, None)
    }

    /// The same for a member in `region` (ISO 3166 alpha-2 or a locale such as `de-DE`), where a phone number without
    /// country code belongs. A full name also sets `name.given` and `name.family`, unless their owner wrote those.
    ///
    /// # Errors
    /// As [`Self::set_attribute`].
    pub fn set_attribute_in(
        &self,
        member: MemberId,
        slot: &Slot,
        value: Option<&Secret<String>>,
        region: Option<&str>,
    ) -> Result<(), VaultError> {
        let value = value.map(|value| normal::normalise(slot, value.expose(), region)).transpose()?;
        self.alone(|vault, roster| {
            if !roster.members().iter().any(|there| there.id == member) {
                return Err(VaultError::NoMember);
            }
            let key = vault.attribute_key(member)?;
            let sealed = |slot: &Slot, value: &Secret<String>, derived: bool| {
                let sealed = seal::seal(&key, slot.as_str().as_bytes(), value.expose().as_bytes())?;
                Ok::<_, VaultError>(AttributeRow { slot: slot.clone(), sealed, derived })
            };
            let (mut put, mut delete) = (Vec::new(), Vec::new());
            match &value {
                Some(value) => put.push(sealed(slot, value, false)?),
                None => delete.push(slot.clone()),
            }
            if slot.kind() == SlotKind::Name && slot.as_str() == "name.full" {
                let there = vault.inner.store.attributes(member)?;
                for (part, value) in normal::name_parts(value.as_ref()) {
                    match there.iter().find(|row| row.slot == part) {
                        Some(row) if !row.derived => {}
                        _ => match value {
                            Some(value) => put.push(sealed(&part, &value, true)?),
                            None => delete.push(part),
                        },
                    }
                }
            }
            Ok(vault.inner.store.change_attributes(member, &put, &delete)?)
        })
    }

    /// A member's real values, by slot. Phone numbers are E.164; [`Phone::parse`] gives their other spellings.
    ///
    /// # Errors
    /// [`VaultError::NoMember`]; when the disk fails or a value does not open.
    pub fn attributes(&self, member: MemberId) -> Result<Vec<(Slot, Secret<String>)>, VaultError> {
        let key = self.attribute_key(member)?;
        let rows = self.inner.store.attributes(member)?;
        rows.into_iter().map(|row| Ok((row.slot.clone(), open(&key, &row)?))).collect()
    }

    fn attribute_key(&self, member: MemberId) -> Result<Key, VaultError> {
        seal::derive(&self.member_key(member)?, &[b"doorward/1/attributes"])
    }
}

fn open(key: &Key, row: &AttributeRow) -> Result<Secret<String>, VaultError> {
    let plain = seal::open(key, row.slot.as_str().as_bytes(), &row.sealed)?;
    let text = std::str::from_utf8(plain.expose()).map_err(|_| VaultError::Sealed)?;
    Ok(Secret::new(text.to_owned()))
}
