//! Where in the file each key stands.

use super::finding::Location;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Key paths (`vendor.shop.rule[0].slot`) and their places in one file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    places: BTreeMap<String, Location>,
}

impl Origins {
    pub(crate) fn of(table: &DeTable<'_>, lines: &Lines<'_>) -> Self {
        let mut origins = Self::default();
        origins.walk_table("", table, lines);
        origins
    }

    /// Where `path` itself is written.
    pub(crate) fn get(&self, path: &str) -> Option<&Location> {
        self.places.get(path)
    }

    /// Where `path` is written, else the nearest table around it.
    pub(crate) fn nearest(&self, path: &str) -> Option<&Location> {
        let mut path = path;
        loop {
            if let Some(place) = self.get(path) {
                return Some(place);
            }
            path = path.rfind(['.', '[']).and_then(|at| path.get(..at))?;
        }
    }

    fn walk_table(&mut self, path: &str, table: &DeTable<'_>, lines: &Lines<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.places.insert(path.clone(), lines.locate(&key.span()));
            self.walk_value(&path, value.get_ref(), lines);
        }
    }

    fn walk_value(&mut self, path: &str, value: &DeValue<'_>, lines: &Lines<'_>) {
        match value {
            DeValue::Table(table) => self.walk_table(path, table, lines),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{index}]");
                    self.places.insert(path.clone(), lines.locate(&item.span()));
                    self.walk_value(&path, item.get_ref(), lines);
                }
            }
            _ => {}
        }
    }
}

/// A path with one more key; a key that is not bare is quoted, as TOML would have it.
pub(crate) fn join(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// Byte offsets to lines and columns of one file.
pub(crate) struct Lines<'a> {
    file: Arc<Path>,
    text: &'a str,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(file: &Path, text: &'a str) -> Self {
        Self { file: file.into(), text }
    }

    pub(crate) fn locate(&self, span: &Range<usize>) -> Location {
        let mut end = span.start.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = self.text.get(..end).unwrap_or_default();
        let line = before.rsplit('\n').next().unwrap_or_default();
        Location {
            file: self.file.clone(),
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: line.chars().count() + 1,
        }
    }
}
