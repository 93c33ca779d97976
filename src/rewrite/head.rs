//! Identifiers in request-targets and header fields.

use super::{Hit, Identifiers};

/// Identifiers in a request-target: path segments and query parameters, names as well as values.
pub fn find_in_target(identifiers: &Identifiers, target: &str) -> Vec<Hit> {
    let _ = (identifiers, target);
    Vec::new()
}

/// Identifiers in the value of the `nth` (from 0) field line of that lower-case name; looks into `cookie` and
/// `set-cookie` pair by pair.
pub fn find_in_header(identifiers: &Identifiers, name: &str, nth: usize, value: &[u8]) -> Vec<Hit> {
    let _ = (identifiers, name, nth, value);
    Vec::new()
}
