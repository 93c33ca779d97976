//! The parameter stage: tracking parameters leave the query, everything else stays byte for byte.
//!
//! The filter engine's `$removeparam` is not used: it loses every exception and the most important names, compares
//! case and encoding as it finds them, and re-joins what it keeps.

mod name;
mod table;
mod untouched;

#[cfg(test)]
mod tests;

use super::removal;
use super::spans::cuts;
use crate::model::{Action, Answer, Container, Edit, Part, Place, Plan, RequestView};
use name::Name;
use std::ops::Range;
use table::{Entry, Table};
use untouched::Untouched;

/// More tracking parameters than this are no link anybody made.
const MAX_REMOVALS: usize = 256;

/// The built-in names and the requests they leave alone.
#[derive(Debug)]
pub(super) struct Params {
    table: Table,
    untouched: Untouched,
}

/// One parameter of a query.
struct Parameter<'a> {
    /// Its bytes in the request-target, without separators.
    range: Range<usize>,
    /// Its name as sent.
    name: &'a str,
    entry: Option<Entry>,
}

impl Params {
    /// What is compiled in: `config/lists/params.txt` and `untouched.txt`.
    pub(super) fn builtin() -> Self {
        Self { table: Table::builtin(), untouched: Untouched::builtin() }
    }

    /// Adds one removal a tracking parameter. Where the request must not be touched the edit is only noted.
    pub(super) fn plan(&self, request: &RequestView<'_>, plan: &mut Plan) {
        let Some(query) = query_of(request.target) else { return };
        if request.signed.target || !self.any(request.target, query.clone()) {
            return;
        }
        let parameters: Vec<Parameter<'_>> = parameters(request.target, query)
            .map(|(range, name)| Parameter { entry: self.table.find(&Name::read(name)), range, name })
            .collect();
        let kept = self.untouched.reason(
            request.origin.host.name().unwrap_or_default(),
            request.target,
            parameters.iter().map(|parameter| parameter.name),
        );
        let segments: Vec<_> =
            parameters.iter().map(|parameter| (parameter.range.clone(), parameter.entry.is_some())).collect();
        let spans = cuts(&segments, true);
        if spans.len() > MAX_REMOVALS && kept.is_none() {
            return plan.settle(Answer::Refuse {
                rule: "builtin/params".into(),
                reason: "more tracking parameters than any link has".into(),
            });
        }
        let found = parameters.iter().filter_map(|parameter| Some((parameter, parameter.entry?)));
        for (index, ((parameter, entry), span)) in found.zip(spans).take(MAX_REMOVALS).enumerate() {
            let earlier = parameters
                .iter()
                .filter(|other| other.entry.is_some() && other.name == parameter.name)
                .take_while(|other| other.range.start < parameter.range.start)
                .take(index);
            let occurrence = earlier.count() + 1;
            plan.add(edit(parameter.name, occurrence, span, entry, kept));
        }
    }

    /// The look that every request gets: no allocation.
    fn any(&self, target: &str, query: Range<usize>) -> bool {
        parameters(target, query).any(|(_, name)| self.table.find(&Name::read(name)).is_some())
    }
}

fn edit(name: &str, occurrence: usize, span: Range<usize>, entry: Entry, kept: Option<&'static str>) -> Edit {
    let place = Place::request(Part::UrlQuery(name.into())).occurrence(occurrence);
    let rule = format!("builtin/params:{}", entry.pattern);
    let removed = removal(place, Container::Target, span, rule, entry.class);
    match kept {
        None => removed,
        Some(why) => Edit {
            action: Action::WouldHave,
            reason: format!("{}, left alone: {why}", entry.class).into(),
            ..removed
        },
    }
}

/// The query of a request-target, without its `?`; `None` where it has none or an empty one.
fn query_of(target: &str) -> Option<Range<usize>> {
    // A fragment is never sent; if one was, it is no query.
    let end = target.find('#').unwrap_or(target.len());
    let start = target.get(..end)?.find('?')? + 1;
    (start < end).then_some(start..end)
}

/// The parameters between `&`, each with its bytes in the target and its name as sent.
fn parameters(target: &str, query: Range<usize>) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut at = query.start;
    target.get(query).unwrap_or_default().split('&').map(move |text| {
        let range = at..at + text.len();
        at = range.end + 1;
        (range, text.split_once('=').map_or(text, |(name, _)| name))
    })
}
