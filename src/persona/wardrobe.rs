//! The pseudonyms a member has, in memory, with the store behind them.
//!
//! A first use claims its value in the store; its `issue` record is made durable in the same commit as the OPEN that
//! carries it ([`Wardrobe::carry`]). What was issued stays as it is whatever happens to lists, formats, real values and
//! the names of vendors.

use super::derive::{CheckKey, PersonaKey, VendorKey};
use super::error::IssueError;
use super::format::email;
use super::rows::{ADOPTED, open};
use super::sent::SentPlace;
use super::sign_in::{self, Pair, Told};
use crate::model::{MemberId, QuickMap, Secret, Slot, Timestamp, VendorId};
use crate::rewrite::Pseudonyms;
use crate::store::Store;
use crate::vault::Vault;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Notify;

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

impl Issued {
    /// Whether it existed before the vendor was met here.
    pub fn is_adopted(&self) -> bool {
        self.how == ADOPTED
    }
}

impl Default for Standing {
    /// Nobody has been here yet.
    fn default() -> Self {
        Self { epoch: 1, known: false }
    }
}

/// What one vendor knows in one epoch, by slot.
pub type Worn = BTreeMap<Slot, Issued>;

/// How a member stands with a vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The identity in use.
    pub epoch: u32,
    /// Whether there is a relationship: one is stored, or a pseudonym was issued and recorded.
    pub known: bool,
}

#[derive(Default)]
pub(super) struct State {
    /// Vendors with a relationship.
    pub(super) epochs: QuickMap<VendorId, u32>,
    /// Where the talk about terms stands with them, in the words of the contract.
    pub(super) terms: QuickMap<VendorId, String>,
    pub(super) worn: QuickMap<(VendorId, u32), Arc<Worn>>,
    /// Values whose records an exchange carries.
    pub(super) carried: HashMap<(VendorId, u32), BTreeSet<Slot>>,
    /// Hosts with the name of the identity they met.
    pub(super) hosts: QuickMap<String, VendorId>,
    pub(super) oldest_first: Vec<String>,
    /// What vendors are called now, and the identities they met.
    pub(super) labels: HashMap<VendorId, VendorId>,
    /// What was made here, and the numbers of those whom it was made for.
    pub(super) made: Arc<Pseudonyms>,
    pub(super) owners: QuickMap<(VendorId, u32), u32>,
    /// Whom the member has met here, and who knew them before.
    pub(super) met: QuickMap<VendorId, bool>,
    /// By way of whom the member signs in where.
    pub(super) sign_ins: QuickMap<Pair, Told>,
    /// Where their programs sent values.
    pub(super) sent: QuickMap<(VendorId, u32), Arc<Vec<SentPlace>>>,
    /// Keys of random identities, kept so that a preview and the values that follow agree.
    pub(super) random: HashMap<(VendorId, u32), VendorKey>,
}

impl State {
    pub(super) fn put(&mut self, vendor: &VendorId, epoch: u32, slot: Slot, issued: Issued) {
        if issued.how != ADOPTED {
            self.note_made(&slot, issued.value.expose(), vendor, epoch);
        }
        let worn = self.worn.entry((vendor.clone(), epoch)).or_default();
        Arc::make_mut(worn).insert(slot, issued);
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
    /// Wakes who waits for a record that another exchange carries.
    pub(super) settled: Notify,
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
        for row in store.pseudonyms(member)? {
            let issued = open(vault, &row)?;
            state.put(&row.vendor, row.epoch, row.slot, issued);
        }
        for (host, vendor) in store.known_hosts(member)? {
            state.bind(&host, &vendor);
        }
        state.met.extend(store.met(member)?);
        state.sign_ins.extend(sign_in::stored(store.sign_ins(member)?));
        let state = RwLock::new(state);
        let (vault, store, settled) = (vault.clone(), store.clone(), Notify::new());
        let wardrobe = Self { member, vault, store, persona, check, blind, settled, state };
        wardrobe.load_sent()?;
        wardrobe.renew()?;
        Ok(wardrobe)
    }

    /// Takes up relationships that were made or reset elsewhere: a vendor that the member set something for is known.
    ///
    /// # Errors
    /// The store fails.
    pub fn renew(&self) -> Result<(), IssueError> {
        let relationships = self.store.relationships(self.member)?;
        let mut state = self.write();
        for relationship in relationships {
            state.terms.insert(relationship.vendor.clone(), relationship.terms);
            let epoch = state.epochs.entry(relationship.vendor).or_insert(relationship.epoch);
            *epoch = relationship.epoch.max(*epoch);
        }
        Ok(())
    }

    /// Where the talk about terms stands with the vendor, in the word of the contract. From memory.
    pub fn terms(&self, vendor: &VendorId) -> String {
        self.read().terms.get(vendor).cloned().unwrap_or_else(|| "none".to_owned())
    }

    /// Moves the state of the terms on; what an identity said that was reset meanwhile does not count. Waits for the
    /// store's disk: never on a worker.
    ///
    /// # Errors
    /// The store fails.
    pub fn set_terms(
        &self,
        vendor: &VendorId,
        epoch: u32,
        terms: &str,
        answer: Option<&str>,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        if self.standing(vendor).epoch != epoch {
            return Ok(());
        }
        self.store.set_terms(self.member, vendor, terms, answer, now)?;
        let mut state = self.write();
        state.terms.insert(vendor.clone(), terms.to_owned());
        state.epochs.entry(vendor.clone()).or_insert(epoch);
        Ok(())
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
        let state = self.read();
        let told = state.worn.iter().filter(|(_, worn)| worn.values().any(|issued| issued.recorded));
        let mut all: Vec<_> = told.map(|(key, _)| key.clone()).collect();
        all.sort();
        all
    }

    /// What was made and stands in no log yet, by vendor and epoch.
    pub fn unrecorded(&self) -> Vec<(VendorId, u32, BTreeSet<Slot>)> {
        let state = self.read();
        let mut all = Vec::new();
        for ((vendor, epoch), worn) in state.worn.iter() {
            let left = worn.iter().filter(|(_, issued)| !issued.recorded);
            let left: BTreeSet<Slot> = left.map(|(slot, _)| slot.clone()).collect();
            if !left.is_empty() {
                all.push((vendor.clone(), *epoch, left));
            }
        }
        all.sort();
        all
    }

    /// Starts a new identity at the vendor. The old one's values stay stored and are never used for anyone else.
    ///
    /// # Errors
    /// The store fails.
    pub fn reset(&self, vendor: &VendorId) -> Result<u32, IssueError> {
        let epoch = self.store.next_epoch(self.member, vendor)?;
        let mut state = self.write();
        let current = state.epochs.entry(vendor.clone()).or_insert(epoch);
        *current = epoch.max(*current);
        state.terms.remove(vendor);
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
