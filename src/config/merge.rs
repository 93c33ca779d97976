//! Tables laid over one another, and cut.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Lays `over` onto `under`: tables key by key, everything else whole.
pub(crate) fn lay_over<'i>(under: &mut DeTable<'i>, over: DeTable<'i>) {
    for (key, value) in over {
        let nested = match (under.get_mut(&key).map(|spanned| spanned.get_mut()), value.get_ref()) {
            (Some(DeValue::Table(below)), DeValue::Table(above)) => Some((below, above.clone())),
            _ => None,
        };
        match nested {
            Some((below, above)) => lay_over(below, above),
            None => {
                under.insert(key, value);
            }
        }
    }
}

/// Takes out the smallest entry that holds `span`; false where there is none.
pub(crate) fn cut(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    let holds = |outer: &Range<usize>| outer.start <= span.start && span.end <= outer.end;
    let mut found = None;
    for (key, value) in table.iter_mut() {
        // An entry's own key, or its value as a whole: nothing smaller to take out.
        if holds(&key.span()) || value.span() == *span {
            found = Some(key.clone());
            break;
        }
        if cut_value(value.get_mut(), span) {
            return true;
        }
        if holds(&value.span()) {
            found = Some(key.clone());
            break;
        }
    }
    found.is_some_and(|key| table.remove(&key).is_some())
}

fn cut_value(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => cut(table, span),
        DeValue::Array(items) => items.iter_mut().any(|item| cut_value(item.get_mut(), span)),
        _ => false,
    }
}
