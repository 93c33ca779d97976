//! Who there is, in memory: what authentication reads on every connection.

use super::hierarchy::HomeKeys;
use super::member::Holder;
use super::seal::Key;
use super::{Member, VaultError};
use crate::model::MemberId;
use crate::store::Store;
use std::collections::HashMap;
use subtle::{Choice, ConstantTimeEq};

/// Members, their keys and the hashes of their credentials at one moment.
pub(super) struct Roster {
    members: Vec<Member>,
    keys: HashMap<MemberId, Key>,
    credentials: HashMap<String, Credentials>,
}

impl Roster {
    /// Whether anybody has a credential.
    pub(super) fn holds_any(&self) -> bool {
        self.credentials.values().any(|held| !held.tags.is_empty())
    }
}

struct Credentials {
    member: MemberId,
    tags: Vec<([u8; 32], Holder)>,
}

impl Roster {
    /// Reads everything anew.
    pub(super) fn load(store: &Store, home: &HomeKeys) -> Result<Self, VaultError> {
        let members = store.members()?;
        let mut keys = HashMap::new();
        for (id, wrapped) in store.holders()? {
            keys.insert(id, home.open_member_key(id, &wrapped)?);
        }
        let mut tags: HashMap<MemberId, Vec<([u8; 32], Holder)>> = HashMap::new();
        for row in store.tokens()? {
            let holder = if row.agent { Holder::Agent } else { Holder::Device };
            tags.entry(row.member).or_default().push((row.tag, holder));
        }
        let credentials = members
            .iter()
            .map(|member| {
                let tags = tags.remove(&member.id).unwrap_or_default();
                (member.name.clone(), Credentials { member: member.id, tags })
            })
            .collect();
        Ok(Self { members, keys, credentials })
    }

    /// All members, the first one first.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this folded name.
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The key that wraps everything of this member's.
    pub(super) fn key(&self, member: MemberId) -> Option<&Key> {
        self.keys.get(&member)
    }

    /// Who has this folded name, whatever the credential.
    pub(super) fn id(&self, name: &str) -> Option<MemberId> {
        self.credentials.get(name).map(|credentials| credentials.member)
    }

    /// Who holds `tag` where it is one of the member's, comparing all of them whole.
    pub(super) fn holder(&self, name: &str, tag: &[u8; 32]) -> Option<Holder> {
        let of = |holder: Holder| {
            let held = self.credentials.get(name).map_or(&[][..], |credentials| &credentials.tags);
            let held = held.iter().filter(|(_, of)| *of == holder);
            bool::from(held.fold(Choice::from(0), |found, (held, _)| found | held.ct_eq(tag)))
        };
        let (device, agent) = (of(Holder::Device), of(Holder::Agent));
        device.then_some(Holder::Device).or(agent.then_some(Holder::Agent))
    }
}
