//! Members who come back after a loss: as they were, under keys that are new.

use super::seal::{self, Key};
use super::{Member, Vault, VaultError};
use crate::store::{Recovered, RecoveredMember};

/// A member who is about to come back: not stored yet, but what is to be theirs can be sealed.
pub struct Readmission {
    /// Who.
    pub member: Member,
    wrapped: Vec<u8>,
    seal: Key,
}

impl std::fmt::Debug for Readmission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readmission(…)")
    }
}

impl Readmission {
    /// As [`Vault::seal`].
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.seal, context.as_bytes(), plain)
    }

    /// With nothing of theirs yet.
    pub fn with_nothing(self) -> RecoveredMember {
        RecoveredMember {
            member: self.member,
            wrapped: self.wrapped,
            relationships: Vec::new(),
            settings: Vec::new(),
            hosts: Vec::new(),
            met: Vec::new(),
            pseudonyms: Vec::new(),
        }
    }
}

impl Vault {
    /// Makes a new key for somebody who was a member of a home that is lost.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn readmission(&self, member: Member) -> Result<Readmission, VaultError> {
        let home = &self.inner.home;
        let wrapped = home.new_member_key(member.id)?;
        let key = home.open_member_key(member.id, &wrapped)?;
        Ok(Readmission { member, wrapped, seal: seal::sealing(&key)? })
    }

    /// Brings back everybody with what is theirs, or nobody.
    ///
    /// # Errors
    /// [`VaultError::NotEmpty`] where there are members already; when the disk fails.
    pub fn readmit(&self, recovered: &Recovered) -> Result<(), VaultError> {
        self.change(|vault, roster| match roster.members() {
            [] => Ok(vault.inner.store.recover(recovered)?),
            _ => Err(VaultError::NotEmpty),
        })
    }
}
