//! What vendors said of themselves in a handshake, for the connections that come after.

use crate::model::{MemberId, Origin};
use moka::sync::Cache;
use std::time::Duration;

/// It is remembered for so long.
const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// And of so many vendors.
const MOST: u64 = 4096;

/// Vendors that said one thing, each to one member: nobody learns from it whom somebody else meets.
pub(super) struct Remembered(Cache<(MemberId, Origin), ()>);

impl Default for Remembered {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MOST).time_to_live(LIFETIME).build())
    }
}

impl Remembered {
    /// Whether the vendor said it to this member lately.
    pub(super) fn has(&self, member: MemberId, origin: &Origin) -> bool {
        self.0.contains_key(&(member, origin.clone()))
    }

    /// The vendor says it.
    pub(super) fn note(&self, member: MemberId, origin: &Origin) {
        self.0.insert((member, origin.clone()), ());
    }
}
