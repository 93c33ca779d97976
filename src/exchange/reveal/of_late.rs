//! What members' own programs were shown of late: how much more they may be, and what is kept an eye on.

use crate::exchange::layers::Exchange;
use crate::model::{MemberId, Slot, Timestamp, VendorId};
use crate::persona::Watch;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most values in one answer.
const IN_AN_ANSWER: usize = 8;
/// Most values to one member's programs from one vendor within [`HOUR`].
const IN_AN_HOUR: usize = 32;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long a value is kept an eye on.
const WATCHED: Duration = Duration::from_secs(10 * 60);

/// The room. In memory: a gateway that starts anew has shown nothing.
#[derive(Debug, Default)]
pub struct Revealed {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When values were shown, the oldest first; at most [`IN_AN_HOUR`] of each pair.
    shown: HashMap<(MemberId, VendorId), VecDeque<Timestamp>>,
    /// Whose values, and until when.
    watched: HashMap<MemberId, HashMap<Slot, Timestamp>>,
}

impl Revealed {
    /// How many of `wanted` values may be shown in one answer of this vendor's; they count from now on.
    pub fn grant(&self, member: MemberId, vendor: &VendorId, wanted: usize, now: Timestamp) -> usize {
        let mut state = self.lock();
        let is_of_late = |at: &Timestamp| now.0.saturating_sub(at.0) < millis(HOUR);
        state.shown.retain(|_, shown| shown.back().is_some_and(is_of_late));
        let shown = state.shown.entry((member, vendor.clone())).or_default();
        shown.retain(is_of_late);
        let granted = wanted.min(IN_AN_ANSWER).min(IN_AN_HOUR.saturating_sub(shown.len()));
        shown.extend(std::iter::repeat_n(now, granted));
        granted
    }

    /// The member's programs are shown the values of these slots.
    pub fn shown(&self, member: MemberId, slots: Vec<Slot>, now: Timestamp) {
        if slots.is_empty() {
            return;
        }
        let until = Timestamp(now.0 + millis(WATCHED));
        let mut state = self.lock();
        state.watched.retain(|_, slots| slots.values().any(|until| now < *until));
        state.watched.entry(member).or_default().extend(slots.into_iter().map(|slot| (slot, until)));
    }

    /// What to keep an eye on of a member's.
    pub(in crate::exchange) fn watch(&self, exchange: &Exchange, now: Timestamp) -> Watch {
        self.watch_for(exchange.who.member, super::is_agent(exchange), now)
    }

    /// The same, by whom it is that asks.
    pub(in crate::exchange) fn watch_for(&self, member: MemberId, is_agent: bool, now: Timestamp) -> Watch {
        let state = self.lock();
        let slots = state.watched.get(&member).map(|slots| {
            slots.iter().filter(|(_, until)| now < **until).map(|(slot, _)| slot.clone()).collect()
        });
        Watch { slots: slots.unwrap_or_default(), is_agent }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn so_many_in_an_answer_and_in_an_hour_for_each_vendor_and_member() {
        let revealed = Revealed::default();
        let (ann, ben) = (MemberId::random(), MemberId::random());
        let (shop, bank) = (VendorId::from("shop"), VendorId::from("bank"));
        let grant =
            |member, vendor: &VendorId, wanted, at| revealed.grant(member, vendor, wanted, Timestamp(at));
        assert_eq!(grant(ann, &shop, 20, 0), 8);
        for _ in 0..3 {
            assert_eq!(grant(ann, &shop, 8, MINUTE), 8);
        }
        assert_eq!(grant(ann, &shop, 1, 59 * MINUTE), 0);
        assert_eq!((grant(ann, &bank, 3, 59 * MINUTE), grant(ben, &shop, 3, 59 * MINUTE)), (3, 3));
        assert_eq!(grant(ann, &shop, 20, 60 * MINUTE), 8, "the first eight are an hour old");
        assert_eq!(grant(ann, &shop, 20, 60 * MINUTE), 0);
        assert_eq!(grant(ann, &shop, 20, 61 * MINUTE), 8);
    }

    #[test]
    fn watched_for_ten_minutes_from_the_last_time() {
        let revealed = Revealed::default();
        let (ann, ben) = (MemberId::random(), MemberId::random());
        let slot = Slot::parse("email.primary").unwrap();
        let watches = |member, at| !revealed.watch_for(member, true, Timestamp(at)).slots.is_empty();
        revealed.shown(ann, vec![slot.clone()], Timestamp(0));
        assert!(watches(ann, 10 * MINUTE - 1) && !watches(ann, 10 * MINUTE) && !watches(ben, 0));
        revealed.shown(ann, vec![slot], Timestamp(5 * MINUTE));
        assert!(watches(ann, 12 * MINUTE));
    }
}
