//! IP addresses, only out of ranges kept for documentation (RFC 5737, RFC 3849): nobody is reached at one.

use crate::persona::derive::VendorKey;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Version of the format.
pub const VERSION: u32 = 1;

/// RFC 5737 section 3: TEST-NET-1, TEST-NET-2 and TEST-NET-3.
const NETS: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// The version of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Of a real address; `None` of what is none.
    pub fn of(text: &str) -> Option<Self> {
        text.parse().ok().map(|address: IpAddr| if address.is_ipv4() { Self::V4 } else { Self::V6 })
    }
}

/// An address of that version for the slot.
pub fn make(key: &VendorKey, slot: &str, family: Family, attempt: u32) -> Option<String> {
    let mut draws = key.draws("ip", slot, VERSION, attempt);
    Some(match family {
        Family::V4 => {
            let [a, b, c] = *draws.pick(&NETS)?;
            let last = u8::try_from(1 + draws.below(254)).ok()?;
            Ipv4Addr::new(a, b, c, last).to_string()
        }
        // RFC 3849: 2001:db8::/32.
        Family::V6 => {
            let [a, b, c, d, e, f, g, h, i, j, k, l, ..] = draws.bytes16();
            Ipv6Addr::from([0x20, 0x01, 0x0d, 0xb8, a, b, c, d, e, f, g, h, i, j, k, l]).to_string()
        }
    })
}

/// The network that an address is in: the first 24 bits, or 48 of IPv6, which a line has to itself.
pub fn network(text: &str) -> Option<String> {
    Some(match text.parse().ok()? {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).to_string()
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).to_string()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::persona::derive::PersonaKey;

    fn key(vendor: &str) -> VendorKey {
        PersonaKey::new(Secret::new([1; 32])).vendor(&vendor.into(), 1)
    }

    #[test]
    fn golden_addresses_never_change() {
        let made = |family| make(&key("shop.example"), "ip.home", family, 0).unwrap();
        assert_eq!([Family::V4, Family::V6].map(made), GOLDEN);
    }
    const GOLDEN: [&str; 2] = ["203.0.113.150", "2001:db8:c30f:f542:c990:21b9:7be1:af26"];

    #[test]
    fn nobody_is_reached_at_one() {
        for number in 0..500 {
            let key = key(&format!("shop{number}.example"));
            let v4: Ipv4Addr = make(&key, "ip.home", Family::V4, 0).unwrap().parse().unwrap();
            assert!(v4.is_documentation() && v4.octets()[3] != 0 && v4.octets()[3] != 255, "{v4}");
            let v6: Ipv6Addr = make(&key, "ip.home", Family::V6, 0).unwrap().parse().unwrap();
            assert_eq!(v6.segments()[..2], [0x2001, 0xdb8]);
        }
        assert_eq!((Family::of("::1"), Family::of("home")), (Some(Family::V6), None));
    }

    #[test]
    fn a_network_is_what_many_share() {
        assert_eq!(network("198.51.100.77").as_deref(), Some("198.51.100.0"));
        assert_eq!(network("2001:db8:1:2:3:4:5:6").as_deref(), Some("2001:db8:1::"));
        assert_eq!(network("home"), None);
    }
}
