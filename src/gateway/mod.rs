//! The front door: listeners, who is asking, what a stream becomes, SOCKS5, what a router hands over, TLS
//! interception, HTTP/1.1 and 2.
//!
//! [`Front`] makes of each request on the proxy port an exchange, a tunnel or a refusal. CONNECT never enters the
//! corridor; what comes through an intercepted tunnel does.

pub mod authority;
mod catch_up;
mod cleartext;
mod connect;
mod connections;
mod download;
mod front;
mod house;
mod identities;
mod intercept;
mod linger;
mod listen;
mod lists;
mod own;
mod own_tls;
mod pace;
mod passing;
mod peek;
mod policy;
mod ration;
mod reload;
mod reverse;
mod revocations;
mod seldom;
mod serve;
pub mod socks;
mod standing;
mod transparent;
mod trial;
mod tunnel;
mod turns;
mod who;

pub use front::Front;
pub use house::{House, HouseError, Seams};
pub use listen::{Door, ListenError, Listening, listen};
pub use own::is_addressed_to_us;
pub use passing::Uninspected;
pub use peek::{Opening, Peeked};
pub use policy::{AdoptError, Doors, Handed};
pub use reload::{ReloadError, Reloaded};
pub use who::Roster;
