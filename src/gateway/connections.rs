//! Who holds how many client connections: counted by address until it is known whose they are, then by member.

use crate::exchange::{Connection, Who};
use crate::model::MemberId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Holder {
    /// Nobody has said yet, or a guest.
    Address(IpAddr),
    /// A member, from whatever address.
    Member(MemberId),
}

/// All client connections of the gateway.
#[derive(Debug, Default)]
pub struct Connections {
    held: Mutex<Held>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<Holder, usize>,
}

impl Held {
    fn add(&mut self, holder: Holder, most: usize) -> bool {
        let count = self.by.entry(holder).or_default();
        if *count >= most.max(1) {
            return false;
        }
        *count += 1;
        true
    }

    fn remove(&mut self, holder: Holder) {
        if let Some(count) = self.by.get_mut(&holder) {
            *count -= 1;
            if *count == 0 {
                self.by.remove(&holder);
            }
        }
    }
}

/// One connection's place; given back when dropped. Lives as long as the connection does, upgraded or not.
#[derive(Debug)]
pub struct Seat {
    connections: Arc<Connections>,
    holder: Mutex<Holder>,
    known: Mutex<Option<Who>>,
    ended: AtomicBool,
}

impl Connections {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there are fewer than `most` in all.
    pub async fn room(&self, most: usize) {
        loop {
            let freed = self.freed.notified();
            if self.held().all < most.max(1) {
                return;
            }
            freed.await;
        }
    }

    /// A place for a connection from `address`, of which nothing else is known; `None` where that address holds `most`.
    pub fn seat(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Arc<Seat>> {
        let holder = Holder::Address(address.to_canonical());
        let mut held = self.held();
        if !held.add(holder, most) {
            return None;
        }
        held.all += 1;
        Some(Arc::new(Seat {
            connections: Arc::clone(self),
            holder: Mutex::new(holder),
            known: Mutex::default(),
            ended: AtomicBool::new(false),
        }))
    }
}

impl Seat {
    /// Who asked there last.
    pub fn known(&self) -> Option<Who> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Somebody asks there.
    pub fn is_asked_by(&self, who: &Who) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(who) {
            *known = Some(who.clone());
        }
    }

    /// Counts as this member's from now on; `false`, and as before, where they hold `most` others.
    pub fn belongs_to(&self, member: MemberId, most: usize) -> bool {
        let wanted = Holder::Member(member);
        let mut holder = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        if *holder == wanted {
            return true;
        }
        let mut held = self.connections.held();
        if !held.add(wanted, most) {
            return false;
        }
        held.remove(*holder);
        *holder = wanted;
        true
    }
}

impl Connection for Seat {
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let holder = *self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = self.connections.held();
        held.remove(holder);
        held.all -= 1;
        drop(held);
        self.connections.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn an_address_holds_only_so_many() {
        let connections = Arc::new(Connections::default());
        let first = connections.seat(HERE, 1);
        assert!(first.is_some() && connections.seat(HERE, 1).is_none());
        assert!(connections.seat(IpAddr::from([127, 0, 0, 2]), 1).is_some());
        drop(first);
        assert!(connections.seat(HERE, 1).is_some());
    }

    #[test]
    fn a_known_member_is_counted_wherever_they_come_from() {
        let connections = Arc::new(Connections::default());
        let ann = MemberId::random();
        let first = connections.seat(HERE, 1).unwrap();
        assert!(first.belongs_to(ann, 1) && first.belongs_to(ann, 1));
        // The address is free again: others behind it are others.
        let second = connections.seat(HERE, 1).unwrap();
        assert!(!second.belongs_to(ann, 1));
        assert!(second.belongs_to(MemberId::random(), 1));
        drop(first);
        assert!(connections.seat(HERE, 1).unwrap().belongs_to(ann, 1));
    }

    #[tokio::test]
    async fn a_full_house_waits_for_a_place() {
        let connections = Arc::new(Connections::default());
        let seat = connections.seat(HERE, 9);
        let room = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { connections.room(1).await }
        });
        tokio::task::yield_now().await;
        assert!(!room.is_finished());
        drop(seat);
        room.await.unwrap();
    }
}
