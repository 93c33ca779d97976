//! The black box: what left the house stands here first, sealed, in an order nobody can change unseen.

mod blocks;
mod cbor;
mod checkpoints;
mod decode;
mod disk;
mod encode;
pub mod entry;
mod error;
pub mod export;
mod handle;
mod indexing;
mod listing;
mod log;
pub mod note;
mod options;
mod pace;
mod queue;
mod read;
mod recovery;
mod seal;
mod segment;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod verify;
mod writer;

pub use disk::{Append, Disk, FsDisk};
pub use error::{KeyError, LedgerError};
pub use handle::{Ledger, NotOpened, Opened, Reservation};
pub use listing::{Filter, Listed};
pub use options::{Observer, Options, Write};
pub use read::{Reader, Stats, Stored};
pub use recovery::Recovery;
pub use seal::Keys;
