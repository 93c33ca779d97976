//! Names to addresses.

use crate::model::MemberId;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

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

/// The resolver, asked so much at a time.
pub(super) struct Lookups {
    resolver: Arc<dyn Resolve>,
    in_all: Arc<Semaphore>,
    by_member: Mutex<HashMap<MemberId, Arc<Semaphore>>>,
}

impl Lookups {
    pub(super) fn of(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, in_all: Arc::new(Semaphore::new(IN_ALL)), by_member: Mutex::default() }
    }

    /// The addresses of `name`, for `member`; waits for its turn. Where nobody waits for the answer any more, the lookup
    /// keeps its place until it has really ended.
    pub(super) async fn resolve(&self, member: MemberId, name: &str) -> io::Result<Vec<IpAddr>> {
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
