//! Lists become decisions: block, strip, drop, each with its rule and reason.
//!
//! Everything here is decided from the frozen request head and written into the [`Plan`] as edits; nothing is sent,
//! and nothing but [`lists`] and the cache of compiled rules touches a file. Building takes up to a second with large
//! lists and blocks: call it off the workers. [`Trackers::plan`] costs a few microseconds.
//!
//! A request is first held against the filter rules ([`filter`]); what is not blocked loses its tracking parameters
//! ([`params`]) and the header fields that only follow people ([`headers`]).

mod block;
mod csp;
mod filter;
mod headers;
pub mod lists;
mod params;
mod passes;
mod report;
mod spans;

#[cfg(test)]
mod tests;

pub use block::{BLOCKED_BY_RESOLVER, RESOLVER, by_resolver};
pub use passes::Passes;
pub use report::{ListReport, Report};

use crate::model::{Action, Category, Container, Edit, Party, Place, Plan, RequestView, Secret, Stage};
use filter::{Decision, Filters};
use http::HeaderMap;
use params::Params;
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// The compiled lists. Immutable: new lists make a new one, swapped whole.
#[derive(Debug)]
pub struct Trackers {
    filters: Filters,
    params: Params,
    /// Tells these rules from earlier ones.
    edition: u64,
}

impl Trackers {
    /// Compiles the built-in lists and `lists`. Blocks; a line that cannot be used is counted in the report.
    pub fn build(lists: &[List]) -> (Self, Report) {
        Self::build_cached(lists, None)
    }

    /// As [`Self::build`], but starts from the compiled form in `dir` where it is there, whole and of exactly these
    /// lists, and leaves it there otherwise. The directory needs no trust: see `filter/cache.rs`.
    pub fn build_cached(lists: &[List], dir: Option<&Path>) -> (Self, Report) {
        static EDITIONS: AtomicU64 = AtomicU64::new(0);
        let (filters, report) = Filters::build(lists, dir);
        let edition = EDITIONS.fetch_add(1, Ordering::Relaxed);
        (Self { filters, params: Params::builtin(), edition }, report)
    }

    /// Adds to the plan what happens to this request: an answer where it is blocked, else the edits of its
    /// parameters and header fields. The gateway's own requests, and what a signature covers, stay as they are. `passes`
    /// is what the request's connection asked before.
    pub fn plan(&self, request: &RequestView<'_>, passes: Option<&Passes>, plan: &mut Plan) {
        self.plan_except(request, passes, |_| None, plan);
    }

    /// The same where rules may be let by: `excepted` says of a rule why it is. What it would have done is told.
    pub fn plan_except(
        &self,
        request: &RequestView<'_>,
        passes: Option<&Passes>,
        excepted: impl Fn(&str) -> Option<String>,
        plan: &mut Plan,
    ) {
        if request.party == Party::Gateway || plan.answer().is_some() {
            return;
        }
        if let Decision::Block(matched) = self.decide(request, passes) {
            match excepted(&block::rule_of(&matched)) {
                None => return block::by_rule(request, &matched, plan),
                Some(reason) => block::not_by_rule(&matched, reason, plan),
            }
        }
        if headers::is_link_audit(request.headers) {
            match excepted(block::LINK_AUDIT) {
                None => return block::link_audit(plan),
                Some(reason) => block::no_link_audit(reason, plan),
            }
        }
        self.params.plan(request, plan);
        headers::plan_request(request, |_| true, plan);
        plan.except(|rule| if steps_aside(rule) { excepted(rule) } else { None });
    }

    /// What happens to a request all the same where its owner has trackers step aside.
    pub fn plan_paused(&self, request: &RequestView<'_>, plan: &mut Plan) {
        if request.party != Party::Gateway {
            headers::plan_request(request, headers::always_goes, plan);
        }
    }

    /// The same of a response.
    pub fn plan_paused_response(&self, request: &RequestView<'_>, headers: &HeaderMap, plan: &mut Plan) {
        if request.party != Party::Gateway {
            headers::plan_response(request.party, headers, headers::always_goes, plan);
        }
    }

    fn decide(&self, request: &RequestView<'_>, passes: Option<&Passes>) -> Decision {
        let Some(passes) = passes else { return self.filters.check(request) };
        let question = passes.question(self.edition, request);
        if passes.knows(question) {
            return Decision::Pass;
        }
        let decision = self.filters.check(request);
        if decision == Decision::Pass {
            passes.remember(question);
        }
        decision
    }

    /// Adds to the plan what happens to the head of its response: fields that have the browser report to somebody,
    /// follow the person, or leave the gateway.
    pub fn plan_response(&self, request: &RequestView<'_>, headers: &HeaderMap, plan: &mut Plan) {
        if request.party != Party::Gateway {
            headers::plan_response(request.party, headers, |_| true, plan);
        }
    }

    /// The rule by which this host is refused by its name alone: what a tunnel is held to.
    pub fn host_rule(&self, host: &str) -> Option<Matched> {
        self.filters.host_rule(host)
    }

    /// Every filter rule that matches this request, the one that decides marked. For `explain`: goes through the text
    /// of all lists, up to a second with large ones.
    pub fn matches(&self, request: &RequestView<'_>) -> Vec<RuleMatch> {
        if request.party == Party::Gateway {
            return Vec::new();
        }
        self.filters.matches(request)
    }
}

/// Whether the owner may let this rule by: not what keeps from vendors where they are, or what keeps the browser here.
pub fn steps_aside(rule: &str) -> bool {
    !headers::is_of_one_that_always_goes(rule)
}

/// A removal by a built-in rule.
fn removal(
    place: Place,
    container: Container,
    span: Range<usize>,
    rule: impl Into<Cow<'static, str>>,
    reason: impl Into<Cow<'static, str>>,
) -> Edit {
    Edit {
        place,
        container,
        span,
        action: Action::Removed,
        stage: Stage::Trackers,
        slot: None,
        category: Category::TRACKING,
        rule: rule.into(),
        reason: reason.into(),
        within: None,
        value: Secret::default(),
    }
}
