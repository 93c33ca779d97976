//! Every rule that matches a request, which the engine itself does not tell.
//!
//! The engine stops at the first match of each kind, so the lists are cut into small sets, each set is asked, and the
//! sets that match are halved until single rules are left.

use super::classify::{self, Line, Scope};
use super::engine::{Decision, Query, engine};
use crate::trackers::{List, Matched, RuleMatch};
use adblock::FilterSet;
use adblock::lists::FilterFormat;
use std::collections::HashSet;

const CHUNK: usize = 1024;
/// A request that more rules match than this needs no longer list.
const MAX_MATCHES: usize = 256;

pub(super) fn matches(lists: &[List], query: &Query, decision: &Decision) -> Vec<RuleMatch> {
    let winner = match decision {
        Decision::Block(rule) | Decision::Excepted(rule) => Some(rule),
        Decision::Pass => None,
    };
    let cancelled = cancelled(lists);
    let mut found = Vec::new();
    for list in lists {
        let format = classify::format_of(&list.text);
        let rules: Vec<&str> = list
            .text
            .lines()
            .filter(|line| match classify::classify(line, format) {
                Line::Rule { scope, id, badfilter: false } => {
                    !cancelled.contains(&id) && (scope == Scope::Open || query.admits(line))
                }
                _ => false,
            })
            .collect();
        for chunk in rules.chunks(CHUNK) {
            search(chunk, format, query, &mut |rule| found.push(rule_match(rule, list, winner)));
        }
    }
    found.truncate(MAX_MATCHES);
    found
}

fn rule_match(rule: &str, list: &List, winner: Option<&Matched>) -> RuleMatch {
    RuleMatch {
        rule: rule.trim().to_owned(),
        list: list.name.to_string(),
        winner: winner.is_some_and(|winner| winner.list == list.name && winner.rule == rule.trim()),
    }
}

/// The ids of rules that a `$badfilter` takes back.
fn cancelled(lists: &[List]) -> HashSet<u64> {
    let lines = lists.iter().flat_map(|list| list.text.lines().filter(|line| line.contains("badfilter")));
    lines
        .filter_map(|line| match classify::classify(line, FilterFormat::Standard) {
            Line::Rule { id, badfilter: true, .. } => Some(id),
            _ => None,
        })
        .collect()
}

fn search<'a>(rules: &[&'a str], format: FilterFormat, query: &Query, found: &mut dyn FnMut(&'a str)) {
    if rules.is_empty() || !any(rules, format, query) {
        return;
    }
    if let [rule] = rules {
        return found(rule);
    }
    let (left, right) = rules.split_at(rules.len() / 2);
    search(left, format, query, found);
    search(right, format, query, found);
}

fn any(rules: &[&str], format: FilterFormat, query: &Query) -> bool {
    let mut set = FilterSet::new(false);
    set.add_filter_list(rules.join("\n"), classify::options(format));
    let result = engine(set).check_network_request_subset(&query.request, false, true);
    result.filter.is_some() || result.exception.is_some()
}
