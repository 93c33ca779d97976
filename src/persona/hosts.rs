//! Under which name a host's vendor knows the member: its sector, in the sense of OpenID Connect's pairwise identifiers.
//!
//! Vendors are named by configuration, built-in groups and the Public Suffix List, and all three change. A host that met
//! an identity keeps it: new hosts follow the oldest one of their vendor, so that a renamed or newly grouped vendor goes
//! on with whom it knows.

use super::error::IssueError;
use super::wardrobe::{State, Wardrobe};
use crate::model::{Timestamp, VendorId};

impl Wardrobe {
    /// The name of the identity that `host` meets; `label` is what its vendor is called now. From memory.
    pub fn sector(&self, host: &str, label: &VendorId) -> VendorId {
        let state = self.read();
        state.hosts.get(host).or_else(|| state.labels.get(label)).unwrap_or(label).clone()
    }

    /// The name of the identity of the vendor that is called `label` now, for commands. From memory.
    pub fn sector_of(&self, label: &VendorId) -> VendorId {
        self.read().labels.get(label).unwrap_or(label).clone()
    }

    /// The hosts that met the identity called `sector`, by name.
    pub fn hosts_of(&self, sector: &VendorId) -> Vec<String> {
        let state = self.read();
        let met = state.hosts.iter().filter(|(_, known)| *known == sector);
        let mut hosts: Vec<_> = met.map(|(host, _)| host.clone()).collect();
        hosts.sort();
        hosts
    }

    /// Whether the host has met an identity.
    pub fn knows_host(&self, host: &str) -> bool {
        self.read().hosts.contains_key(host)
    }

    /// The host meets the identity called `sector`, and keeps to it. Durable when it returns: never on a worker.
    ///
    /// # Errors
    /// The store fails.
    pub fn bind(
        &self,
        host: &str,
        label: &VendorId,
        sector: &VendorId,
        now: Timestamp,
    ) -> Result<(), IssueError> {
        if self.knows_host(host) {
            return Ok(());
        }
        self.store.bind_host(self.member, host, sector, now)?;
        let mut state = self.write();
        state.bind(host, sector);
        state.labels.entry(label.clone()).or_insert_with(|| sector.clone());
        Ok(())
    }

    /// Vendors are called otherwise now: `label` tells what a host's vendor is called. From memory.
    pub fn regroup(&self, label: impl Fn(&str) -> VendorId) {
        let mut state = self.write();
        state.labels.clear();
        let State { hosts, oldest_first, labels, .. } = &mut *state;
        for (host, sector) in oldest_first.iter().filter_map(|host| Some((host, hosts.get(host)?))) {
            labels.entry(label(host)).or_insert_with(|| sector.clone());
        }
    }
}

impl State {
    pub(super) fn bind(&mut self, host: &str, sector: &VendorId) {
        if !self.hosts.contains_key(host) {
            self.hosts.insert(host.to_owned(), sector.clone());
            self.oldest_first.push(host.to_owned());
        }
    }
}
