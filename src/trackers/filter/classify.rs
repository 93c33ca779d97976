//! Which rules of a list can act here, and which of them ask where a request comes from.

use crate::trackers::report::ListReport;
use adblock::filters::network::{NetworkFilter, NetworkFilterError, NetworkFilterMask};
use adblock::lists::{FilterFormat, FilterParseError, ParseOptions, ParsedLine, RuleTypes, parse_filter};

/// What a rule has to know about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The request alone: such a rule acts also where nothing is known about the source.
    Open,
    /// The source: first or third party, or its domain.
    Sourced,
}

/// One line of a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Empty, a comment or a header.
    Comment,
    /// About elements of a page.
    Cosmetic,
    /// A rule that can act, with the id by which a `$badfilter` names it.
    Rule { scope: Scope, id: u64, badfilter: bool },
    /// A rule that cannot, and why.
    Rejected(String),
}

/// The syntax of a list: a hosts file where most of its first rules are bare host names or addresses with one.
pub(super) fn format_of(text: &str) -> FilterFormat {
    let mut seen = 0_usize;
    let mut hosts = 0_usize;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
        if line.starts_with('[') {
            return FilterFormat::Standard;
        }
        seen += 1;
        hosts += usize::from(is_hosts_line(line));
        if seen == 64 {
            break;
        }
    }
    if hosts * 2 > seen { FilterFormat::Hosts } else { FilterFormat::Standard }
}

fn is_hosts_line(line: &str) -> bool {
    let rule = line.split('#').next().unwrap_or_default();
    let mut words = rule.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let name = |word: &str| {
        word.contains('.') && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    match second {
        None => name(first),
        Some(second) => first.parse::<std::net::IpAddr>().is_ok() && (name(second) || second == "localhost"),
    }
}

/// How the engine reads a list of this format here: network rules only.
pub(super) fn options(format: FilterFormat) -> ParseOptions {
    ParseOptions { format, rule_types: RuleTypes::NetworkOnly, ..ParseOptions::default() }
}

/// Reads one line.
pub(super) fn classify(line: &str, format: FilterFormat) -> Line {
    match parse_filter(line, false, options(format)) {
        Ok(ParsedLine::Network(rule)) => network(line, &rule),
        Ok(ParsedLine::Cosmetic(_)) => Line::Cosmetic,
        Err(FilterParseError::Empty) => Line::Comment,
        Err(FilterParseError::Unsupported) => unsupported(line.trim()),
        // The text of a broken expression stays out of the report: one reason, one count.
        Err(FilterParseError::Network(NetworkFilterError::RegexParsingError(_))) => {
            Line::Rejected("bad regular expression".to_owned())
        }
        Err(FilterParseError::Network(error)) => Line::Rejected(error.to_string()),
        Err(other) => Line::Rejected(other.to_string()),
    }
}

fn network(line: &str, rule: &NetworkFilter<'_>) -> Line {
    let why = if rule.is_removeparam() {
        "removeparam: parameters have their own stage"
    } else if rule.is_csp() {
        "csp: policies of pages are left alone"
    } else if rule.is_generic_hide() {
        return Line::Cosmetic;
    } else if rule.has_to_option() {
        "to: not read by the engine"
    } else if rule.is_redirect() && !rule.also_block_redirect() {
        "redirect-rule: no replacement scripts"
    } else if has_option(line, "tag=") {
        "tag: not used"
    } else {
        let party = NetworkFilterMask::FIRST_PARTY | NetworkFilterMask::THIRD_PARTY;
        let open = rule.mask.contains(party) && rule.opt_domains.is_none() && rule.opt_not_domains.is_none();
        let scope = if open { Scope::Open } else { Scope::Sourced };
        return Line::Rule { scope, id: rule.get_id(), badfilter: rule.is_badfilter() };
    };
    Line::Rejected(why.to_owned())
}

fn unsupported(line: &str) -> Line {
    let comment = line.starts_with(['!', '[']) || line.starts_with("# ") || line.len() < 2;
    if comment || line == "#" || (line.starts_with('#') && !line.contains("##")) {
        Line::Comment
    } else if ["##", "#@#", "#?#", "#$#", "#%#", "$$"].iter().any(|mark| line.contains(mark)) {
        Line::Cosmetic
    } else {
        Line::Rejected("not understood".to_owned())
    }
}

/// Whether an option that begins so stands behind the last `$`, where options stand.
fn has_option(line: &str, start: &str) -> bool {
    line.rsplit_once('$').is_some_and(|(_, options)| options.split(',').any(|one| one.starts_with(start)))
}

/// Whether a rule asks for the domain of the source, not only for the party.
pub(super) fn asks_domain(rule: &str) -> bool {
    match parse_filter(rule, false, options(FilterFormat::Standard)) {
        Ok(ParsedLine::Network(rule)) => rule.opt_domains.is_some() || rule.opt_not_domains.is_some(),
        _ => false,
    }
}

/// Counts a line.
pub(super) fn count(report: &mut ListReport, line: &Line) {
    report.lines += 1;
    match line {
        Line::Comment => report.comments += 1,
        Line::Cosmetic => report.cosmetic += 1,
        Line::Rule { .. } => report.accepted += 1,
        Line::Rejected(why) => *report.reasons.entry(why.clone()).or_default() += 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(line: &str) -> Option<Scope> {
        match classify(line, FilterFormat::Standard) {
            Line::Rule { scope, .. } => Some(scope),
            _ => None,
        }
    }

    #[test]
    fn a_rule_without_source_is_open() {
        for line in
            ["||t.example^", "||t.example^$important", "/pixel.gif$image", "@@||t.example^$script", "-ad."]
        {
            assert_eq!(scope(line), Some(Scope::Open), "{line}");
        }
        for line in [
            "||t.example^$third-party",
            "||t.example^$3p",
            "||t.example^$~third-party",
            "||t.example^$1p",
            "/x.js$domain=a.example",
            "/x.js$from=~a.example",
            "@@||t.example^$domain=a.example|b.example",
        ] {
            assert_eq!(scope(line), Some(Scope::Sourced), "{line}");
        }
    }

    #[test]
    fn what_cannot_act_says_why() {
        for (line, want) in [
            ("", Line::Comment),
            ("! note", Line::Comment),
            ("[Adblock Plus 2.0]", Line::Comment),
            ("example.com##.ad", Line::Cosmetic),
            ("example.com#@#.ad", Line::Cosmetic),
            ("example.com$$script", Line::Cosmetic),
            ("@@||x.example^$generichide", Line::Cosmetic),
        ] {
            assert_eq!(classify(line, FilterFormat::Standard), want, "{line}");
        }
        for (line, part) in [
            ("$removeparam=x", "removeparam"),
            ("||x.example^$csp=script-src 'none'", "csp"),
            ("||x.example^$to=y.example", "to:"),
            ("||x.example^$redirect-rule=noop.js", "redirect-rule"),
            ("||x.example^$popup", "unrecognised option"),
            ("||x.example^$tag=fb", "tag"),
        ] {
            match classify(line, FilterFormat::Standard) {
                Line::Rejected(why) => assert!(why.contains(part), "{line}: {why}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_hosts_file_is_known_by_its_lines() {
        assert!(matches!(
            format_of("# hosts\n0.0.0.0 a.example\n127.0.0.1 b.example # why\n"),
            FilterFormat::Hosts
        ));
        assert!(matches!(format_of("a.example\nb.example\n"), FilterFormat::Hosts));
        assert!(matches!(format_of("! Title\n||a.example^\n"), FilterFormat::Standard));
        assert!(matches!(format_of("[Adblock Plus 2.0]\na.example\n"), FilterFormat::Standard));
        assert!(matches!(format_of(""), FilterFormat::Standard));
    }
}
