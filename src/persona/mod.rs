//! Who a vendor meets: how far it is trusted, the values made for it, and what becomes of a real one on its way there.
//!
//! [`policy`] settles what is done with a slot, [`derive`] and [`format`] make values, [`Wardrobe`] keeps those a member
//! has, [`MemberIdentity`] is what is searched for, a [`Mask`] turns the editor's hits into edits, and [`recovery`] brings
//! it all back on another machine. Only it, [`Wardrobe`] and [`Personas`] touch the vault and the store; the rest is pure.

mod carry;
pub mod derive;
mod error;
mod foreign;
pub mod format;
mod head;
mod hosts;
mod identity;
mod issue;
mod kin;
mod login;
mod mask;
mod met;
mod personas;
pub mod policy;
pub mod recovery;
mod reveal;
mod rows;
mod sent;
mod sign_in;
mod verdict;
mod wardrobe;
mod watch;
mod withhold;

pub use carry::{Carried, Settled};
pub use error::IssueError;
pub use format::Locale;
pub use head::{Gathered, find_in_head, select_in_head};
pub use identity::{MemberIdentity, Values};
pub use issue::Order;
pub use kin::Kin;
pub use login::is_login;
pub use mask::Mask;
pub use personas::{Persona, Personas};
pub use policy::{Derivation, Ruling, Settings, Shown, Sources, Treatment, VendorSettings};
pub use reveal::{Found, REVEALED, find_revealable, is_revealable, told};
pub use sent::SentPlace;
pub use sign_in::SignIn;
pub use verdict::{Verdict, noun};
pub use wardrobe::{Issued, Standing, Wardrobe, Worn};
pub use watch::Watch;
pub use withhold::Surroundings;

#[cfg(test)]
mod tests;
