//! Days, whole and in parts, as forms and locales write them.

/// How a day is written: `Y` stands for the year, `M` and `D` for two digits, `m` and `d` for as many as it takes, anything
/// else for itself.
pub(in crate::rewrite) type Layout = &'static str;

/// Whole days: ISO 8601, day first, month first. Where two of them read alike, the earlier one counts.
const WHOLE: [Layout; 17] = [
    "Y-M-D",
    "YMD",
    "Y/M/D",
    "D.M.Y",
    "d.m.Y",
    "D/M/Y",
    "d/m/Y",
    "M/D/Y",
    "m/d/Y",
    "D-M-Y",
    "d-m-Y",
    "M-D-Y",
    "m-d-Y",
    "M.D.Y",
    "m.d.Y",
    "Y-M-DT00:00:00Z",
    "Y-M-DT00:00:00.000Z",
];

/// A field that holds a part of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rewrite) enum Unit {
    Day,
    Month,
    Year,
}

/// `date` (`YYYY-MM-DD`) in that layout; `None` of what is no date.
pub(in crate::rewrite) fn write(layout: Layout, date: &str) -> Option<String> {
    let (year, rest) = date.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let short = |part: &str| part.trim_start_matches('0').to_owned();
    Some(
        layout
            .chars()
            .map(|sign| match sign {
                'Y' => year.to_owned(),
                'M' => month.to_owned(),
                'm' => short(month),
                'D' => day.to_owned(),
                'd' => short(day),
                other => other.to_string(),
            })
            .collect(),
    )
}

/// The ways to write `date`, whole, and part by part.
pub(super) fn ways(date: &str) -> Vec<(String, Layout, Option<Unit>)> {
    let whole = WHOLE.into_iter().map(|layout| (layout, None));
    // A 17 tells not whether an 8 would be 08: as JSON has it.
    let parts =
        [("d", Unit::Day), ("D", Unit::Day), ("m", Unit::Month), ("M", Unit::Month), ("Y", Unit::Year)];
    let all = whole.chain(parts.map(|(layout, unit)| (layout, Some(unit))));
    all.filter_map(|(layout, unit)| Some((write(layout, date)?, layout, unit))).collect()
}
