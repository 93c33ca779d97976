//! A bound on what one address can write into the log.
//!
//! Whoever reaches the port can be refused as often as they like: without a credential, with a handshake that fails, with
//! bytes that are no request. Each of the first refusals of an address gets a record of its own; those above its ration are
//! counted, and the count stands in the log, so that it is silent about none.

use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

/// Records at once, and in a minute after that.
const RECORDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(29);
/// Addresses that are told apart; above that, all others are counted together.
const MOST_SOURCES: usize = 4096;

/// Why a count stands in the log instead of records.
pub(super) const UNTOLD: &str = "refused at the front door, without a record each";

/// How many refusals of each address are still recorded.
pub struct Ration {
    by_source: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock>,
    untold: AtomicU64,
}

impl Default for Ration {
    fn default() -> Self {
        Self { by_source: RateLimiter::keyed(Quota::per_minute(RECORDS)), untold: AtomicU64::new(0) }
    }
}

impl Ration {
    /// Whether a refusal of `peer` gets a record; where not, it is counted.
    pub(super) fn admits(&self, peer: IpAddr) -> bool {
        let admitted =
            self.by_source.len() <= MOST_SOURCES && self.by_source.check_key(&source(peer)).is_ok();
        if !admitted {
            self.untold.fetch_add(1, Ordering::Relaxed);
        }
        admitted
    }

    /// How many were counted since this was last asked.
    pub(super) fn untold(&self) -> u64 {
        self.untold.swap(0, Ordering::Relaxed)
    }

    /// What could not be told after all.
    pub(super) fn untell(&self, count: u64) {
        self.untold.fetch_add(count, Ordering::Relaxed);
    }

    /// Forgets addresses that have been quiet; call it now and then.
    pub(super) fn sweep(&self) {
        self.by_source.retain_recent();
    }
}

/// One household's worth of addresses: RFC 6177 gives a site at least a /64, and whoever has one has all of it.
fn source(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(ration: &Ration, peer: &str, times: u32) -> u32 {
        let peer = peer.parse().unwrap();
        (0..times).map(|_| u32::from(ration.admits(peer))).sum()
    }

    #[test]
    fn each_source_has_its_own_and_the_rest_is_counted() {
        let (ration, most) = (Ration::default(), RECORDS.get());
        assert_eq!(admitted(&ration, "127.0.0.1", most + 7), most);
        assert_eq!(admitted(&ration, "::ffff:127.0.0.1", 1), 0);
        assert_eq!(admitted(&ration, "127.0.0.2", 1), 1);
        assert_eq!(admitted(&ration, "2001:db8:1:1::1", most), most);
        assert_eq!(admitted(&ration, "2001:db8:1:1:ffff::2", 1), 0);
        assert_eq!(admitted(&ration, "2001:db8:1:2::1", 1), 1);
        assert_eq!((ration.untold(), ration.untold()), (9, 0));
    }

    #[test]
    fn more_sources_than_can_be_told_apart_write_nothing() {
        let ration = Ration::default();
        let wrote = (0..2 * MOST_SOURCES as u32).filter(|bits| ration.admits(IpAddr::V4((*bits).into())));
        assert_eq!(wrote.count(), MOST_SOURCES + 1);
    }
}
