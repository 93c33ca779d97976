//! Layer 5: no member takes more than their share, and the gateway never more than it can hold.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use crate::config;
use crate::config::schema::Settings;
use crate::model::{MemberId, VendorId};
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::Layer;

type Keyed<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>;

/// A quota as it is written, and who has taken how much of it.
type Counted = (config::value::Quota, Arc<Keyed<MemberId>>);

/// The quotas of one configuration generation, and the gateway's own bound.
pub struct Limits {
    per_member: Option<Counted>,
    per_vendor: Vec<(VendorId, Counted)>,
}

impl Limits {
    /// The quotas as written: one per member, and per vendor each member's there.
    pub fn of(settings: &Settings) -> Self {
        Self { per_member: None, per_vendor: Vec::new() }.after(settings)
    }

    /// The quotas of a later generation. One that is written as before goes on as it stands, so that reading a
    /// configuration again gives nobody a second share.
    pub fn after(&self, settings: &Settings) -> Self {
        let per_vendor = settings.vendor.iter().filter_map(|(name, vendor)| {
            let vendor_id = VendorId::from(name.as_str());
            let before = self.at(&vendor_id).cloned();
            Some((vendor_id, counted(vendor.limit?, before)?))
        });
        let per_member = settings.limits.per_member;
        Self {
            per_member: per_member.and_then(|written| counted(written, self.per_member.clone())),
            per_vendor: per_vendor.collect(),
        }
    }

    fn at(&self, vendor: &VendorId) -> Option<&Counted> {
        self.per_vendor.iter().find(|(name, _)| name == vendor).map(|(_, counted)| counted)
    }

    /// Whether `member` may send one more request to `vendor` now.
    pub(super) fn admit(&self, member: MemberId, vendor: &VendorId) -> Result<(), ExchangeError> {
        for (_, quota) in self.per_member.iter().chain(self.at(vendor)) {
            quota.check_key(&member).map_err(|until| {
                let wait = until.wait_time_from(DefaultClock::default().now());
                ExchangeError::RateLimited { seconds: wait.as_millis().div_ceil(1000).max(1) as u64 }
            })?;
        }
        Ok(())
    }

    /// Forgets members who have been quiet; call it now and then.
    pub fn sweep(&self) {
        let per_vendor = self.per_vendor.iter().map(|(_, counted)| counted);
        for (_, quota) in self.per_member.iter().chain(per_vendor) {
            quota.retain_recent();
        }
    }
}

fn counted(written: config::value::Quota, before: Option<Counted>) -> Option<Counted> {
    match before.filter(|(was, _)| *was == written) {
        Some(same) => Some(same),
        None => Some((written, Arc::new(RateLimiter::keyed(quota(written)?)))),
    }
}

/// The bucket holds the count and fills evenly over the time.
fn quota(written: config::value::Quota) -> Option<Quota> {
    Quota::with_period(written.per / written.count.get()).map(|quota| quota.allow_burst(written.count))
}

/// The gateway's own bound on exchanges under way.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    under_way: Arc<AtomicUsize>,
}

/// Room for one exchange; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    under_way: Arc<AtomicUsize>,
}

impl Admission {
    /// Room for one more exchange besides fewer than `most`, held until the flow ends.
    pub(super) fn admit(&self, most: usize) -> Result<Permit, ExchangeError> {
        let permit = Permit { under_way: Arc::clone(&self.under_way) };
        if self.under_way.fetch_add(1, Ordering::AcqRel) < most {
            Ok(permit)
        } else {
            Err(ExchangeError::Overloaded)
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The layer.
#[derive(Clone, Copy, Debug)]
pub struct LimitsLayer;

impl<S> Layer<S> for LimitsLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner }
    }
}

/// The layer around the rest.
pub struct Limited<S> {
    inner: S,
}

impl<S: Handle> Handle for Limited<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let context = exchange.context.as_ref().ok_or(ExchangeError::Internal("no context"))?;
        exchange.flow.admit(&exchange.generation, &context.label)?;
        self.inner.handle(exchange).await
    }
}
