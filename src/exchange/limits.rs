//! Layer 5: no member takes more than their share, and the gateway never more than it can hold.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::rooms::Rooms;
use crate::model::{MemberId, VendorId};
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Layer;

/// Exchanges under way in the whole gateway.
const MOST_EXCHANGES: usize = 4096;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// The quotas of one configuration generation, and the gateway's own bound.
pub struct Limits {
    per_member: Option<Keyed<MemberId>>,
    per_vendor: Vec<(VendorId, Keyed<MemberId>)>,
}

impl Limits {
    /// `per_member` and, per vendor, each member's quota there; only where written.
    pub fn new(per_member: Option<Quota>, per_vendor: Vec<(VendorId, Quota)>) -> Self {
        Self {
            per_member: per_member.map(RateLimiter::keyed),
            per_vendor: per_vendor.into_iter().map(|(vendor, quota)| (vendor, RateLimiter::keyed(quota))).collect(),
        }
    }

    /// Whether `member` may send one more request to `vendor` now.
    fn admits(&self, member: MemberId, vendor: &VendorId) -> bool {
        self.per_member.as_ref().is_none_or(|quota| quota.check_key(&member).is_ok())
            && self
                .per_vendor
                .iter()
                .find(|(name, _)| name == vendor)
                .is_none_or(|(_, quota)| quota.check_key(&member).is_ok())
    }

    /// Forgets members who have been quiet; call it now and then.
    pub fn sweep(&self) {
        for quota in self.per_member.iter().chain(self.per_vendor.iter().map(|(_, quota)| quota)) {
            quota.retain_recent();
        }
    }
}

/// The gateway's own bound on exchanges under way.
#[derive(Clone, Debug)]
pub struct Admission {
    permits: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(MOST_EXCHANGES)) }
    }
}

impl Admission {
    /// Room for one more exchange, held until the flow ends.
    fn admit(&self) -> Result<OwnedSemaphorePermit, ExchangeError> {
        Arc::clone(&self.permits).try_acquire_owned().map_err(|_| ExchangeError::Overloaded)
    }
}

/// The layer.
#[derive(Clone)]
pub struct LimitsLayer {
    rooms: Arc<Rooms>,
}

impl LimitsLayer {
    /// Counts in these rooms.
    pub fn new(rooms: Arc<Rooms>) -> Self {
        Self { rooms }
    }
}

impl<S> Layer<S> for LimitsLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { rooms: Arc::clone(&self.rooms), inner }
    }
}

/// The layer around the rest.
pub struct Limited<S> {
    rooms: Arc<Rooms>,
    inner: S,
}

impl<S: Handle> Handle for Limited<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let member = exchange.who.member;
        if !exchange.generation.limits.admits(member, &exchange.context()?.vendor) {
            return Err(ExchangeError::RateLimited);
        }
        exchange.flow.hold(self.rooms.admission.admit()?);
        self.inner.handle(exchange).await
    }
}
