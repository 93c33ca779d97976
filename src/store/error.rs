//! What can go wrong with the state file.

use rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
use std::path::PathBuf;

/// Why the store could not do its work. Never carries a stored value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file could not be made or opened.
    #[error("cannot open the state file {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite failed.
    #[error("the state file failed")]
    Sqlite(#[source] rusqlite::Error),
    /// The file was written by a newer version of this program.
    #[error("the state file has schema {found}, this version knows up to {known}: use a newer doorward")]
    Newer {
        /// What the file says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// A row holds something this program never writes.
    #[error("the state file is damaged: {0}")]
    Damaged(&'static str),
    /// A member of that name exists.
    #[error("a member of that name exists already")]
    NameTaken,
    /// No such member.
    #[error("no such member")]
    NoMember,
    /// A vendor setting has a value its key does not take.
    #[error("the setting {key} does not take that value")]
    Setting {
        /// The setting.
        key: &'static str,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // The only foreign key there is names whose row it is.
        match error.sqlite_error() {
            Some(failure) if failure.extended_code == SQLITE_CONSTRAINT_FOREIGNKEY => Self::NoMember,
            _ => Self::Sqlite(error),
        }
    }
}
