//! The whole path of a request, one layer a line, in the order it meets them.

use super::canonical::{Canonical, CanonicalLayer};
use super::context::{ContextLayer, Contextual};
use super::federated::{Federated, FederatedLayer};
use super::flow::{FlowLayer, Flows};
use super::gate::{Gate, GateLayer};
use super::limits::{Limited, LimitsLayer};
use super::persona::{PersonaLayer, Personified};
use super::rescue::{Rescue, RescueLayer};
use super::rooms::Rooms;
use super::terms::{Termed, TermsLayer};
use super::trackers::{Tracked, TrackersLayer};
use super::upstream::UpstreamSender;
use std::sync::Arc;
use tower::ServiceBuilder;

/// The corridor from the front door to the vendor.
pub type Corridor = Rescue<
    Flows<Canonical<Contextual<Limited<Federated<Tracked<Personified<Termed<Gate<UpstreamSender>>>>>>>>>,
>;

/// Builds the corridor through `rooms`.
pub fn corridor(rooms: &Arc<Rooms>) -> Corridor {
    ServiceBuilder::new()
        // 1. Every error becomes one response, with blame and Proxy-Status.
        .layer(RescueLayer)
        // 2. The flow, its room in the ledger, and exactly one end record.
        .layer(FlowLayer::new(Arc::clone(rooms)))
        // 3. One origin for the request; hop-by-hop fields end here, in both directions.
        .layer(CanonicalLayer)
        // 4. Member, vendor, party, type, what is signed, what its owner has let by; frozen from here on.
        .layer(ContextLayer::new(Arc::clone(rooms)))
        // 5. Quotas, and room for one more exchange.
        .layer(LimitsLayer)
        // 6. Signing in at a vendor by way of somebody else: told the first time, or refused.
        .layer(FederatedLayer::new(Arc::clone(rooms)))
        // 7. Blocked, or without tracking parameters and fields; the response without what follows people.
        .layer(TrackersLayer::new(Arc::clone(rooms)))
        // 8. Identifiers become this vendor's pseudonyms.
        .layer(PersonaLayer::new(Arc::clone(rooms)))
        // 9. GPC and the person's terms; the vendor's answer.
        .layer(TermsLayer::new(Arc::clone(rooms)))
        // 10. A connection and a durable OPEN; nothing passes before both.
        .layer(GateLayer::new(Arc::clone(rooms)))
        // 11. The plan becomes bytes, and they go.
        .service(UpstreamSender::new(Arc::clone(rooms)))
}
