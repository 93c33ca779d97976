//! All members at once: what the corridor asks by member.

use super::error::IssueError;
use super::format::Locale;
use super::identity::{MemberIdentity, Values};
use super::kin::Kin;
use super::wardrobe::{Standing, Wardrobe};
use crate::model::{MemberId, MemberKind, QuickMap, VendorId};
use crate::rewrite::Identifiers;
use crate::store::Store;
use crate::vault::Vault;
use arc_swap::ArcSwap;
use std::sync::{Arc, Mutex, PoisonError};

/// One member: real values compiled, pseudonyms in memory.
#[derive(Clone, Debug)]
pub struct Persona {
    /// The real values.
    pub identity: Arc<MemberIdentity>,
    /// The pseudonyms.
    pub wardrobe: Arc<Wardrobe>,
    /// What others of the household have; `None` where that is nothing, or nobody's to know.
    pub kin: Option<Kin>,
}

impl Persona {
    /// Whatever stays out of the log: the member's values, and those of others of the household.
    pub fn hidden(&self) -> &Identifiers {
        self.kin.as_ref().map_or(self.identity.identifiers(), Kin::identifiers)
    }

    /// The same person as the vendor meets them: what was made for others is searched for as well.
    pub fn guarding(self, sector: &VendorId, epoch: u32) -> Self {
        match self.wardrobe.guard(sector, epoch) {
            Some(guard) => Self {
                kin: self.kin.map(|kin| kin.guarding(guard.clone())),
                identity: Arc::new(self.identity.guarding(guard)),
                ..self
            },
            None => self,
        }
    }
}

/// The personas of every member of this home. Reading takes no lock.
pub struct Personas {
    vault: Vault,
    store: Store,
    members: ArcSwap<QuickMap<MemberId, Persona>>,
    /// One loads at a time, or a member would get two wardrobes.
    loading: Mutex<()>,
}

impl Personas {
    /// Nobody yet; [`Self::refresh`] brings members in.
    pub fn new(vault: Vault, store: Store) -> Self {
        Self { vault, store, members: ArcSwap::default(), loading: Mutex::new(()) }
    }

    /// Reads a member, or their values anew after a change. Takes milliseconds and the disk: never on a worker.
    ///
    /// # Errors
    /// No such member; the vault or the store fails; too many values.
    pub fn refresh(&self, member: MemberId, locale: Locale) -> Result<Persona, IssueError> {
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let identity = Arc::new(MemberIdentity::compile_shared(self.values(member)?, locale)?);
        let wardrobe = match self.of(member) {
            // The wardrobe knows which records are on their way: it is never read twice.
            Some(persona) => {
                persona.wardrobe.renew()?;
                persona.wardrobe
            }
            None => Arc::new(Wardrobe::load(member, &self.vault, &self.store)?),
        };
        let persona = Persona { identity, wardrobe, kin: None };
        self.members.rcu(|members| {
            let mut members = QuickMap::clone(members);
            members.insert(member, persona.clone());
            members
        });
        Ok(persona)
    }

    /// The values to be protected: a member's own; on a shared device everybody's beside its own.
    fn values(&self, member: MemberId) -> Result<Vec<Values>, IssueError> {
        let mut people = vec![self.vault.attributes(member)?];
        let members = self.vault.members()?;
        if members.iter().any(|row| row.id == member && row.kind == MemberKind::Shared) {
            for other in members.iter().filter(|row| row.kind != MemberKind::Shared) {
                people.push(self.vault.attributes(other.id)?);
            }
        }
        Ok(people)
    }

    /// Lets every member be told where values of the others go by their hand; in an organisation nobody is. Takes
    /// milliseconds for each: never on a worker.
    ///
    /// # Errors
    /// The vault fails.
    pub fn acquaint(&self, is_household: bool) -> Result<(), IssueError> {
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let people = self.vault.members()?.into_iter().filter(|row| row.kind != MemberKind::Shared);
        let people: Vec<_> = people.filter_map(|row| Some((row.id, self.of(row.id)?.identity))).collect();
        let mut known = QuickMap::default();
        for (member, own) in people.iter().filter(|_| is_household) {
            let others = people.iter().filter(|(other, _)| other != member);
            let others: Vec<_> = others.map(|(_, identity)| Arc::clone(identity)).collect();
            // A note that cannot be made must keep nobody from being protected.
            let kin = Kin::compile(own, &others).unwrap_or_else(|error| {
                tracing::warn!(%error, "values of others of the household are not looked for");
                None
            });
            known.extend(kin.map(|kin| (*member, kin)));
        }
        self.members.rcu(|members| {
            let mut members = QuickMap::clone(members);
            for (member, persona) in &mut members {
                persona.kin = known.get(member).cloned();
            }
            members
        });
        Ok(())
    }

    /// Forgets a member who left.
    pub fn remove(&self, member: MemberId) {
        let _alone = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        self.members.rcu(|members| {
            let mut members = QuickMap::clone(members);
            members.remove(&member);
            members
        });
    }

    /// A member's persona; `None` for one who was not brought in, such as a guest.
    pub fn of(&self, member: MemberId) -> Option<Persona> {
        self.members.load().get(&member).cloned()
    }

    /// The name of the identity that `host`, whose vendor is called `label` now, meets of this member.
    pub fn sector(&self, member: MemberId, host: &str, label: &VendorId) -> VendorId {
        let members = self.members.load();
        members.get(&member).map_or_else(|| label.clone(), |persona| persona.wardrobe.sector(host, label))
    }

    /// The name of the identity that the vendor called `label` now meets of this member, for commands.
    pub fn sector_of(&self, member: MemberId, label: &VendorId) -> VendorId {
        let members = self.members.load();
        members.get(&member).map_or_else(|| label.clone(), |persona| persona.wardrobe.sector_of(label))
    }

    /// Vendors are called otherwise now: `label` tells what a host's vendor is called.
    pub fn regroup(&self, label: impl Fn(&str) -> VendorId) {
        for persona in self.members.load().values() {
            persona.wardrobe.regroup(&label);
        }
    }

    /// Whether `text` is, or has in it, a real value of any member: such a text stays out of the log.
    pub fn reveals(&self, text: &str) -> bool {
        self.members.load().values().any(|persona| persona.identity.reveals(text))
    }

    /// How a member stands with a vendor; unknown for a member who was not brought in.
    pub fn standing(&self, member: MemberId, vendor: &VendorId) -> Standing {
        let members = self.members.load();
        members.get(&member).map(|persona| persona.wardrobe.standing(vendor)).unwrap_or_default()
    }
}

impl std::fmt::Debug for Personas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Personas").field("members", &self.members.load().len()).finish_non_exhaustive()
    }
}
