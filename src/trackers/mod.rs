//! Lists become decisions: block, strip, drop, each with its rule and reason.
//!
//! Everything here is decided from the frozen request head and written into the [`Plan`] as edits; nothing is sent,
//! and nothing but [`lists`] and the engine cache touches a file. Building takes up to a second with large lists
//! and blocks: call it off the workers. [`Trackers::plan`] costs a few microseconds.

pub mod lists;
mod report;

pub use report::{ListReport, Report};

use crate::model::{Plan, RequestView};
use http::{HeaderMap, StatusCode};
use std::path::Path;
use std::sync::Arc;

/// A filter list: its name as the owner knows it, and its text.
#[derive(Clone, Debug)]
pub struct List {
    /// The URL or path it is configured by.
    pub name: Arc<str>,
    /// Rules, one a line, in the Adblock Plus family's syntax or as a hosts file.
    pub text: Arc<str>,
}

impl List {
    /// A list of this name and text.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A rule that decided something, with the list it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The rule as written in its list.
    pub rule: String,
    /// The list's name.
    pub list: Arc<str>,
}

/// A rule that matched a request, for `explain`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RuleMatch {
    /// The rule as written in its list.
    pub rule: String,
    /// The list's name.
    pub list: String,
    /// Whether it is the one that decided.
    pub winner: bool,
}

/// The compiled lists.
#[derive(Debug)]
pub struct Trackers {}

impl Trackers {
    /// Compiles the built-in lists and `lists`. Blocks; a line that cannot be used is counted in the report.
    pub fn build(_lists: &[List]) -> (Self, Report) {
        (Self {}, Report::default())
    }

    /// As [`Self::build`], but starts from the compiled form in `dir` where it is there and of these lists, and
    /// leaves it there otherwise.
    pub fn build_cached(lists: &[List], _dir: Option<&Path>) -> (Self, Report) {
        Self::build(lists)
    }

    /// Adds to the plan what happens to this request.
    pub fn plan(&self, _request: &RequestView<'_>, _plan: &mut Plan) {}

    /// Adds to the plan what happens to the head of its response.
    pub fn plan_response(
        &self,
        _request: &RequestView<'_>,
        _status: StatusCode,
        _headers: &HeaderMap,
        _plan: &mut Plan,
    ) {
    }

    /// The rule by which this host is refused by its name alone.
    pub fn host_rule(&self, _host: &str) -> Option<Matched> {
        None
    }

    /// Every rule that matches this request.
    pub fn matches(&self, _request: &RequestView<'_>) -> Vec<RuleMatch> {
        Vec::new()
    }
}
