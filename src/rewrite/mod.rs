//! The editor: finds a member's identifiers in every spelling, in every part of a message, whole or as it flows, and
//! puts other bytes in their place.
//!
//! Pure: no sockets, no clock, no disk. [`Identifiers`] is a member's compiled matcher. [`find_in_target`],
//! [`find_in_header`] and [`BodyFinder`] give [`Hit`]s; a [`Hit`]'s [`Spelling`] writes another value the way this one
//! was written; [`splice()`] or a [`StreamEditor`] applies what was decided. [`codec`] undoes and redoes content codings,
//! [`Wide`] UTF-16.
//!
//! Inside: a structure (`json`, `form`, `multipart`, `head`) takes a message apart into `values`; each runs through
//! `scan`, which undoes spellings (`unescape`) and feeds one `automaton`. `encoded` looks into base64,
//! hex and digests. `prescan` keeps text that holds nothing out of all that.

mod automaton;
mod body;
mod boundary;
pub mod codec;
mod crowd;
mod draft;
mod encoded;
mod entity;
mod field;
mod form;
mod guard;
mod head;
mod hit;
mod identifier;
mod json;
mod multipart;
mod pattern;
mod prescan;
mod scan;
mod select;
mod spelling;
mod splice;
mod stream;
mod subaddress;
mod syntax;
#[cfg(test)]
mod tests;
mod unescape;
mod unknown;
mod values;
mod weak;
mod wide;
mod written;

pub use body::{BodyFinder, Findings, TooMany, find_in_body, read_body, read_selected_body};
pub use encoded::seal;
pub use guard::{Guard, Pseudonyms};
pub use head::{find_in_field, find_in_header, find_in_target, find_in_trailer, is_clean_head};
pub use hit::Hit;
pub use identifier::{CompileError, Identifier, Identifiers, Strength};
pub use select::{Field, Selection, select_in_header, select_in_target};
pub use spelling::Spelling;
pub use splice::{splice, splices};
pub use stream::{Decision, StreamEditor, replacements};
pub use syntax::{Syntax, begins_wide, has_known_charset, syntax_of};
pub use unknown::{Noticed, luhn_sum};
pub use wide::Wide;
