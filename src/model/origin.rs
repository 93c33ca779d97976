//! Where a request goes: scheme, host and port, once.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The two schemes the gateway forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Cleartext HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// 80 or 443.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A host as it is compared: a lower-case name without trailing dot, in its A-label form, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Host {
    /// A DNS name.
    Name(Arc<str>),
    /// An address literal; every spelling of it (decimal, octal, hex) has become this one.
    Address(IpAddr),
}

impl Host {
    /// Reads a host by the WHATWG URL rules, so that what is checked is what any client would dial.
    /// Takes `[::1]` as well as `::1`. `None` where those rules forbid it.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Self::Address(IpAddr::V6(address)));
        }
        let host = match url::Host::parse(text).ok()? {
            url::Host::Ipv4(address) => Self::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Self::Address(IpAddr::V6(address)),
            url::Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(&name);
                if name.is_empty() || name.len() > 253 {
                    return None;
                }
                Self::Name(name.into())
            }
        };
        Some(host)
    }

    /// The name, or `None` for an address.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }

    /// The registrable domain by the Public Suffix List; the host itself where there is none.
    pub fn site(&self) -> String {
        match self {
            Self::Name(name) => psl::domain_str(name).unwrap_or(name).to_owned(),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Scheme, host and port of a request: RFC 6454, computed once and never mixed from two sources.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: Host,
    /// The port, the scheme's own where none was named.
    pub port: u16,
}

impl Origin {
    /// `host` or `host:port`, as it stands in a Host field (RFC 9110 section 7.2).
    pub fn authority(&self) -> String {
        let mut authority = self.host.to_string();
        if self.port != self.scheme.default_port() {
            authority.push(':');
            authority.push_str(itoa::Buffer::new().format(self.port));
        }
        authority
    }

    /// Scheme and authority, and room for `more` bytes behind them.
    pub fn url_with_room(&self, more: usize) -> String {
        let (scheme, authority) = (self.scheme.as_str(), self.authority());
        let mut url = String::with_capacity(scheme.len() + 3 + authority.len() + more);
        url.push_str(scheme);
        url.push_str("://");
        url.push_str(&authority);
        url
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url_with_room(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_is_one_host() {
        let loopback = Host::Address([127, 0, 0, 1].into());
        for text in ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1"] {
            assert_eq!(Host::parse(text), Some(loopback.clone()), "{text}");
        }
        assert_eq!(Host::parse("::1"), Host::parse("[::1]"));
    }

    #[test]
    fn names_lose_case_and_final_dot() {
        assert_eq!(Host::parse("Shop.Example."), Host::parse("shop.example"));
        assert_eq!(Host::parse("a b"), None);
        assert_eq!(Host::parse(""), None);
    }

    #[test]
    fn the_site_is_the_registrable_domain() {
        let site = |text: &str| Host::parse(text).map(|host| host.site());
        assert_eq!(site("api.shop.co.uk").as_deref(), Some("shop.co.uk"));
        assert_eq!(site("127.0.0.1").as_deref(), Some("127.0.0.1"));
    }
}
