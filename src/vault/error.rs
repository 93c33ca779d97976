//! What can go wrong in the vault.

use super::AttributeError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why the vault could not do its work. Never carries a real value or a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The state file failed.
    #[error(transparent)]
    Store(StoreError),
    /// A key file could not be read or made.
    #[error("cannot use the key file {path}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others may read a key file.
    #[error(
        "others can read the key file {path} (mode {mode:04o}): chmod 600 it, and consider its content known"
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file is not what this program writes.
    #[error("the key file {path} is damaged or from another version")]
    KeyFileDamaged {
        /// The file.
        path: PathBuf,
    },
    /// There are members, but the key that opens what is theirs is gone.
    #[error(
        "the key file {path} is missing, and without it nothing in this home can be read: restore it from a backup"
    )]
    KeyFileMissing {
        /// The file.
        path: PathBuf,
    },
    /// Other keys of the home were wrapped by another root key.
    #[error("the root key does not belong to the rest of this home: restore them together")]
    WrongRootKey,
    /// A home has a root key, and it is another one.
    #[error("this home has a root key of its own: recover into an empty one, named with --home")]
    OtherRootKey,
    /// A home has members.
    #[error("this home has members: recover into an empty one, named with --home")]
    NotEmpty,
    /// Words that are no recovery phrase.
    #[error("{0}")]
    Phrase(&'static str),
    /// Sealed bytes do not open: another key, another context, or damage.
    #[error("sealed data does not open")]
    Sealed,
    /// A cryptographic operation was refused by its library.
    #[error("a cryptographic operation failed")]
    Cryptography,
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// No such member.
    #[error("no such member")]
    NoMember,
    /// A member of that name exists.
    #[error("a member of that name exists already")]
    NameTaken,
    /// Not a name for a member.
    #[error("a member's name has 1 to 32 of a-z, 0-9, - and _, and is none of guest and gateway")]
    BadName,
    /// The home is full.
    #[error("a home has at most {0} members")]
    TooManyMembers(usize),
    /// A value does not fit its slot.
    #[error(transparent)]
    Attribute(#[from] AttributeError),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken => Self::NameTaken,
            StoreError::NoMember => Self::NoMember,
            other => Self::Store(other),
        }
    }
}
