//! The vocabulary: types that every room speaks, without behaviour of their own.

pub mod blame;
pub mod clock;
pub mod edit;
pub mod exception;
pub mod flow;
pub mod key;
pub mod map;
pub mod member;
pub mod origin;
pub mod place;
pub mod plan;
pub mod record;
pub mod request;
pub mod secret;
pub mod slot;
pub mod vendor;
pub mod within;

pub use blame::Blame;
pub use clock::{Clock, SystemClock, Timestamp};
pub use edit::{Action, Edit, Stage};
pub use flow::{FlowId, Outcome, Verdict};
pub use key::{KeyId, MonthKey};
pub use map::QuickMap;
pub use member::{MemberId, MemberKind};
pub use origin::{Host, Origin, Scheme};
pub use place::{Container, Part, Place, Side};
pub use plan::{Answer, Plan, Stub};
pub use request::{RequestType, RequestView, SignedParts};
pub use secret::Secret;
pub use slot::{Category, Policy, Slot, SlotKind};
pub use vendor::{FederatedLogin, Level, Party, Reveal, VendorId};
pub use within::{Envelope, Layer, Within};
