//! Where inspection does not work: applications that accept only their vendor's own certificate, vendors that want one of
//! the device's, and vendors that refuse whoever is inspected.
//!
//! It is learned by device and host, and what that device opens there next passes uninspected, for a week, over a restart
//! too. A device that never accepted one of our certificates does not trust this gateway at all: of it nothing is learned.

mod overview;

pub use overview::Uninspected;

use crate::exchange::Who;
use crate::model::{Host, MemberId, Timestamp};
use crate::store::{PassingRow, Store, StoreError};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was learned holds for so long (milliseconds): applications and their pins change.
const HOLDS: u64 = 7 * 24 * 60 * 60 * 1000;
/// So many bare ends of connections are needed where an alert says it at once.
const BARE_ENDS: u8 = 3;
/// And so many refused pages in a row: a vendor refuses some of them to everybody.
const CHALLENGES: u8 = 3;
/// Devices that are told apart.
const MOST_DEVICES: usize = 4096;
/// Hosts of devices that are.
const MOST_HOSTS: usize = 16_384;

/// A device: as it is named in the configuration, else by its address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Device(MemberId, Known);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Known {
    Name(Arc<str>),
    Address(IpAddr),
}

impl Device {
    /// The one that `who` speaks from.
    pub(super) fn of(who: &Who, peer: IpAddr) -> Self {
        let known = who.device.clone().map_or(Known::Address(peer.to_canonical()), Known::Name);
        Self(who.member, known)
    }

    /// As the store has it.
    fn written(&self) -> String {
        match &self.1 {
            Known::Name(name) => format!("name:{name}"),
            Known::Address(address) => format!("address:{address}"),
        }
    }

    fn read(member: MemberId, written: &str) -> Option<Self> {
        let known = match written.split_once(':')? {
            ("name", name) => Known::Name(name.into()),
            ("address", address) => Known::Address(address.parse().ok()?),
            _ => return None,
        };
        Some(Self(member, known))
    }
}

/// How a client refused our certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With a TLS alert that says so.
    Alert,
    /// Without a word: it ended the connection before it had asked anything.
    BareEnd,
}

/// Why what a device opens to a host passes uninspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The application accepts only its vendor's own certificate.
    Pinned,
    /// The vendor wants a certificate of the device's.
    ClientCertificate,
    /// The vendor refuses pages, or wants to see what a browser does.
    Challenged,
}

impl Why {
    /// In the words of the contract.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::ClientCertificate => "client-certificate",
            Self::Challenged => "challenged",
        }
    }

    fn read(written: &str) -> Option<Self> {
        [Self::Pinned, Self::ClientCertificate, Self::Challenged]
            .into_iter()
            .find(|why| why.as_str() == written)
    }
}

/// What an experience taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// What the device opens there next passes uninspected, where it may.
    Passes,
    /// Nothing yet.
    Nothing,
    /// The device has never accepted a certificate of ours.
    Distrust,
}

/// How a device stands with a host.
#[derive(Clone, Copy, Debug)]
enum Standing {
    /// It asked something on an intercepted connection.
    Works,
    /// It ended connections without a word, so often.
    Doubtful(u8),
    /// It is not intercepted.
    Passes(Why),
}

/// What was learned.
pub(super) struct Passing {
    learned: Mutex<Learned>,
    /// Whether any vendor has refused pages: most never do, and then nobody has to look.
    challenged: AtomicBool,
    /// Where it is kept over a restart.
    store: Option<Store>,
}

#[derive(Debug, Default)]
struct Learned {
    trusting: HashMap<Device, Timestamp>,
    hosts: HashMap<(Device, Host), (Standing, Timestamp)>,
    /// How often a vendor refused pages in a row.
    challenged: HashMap<(Device, Host), (u8, Timestamp)>,
}

impl Passing {
    /// What the store has of it. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub(super) fn load(store: Store, now: Timestamp) -> Result<Self, StoreError> {
        let mut learned = Learned::default();
        for row in store.passing(Timestamp(now.0.saturating_sub(HOLDS)))? {
            let device = Device::read(row.member, &row.device);
            if let (Some(device), Some(host), Some(why)) =
                (device, Host::parse(&row.host), Why::read(&row.why))
            {
                let standing = (Standing::Passes(why), row.since);
                put(&mut learned.hosts, MOST_HOSTS, (device, host), standing, |(_, since)| *since);
            }
        }
        Ok(Self { learned: Mutex::new(learned), challenged: AtomicBool::new(false), store: Some(store) })
    }

    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why what the device opens to `host` passes uninspected; `None` where it does not.
    pub(super) fn why(&self, device: &Device, host: &Host, now: Timestamp) -> Option<Why> {
        let learned = self.lock();
        // Most households have none, and the key would have to be made.
        if learned.hosts.is_empty() {
            return None;
        }
        match learned.hosts.get(&(device.clone(), host.clone()))? {
            (Standing::Passes(why), since) if holds(*since, now) => Some(*why),
            _ => None,
        }
    }

    /// The device asked `host` something on an intercepted connection.
    pub(super) fn works(&self, device: &Device, host: &Host, now: Timestamp) {
        let mut learned = self.lock();
        put(&mut learned.trusting, MOST_DEVICES, device.clone(), now, |since| *since);
        let key = (device.clone(), host.clone());
        put(&mut learned.hosts, MOST_HOSTS, key, (Standing::Works, now), |(_, since)| *since);
    }

    /// The device refused the certificate for `host`. With `may_pass`, that can teach to let it pass.
    pub(super) fn refused(
        &self,
        device: &Device,
        host: &Host,
        how: Refusal,
        may_pass: bool,
        now: Timestamp,
    ) -> Lesson {
        let mut learned = self.lock();
        if !learned.trusting.get(device).is_some_and(|since| holds(*since, now)) {
            return if how == Refusal::Alert { Lesson::Distrust } else { Lesson::Nothing };
        }
        let key = (device.clone(), host.clone());
        let before = learned.hosts.get(&key).filter(|(_, since)| holds(*since, now));
        let times = match (how, before.map(|(standing, _)| *standing)) {
            (Refusal::Alert, _) | (Refusal::BareEnd, Some(Standing::Passes(_))) => BARE_ENDS,
            // A browser ends connections that it turns out not to need.
            (Refusal::BareEnd, Some(Standing::Works)) => return Lesson::Nothing,
            (Refusal::BareEnd, Some(Standing::Doubtful(times))) => times + 1,
            (Refusal::BareEnd, None) => 1,
        };
        if times < BARE_ENDS {
            put(&mut learned.hosts, MOST_HOSTS, key, (Standing::Doubtful(times), now), |(_, since)| *since);
            return Lesson::Nothing;
        }
        drop(learned);
        self.passes(key, Why::Pinned, may_pass, now)
    }

    /// The vendor at `host` wants a certificate of the device's.
    pub(super) fn wants_certificate(
        &self,
        device: &Device,
        host: &Host,
        may_pass: bool,
        now: Timestamp,
    ) -> Lesson {
        self.passes((device.clone(), host.clone()), Why::ClientCertificate, may_pass, now)
    }

    /// The vendor at `host` refused a page, or asked for a proof that somebody is no robot.
    pub(super) fn challenged(&self, device: &Device, host: &Host, may_pass: bool, now: Timestamp) -> Lesson {
        let key = (device.clone(), host.clone());
        let mut learned = self.lock();
        let before = learned.challenged.get(&key).filter(|(_, since)| holds(*since, now));
        let times = before.map_or(0, |(times, _)| *times) + 1;
        if times < CHALLENGES {
            put(&mut learned.challenged, MOST_HOSTS, key, (times, now), |(_, since)| *since);
            self.challenged.store(true, Ordering::Relaxed);
            return Lesson::Nothing;
        }
        learned.challenged.remove(&key);
        drop(learned);
        self.passes(key, Why::Challenged, may_pass, now)
    }

    /// The vendor at `host` served the device a page.
    pub(super) fn served(&self, device: &Device, host: &Host) {
        if self.challenged.load(Ordering::Relaxed) {
            let mut learned = self.lock();
            learned.challenged.remove(&(device.clone(), host.clone()));
            self.challenged.store(!learned.challenged.is_empty(), Ordering::Relaxed);
        }
    }

    fn passes(&self, key: (Device, Host), why: Why, may_pass: bool, now: Timestamp) -> Lesson {
        if may_pass {
            let row = PassingRow {
                member: key.0.0,
                device: key.0.written(),
                host: key.1.to_string(),
                why: why.as_str().to_owned(),
                since: now,
            };
            let standing = (Standing::Passes(why), now);
            // The store is bounded like the memory.
            if put(&mut self.lock().hosts, MOST_HOSTS, key, standing, |(_, since)| *since) {
                self.keep(row, now);
            }
        }
        Lesson::Passes
    }

    /// Keeps it over a restart, off the workers. Nothing waits for it.
    fn keep(&self, row: PassingRow, now: Timestamp) {
        let Some(store) = self.store.clone() else { return };
        let over = Timestamp(now.0.saturating_sub(HOLDS));
        tokio::task::spawn_blocking(move || {
            if let Err(error) = store.keep_passing(&row, over) {
                tracing::warn!(%error, "what passes uninspected will have to be learned again");
            }
        });
    }
}

fn holds(since: Timestamp, now: Timestamp) -> bool {
    now.0.saturating_sub(since.0) < HOLDS
}

/// Puts an entry into a map that stays below `most`: what is over makes room, else nothing is put. Tells whether it was.
fn put<K: Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    key: K,
    value: V,
    since: impl Fn(&V) -> Timestamp,
) -> bool {
    if map.len() >= most && !map.contains_key(&key) {
        let now = since(&value);
        map.retain(|_, value| holds(since(value), now));
    }
    let fits = map.len() < most || map.contains_key(&key);
    if fits {
        map.insert(key, value);
    }
    fits
}

#[cfg(test)]
mod tests;
