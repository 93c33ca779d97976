//! The corridor: one exchange, its plan, and the layers it walks through.
//!
//! Start at [`stack`]. Every layer is a [`Handle`] around the next one. An [`Exchange`] enters at the top with what the
//! front door knows and gathers, layer by layer, its origin, its context and its plan; the gate applies the plan.

mod apply;
mod body;
mod canonical;
mod context;
mod errand;
mod error;
pub mod exceptions;
mod expect;
pub mod explain;
mod federated;
mod flow;
mod framing;
mod gate;
mod hop_by_hop;
mod inflow;
mod inspect;
mod kin;
mod layers;
mod limits;
mod line;
mod met;
mod page;
mod persona;
pub mod questions;
mod reception;
mod record;
mod relay;
mod request_body;
mod rescue;
pub mod reveal;
mod rooms;
mod rules;
mod send_body;
mod sign_in;
mod signed;
mod spool;
pub mod stack;
mod streamed;
mod substitute;
mod tally;
mod terms;
mod trackers;
mod trailers;
mod unknown;
mod upload;
mod upstream;
pub mod websocket;
mod whole;

pub use body::ReplyBody;
pub use canonical::{endpoint, single_host};
pub use errand::{Brought, errand};
pub use error::ExchangeError;
pub use flow::Flow;
pub use layers::{Client, Connection, Context, Exchange, Handle, Reply, Tunnelled, Who};
pub use page::{refusal, refusal_of};
pub use reception::Reception;
pub use relay::{relay, winds_up};
pub use request_body::RequestBody;
pub use rooms::{Generation, OwnSettings, Rooms};
pub use spool::Spools;
pub use trackers::TRACKER_HOST;
pub use websocket::Channel;
