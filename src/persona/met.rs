//! Whether a vendor knew the member before the gateway did: its cookies came along when they first met here, so somebody
//! already has a session, and perhaps an account, under what is real.

use super::error::IssueError;
use super::wardrobe::Wardrobe;
use crate::model::{Timestamp, VendorId};

impl Wardrobe {
    /// Whether this vendor was met before. From memory.
    pub fn has_met(&self, vendor: &VendorId) -> bool {
        self.read().met.contains_key(vendor)
    }

    /// Whether this vendor knew the member already when they met here. From memory.
    pub fn knew_before(&self, vendor: &VendorId) -> bool {
        self.read().met.get(vendor).copied().unwrap_or(false)
    }

    /// The member meets the vendor, with its `cookies` or without. One that knows a pseudonym does not know who is real.
    /// Gives whether they meet for the first time: then [`Self::keep_meeting`] has to be called.
    pub fn meet(&self, vendor: &VendorId, cookies: bool) -> bool {
        let mut state = self.write();
        let cookies = cookies && !state.epochs.contains_key(vendor);
        let first = !state.met.contains_key(vendor);
        state.met.entry(vendor.clone()).or_insert(cookies);
        first
    }

    /// Keeps it over a restart. Waits for the store's disk: never on a worker.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_meeting(&self, vendor: &VendorId, now: Timestamp) -> Result<(), IssueError> {
        Ok(self.store.meet(self.member, vendor, self.knew_before(vendor), now)?)
    }
}
