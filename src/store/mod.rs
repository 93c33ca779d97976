//! The state of a home in one SQLite file: schema, migrations, queries. Nothing else speaks SQL.
//!
//! Real values, pseudonyms and keys arrive sealed by the vault; the store never holds what opens them. Vendor names,
//! member names and times stand in the clear: the file is the household's own (mode 0600).

mod database;
mod error;
mod exceptions;
mod keys;
mod log_index;
mod members;
mod met;
mod migrate;
mod passing;
mod pseudonyms;
mod recovered;
mod relationships;
mod rows;
mod sent_places;
mod sign_ins;
#[cfg(test)]
mod tests;

pub use database::Store;
pub use error::StoreError;
pub use log_index::{Block, LogIndex};
pub use passing::PassingRow;
pub use recovered::{Acquaintance, Recovered, RecoveredMember};
pub use rows::{AttributeRow, Claim, IssuedRow, KeyRow, MemberRow, Relationship, TokenRow};
pub use sign_ins::SignInRow;
