//! The black box: what left the house stands here first, sealed, in an order nobody can change unseen.

mod disk;
mod error;
mod handle;
mod options;
mod recovery;
mod seal;

pub use disk::{Append, Disk, FsDisk};
pub use error::{KeyError, LedgerError};
pub use handle::{Ledger, Opened, Reservation};
pub use options::{Observer, Options};
pub use recovery::Recovery;
pub use seal::Keys;
