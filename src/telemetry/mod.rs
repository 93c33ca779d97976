//! Eyes: metrics, log lines and readiness. None of them ever names a person, a vendor or a value.

mod buckets;
mod label;
pub mod log;
mod metrics;
mod process;
mod readiness;

pub use label::{Handshake, Peer, Tunnelled};
pub use metrics::{Metrics, MetricsError};
pub use readiness::{Condition, Readiness, ReadinessReport};
