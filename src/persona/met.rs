//! Whether a vendor knew the member before the gateway did: its cookies came along when they first met here, so somebody
//! already has a session, and perhaps an account, under what is real.

use super::error::IssueError;
use super::wardrobe::Wardrobe;
use crate::model::{Timestamp, VendorId};

/// Most vendors of a member of which this is kept: whoever comes later counts as never met, and gets an alias.
const MOST: usize = 10_000;

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
    /// Gives whether that is to be kept: then [`Self::keep_meeting`] has to be called.
    pub fn meet(&self, vendor: &VendorId, cookies: bool) -> bool {
        let mut state = self.write();
        let cookies = cookies && !state.epochs.contains_key(vendor);
        if state.met.len() >= MOST || state.met.contains_key(vendor) {
            return false;
        }
        state.met.insert(vendor.clone(), cookies);
        true
    }

    /// Keeps it over a restart. Waits for the store's disk: never on a worker.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_meeting(&self, vendor: &VendorId, now: Timestamp) -> Result<(), IssueError> {
        Ok(self.store.meet(self.member, vendor, self.knew_before(vendor), now)?)
    }
}
