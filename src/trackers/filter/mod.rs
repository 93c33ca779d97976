//! The filter rules: from list text to a decision about one request.

mod cache;
mod classify;
mod engine;
mod explain;
mod hosts;

#[cfg(test)]
mod tests;

pub(super) use engine::{Decision, Filters};

use super::List;

const BUILTIN: &str = include_str!("../../../config/lists/builtin.txt");

/// The name of the list that is always there.
pub(super) const BUILTIN_NAME: &str = "builtin";

/// The built-in list, then the given ones.
pub(super) fn with_builtin(lists: &[List]) -> Vec<List> {
    std::iter::once(List::new(BUILTIN_NAME, BUILTIN)).chain(lists.iter().cloned()).collect()
}
