//! Hosts and names with everything below them, looked up without allocating.

use super::value::HostPattern;
use crate::model::{Host, QuickMap};
use std::sync::Arc;

/// What belongs to a host by [`HostPattern`]s; the longest match wins, a whole host before any `*.`.
#[derive(Clone, Debug)]
pub struct HostMap<T> {
    exact: QuickMap<Host, T>,
    below: QuickMap<Arc<str>, T>,
}

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self { exact: QuickMap::default(), below: QuickMap::default() }
    }
}

impl<T> HostMap<T> {
    /// Adds a pattern; gives back what stood under the very same one.
    pub fn insert(&mut self, pattern: &HostPattern, value: T) -> Option<T> {
        match pattern {
            HostPattern::Exact(host) => self.exact.insert(host.clone(), value),
            HostPattern::Below(name) => self.below.insert(name.clone(), value),
        }
    }

    /// What belongs to `host`.
    pub fn get(&self, host: &Host) -> Option<&T> {
        if let Some(value) = self.exact.get(host) {
            return Some(value);
        }
        if self.below.is_empty() {
            return None;
        }
        parents(host.name()?).find_map(|parent| self.below.get(parent))
    }
}

/// The names above `name`, longest first: of `a.b.c`, `b.c` and `c`.
pub(crate) fn parents(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(name.split_once('.'), |(_, rest)| rest.split_once('.')).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_match_wins() {
        let mut map = HostMap::default();
        for pattern in ["shop.test", "*.shop.test", "*.a.shop.test", "127.0.0.1"] {
            assert_eq!(map.insert(&pattern.parse().unwrap(), pattern), None);
        }
        for (host, want) in [
            ("shop.test", Some("shop.test")),
            ("b.shop.test", Some("*.shop.test")),
            ("a.shop.test", Some("*.shop.test")),
            ("x.y.a.shop.test", Some("*.a.shop.test")),
            ("myshop.test", None),
            ("test", None),
            ("127.0.0.1", Some("127.0.0.1")),
            ("127.0.0.2", None),
        ] {
            assert_eq!(map.get(&Host::parse(host).unwrap()).copied(), want, "{host}");
        }
        assert_eq!(map.insert(&"shop.test".parse().unwrap(), "again"), Some("shop.test"));
    }
}
