//! What a blocked request gets instead.

use super::{Matched, removal};
use crate::model::{Action, Answer, Container, Edit, Part, Place, Plan, RequestType, RequestView, Stub};
use std::borrow::Cow;

/// A rule may name hundreds of domains; the log keeps its beginning.
const MAX_RULE: usize = 512;

/// Answers a request that a filter rule blocks.
pub(super) fn by_rule(request: &RequestView<'_>, matched: &Matched, plan: &mut Plan) {
    let reason = format!("on the tracker list {}", clip(&matched.list));
    settle(plan, stub(request.kind), rule_of(matched).into(), reason.into());
}

/// The rule as the log names it.
pub(super) fn rule_of(matched: &Matched) -> String {
    clip(&matched.rule).into_owned()
}

/// Tells of a rule that would have blocked a request and was let by.
pub(super) fn not_by_rule(matched: &Matched, reason: String, plan: &mut Plan) {
    plan.add(let_by(rule_of(matched).into(), reason.into()));
}

/// The same of a hyperlink audit.
pub(super) fn no_link_audit(reason: String, plan: &mut Plan) {
    plan.add(let_by(LINK_AUDIT.into(), reason.into()));
}

fn let_by(rule: Cow<'static, str>, reason: Cow<'static, str>) -> Edit {
    let whole = removal(Place::request(Part::Message), Container::Message, 0..0, rule, reason);
    Edit { action: Action::WouldHave, ..whole }
}

/// The rule against hyperlink audits.
pub(super) const LINK_AUDIT: &str = "builtin/headers:ping-to";

/// Answers a hyperlink audit (HTML section 4.6.5): a report that a link was followed, of no use to the person.
pub(super) fn link_audit(plan: &mut Plan) {
    settle(plan, Stub::Nothing, LINK_AUDIT.into(), "a report that a link was followed".into());
}

/// The rule by which the house's resolver blocks a name.
pub const RESOLVER: &str = "resolver";
/// The same for the owner.
pub const BLOCKED_BY_RESOLVER: &str = "the house's resolver blocks this name";

/// Answers a request for a name that the house's resolver blocks.
pub fn by_resolver(kind: RequestType, plan: &mut Plan) {
    settle(plan, stub(kind), RESOLVER.into(), BLOCKED_BY_RESOLVER.into());
}

fn settle(plan: &mut Plan, stub: Stub, rule: Cow<'static, str>, reason: Cow<'static, str>) {
    let whole =
        removal(Place::request(Part::Message), Container::Message, 0..0, rule.clone(), reason.clone());
    plan.add(Edit { action: Action::Blocked, ..whole });
    plan.settle(Answer::Block { stub, rule, reason });
}

/// The harmless answer for what was asked: a page must not see a failure where it expects an image or a script.
fn stub(kind: RequestType) -> Stub {
    match kind {
        RequestType::Image => Stub::Pixel,
        RequestType::Script => Stub::Script,
        RequestType::Stylesheet => Stub::Style,
        RequestType::Document => Stub::Page,
        _ => Stub::Nothing,
    }
}

fn clip(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_RULE {
        return text.into();
    }
    let end = text.floor_char_boundary(MAX_RULE);
    format!("{}…", text.get(..end).unwrap_or_default()).into()
}
