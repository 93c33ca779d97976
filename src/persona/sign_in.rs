//! Signing in at a vendor by way of somebody else: what the two tell each other does not pass the gateway, so the person
//! is told before it begins.

use super::error::IssueError;
use super::wardrobe::Wardrobe;
use crate::model::{Timestamp, VendorId};
use crate::store::SignInRow;
use std::collections::BTreeSet;

/// Most pairs of a vendor and a provider of a member that are kept; of the oldest the member is told again.
const MOST: usize = 2_000;
/// Most scopes that are kept of a pair, more than one request names; beyond them the last ones asked for are.
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
        let is_new = !state.sign_ins.contains_key(&pair);
        if is_new && state.sign_ins.len() >= MOST {
            let oldest =
                state.sign_ins.iter().min_by_key(|(_, told)| told.asked).map(|(pair, _)| pair.clone());
            oldest.map(|pair| state.sign_ins.remove(&pair));
        }
        let told = state.sign_ins.entry(pair).or_insert_with(|| Told { asked: now, ..Told::default() });
        let (scopes, went) = (told.scopes.clone(), told.went);
        told.scopes.extend(sign_in.scopes.iter().cloned());
        if told.scopes.len() > SCOPES {
            told.scopes.clone_from(&sign_in.scopes);
        }
        told.went = told.went.or(goes.then_some(now));
        is_new || scopes != told.scopes || went != told.went
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
        Ok(self.store.keep_sign_in(self.member, &row, MOST)?)
    }
}

/// What is kept, for memory.
pub(super) fn stored(rows: Vec<SignInRow>) -> impl Iterator<Item = (Pair, Told)> {
    rows.into_iter().map(|row| {
        let scopes = row.scopes.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        ((row.vendor, row.provider), Told { scopes, asked: row.asked, went: row.went })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemberKind;
    use crate::store::Store;
    use crate::vault::Vault;

    fn sign_in(number: usize) -> SignIn {
        let vendor = VendorId::from(format!("shop{number}.test").as_str());
        SignIn { vendor, provider: "id.test".into(), scopes: BTreeSet::from(["openid".to_owned()]) }
    }

    #[test]
    fn the_oldest_make_room_in_memory_and_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::in_memory().unwrap();
        let vault = Vault::open(&dir.path().join("keys"), store.clone()).unwrap();
        let member = vault.add_member("ann", MemberKind::Adult).unwrap().id;
        let wardrobe = Wardrobe::load(member, &vault, &store).unwrap();
        for number in 0..MOST + 3 {
            assert!(wardrobe.note_sign_in(&sign_in(number), false, Timestamp(1_000 + number as u64)));
            if !(5..MOST).contains(&number) {
                wardrobe.keep_sign_in(&sign_in(number)).unwrap();
            }
        }
        let told =
            |wardrobe: &Wardrobe| [0, 2, 3, MOST + 2].map(|number| wardrobe.was_told(&sign_in(number)));
        assert_eq!(told(&wardrobe), [false, false, true, true]);
        store.keep_sign_in(member, &row_of(&wardrobe, &sign_in(3)), 4).unwrap();
        let kept: Vec<_> = store.sign_ins(member).unwrap().into_iter().map(|row| row.vendor).collect();
        assert_eq!(kept, [MOST, MOST + 1, MOST + 2, 4].map(|number| sign_in(number).vendor));
    }

    #[test]
    fn whoever_asks_for_ever_more_is_told_of_and_goes_on_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::in_memory().unwrap();
        let vault = Vault::open(&dir.path().join("keys"), store.clone()).unwrap();
        let member = vault.add_member("ann", MemberKind::Adult).unwrap().id;
        let wardrobe = Wardrobe::load(member, &vault, &store).unwrap();
        for number in 0..SCOPES * 2 {
            let asks = SignIn { scopes: BTreeSet::from([format!("scope{number}")]), ..sign_in(1) };
            assert!(!wardrobe.was_told(&asks), "{number}");
            assert!(wardrobe.note_sign_in(&asks, false, Timestamp(1)));
            assert!(wardrobe.was_told(&asks), "{number}");
            assert!(!wardrobe.note_sign_in(&asks, false, Timestamp(2)), "nothing new");
        }
        assert!(wardrobe.read().sign_ins.values().all(|told| told.scopes.len() <= SCOPES));
    }

    fn row_of(wardrobe: &Wardrobe, sign_in: &SignIn) -> SignInRow {
        let told = wardrobe.read().sign_ins.get(&sign_in.pair()).cloned().unwrap();
        let (vendor, provider) = sign_in.pair();
        SignInRow { vendor, provider, scopes: String::new(), asked: told.asked, went: None }
    }
}
