//! Identities that survive a machine: from the recovery phrase, which is the root key, and a manifest, which says what the
//! root key does not: whom the members met, as which of their identities, and what those know.
//!
//! What is derived from the seed and what was adopted is in it. What was made at random is not: it is made to be erasable.
//! Neither are real values, credentials, exceptions, and the log.

mod gather;
mod manifest;
mod restore;

pub use gather::{Gathered, gather};
pub use manifest::MOST_TEXT;
pub use restore::{Restored, restore};

use crate::store::StoreError;
use crate::vault::VaultError;

/// Why identities could not be taken along or brought back. Repeats no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// Not what [`gather`] makes.
    #[error("that is no manifest of a recovery, or one of a later version")]
    NoManifest,
    /// Another home's, or changed since.
    #[error("the phrase does not open this manifest: it belongs to another home, or was changed")]
    Closed,
    /// What it says makes no sense.
    #[error("the manifest is damaged: {0}")]
    Damaged(&'static str),
    /// It could not be put into a text.
    #[error("the manifest cannot be written")]
    Unwritten,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
}
