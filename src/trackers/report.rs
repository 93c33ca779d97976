//! What became of the lines of each list.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was read from all lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// One entry a list, the built-in one first.
    pub lists: Vec<ListReport>,
    /// Whether the compiled form came from the cache.
    pub cached: bool,
}

/// What was read from one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReport {
    /// Its name.
    pub name: String,
    /// All lines.
    pub lines: usize,
    /// Blocking and exception rules in force.
    pub accepted: usize,
    /// Empty lines and comments.
    pub comments: usize,
    /// Rules about elements of a page: not this gateway's work.
    pub cosmetic: usize,
    /// Rules that could not be used, by reason.
    pub reasons: BTreeMap<String, usize>,
}

impl ListReport {
    /// Rules that could not be used.
    pub fn rejected(&self) -> usize {
        self.reasons.values().sum()
    }
}
