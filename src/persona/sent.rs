//! Where in JSON a member's own programs sent what a vendor knows the member by: only there it is shown to them again.

use super::error::IssueError;
use super::wardrobe::Wardrobe;
use super::{MemberIdentity, rows};
use crate::model::{Part, Slot, VendorId};
use crate::rewrite::Hit;
use std::sync::Arc;

/// Most places that are kept of one identity; of more the oldest go.
const MOST: usize = 32;
/// Longest pointer that is kept (bytes).
const LONGEST: usize = 256;

/// A string in a JSON body that held nothing but a member's value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SentPlace {
    /// Whose value.
    pub slot: Slot,
    /// RFC 6901.
    pub pointer: Arc<str>,
}

impl SentPlace {
    /// Where `hit` is all of a JSON string in its plain letters, and the only one of that name.
    pub fn of(hit: &Hit, identity: &MemberIdentity) -> Option<Self> {
        let Part::BodyJson(pointer) = &hit.place.part else { return None };
        let is_whole = hit.token == Some(hit.span.start.checked_sub(1)?..hit.span.end + 1);
        let is_plain = hit.within.is_none() && !hit.signed && hit.place.occurrence == 1;
        if !is_whole || !is_plain || identity.is_foreign(hit.identifier) || pointer.len() > LONGEST {
            return None;
        }
        let slot = identity.identifiers().get(hit.identifier)?.slot.clone();
        Some(Self { slot, pointer: Arc::clone(pointer) })
    }
}

impl Wardrobe {
    /// Where the member's programs sent values to the vendor in that epoch, the oldest first. From memory.
    pub fn sent_places(&self, vendor: &VendorId, epoch: u32) -> Arc<Vec<SentPlace>> {
        self.read().sent.get(&(vendor.clone(), epoch)).cloned().unwrap_or_default()
    }

    /// A program of the member's sent values there. Gives whether that is new: then [`Self::keep_sent`] has to be called.
    pub fn note_sent(&self, vendor: &VendorId, epoch: u32, places: &[SentPlace]) -> bool {
        let mut state = self.write();
        let sent = state.sent.entry((vendor.clone(), epoch)).or_default();
        let new: Vec<_> = places.iter().filter(|place| !sent.contains(place)).cloned().collect();
        if new.is_empty() {
            return false;
        }
        let sent = Arc::make_mut(sent);
        sent.extend(new);
        let over = sent.len().saturating_sub(MOST);
        sent.drain(..over);
        true
    }

    /// Keeps them over a restart. Waits for the store's disk: never on a worker.
    ///
    /// # Errors
    /// The vault or the store fails.
    pub fn keep_sent(&self, vendor: &VendorId, epoch: u32) -> Result<(), IssueError> {
        let sent = self.sent_places(vendor, epoch);
        let pairs: Vec<_> = sent.iter().map(|place| (place.slot.as_str(), &*place.pointer)).collect();
        let plain = serde_json::to_vec(&pairs).map_err(|_| IssueError::Places)?;
        let sealed = self.vault.seal(self.member, &rows::context_of_places(vendor, epoch), &plain)?;
        Ok(self.store.keep_sent_places(self.member, vendor, epoch, &sealed)?)
    }

    /// What is kept, into memory.
    pub(super) fn load_sent(&self) -> Result<(), IssueError> {
        for (vendor, epoch, sealed) in self.store.sent_places(self.member)? {
            let context = rows::context_of_places(&vendor, epoch);
            let plain = self.vault.open_sealed(self.member, &context, &sealed)?;
            let pairs: Vec<(String, Arc<str>)> =
                serde_json::from_slice(plain.expose()).map_err(|_| IssueError::Places)?;
            let places = pairs
                .into_iter()
                .filter_map(|(slot, pointer)| Some(SentPlace { slot: Slot::parse(&slot)?, pointer }))
                .collect();
            self.write().sent.insert((vendor, epoch), Arc::new(places));
        }
        Ok(())
    }
}
