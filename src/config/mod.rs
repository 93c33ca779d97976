//! What the owner writes: `doorward.toml`, read strictly, checked with plain errors, and resolved into one snapshot.
//!
//! [`schema`] is the file as it is written, [`Config`] what the rest of the gateway looks things up in. A snapshot
//! never changes; a reload makes a new one.

mod categories;
mod check;
mod explain;
mod finding;
mod groups;
mod host_map;
mod inactive;
mod load;
mod merge;
mod origins;
mod portals;
pub mod schema;
mod show;
mod snapshot;
mod suggest;
pub mod value;

pub use categories::category_of;
pub use finding::{ConfigError, Finding, Location, Severity};
pub use host_map::HostMap;
pub use portals::is_portal_check;
pub use schema::Settings;
pub use show::Shown;
pub use snapshot::{Config, Decision, TunnelReason, VendorRef};

/// The JSON Schema of the file, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(Settings).to_value()
}

#[cfg(test)]
mod tests;
