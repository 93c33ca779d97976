//! Which addresses may be dialled.
//!
//! Every answer is checked before any is dialled, and the checked address is the one that is dialled, so a name that
//! changes its mind (DNS rebinding) gains nothing.

use super::Reach;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use thiserror::Error;

/// Why an address is not dialled. Says what kind it is, not which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A special-use address outside `allow_private`.
    #[error("the address is private")]
    Private,
    /// One of the gateway's own listeners.
    #[error("the address is this gateway's own")]
    OwnListener,
    /// A name that means another machine wherever it is looked up, so no next hop is asked for it.
    #[error("the name is one of a house or a machine, not of a vendor")]
    LocalName,
}

/// Top-level names that mean another machine in every house: `localhost` (RFC 6761 section 6.3), `local` (RFC 6762),
/// `home.arpa` (RFC 8375), `internal` (reserved by ICANN for private use), and those of RFC 6762 appendix G.
const LOCAL: [&str; 9] =
    ["localhost", "local", "home.arpa", "internal", "intranet", "private", "corp", "home", "lan"];

/// Whether `name` (lower case, no final dot) means something only where it is looked up: one of [`LOCAL`] and what is
/// below, or a single label, which a resolver completes by its own search list.
pub fn is_local_name(name: &str) -> bool {
    let below =
        |top: &&str| name.strip_suffix(*top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL.iter().any(below)
}

/// The addresses of `answers` with `port`, all of them allowed; one that is not refuses the whole answer.
pub fn vet(answers: &[IpAddr], port: u16, reach: &dyn Reach) -> Result<Vec<SocketAddr>, Refusal> {
    answers
        .iter()
        .map(|&address| {
            let socket = SocketAddr::new(address.to_canonical(), port);
            if reach.is_own_listener(socket) {
                Err(Refusal::OwnListener)
            } else if is_special_use(address) && !reach.allows_private(address.to_canonical()) {
                Err(Refusal::Private)
            } else {
                Ok(socket)
            }
        })
        .collect()
}

/// Whether an address is special-use: not a public unicast address by the IANA registries (RFC 6890 and its updates).
pub fn is_special_use(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 31, 196)
            | (192, 52, 193)
            | (192, 88, 99)
            | (192, 175, 48)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn special_v6(address: Ipv6Addr) -> bool {
    // An IPv4 address inside an IPv6 one is judged by what it leads to.
    if let Some(inner) = embedded_v4(address) {
        return special_v4(inner);
    }
    let [a, b, ..] = address.segments();
    // Only 2000::/3 is public unicast; within it documentation, benchmarking, ORCHID and Teredo are not.
    !(0x2000..=0x3fff).contains(&a)
        || (a == 0x2001 && b < 0x0200)
        || (a == 0x2001 && b == 0x0db8)
        || a == 0x3fff
}

/// The IPv4 address that a mapped (RFC 4291), 6to4 (RFC 3056) or NAT64 (RFC 6052) address stands for.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(inner) = address.to_ipv4_mapped() {
        return Some(inner);
    }
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        [0x2002, high, low, ..] => Some(join(high, low)),
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => Some(join(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl Reach for Nothing {
        fn static_address(&self, _: &str) -> Option<SocketAddr> {
            None
        }
        fn allows_private(&self, address: IpAddr) -> bool {
            address == IpAddr::from([127, 0, 0, 9])
        }
        fn is_own_listener(&self, address: SocketAddr) -> bool {
            address == SocketAddr::from(([127, 0, 0, 9], 8118))
        }
        fn next_hop(&self) -> Option<&std::sync::Arc<crate::upstream::NextHop>> {
            None
        }
        fn bounds(&self) -> crate::upstream::Bounds {
            let second = std::time::Duration::from_secs(1);
            crate::upstream::Bounds { connect: second, idle: second, head_bytes: 1024 }
        }
    }

    #[test]
    fn special_use_addresses_in_every_form() {
        let special = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
            "64:ff9b:1::1",
            "100::1",
            "::127.0.0.1",
        ];
        for text in special {
            assert!(is_special_use(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "2606:4700::1",
            "64:ff9b::1.1.1.1",
            "2001:4860::1",
        ] {
            assert!(!is_special_use(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn names_that_mean_another_machine_in_every_house() {
        for name in [
            "localhost",
            "a.localhost",
            "router",
            "nas.local",
            "tv.home.arpa",
            "db.internal",
            "x.corp",
            "a.b.lan",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in ["shop.test", "notlocal.test", "arpa.test", "mylocal.example", "home.example", "a.onion"]
        {
            assert!(!is_local_name(name), "{name}");
        }
    }

    #[test]
    fn one_private_answer_refuses_all() {
        let answers = ["1.1.1.1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        assert_eq!(vet(&answers, 443, &Nothing), Err(Refusal::Private));
        assert_eq!(vet(&answers[..1], 443, &Nothing).map(|all| all.len()), Ok(1));
    }

    #[test]
    fn allowed_private_still_excludes_own_listeners() {
        let allowed = ["127.0.0.9".parse().unwrap()];
        assert!(vet(&allowed, 443, &Nothing).is_ok());
        assert_eq!(vet(&allowed, 8118, &Nothing), Err(Refusal::OwnListener));
        let mapped = ["::ffff:127.0.0.9".parse().unwrap()];
        assert_eq!(vet(&mapped, 8118, &Nothing), Err(Refusal::OwnListener));
    }
}
