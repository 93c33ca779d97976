//! Content Security Policies: where the browser reports to goes, the policy stays.

use super::{removal, spans::cuts};
use crate::model::{Container, Part, Place, Plan};
use http::HeaderValue;
use std::ops::Range;

/// Whether the field of this lower-case name holds policies.
pub(super) fn is_policy(name: &str) -> bool {
    matches!(name, "content-security-policy" | "content-security-policy-report-only")
}

/// Cuts `report-uri` and `report-to` out of the policies of one line (CSP level 3 section 6.5). A line that says
/// nothing else goes whole.
pub(super) fn plan(name: &str, nth: usize, value: &HeaderValue, plan: &mut Plan) {
    let bytes = value.as_bytes();
    let add = |plan: &mut Plan, span: Range<usize>, directive: &str| {
        let place = Place::response(Part::Header(name.into())).occurrence(nth + 1);
        let container = Container::Header { name: name.into(), nth };
        let rule = format!("builtin/headers:{name}/{directive}");
        plan.add(removal(place, container, span, rule, "names where the browser reports to"));
    };
    // Section 2.2.1: a comma parts policies, a semicolon the directives of one.
    let policies = split(bytes, 0..bytes.len(), b',');
    let mut found = Vec::new();
    let mut says_more = false;
    for policy in policies {
        let directives: Vec<(Range<usize>, Option<&'static str>)> = split(bytes, policy, b';')
            .into_iter()
            .map(|range| (range.clone(), reporting(bytes.get(range).unwrap_or_default())))
            .collect();
        says_more |= directives.iter().any(|(range, reporting)| {
            reporting.is_none() && !bytes.get(range.clone()).unwrap_or_default().trim_ascii().is_empty()
        });
        let segments: Vec<_> =
            directives.iter().map(|(range, reporting)| (range.clone(), reporting.is_some())).collect();
        found.extend(
            cuts(&segments, false).into_iter().zip(directives.iter().filter_map(|(_, reporting)| *reporting)),
        );
    }
    match found.first() {
        Some((_, directive)) if !says_more => add(plan, 0..bytes.len(), directive),
        _ => found.into_iter().for_each(|(span, directive)| add(plan, span, directive)),
    }
}

fn split(bytes: &[u8], within: Range<usize>, separator: u8) -> Vec<Range<usize>> {
    let mut at = within.start;
    let mut ranges = Vec::new();
    for part in bytes.get(within).unwrap_or_default().split(|byte| *byte == separator) {
        ranges.push(at..at + part.len());
        at += part.len() + 1;
    }
    ranges
}

fn reporting(directive: &[u8]) -> Option<&'static str> {
    let name = directive.trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    ["report-uri", "report-to"].into_iter().find(|word| name.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Action;

    fn stripped(value: &'static str) -> (String, Vec<String>) {
        let mut made = Plan::default();
        plan("content-security-policy", 0, &HeaderValue::from_static(value), &mut made);
        let mut text = value.to_owned();
        for edit in made.edits().iter().rev() {
            assert_eq!(edit.action, Action::Removed);
            text.replace_range(edit.span.clone(), "");
        }
        (text, made.edits().iter().map(|edit| edit.rule.to_string()).collect())
    }

    #[test]
    fn only_where_it_reports_to_is_cut() {
        for (value, want) in [
            ("default-src 'self'", "default-src 'self'"),
            ("default-src 'self'; report-uri /csp", "default-src 'self'"),
            ("report-uri /csp; default-src 'self'", " default-src 'self'"),
            (
                "default-src 'self'; Report-To group; report-uri /a /b; img-src *",
                "default-src 'self'; img-src *",
            ),
            (
                "default-src 'self'; report-uri /a, script-src x; report-to b;",
                "default-src 'self', script-src x;",
            ),
            ("report-uri /a", ""),
            ("report-uri /a; report-to b; ", ""),
            ("report-uri /a, default-src x", ", default-src x"),
            (
                "require-trusted-types-for 'script'; report-uri-x y",
                "require-trusted-types-for 'script'; report-uri-x y",
            ),
        ] {
            assert_eq!(stripped(value).0, want, "{value}");
        }
        assert_eq!(
            stripped("a; report-uri /x; report-to y").1,
            [
                "builtin/headers:content-security-policy/report-uri",
                "builtin/headers:content-security-policy/report-to"
            ]
        );
        assert_eq!(
            stripped("report-uri /a; report-to b").1.len(),
            1,
            "a line that says nothing else goes whole"
        );
    }
}
