//! The names of tracking parameters.

use super::name::Name;
use std::collections::HashMap;

const BUILTIN: &str = include_str!("../../../config/lists/params.txt");

/// A name of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// As written, `utm_*`: what the rule is called.
    pub(super) pattern: &'static str,
    /// The class it stands under: the reason.
    pub(super) class: &'static str,
}

/// Names by how they are compared. A whole name wins over a beginning.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: HashMap<&'static str, Entry>,
    /// By the name in lower case.
    folded: HashMap<String, Entry>,
    starts: Vec<Start>,
}

#[derive(Debug)]
struct Start {
    text: String,
    folded: bool,
    entry: Entry,
}

impl Table {
    pub(super) fn builtin() -> Self {
        Self::read(BUILTIN)
    }

    /// Reads the format that `params.txt` explains.
    pub(super) fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        let mut class = "tracking parameter";
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('!')) {
            if let Some(heading) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                class = heading;
                continue;
            }
            let (pattern, folded) = match line.split_once(' ') {
                Some((pattern, flag)) => (pattern, flag.trim() == "nocase"),
                None => (line, false),
            };
            let entry = Entry { pattern, class };
            let spelled = |text: &str| if folded { text.to_ascii_lowercase() } else { text.to_owned() };
            if let Some(start) = pattern.strip_suffix('*') {
                table.starts.push(Start { text: spelled(start), folded, entry });
            } else if folded {
                table.folded.insert(spelled(pattern), entry);
            } else {
                table.exact.insert(pattern, entry);
            }
        }
        table
    }

    /// The entry that takes this name.
    pub(super) fn find(&self, name: &Name) -> Option<Entry> {
        let lower = name.to_lower();
        let whole = name.whole().and_then(|whole| self.exact.get(whole));
        let whole = whole.or_else(|| lower.whole().and_then(|whole| self.folded.get(whole)));
        whole.copied().or_else(|| {
            let takes = |start: &&Start| {
                let name = if start.folded { &lower } else { name };
                name.start().starts_with(start.text.as_bytes())
            };
            self.starts.iter().find(takes).map(|start| start.entry)
        })
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().copied().chain(self.folded.keys().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(name: &str) -> Option<&'static str> {
        Table::builtin().find(&Name::read(name)).map(|entry| entry.pattern)
    }

    #[test]
    fn names_are_compared_decoded_and_folded_where_the_list_says_so() {
        for (name, want) in [
            ("utm_source", Some("utm_source")),
            ("UTM_Source", Some("utm_source")),
            ("utm%5Fsource", Some("utm_source")),
            ("%75tm_source", Some("utm_source")),
            ("utm_whatever", Some("utm_*")),
            ("fbclid", Some("fbclid")),
            ("FBCLID", None),
            ("hsa_acc", Some("hsa_*")),
            ("xutm_source", None),
            ("utm", None),
            ("", None),
            ("%", None),
            ("%ff%fe", None),
            ("fbclid%", None),
        ] {
            assert_eq!(pattern(name), want, "{name}");
        }
        assert_eq!(pattern(&format!("utm_{}", "x".repeat(500))), Some("utm_*"));
        assert_eq!(pattern(&format!("fbclid{}", "x".repeat(500))), None);
    }

    #[test]
    fn the_built_in_table_is_well_formed() {
        let table = Table::builtin();
        assert!(table.names().count() > 150);
        for name in table.names() {
            assert!(name.len() <= 48 && name.bytes().all(|b| b.is_ascii_graphic() && b != b'*'), "{name}");
        }
        for start in &table.starts {
            assert!(start.text.len() >= 4, "{} would take too much", start.text);
        }
        assert_eq!(table.find(&Name::read("gclid")).map(|entry| entry.class), Some("click identifier"));
    }
}
