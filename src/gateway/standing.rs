//! How long a connection may go on: while whom it serves, by what they proved it, and the host it is opened up for are
//! still what they were when it began. Looked at again whenever members, credentials or policy become others.

use super::front::Front;
use super::seldom::{First, Seldom, until};
use super::who::Asking;
use crate::exchange::{Client, Connection, Who};
use crate::model::Host;
use http::HeaderMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

/// What a connection, or what has become of it, rests on.
pub(super) struct Standing {
    /// Where it comes from.
    pub(super) peer: IpAddr,
    /// Whom it serves.
    pub(super) who: Who,
    /// The host for which it is opened up; `None` for what is not.
    pub(super) opened_for: Option<Host>,
    /// Its place, which is told when the gateway ends it.
    pub(super) place: Option<Arc<dyn Connection>>,
}

impl Standing {
    /// A connection of this client's; one inside a tunnel is opened up for `host`.
    pub(super) fn of(client: &Client, host: Option<&Host>) -> Self {
        Self {
            peer: client.peer,
            who: client.who.clone(),
            opened_for: host.filter(|_| client.tunnelled.is_some()).cloned(),
            place: client.place.clone(),
        }
    }
}

impl Front {
    /// Members, credentials or policy have become others: what no longer may go on ends.
    pub fn look_again(&self) {
        self.changes.send_replace(());
    }

    /// Does `work` as long as it may go on; `None` where the gateway ended it, at the latest when the time to finish is
    /// over. The work stays where it is: each function that took it over would make room for it once more, in the memory of
    /// every connection.
    pub(super) async fn lead<T>(
        &self,
        standing: &Standing,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        let (place, stands) = (standing.place.as_ref(), || self.stands(standing));
        self.work_while(stands, place, work).await
    }

    /// Likewise, as long as `stands`.
    pub(super) async fn work_while<T>(
        &self,
        stands: impl Fn() -> bool,
        place: Option<&Arc<dyn Connection>>,
        work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
        let mut changes = self.changes.subscribe();
        // At once: something may have changed since it was known who is asking.
        if stands() {
            let falls = Seldom::new(async {
                loop {
                    tokio::select! {
                        () = self.cut.cancelled() => return,
                        _ = changes.changed() => if !stands() { return },
                    }
                }
            });
            if let First::Done(done) = until(work, falls).await {
                return Some(done);
            }
        }
        // Before the work is dropped, which whoever has it does: its flows say then who ended them.
        if let Some(place) = place {
            place.end();
        }
        None
    }

    fn stands(&self, standing: &Standing) -> bool {
        self.is_still(standing.peer, &standing.who)
            && standing.opened_for.as_ref().is_none_or(|host| self.opens_up(&standing.who, host))
    }

    /// Whether `who` is, from `peer`, still who they were.
    pub(super) fn is_still(&self, peer: IpAddr, who: &Who) -> bool {
        match &who.credential {
            Some(credential) => {
                let now = self.roster.load().named(&who.name).cloned();
                self.rooms.vault.still_holds(credential)
                    && now.is_some_and(|now| now.member == who.member && now.kind == who.kind)
            }
            None => self.identify(peer, &HeaderMap::new()) == Asking::Known(who.clone()),
        }
    }
}
