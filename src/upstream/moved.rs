//! Whether the machine speaks from other addresses than before: on another network, what it had connections with does not
//! hear of them any more, and nobody says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// It is looked at no more often.
const PAUSE: Duration = Duration::from_secs(1);

/// The addresses it would speak from, by family.
type Sources = [Option<IpAddr>; 2];

/// Addresses of the Internet at large in both families: for documentation (RFC 5737, RFC 3849), so nobody's.
const ELSEWHERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// Remembers the addresses.
pub(super) struct Moved {
    began: Instant,
    /// When they were looked at last (milliseconds from `began`).
    looked: AtomicU64,
    sources: Mutex<Sources>,
}

impl Moved {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), looked: AtomicU64::new(0), sources: Mutex::new(sources()) }
    }

    /// Whether they have become others since the last look, which was a moment ago at the latest.
    pub(super) fn has_moved(&self) -> bool {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        let is_due = u128::from(now.saturating_sub(looked)) >= PAUSE.as_millis();
        // One looks, whoever else comes at that moment does not.
        if !is_due || self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return false;
        }
        self.is_other(sources())
    }

    /// A machine without an address has gone nowhere: it may come back as it was.
    fn is_other(&self, now: Sources) -> bool {
        let mut before = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let mut moved = false;
        for (before, now) in before.iter_mut().zip(now).filter(|(_, now)| now.is_some()) {
            moved |= before.is_some_and(|before| Some(before) != now);
            *before = now;
        }
        moved
    }
}

/// Which way the system would take. Nothing is sent: connect(2) of a datagram socket only chooses.
fn sources() -> Sources {
    ELSEWHERE.map(|to| {
        let any: IpAddr =
            if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
        socket.connect(SocketAddr::new(to, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_is_a_move_and_none_is_not() {
        let at = |last: u8| Some(IpAddr::from([127, 0, 0, last]));
        let moved = Moved { sources: Mutex::new([at(1), None]), ..Moved::new() };
        for (now, want) in [
            ([at(1), None], false),
            ([None, None], false),
            ([at(1), None], false),
            // A family that was not there before takes nothing away.
            ([at(1), at(3)], false),
            ([at(2), at(3)], true),
            ([None, None], false),
            ([at(2), at(4)], true),
            ([at(2), at(4)], false),
        ] {
            assert_eq!(moved.is_other(now), want, "{now:?}");
        }
    }
}
