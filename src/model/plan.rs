//! What is going to happen to one exchange: edits gathered layer by layer, applied once.

use super::place::overlaps;
use super::{Action, Container, Edit};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
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
    /// Which edits stand in a container, by their spans. Those are apart from each other; one span has several where they
    /// stand apart in one text of another alphabet.
    standing: HashMap<Container, BTreeMap<(usize, usize), Vec<usize>>>,
    answer: Option<Answer>,
}

impl Plan {
    /// Adds an edit. Where it meets earlier ones on the same bytes, the stronger action stands and the others become
    /// `would-have`; of two equal ones the earlier stands.
    pub fn add(&mut self, mut edit: Edit) {
        let apart = matches!(edit.container, Container::NewHeader { .. } | Container::Message);
        if edit.action != Action::WouldHave && !apart {
            let beside =
                |at: &usize| self.edits.get(*at).is_some_and(|other| other.is_beside(edit.within.as_ref()));
            let met: Vec<usize> =
                self.meeting(&edit.container, &edit.span).filter(|at| !beside(at)).collect();
            let precedence = |at: &usize| self.edits.get(*at).map_or(0, |edit| edit.action.precedence());
            if met.iter().any(|at| precedence(at) >= edit.action.precedence()) {
                edit.action = Action::WouldHave;
            } else {
                let spans = self.standing.entry(edit.container.clone()).or_default();
                for at in met {
                    if let Some(weaker) = self.edits.get_mut(at) {
                        weaker.action = Action::WouldHave;
                        let span = (weaker.span.start, weaker.span.end);
                        if let Some(stand) = spans.get_mut(&span) {
                            stand.retain(|stands| *stands != at);
                            if stand.is_empty() {
                                spans.remove(&span);
                            }
                        }
                    }
                }
                spans.entry((edit.span.start, edit.span.end)).or_default().push(self.edits.len());
            }
        }
        self.edits.push(edit);
    }

    /// Has the edits stand back whose rule is `excepted`, which says why.
    pub fn except(&mut self, excepted: impl Fn(&str) -> Option<String>) {
        for (at, edit) in self.edits.iter_mut().enumerate() {
            if edit.action == Action::WouldHave {
                continue;
            }
            let Some(reason) = excepted(&edit.rule) else { continue };
            edit.action = Action::WouldHave;
            edit.reason = reason.into();
            if let Some(spans) = self.standing.get_mut(&edit.container) {
                spans.retain(|_, stand| {
                    stand.retain(|stands| *stands != at);
                    !stand.is_empty()
                });
            }
        }
    }

    /// The numbers of the edits that stand on some of these bytes.
    fn meeting<'a>(
        &'a self,
        container: &Container,
        span: &Range<usize>,
    ) -> impl Iterator<Item = usize> + use<'a> {
        let span = span.clone();
        let before = self.standing.get(container).map(|spans| spans.range(..=(span.end, span.end)).rev());
        // They are apart: what ends before the span has nothing behind it in this order.
        let near = before.into_iter().flatten().take_while(move |((_, end), _)| *end >= span.start);
        near.filter(move |((start, end), _)| overlaps(&(*start..*end), &span))
            .flat_map(|(_, at)| at.iter().copied())
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
        self.meeting(container, span).next().is_some()
    }

    /// The edits that stand and take all of these bytes away.
    pub fn covering<'a>(
        &'a self,
        container: &'a Container,
        span: &'a Range<usize>,
    ) -> impl Iterator<Item = &'a Edit> {
        let met = self.meeting(container, span).filter_map(|at| self.edits.get(at));
        met.filter(move |edit| edit.span.start <= span.start && span.end <= edit.span.end)
    }

    /// Edits that change bytes.
    pub fn standing(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.action != Action::WouldHave)
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
            within: None,
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
    fn an_edit_that_does_not_stand_takes_none_away() {
        let mut plan = Plan::default();
        plan.add(edit(0..4, Action::Coarsened));
        plan.add(edit(6..9, Action::Removed));
        plan.add(edit(2..8, Action::Replaced));
        let actions: Vec<_> = plan.edits().iter().map(|edit| edit.action).collect();
        assert_eq!(actions, [Action::Coarsened, Action::Removed, Action::WouldHave]);
        assert_eq!(plan.covering(&Container::Target, &(7..9)).count(), 1);
        assert_eq!(plan.covering(&Container::Target, &(5..9)).count(), 0);
    }

    #[test]
    fn insertions_stand_beside_what_they_touch() {
        let mut plan = Plan::default();
        for span in [5..8, 5..5, 8..8, 2..5, 5..5, 6..6] {
            plan.add(edit(span, Action::Replaced));
        }
        let stand: Vec<_> = plan.edits().iter().map(|edit| edit.action != Action::WouldHave).collect();
        assert_eq!(stand, [true, true, true, true, false, false]);
    }

    /// Quadratic, this takes hours.
    #[test]
    fn many_edits_take_no_longer_each() {
        let mut plan = Plan::default();
        for at in 0..400_000 {
            let span = 8 * at..8 * at + 4;
            assert!(!plan.touches(&Container::Target, &span));
            plan.add(edit(span.clone(), Action::Replaced));
            assert_eq!(plan.covering(&Container::Target, &span).count(), 1);
        }
        assert_eq!(plan.standing().count(), 400_000);
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
