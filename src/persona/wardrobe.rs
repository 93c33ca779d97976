//! The pseudonyms a member has, in memory, with the store behind them.
//!
//! A first use claims its value in the store and gives an `issue` record that the caller makes durable in the same
//! commit as the OPEN that carries it; until [`Wardrobe::confirm`] says so, every exchange that needs the value brings
//! the record along. What was issued stays as it is whatever happens to lists, formats and real values.

use super::derive::{CheckKey, PersonaKey, VendorKey};
use super::error::IssueError;
use super::format::email;
use super::rows::open;
use crate::model::{MemberId, Secret, Slot, Timestamp, VendorId};
use crate::store::Store;
use crate::vault::Vault;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Longer than any exchange takes from its claim to its OPEN, in milliseconds. A crash in between leaves a claim without
/// its record; such a claim is at most this much older than the newest one, and those are recorded once more.
const UNSURE: u64 = 10 * 60 * 1000;

/// A pseudonym that a vendor knows.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The value. Not real, yet it names the person to whoever knows it.
    pub value: Secret<String>,
    /// Version of the format that made it; 0 for an adopted one.
    pub format: u32,
    /// `derived`, `random` or `adopted`.
    pub how: String,
    /// When it was made.
    pub created: Timestamp,
    /// Whether its `issue` record is durable.
    pub recorded: bool,
}

/// What one vendor knows in one epoch, by slot.
pub type Worn = BTreeMap<Slot, Issued>;

/// How a member stands with a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The identity in use.
    pub epoch: u32,
    /// Whether there is a relationship: one is stored, or a pseudonym was issued.
    pub known: bool,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) epochs: HashMap<VendorId, u32>,
    pub(super) worn: HashMap<(VendorId, u32), Arc<Worn>>,
    /// Keys of random identities, kept so that a preview and the values that follow agree.
    pub(super) random: HashMap<(VendorId, u32), VendorKey>,
}

impl State {
    pub(super) fn put(&mut self, vendor: &VendorId, epoch: u32, slot: Slot, issued: Issued) {
        let worn = self.worn.entry((vendor.clone(), epoch)).or_default();
        Arc::make_mut(worn).insert(slot, issued);
        let current = self.epochs.entry(vendor.clone()).or_insert(epoch);
        *current = epoch.max(*current);
    }
}

/// One member's pseudonyms.
pub struct Wardrobe {
    pub(super) member: MemberId,
    pub(super) vault: Vault,
    pub(super) store: Store,
    pub(super) persona: PersonaKey,
    pub(super) check: CheckKey,
    pub(super) blind: Secret<[u8; 32]>,
    state: RwLock<State>,
}

impl Wardrobe {
    /// Reads a member's pseudonyms. Opens every one: never on a worker.
    ///
    /// # Errors
    /// The vault or the store fails, or a stored value does not open.
    pub fn load(member: MemberId, vault: &Vault, store: &Store) -> Result<Self, IssueError> {
        let persona = PersonaKey::new(vault.persona_key(member)?);
        let check = persona.check();
        let blind = vault.blind_key()?;
        let mut state = State::default();
        let rows = store.pseudonyms(member)?;
        let newest = rows.iter().map(|row| row.created.0).max().unwrap_or(0);
        for row in rows {
            let recorded = row.created.0.saturating_add(UNSURE) < newest;
            let issued = open(vault, &row, recorded)?;
            state.put(&row.vendor, row.epoch, row.slot, issued);
        }
        for relationship in store.relationships(member)? {
            state.epochs.insert(relationship.vendor, relationship.epoch);
        }
        let state = RwLock::new(state);
        Ok(Self { member, vault: vault.clone(), store: store.clone(), persona, check, blind, state })
    }

    /// Whose.
    pub fn member(&self) -> MemberId {
        self.member
    }

    /// How the member stands with the vendor. From memory.
    pub fn standing(&self, vendor: &VendorId) -> Standing {
        let epoch = self.read().epochs.get(vendor).copied();
        Standing { epoch: epoch.unwrap_or(1), known: epoch.is_some() }
    }

    /// What the vendor knows in that epoch. From memory.
    pub fn worn(&self, vendor: &VendorId, epoch: u32) -> Arc<Worn> {
        self.read().worn.get(&(vendor.clone(), epoch)).cloned().unwrap_or_default()
    }

    /// The pseudonym of one slot, where one was issued.
    pub fn issued(&self, vendor: &VendorId, epoch: u32, slot: &Slot) -> Option<Issued> {
        self.worn(vendor, epoch).get(slot).cloned()
    }

    /// All vendors and epochs that know something, for listings.
    pub fn vendors(&self) -> Vec<(VendorId, u32)> {
        let mut all: Vec<_> = self.read().worn.keys().cloned().collect();
        all.sort();
        all
    }

    /// The `issue` records of these slots are durable. From memory.
    pub fn confirm<'a>(&self, vendor: &VendorId, epoch: u32, slots: impl IntoIterator<Item = &'a Slot>) {
        let mut state = self.write();
        if let Some(worn) = state.worn.get_mut(&(vendor.clone(), epoch)) {
            let worn = Arc::make_mut(worn);
            for slot in slots {
                if let Some(issued) = worn.get_mut(slot) {
                    issued.recorded = true;
                }
            }
        }
    }

    /// Starts a new identity at the vendor. The old one's values stay stored and are never used for anyone else.
    ///
    /// # Errors
    /// The store fails.
    pub fn reset(&self, vendor: &VendorId) -> Result<u32, IssueError> {
        let epoch = self.store.next_epoch(self.member, vendor)?;
        self.write().epochs.insert(vendor.clone(), epoch);
        Ok(epoch)
    }

    /// Whether a local part of the alias domain was made for this member; in any epoch, by the check it carries.
    pub fn is_own_address(&self, local: &str) -> bool {
        email::is_ours(&self.check, local)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Wardrobe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wardrobe").field("member", &self.member).finish_non_exhaustive()
    }
}
