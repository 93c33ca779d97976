//! What passes uninspected, as its owner sees it and takes it back.

use super::{Device, HOLDS, Passing, Standing, holds};
use crate::gateway::House;
use crate::model::{Host, MemberId, Timestamp};
use crate::store::StoreError;

/// One device that is not inspected at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uninspected {
    /// Where.
    pub host: String,
    /// Which device: by its name, or `address:` and where it was.
    pub device: String,
    /// `pinned`, `client-certificate` or `challenged`.
    pub why: &'static str,
    /// Until when.
    pub until: Timestamp,
}

impl Passing {
    fn of_member(&self, member: MemberId, now: Timestamp) -> Vec<Uninspected> {
        let learned = self.lock();
        let own =
            learned.hosts.iter().filter(|((device, _), (_, since))| device.0 == member && holds(*since, now));
        let passing = own.filter_map(|((device, host), (standing, since))| match standing {
            Standing::Passes(why) => Some(Uninspected {
                host: host.to_string(),
                device: device.shown(),
                why: why.as_str(),
                until: Timestamp(since.0.saturating_add(HOLDS)),
            }),
            Standing::Works | Standing::Doubtful(_) => None,
        });
        let mut passing: Vec<_> = passing.collect();
        passing.sort_by(|one, other| (&one.host, &one.device).cmp(&(&other.host, &other.device)));
        passing
    }

    fn forget(&self, member: MemberId, host: &Host) -> Result<usize, StoreError> {
        if let Some(store) = &self.store {
            store.forget_passing(member, &host.to_string())?;
        }
        let mut learned = self.lock();
        let before = learned.hosts.len();
        learned.hosts.retain(|(device, there), (standing, _)| {
            device.0 != member || there != host || !matches!(standing, Standing::Passes(_))
        });
        Ok(before - learned.hosts.len())
    }
}

impl Device {
    /// A configured name as it is.
    fn shown(&self) -> String {
        let written = self.written();
        written.strip_prefix("name:").map_or(written.clone(), str::to_owned)
    }
}

impl House {
    /// Where the member's devices are not inspected, because that did not work there; by host.
    pub fn uninspected(&self, member: MemberId) -> Vec<Uninspected> {
        self.front.passing.of_member(member, self.rooms().clock.now())
    }

    /// Inspects the member's devices at `host` again; gives of how many that is another thing than before. Blocks.
    ///
    /// # Errors
    /// When the disk fails; nothing has changed then.
    pub fn inspect_again(&self, member: MemberId, host: &Host) -> Result<usize, StoreError> {
        self.front.passing.forget(member, host)
    }
}
