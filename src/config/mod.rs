//! What the owner writes: `doorward.toml`, read strictly, checked with plain errors, and resolved into one snapshot.
//!
//! [`schema`] is the file as it is written, [`Config`] what the rest of the gateway looks things up in.

pub mod schema;
mod suggest;
pub mod value;
