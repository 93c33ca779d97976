//! The household's own certificate authority: root → 90-day intermediate → leaves of at most 7 days.
//!
//! The root only ever signs an intermediate. Its key, and the intermediate's, lie on disk sealed by the vault; leaf keys
//! are made at start and live in memory. A leaf names exactly one host, so a browser never takes one connection for
//! two hosts.

mod issuer;
mod leaf;
mod shown;
mod warm;

pub use issuer::{AuthorityError, Certificates, Scope};
pub use leaf::{Authority, Leaves};
pub use shown::{Described, write_bundle};
pub use warm::warm_up;
