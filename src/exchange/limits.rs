//! Layer 5: no member takes more than their share, and the gateway never more than it can hold.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::rooms::Rooms;
use crate::config;
use crate::config::schema::Settings;
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
    /// The quotas as written: one per member, and per vendor each member's there.
    pub fn of(settings: &Settings) -> Self {
        let per_vendor = settings.vendor.iter().filter_map(|(name, vendor)| {
            Some((VendorId::from(name.as_str()), RateLimiter::keyed(quota(vendor.limit?)?)))
        });
        Self {
            per_member: settings.limits.per_member.and_then(quota).map(RateLimiter::keyed),
            per_vendor: per_vendor.collect(),
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

/// The bucket holds the count and fills evenly over the time.
fn quota(written: config::value::Quota) -> Option<Quota> {
    Quota::with_period(written.per / written.count.get()).map(|quota| quota.allow_burst(written.count))
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
        if !exchange.generation.limits.admits(member, &exchange.context()?.label) {
            return Err(ExchangeError::RateLimited);
        }
        exchange.flow.hold(self.rooms.admission.admit()?);
        self.inner.handle(exchange).await
    }
}
