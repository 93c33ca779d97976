//! Signing in at a vendor by way of somebody else: what the two tell each other does not pass the gateway, so the person
//! is told before it begins.

use super::error::IssueError;
use super::wardrobe::Wardrobe;
use crate::model::{Timestamp, VendorId};
use crate::store::SignInRow;
use std::collections::BTreeSet;

/// Most pairs of a vendor and a provider of a member that are kept. Whoever comes later is told each time.
const MOST: usize = 2_000;
/// Most scopes that are kept of a pair.
const SCOPES: usize = 64;

/// A vendor, and by way of whom.
pub(super) type Pair = (VendorId, VendorId);

/// What is known of a pair.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    scopes: BTreeSet<String>,
    asked: Timestamp,
    went: Option<Timestamp>,
}

/// A vendor has a provider asked for what it knows of the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Who learns something.
    pub vendor: VendorId,
    /// Who tells it.
    pub provider: VendorId,
    /// What it asks for.
    pub scopes: BTreeSet<String>,
}

impl SignIn {
    fn pair(&self) -> Pair {
        (self.vendor.clone(), self.provider.clone())
    }
}

impl Wardrobe {
    /// Whether the member was told of this already, with all that is asked for. From memory.
    pub fn was_told(&self, sign_in: &SignIn) -> bool {
        self.read().sign_ins.get(&sign_in.pair()).is_some_and(|told| sign_in.scopes.is_subset(&told.scopes))
    }

    /// The member is told of it, or `goes` on with it. Gives whether that is to be kept: then [`Self::keep_sign_in`] has to
    /// be called.
    pub fn note_sign_in(&self, sign_in: &SignIn, goes: bool, now: Timestamp) -> bool {
        let mut state = self.write();
        let pair = sign_in.pair();
        if state.sign_ins.len() >= MOST && !state.sign_ins.contains_key(&pair) {
            return false;
        }
        let is_new = !state.sign_ins.contains_key(&pair);
        let told = state.sign_ins.entry(pair).or_insert_with(|| Told { asked: now, ..Told::default() });
        let before = (told.scopes.len(), told.went);
        let room = SCOPES.saturating_sub(told.scopes.len());
        let new: Vec<_> = sign_in.scopes.difference(&told.scopes).take(room).cloned().collect();
        told.scopes.extend(new);
        told.went = told.went.or(goes.then_some(now));
        is_new || before != (told.scopes.len(), told.went)
    }

    /// Keeps it over a restart. Waits for the store's disk: never on a worker.
    ///
    /// # Errors
    /// The store fails.
    pub fn keep_sign_in(&self, sign_in: &SignIn) -> Result<(), IssueError> {
        let Some(told) = self.read().sign_ins.get(&sign_in.pair()).cloned() else { return Ok(()) };
        let row = SignInRow {
            vendor: sign_in.vendor.clone(),
            provider: sign_in.provider.clone(),
            scopes: told.scopes.into_iter().collect::<Vec<_>>().join(" "),
            asked: told.asked,
            went: told.went,
        };
        Ok(self.store.keep_sign_in(self.member, &row)?)
    }
}

/// What is kept, for memory.
pub(super) fn stored(rows: Vec<SignInRow>) -> impl Iterator<Item = (Pair, Told)> {
    rows.into_iter().map(|row| {
        let scopes = row.scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        ((row.vendor, row.provider), Told { scopes, asked: row.asked, went: row.went })
    })
}
