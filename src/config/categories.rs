//! Built-in groups of hosts: the lists in `config/categories/`, compiled in.

use super::host_map::parents;
use super::value::HostCategory;
use crate::model::Host;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A line is a domain (it and all below it), or a comment after `#`.
fn text(category: HostCategory) -> &'static str {
    match category {
        HostCategory::Banking => include_str!("../../config/categories/banking.txt"),
        HostCategory::Health => include_str!("../../config/categories/health.txt"),
        HostCategory::Government => include_str!("../../config/categories/government.txt"),
        HostCategory::OsUpdates => include_str!("../../config/categories/os-updates.txt"),
        HostCategory::Correspondence => include_str!("../../config/categories/correspondence.txt"),
        HostCategory::Payment => include_str!("../../config/categories/payment.txt"),
        HostCategory::Travel => include_str!("../../config/categories/travel.txt"),
        HostCategory::Shipping => include_str!("../../config/categories/shipping.txt"),
        HostCategory::Login => include_str!("../../config/categories/login.txt"),
    }
}

fn domains(category: HostCategory) -> impl Iterator<Item = &'static str> {
    let lines = text(category).lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty())
}

static CATEGORIES: LazyLock<HashMap<&'static str, HostCategory>> = LazyLock::new(|| {
    let pairs = |category| domains(category).map(move |domain| (domain, category));
    HostCategory::ALL.into_iter().flat_map(pairs).collect()
});

/// The built-in group a host is in, by the longest of its names that is listed.
pub fn category_of(host: &Host) -> Option<HostCategory> {
    let name = host.name()?;
    std::iter::once(name).chain(parents(name)).find_map(|name| CATEGORIES.get(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_reads_and_no_domain_is_in_two() {
        let mut seen: HashMap<&str, HostCategory> = HashMap::new();
        for category in HostCategory::ALL {
            assert!(domains(category).count() >= 10, "{category:?}");
            for domain in domains(category) {
                let host = Host::parse(domain);
                assert_eq!(host.as_ref().and_then(Host::name), Some(domain), "as hosts are compared");
                assert_eq!(seen.insert(domain, category), None, "{domain}");
            }
        }
    }

    #[test]
    fn a_domain_holds_for_everything_below_it() {
        let category = |host| category_of(&Host::parse(host).unwrap());
        assert_eq!(category("security.debian.org"), Some(HostCategory::OsUpdates));
        assert_eq!(category("debian.org"), None);
        assert_eq!(category("www.irs.gov"), Some(HostCategory::Government));
        assert_eq!(category("shop.example"), None);
        assert_eq!(category("127.0.0.1"), None);
    }
}
