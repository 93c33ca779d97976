//! Built-in groups of domains that share one login: `config/groups.txt`, compiled in.

use crate::model::VendorId;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Groups as lists of registrable domains; the first is the vendor's name.
fn groups() -> impl Iterator<Item = Vec<&'static str>> {
    let lines = include_str!("../../config/groups.txt").lines();
    lines
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>())
        .filter(|group| !group.is_empty())
}

static VENDORS: LazyLock<HashMap<&'static str, VendorId>> = LazyLock::new(|| {
    let named = groups().filter_map(|group| Some((VendorId::from(*group.first()?), group)));
    named.flat_map(|(id, group)| group.into_iter().map(move |domain| (domain, id.clone()))).collect()
});

/// The vendor a registrable domain shares a login with; `None` where it stands alone.
pub(super) fn vendor_of(site: &str) -> Option<&'static VendorId> {
    VENDORS.get(site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn groups_hold_registrable_domains_each_once() {
        let mut seen = HashSet::new();
        for group in groups() {
            assert!(group.len() > 1, "{group:?}");
            for domain in group {
                assert_eq!(psl::domain_str(domain), Some(domain));
                assert!(seen.insert(domain), "{domain}");
            }
        }
        assert_eq!(vendor_of("youtube.com").map(VendorId::as_str), Some("google.com"));
        assert_eq!(vendor_of("shop.example"), None);
    }
}
