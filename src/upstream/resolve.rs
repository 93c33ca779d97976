//! Names to addresses.
//!
//! No answer is kept: the house's resolver keeps them by their TTL, which the system does not tell, and a failure is asked
//! about again by the next request. Those who ask for a name at the same time share one lookup.

use crate::model::MemberId;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OnceCell, Semaphore};

/// Lookups under way in all. The system's own holds a thread as long as it hangs, and the disk needs threads too.
const IN_ALL: usize = 24;
/// Of which one member's.
const PER_MEMBER: usize = 8;

/// A resolver. Handed in by `main`, so that a test can answer as it likes.
pub trait Resolve: Send + Sync + 'static {
    /// Every address of `name`, in the order to try; empty where the name does not exist.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// The house's own resolver, as the operating system is set up.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move {
            let mut addresses = Vec::new();
            for address in tokio::net::lookup_host((name, 0)).await? {
                if !addresses.contains(&address.ip()) {
                    addresses.push(address.ip());
                }
            }
            Ok(addresses)
        })
    }
}

/// What a lookup came to, for all who wait for it.
type Answer = Result<Vec<IpAddr>, Arc<io::Error>>;

/// Who asks, and for which name.
type Question = (MemberId, String);

/// The resolver, asked so much at a time.
pub(super) struct Lookups {
    resolver: Arc<dyn Resolve>,
    in_all: Arc<Semaphore>,
    by_member: Mutex<HashMap<MemberId, Arc<Semaphore>>>,
    /// Under way, by who asks and for what.
    under_way: Mutex<HashMap<Question, Arc<OnceCell<Answer>>>>,
}

impl Lookups {
    pub(super) fn of(resolver: Arc<dyn Resolve>) -> Self {
        Self {
            resolver,
            in_all: Arc::new(Semaphore::new(IN_ALL)),
            by_member: Mutex::default(),
            under_way: Mutex::default(),
        }
    }

    /// The addresses of `name`, for `member`, who asks once at a time.
    pub(super) async fn addresses(&self, member: MemberId, name: &str) -> Answer {
        let key = (member, name.to_owned());
        let cell = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(under_way.entry(key.clone()).or_default())
        };
        let _over = Over { lookups: self, key, cell: Arc::clone(&cell) };
        cell.get_or_init(|| async { self.resolve(member, name).await.map_err(Arc::new) }).await.clone()
    }

    /// The addresses of `name`, for `member`; waits for its turn. Where nobody waits for the answer any more, the lookup
    /// keeps its place until it has really ended.
    async fn resolve(&self, member: MemberId, name: &str) -> io::Result<Vec<IpAddr>> {
        // Their own place first: who waits for that takes none of the others'.
        let own = self.places_of(member).acquire_owned().await.map_err(io::Error::other)?;
        let place = Arc::clone(&self.in_all).acquire_owned().await.map_err(io::Error::other)?;
        let (resolver, name) = (Arc::clone(&self.resolver), name.to_owned());
        let lookup = tokio::spawn(async move {
            let _places = (own, place);
            resolver.resolve(&name).await
        });
        lookup.await.map_err(io::Error::other)?
    }

    fn places_of(&self, member: MemberId) -> Arc<Semaphore> {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_member.entry(member).or_insert_with(|| Arc::new(Semaphore::new(PER_MEMBER))))
    }
}

/// Somebody waits no longer. The first who does ends the lookup for those who come later: they ask anew.
struct Over<'l> {
    lookups: &'l Lookups,
    key: Question,
    cell: Arc<OnceCell<Answer>>,
}

impl Drop for Over<'_> {
    fn drop(&mut self) {
        let mut under_way = self.lookups.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.get(&self.key).is_some_and(|cell| Arc::ptr_eq(cell, &self.cell)) {
            under_way.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Never answers for `hung.test`, and counts how often it is asked for it.
    #[derive(Default)]
    struct Hanging(Arc<AtomicUsize>);

    impl Resolve for Hanging {
        fn resolve<'a>(
            &'a self,
            name: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            Box::pin(async move {
                if name == "hung.test" {
                    self.0.fetch_add(1, Ordering::SeqCst);
                    std::future::pending::<()>().await;
                }
                Ok(Vec::new())
            })
        }
    }

    /// Answers once it may, and counts.
    struct Slow(Arc<AtomicUsize>, Arc<Semaphore>);

    impl Resolve for Slow {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            Box::pin(async move {
                self.0.fetch_add(1, Ordering::SeqCst);
                let _may = self.1.acquire().await;
                Err(io::Error::other("no"))
            })
        }
    }

    #[tokio::test]
    async fn who_asks_for_one_name_at_one_time_shares_a_lookup() {
        let (asked, may) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let lookups = Arc::new(Lookups::of(Arc::new(Slow(Arc::clone(&asked), Arc::clone(&may)))));
        let (ann, ben) = (MemberId::random(), MemberId::random());
        let ask = |member| {
            let lookups = Arc::clone(&lookups);
            tokio::spawn(async move { lookups.addresses(member, "shop.test").await.is_err() })
        };
        let asking: Vec<_> = [ann, ann, ann, ben].map(ask).into();
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
        may.add_permits(10);
        for one in asking {
            assert!(one.await.unwrap());
        }
        assert_eq!(asked.load(Ordering::SeqCst), 2, "each member for themselves");
        assert!(ask(ann).await.unwrap());
        assert_eq!(asked.load(Ordering::SeqCst), 3, "a failure is not kept");
        assert!(lookups.under_way.lock().unwrap().is_empty());
    }

    async fn hang(lookups: &Arc<Lookups>, member: MemberId, times: usize) {
        for _ in 0..times {
            let lookups = Arc::clone(lookups);
            let asked = tokio::spawn(async move { lookups.resolve(member, "hung.test").await });
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
            // Whoever asked has given up; the lookup goes on.
            asked.abort();
        }
    }

    #[tokio::test]
    async fn lookups_that_hang_hold_so_many_places_and_no_more() {
        let asked = Arc::new(AtomicUsize::new(0));
        let lookups = Arc::new(Lookups::of(Arc::new(Hanging(Arc::clone(&asked)))));
        let ann = MemberId::random();
        hang(&lookups, ann, 3 * PER_MEMBER).await;
        assert_eq!(asked.load(Ordering::SeqCst), PER_MEMBER);
        assert!(lookups.resolve(MemberId::random(), "fine.test").await.is_ok());
        for _ in 0..IN_ALL {
            hang(&lookups, MemberId::random(), PER_MEMBER).await;
        }
        assert_eq!(asked.load(Ordering::SeqCst), IN_ALL);
    }
}
