//! A plan becomes bytes: edits are spliced into the frozen original, once, here.

use super::error::ExchangeError;
use crate::model::{Action, Container, Edit, Plan};
use crate::rewrite::{splice, splices};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::ops::Range;

/// The spans and new bytes of the edits that stand in `container`, in the order of their spans.
fn splices_in<'p>(plan: &'p Plan, container: &Container) -> Vec<(Range<usize>, Cow<'p, [u8]>)> {
    splices(plan.standing().filter(|edit| edit.container == *container))
}

/// The request-target after its edits.
pub fn target<'t>(original: &'t str, plan: &Plan) -> Result<Cow<'t, str>, ExchangeError> {
    let splices = splices_in(plan, &Container::Target);
    if splices.is_empty() {
        return Ok(Cow::Borrowed(original));
    }
    let edited = splice(original.as_bytes(), &splices);
    String::from_utf8(edited).map(Cow::Owned).map_err(|_| ExchangeError::Internal("an edit broke the target"))
}

/// A body after its edits; `None` where there are none.
pub fn body(original: &[u8], plan: &Plan) -> Option<Vec<u8>> {
    let splices = splices_in(plan, &Container::Body);
    (!splices.is_empty()).then(|| splice(original, &splices))
}

/// Header fields after their edits. Fields without an edit keep their bytes and their place; a field that loses its whole
/// value goes; new ones come last.
pub fn fields(original: HeaderMap, plan: &Plan) -> Result<HeaderMap, ExchangeError> {
    if is_touched(plan) {
        let mut edited = HeaderMap::with_capacity(original.len());
        append_fields(&original, plan, &mut edited)?;
        return Ok(edited);
    }
    let mut edited = original;
    append_new(plan, &mut edited)?;
    Ok(edited)
}

/// Whether the plan edits lines that are there.
fn is_touched(plan: &Plan) -> bool {
    plan.standing().any(|edit| matches!(edit.container, Container::Header { .. }))
}

fn append_new(plan: &Plan, edited: &mut HeaderMap) -> Result<(), ExchangeError> {
    for edit in plan.standing() {
        if let Container::NewHeader { name } = &edit.container {
            edited.append(field_name(name)?, field_value(edit.value.expose().clone())?);
        }
    }
    Ok(())
}

/// Likewise, behind what is in `edited` already.
pub fn append_fields(original: &HeaderMap, plan: &Plan, edited: &mut HeaderMap) -> Result<(), ExchangeError> {
    let is_touched = is_touched(plan);
    let mut lines = Lines::default();
    for (name, value) in original {
        // Counted in any case: an edit names its line.
        let nth = lines.next(name);
        let kept = if is_touched { edit_line(name, nth, value, plan)? } else { Some(value.clone()) };
        if let Some(value) = kept {
            edited.append(name.clone(), value);
        }
    }
    append_new(plan, edited)
}

/// Numbers the lines of one name, which a map gives one after the other.
#[derive(Default)]
struct Lines<'m> {
    name: Option<&'m HeaderName>,
    nth: usize,
}

impl<'m> Lines<'m> {
    fn next(&mut self, name: &'m HeaderName) -> usize {
        self.nth = if self.name == Some(name) { self.nth + 1 } else { 0 };
        self.name = Some(name);
        self.nth
    }
}

fn edit_line(
    name: &HeaderName,
    nth: usize,
    value: &HeaderValue,
    plan: &Plan,
) -> Result<Option<HeaderValue>, ExchangeError> {
    let here = |edit: &&Edit| matches!(&edit.container, Container::Header { name: of, nth: line } if **of == *name.as_str() && *line == nth);
    let edits: Vec<&Edit> = plan.standing().filter(here).collect();
    if edits.is_empty() {
        return Ok(Some(value.clone()));
    }
    let removed = edits.iter().all(|edit| edit.action == Action::Removed);
    let edited = splice(value.as_bytes(), &splices(edits));
    if edited.is_empty() && removed {
        return Ok(None);
    }
    field_value(edited).map(Some)
}

fn field_name(name: &str) -> Result<HeaderName, ExchangeError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| ExchangeError::Internal("an edit has no field name"))
}

fn field_value(value: Vec<u8>) -> Result<HeaderValue, ExchangeError> {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(value))
        .map_err(|_| ExchangeError::Internal("an edit broke a field value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Category, Part, Place, Secret, Stage};

    fn edit(container: Container, span: Range<usize>, action: Action, value: &str) -> Edit {
        Edit {
            place: Place::request(Part::Message),
            container,
            span,
            action,
            stage: Stage::Persona,
            slot: None,
            category: Category::TRACKING,
            rule: "test".into(),
            reason: "test".into(),
            within: None,
            value: Secret::new(value.as_bytes().to_vec()),
        }
    }

    fn line(name: &str, nth: usize) -> Container {
        Container::Header { name: name.into(), nth }
    }

    #[test]
    fn untouched_fields_keep_bytes_and_order() {
        let original: HeaderMap = [("a", "1"), ("via", "x"), ("b", "2"), ("a", "3")]
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .fold(HeaderMap::new(), |mut map, (name, value)| {
                map.append(name, value);
                map
            });
        let mut plan = Plan::default();
        plan.add(edit(line("via", 0), 0..1, Action::Removed, ""));
        plan.add(edit(line("a", 1), 0..1, Action::Replaced, "4"));
        plan.add(edit(Container::NewHeader { name: "sec-gpc".into() }, 0..0, Action::Injected, "1"));
        let edited = fields(original, &plan).unwrap();
        let lines: Vec<_> = edited.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(lines, [("a", &b"1"[..]), ("a", b"4"), ("b", b"2"), ("sec-gpc", b"1")]);
    }

    #[test]
    fn several_edits_of_one_target() {
        let mut plan = Plan::default();
        plan.add(edit(Container::Target, 12..23, Action::Removed, ""));
        plan.add(edit(Container::Target, 1..3, Action::Replaced, "xyz"));
        assert_eq!(target("/ab?a=1&b=2&utm_source=x", &plan).unwrap(), "/xyz?a=1&b=2&x");
    }
}
