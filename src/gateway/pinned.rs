//! Applications that accept only their vendor's own certificate.
//!
//! Such a one breaks the handshake off, or everything behind it, and would not work here. It is learned by device and
//! host, and what it opens next passes uninspected. A device that never accepted one of our certificates does not trust
//! this gateway at all: of it nothing is learned.

use crate::exchange::Who;
use crate::model::{Host, MemberId, Timestamp};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was learned holds for so long (milliseconds): applications and their pins change.
const HOLDS: u64 = 7 * 24 * 60 * 60 * 1000;
/// So many bare ends of connections are needed where an alert says it at once.
const BARE_ENDS: u8 = 3;
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
}

/// How a client refused our certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With a TLS alert that says so.
    Alert,
    /// Without a word: it ended the connection before it had asked anything.
    BareEnd,
}

/// What a refusal taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// What the application opens next passes uninspected.
    Pinned,
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
    Pinned,
}

/// What was learned, in memory: a restart learns anew.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<Learned>);

#[derive(Debug, Default)]
struct Learned {
    trusting: HashMap<Device, Timestamp>,
    hosts: HashMap<(Device, Host), (Standing, Timestamp)>,
}

impl Pins {
    fn lock(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what the device opens to `host` passes uninspected.
    pub(super) fn is_pinned(&self, device: &Device, host: &Host, now: Timestamp) -> bool {
        let learned = self.lock();
        // Most households have none, and the key would have to be made.
        if learned.hosts.is_empty() {
            return false;
        }
        let standing = learned.hosts.get(&(device.clone(), host.clone()));
        standing.is_some_and(|(standing, since)| matches!(standing, Standing::Pinned) && holds(*since, now))
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
        let standing = match (how, before.map(|(standing, _)| *standing)) {
            (Refusal::Alert, _) => Standing::Pinned,
            // A browser ends connections that it turns out not to need.
            (Refusal::BareEnd, Some(Standing::Works)) => return Lesson::Nothing,
            (Refusal::BareEnd, Some(Standing::Doubtful(times))) if times + 1 >= BARE_ENDS => Standing::Pinned,
            (Refusal::BareEnd, Some(Standing::Doubtful(times))) => Standing::Doubtful(times + 1),
            (Refusal::BareEnd, Some(Standing::Pinned)) => Standing::Pinned,
            (Refusal::BareEnd, None) => Standing::Doubtful(1),
        };
        let pinned = matches!(standing, Standing::Pinned);
        if !pinned || may_pass {
            put(&mut learned.hosts, MOST_HOSTS, key, (standing, now), |(_, since)| *since);
        }
        if pinned { Lesson::Pinned } else { Lesson::Nothing }
    }
}

fn holds(since: Timestamp, now: Timestamp) -> bool {
    now.0.saturating_sub(since.0) < HOLDS
}

/// Puts an entry into a map that stays below `most`: what is over makes room, else nothing is put.
fn put<K: Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    most: usize,
    key: K,
    value: V,
    since: impl Fn(&V) -> Timestamp,
) {
    if map.len() >= most && !map.contains_key(&key) {
        let now = since(&value);
        map.retain(|_, value| holds(since(value), now));
    }
    if map.len() < most || map.contains_key(&key) {
        map.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        pins: Pins,
        phone: Device,
        now: Timestamp,
    }

    impl Scene {
        /// A phone that accepts our certificates elsewhere.
        fn new() -> Self {
            let phone = Device::of(&Who::guest(), IpAddr::from([127, 0, 0, 7]));
            let scene = Self { pins: Pins::default(), phone, now: Timestamp(1_000_000) };
            scene.pins.works(&scene.phone, &host("shop.test"), scene.now);
            scene
        }

        fn refused(&self, how: Refusal) -> Lesson {
            self.pins.refused(&self.phone, &host("app.test"), how, true, self.now)
        }

        fn is_pinned(&self) -> bool {
            self.pins.is_pinned(&self.phone, &host("app.test"), self.now)
        }
    }

    fn host(name: &str) -> Host {
        Host::parse(name).unwrap()
    }

    #[test]
    fn an_alert_teaches_at_once_and_for_seven_days() {
        let mut scene = Scene::new();
        assert!(!scene.is_pinned());
        assert_eq!(scene.refused(Refusal::Alert), Lesson::Pinned);
        assert!(scene.is_pinned());
        assert!(!scene.pins.is_pinned(&scene.phone, &host("shop.test"), scene.now));
        scene.now.0 += HOLDS - 1;
        assert!(scene.is_pinned());
        scene.now.0 += 1;
        assert!(!scene.is_pinned());
    }

    #[test]
    fn bare_ends_teach_the_third_time_unless_it_works_there() {
        let scene = Scene::new();
        assert_eq!([(); 2].map(|()| scene.refused(Refusal::BareEnd)), [Lesson::Nothing; 2]);
        assert!(!scene.is_pinned());
        assert_eq!(scene.refused(Refusal::BareEnd), Lesson::Pinned);
        assert!(scene.is_pinned());
        for _ in 0..5 {
            let lesson =
                scene.pins.refused(&scene.phone, &host("shop.test"), Refusal::BareEnd, true, scene.now);
            assert_eq!(lesson, Lesson::Nothing);
        }
    }

    #[test]
    fn a_device_that_accepts_nothing_of_ours_teaches_nothing() {
        let scene = Scene::new();
        let stranger = Device::of(&Who::guest(), IpAddr::from([127, 0, 0, 8]));
        let refused = |how| scene.pins.refused(&stranger, &host("app.test"), how, true, scene.now);
        assert_eq!(refused(Refusal::Alert), Lesson::Distrust);
        assert_eq!([(); 4].map(|()| refused(Refusal::BareEnd)), [Lesson::Nothing; 4]);
        assert!(!scene.pins.is_pinned(&stranger, &host("app.test"), scene.now));
    }

    #[test]
    fn what_may_not_pass_is_told_and_not_let_through() {
        let scene = Scene::new();
        let lesson = scene.pins.refused(&scene.phone, &host("app.test"), Refusal::Alert, false, scene.now);
        assert_eq!((lesson, scene.is_pinned()), (Lesson::Pinned, false));
    }

    #[test]
    fn memory_is_bounded_and_what_is_over_makes_room() {
        let mut scene = Scene::new();
        for number in 0..MOST_HOSTS + 10 {
            scene.pins.works(&scene.phone, &host(&format!("h{number}.test")), scene.now);
        }
        assert_eq!(scene.pins.lock().hosts.len(), MOST_HOSTS);
        scene.now.0 += HOLDS;
        scene.pins.works(&scene.phone, &host("new.test"), scene.now);
        assert_eq!(scene.pins.lock().hosts.len(), 1);
    }
}
