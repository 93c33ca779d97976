//! The owner's real attributes and every key.
//!
//! ```text
//! root key        keys/root.key, 256 random bits, made once
//!  ├─ home key     HKDF: wraps member keys, seals the CA's and the log's private keys, hashes tokens, blinds claims
//!  │   └─ member key         random, wrapped         erasing it erases the person
//!  │       ├─ attributes, pseudonyms   sealed under keys derived from it
//!  │       └─ month key      random, wrapped         per member × vendor × month: erasing it erases those records
//!  ├─ persona key  HKDF with the member's id: a lost state file costs no pseudonym
//!  └─ manifest key HKDF: seals what a recovery needs beside the root key, which a phrase of 24 words writes out
//! ```
//! What is derived comes back from the root alone; what must be erasable is random. All sealing is XChaCha20-Poly1305
//! with random nonces, bound to its context. The root key lies on the machine, readable by its owner: whoever is root
//! there can read everything.

mod attribute;
mod blocks;
mod error;
mod handle;
mod hierarchy;
mod home;
mod keyfile;
mod member;
mod months;
mod phrase;
mod readmit;
mod replace;
mod roster;
mod seal;
#[cfg(test)]
mod tests;

pub use attribute::{AttributeError, Phone, check_attribute, region_of};
pub use blocks::SealedBlocks;
pub use error::VaultError;
pub use handle::Vault;
pub use home::{Home, HomeError};
pub use member::{Credential, Holder};
pub use phrase::Phrase;
pub use readmit::Readmission;
pub use replace::replace_file;

/// A member of the home.
pub use crate::store::MemberRow as Member;
