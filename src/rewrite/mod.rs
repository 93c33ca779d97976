//! The editor: finds a member's identifiers in every spelling, in every part of a message, whole or as it flows, and
//! puts other bytes in their place.
//!
//! Pure: no sockets, no clock, no disk. [`Identifiers`] is a member's compiled matcher. [`find_in_target`],
//! [`find_in_header`] and [`BodyFinder`] give [`Hit`]s; a [`Hit`]'s [`Spelling`] writes another value the way this one
//! was written; [`splice()`] or a [`StreamEditor`] applies what was decided. [`codec`] undoes and redoes content codings.

mod body;
pub mod codec;
mod head;
mod hit;
mod identifier;
mod spelling;
mod splice;
mod stream;
mod syntax;

pub use body::BodyFinder;
pub use head::{find_in_header, find_in_target};
pub use hit::Hit;
pub use identifier::{CompileError, Identifier, Identifiers, Strength};
pub use spelling::Spelling;
pub use splice::splice;
pub use stream::{Decision, StreamEditor};
pub use syntax::{Syntax, syntax_of};
