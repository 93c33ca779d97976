//! What is going to happen to one exchange: edits gathered layer by layer, applied once.

use super::place::overlaps;
use super::{Action, Container, Edit};
use std::borrow::Cow;
use std::ops::Range;

/// The harmless answer a blocked request gets, by what the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stub {
    /// A transparent 1×1 GIF.
    Pixel,
    /// An empty script.
    Script,
    /// An empty style sheet.
    Style,
    /// 204 without content.
    Nothing,
    /// A short page that says what was blocked, for a navigation.
    Page,
}

/// An answer that settles the exchange without the vendor.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Blocked: the stub is the response.
    Block {
        /// What the client gets.
        stub: Stub,
        /// The rule that matched.
        rule: Cow<'static, str>,
        /// For the owner.
        reason: Cow<'static, str>,
    },
    /// 307 to a cleaner address (navigations only).
    Redirect {
        /// The absolute address.
        location: String,
        /// The rule that matched.
        rule: Cow<'static, str>,
        /// For the owner.
        reason: Cow<'static, str>,
    },
    /// Refused rather than leaked: 403.
    Refuse {
        /// The rule that matched.
        rule: Cow<'static, str>,
        /// For the owner.
        reason: Cow<'static, str>,
    },
}

/// The edits of one exchange and, where it is settled here, its answer.
#[derive(Debug, Default)]
pub struct Plan {
    edits: Vec<Edit>,
    answer: Option<Answer>,
}

impl Plan {
    /// Adds an edit. Where it meets an earlier one on the same bytes, the stronger action stands and the other
    /// becomes `would-have`; of two equal ones the earlier stands.
    pub fn add(&mut self, mut edit: Edit) {
        if edit.action != Action::WouldHave {
            for earlier in &mut self.edits {
                if earlier.action == Action::WouldHave
                    || earlier.container != edit.container
                    || matches!(edit.container, Container::NewHeader { .. } | Container::Message)
                    || !overlaps(&earlier.span, &edit.span)
                {
                    continue;
                }
                if edit.action.precedence() > earlier.action.precedence() {
                    earlier.action = Action::WouldHave;
                } else {
                    edit.action = Action::WouldHave;
                    break;
                }
            }
        }
        self.edits.push(edit);
    }

    /// Settles the exchange; the first answer stands.
    pub fn settle(&mut self, answer: Answer) {
        self.answer.get_or_insert(answer);
    }

    /// The answer, where the exchange is settled here.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// All edits, in the order they were added.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Whether an edit that stands touches these bytes.
    pub fn touches(&self, container: &Container, span: &Range<usize>) -> bool {
        self.standing().any(|edit| edit.container == *container && overlaps(&edit.span, span))
    }

    /// Edits that change bytes.
    pub fn standing(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.action != Action::WouldHave)
    }

    /// Takes the plan apart.
    pub fn into_edits(self) -> Vec<Edit> {
        self.edits
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Category, Part, Place, Secret, Stage};
    use super::*;

    fn edit(span: Range<usize>, action: Action) -> Edit {
        Edit {
            place: Place::request(Part::Message),
            container: Container::Target,
            span,
            action,
            stage: Stage::Trackers,
            slot: None,
            category: Category::TRACKING,
            rule: "test".into(),
            reason: "test".into(),
            value: Secret::default(),
        }
    }

    #[test]
    fn the_stronger_of_two_overlapping_edits_stands() {
        for (first, second, want) in [
            (Action::Replaced, Action::Removed, [Action::WouldHave, Action::Removed]),
            (Action::Removed, Action::Replaced, [Action::Removed, Action::WouldHave]),
            (Action::Replaced, Action::Replaced, [Action::Replaced, Action::WouldHave]),
        ] {
            let mut plan = Plan::default();
            plan.add(edit(2..6, first));
            plan.add(edit(4..8, second));
            let actions: Vec<_> = plan.edits().iter().map(|edit| edit.action).collect();
            assert_eq!(actions, want);
        }
    }

    #[test]
    fn edits_that_only_touch_both_stand() {
        let mut plan = Plan::default();
        plan.add(edit(0..4, Action::Removed));
        plan.add(edit(4..8, Action::Removed));
        assert_eq!(plan.standing().count(), 2);
        assert!(plan.touches(&Container::Target, &(3..5)));
        assert!(!plan.touches(&Container::Body, &(3..5)));
    }
}
