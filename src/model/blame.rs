//! Who is at fault for a failure.

use serde::{Deserialize, Serialize};

/// The party whose doing an error is. Decides the status class and what the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The request was malformed, unauthorised, or broke a rule of this gateway.
    Client,
    /// This gateway could not do its work.
    Gateway,
    /// The vendor or the way to it failed.
    Vendor,
}
