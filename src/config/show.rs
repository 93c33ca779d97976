//! The configuration in force, value by value, with where each comes from.

use super::origins::join;
use super::snapshot::Config;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use toml::{Table, Value};

/// One value in force.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Shown {
    /// Its key, as in `ledger.keep_days`.
    pub key: String,
    /// The value.
    pub value: serde_json::Value,
    /// `FILE:LINE`, `profile household` or `default`.
    pub origin: String,
}

impl Config {
    /// All values, one an entry, in the order of the file's tables.
    pub fn values(&self) -> Vec<Shown> {
        let overlay = paths(self.settings.profile.overlay());
        let leaves = self.leaves();
        let shown = leaves.into_iter().map(|(table, key, value)| {
            let key = join(&table, &key);
            let origin = self.origin(&key, &overlay);
            Shown { value: serde_json::to_value(&value).unwrap_or_default(), key, origin }
        });
        shown.collect()
    }

    /// As TOML that reads back to the same configuration, each line with its origin as a comment.
    pub fn to_toml(&self) -> String {
        let overlay = paths(self.settings.profile.overlay());
        let mut text = String::new();
        let mut open = String::new();
        for (table, key, value) in self.leaves() {
            if table != open {
                let _ = write!(text, "\n[{table}]\n");
                open.clone_from(&table);
            }
            let line = format!("{} = {}", join("", &key), inline(&value));
            let _ = writeln!(text, "{line:<48} # {}", self.origin(&join(&table, &key), &overlay));
        }
        text
    }

    fn origin(&self, key: &str, overlay: &BTreeSet<String>) -> String {
        if let Some(place) = self.origins.get(key) {
            return format!("{}:{}", place.file.display(), place.line);
        }
        if overlay.contains(key) {
            return format!("profile {}", self.settings.profile.as_str());
        }
        "default".to_owned()
    }

    /// Table, key and value of every value; the tables of the top one after another, plain values first.
    fn leaves(&self) -> Vec<(String, String, Value)> {
        let mut leaves = Vec::new();
        // Every type of the settings has a TOML form.
        if let Ok(table) = Table::try_from(&self.settings) {
            walk("", table, &mut leaves);
        }
        leaves
    }
}

fn walk(path: &str, table: Table, leaves: &mut Vec<(String, String, Value)>) {
    let (tables, plain): (Vec<_>, Vec<_>) = table.into_iter().partition(|(_, value)| value.is_table());
    leaves.extend(plain.into_iter().map(|(key, value)| (path.to_owned(), key, value)));
    for (key, value) in tables {
        if let Value::Table(table) = value {
            walk(&join(path, &key), table, leaves);
        }
    }
}

/// The paths a profile sets.
fn paths(overlay: &str) -> BTreeSet<String> {
    let mut leaves = Vec::new();
    if let Ok(table) = overlay.parse::<Table>() {
        walk("", table, &mut leaves);
    }
    leaves.into_iter().map(|(table, key, _)| join(&table, &key)).collect()
}

/// A value on one line; tables inside arrays become inline tables.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| format!("{} = {}", join("", key), inline(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}
