//! Checks for a captive portal: the list in `config/portals.txt`, compiled in.

use crate::model::{Origin, Scheme};
use std::collections::HashSet;
use std::sync::LazyLock;

static CHECKS: LazyLock<HashSet<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = include_str!("../../config/portals.txt").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect()
});

/// Whether a request for `target` is a device's question whether it is behind a captive portal. In clear text alone: over
/// TLS no portal can answer.
pub fn is_portal_check(origin: &Origin, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let name = origin.host.name().filter(|_| origin.scheme == Scheme::Http);
    name.is_some_and(|name| CHECKS.contains(&(name, path)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Host;

    #[test]
    fn every_line_reads() {
        assert!(CHECKS.len() >= 25);
        for (name, path) in CHECKS.iter() {
            assert_eq!(Host::parse(name).as_ref().and_then(Host::name), Some(*name));
            assert!(path.starts_with('/') && !path.contains([' ', '?']), "{path}");
        }
    }

    #[test]
    fn checks_and_what_is_none() {
        let origin = |scheme, host: &str| Origin { scheme, host: Host::parse(host).unwrap(), port: 80 };
        for (scheme, host, target, want) in [
            (Scheme::Http, "detectportal.firefox.com", "/success.txt?ipv4", true),
            (Scheme::Http, "captive.apple.com", "/", true),
            (Scheme::Https, "detectportal.firefox.com", "/success.txt", false),
            (Scheme::Http, "detectportal.firefox.com", "/other", false),
            (Scheme::Http, "shop.test", "/success.txt", false),
        ] {
            assert_eq!(is_portal_check(&origin(scheme, host), target), want, "{host}{target}");
        }
    }
}
