use super::*;
use crate::model::Host;

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

#[test]
fn the_vendor_of_a_host() {
    let config = taken(
        "[vendor.shop]\nhosts = [\"shop.test\", \"*.shop.test\"]\n[vendor.pay]\nhosts = [\"pay.shop.test\"]\n",
    );
    for (name, id, configured) in [
        ("shop.test", "shop", true),
        ("api.shop.test", "shop", true),
        ("pay.shop.test", "pay", true),
        ("x.pay.shop.test", "shop", true),
        ("www.other.example", "other.example", false),
        ("a.b.shop.co.uk", "shop.co.uk", false),
        ("co.uk", "co.uk", false),
        ("m.youtube.com", "google.com", false),
        ("127.0.0.1", "127.0.0.1", false),
    ] {
        let vendor = config.vendor_of(&host(name));
        assert_eq!((vendor.id.as_str(), vendor.configured.is_some()), (id, configured), "{name}");
    }
}

#[test]
fn what_is_decrypted() {
    let decide = |text: &str, name: &str| {
        let config = taken(text);
        let host = host(name);
        match config.intercept_for(&host, &config.vendor_of(&host)) {
            Decision::Intercept => "intercept".to_owned(),
            Decision::Tunnel { reason } => reason.rule(),
        }
    };
    let shop = "[vendor.shop]\nhosts = [\"shop.test\"]\n";
    for (text, name, want) in [
        ("", "shop.test", "intercept"),
        ("", "www.deutsche-bank.de", "intercept.never=@banking"),
        ("[intercept]\nnever = []\n", "www.deutsche-bank.de", "intercept"),
        ("[intercept]\nnever = [\"@health\", \"*.a.test\"]\n", "www.a.test", "intercept.never=*.a.test"),
        ("[intercept]\nnever = [\"@health\"]\n", "www.deutsche-bank.de", "intercept"),
        ("[intercept]\nmode = \"off\"\n", "shop.test", "intercept.mode=off"),
        (&format!("[intercept]\nmode = \"chosen\"\n{shop}"), "shop.test", "intercept"),
        (&format!("[intercept]\nmode = \"chosen\"\n{shop}"), "x.shop.test", "intercept.mode=chosen"),
    ] {
        assert_eq!(decide(text, name), want, "{text} {name}");
    }
}

#[test]
fn ports_addresses_and_members() {
    let config = taken(WHOLE);
    assert!(config.port_allowed(443) && !config.port_allowed(25) && !config.port_allowed(8443));
    assert!(config.allow_private("127.0.0.1".parse().unwrap()));
    assert!(config.allow_private("::ffff:127.0.0.1".parse().unwrap()));
    assert!(!config.allow_private("127.0.0.2".parse().unwrap()));
    assert_eq!(config.static_host("shop.test"), Some("127.0.0.1:9443".parse().unwrap()));
    assert_eq!(config.static_host("other.test"), None);
    let at = |address: &str| {
        let device = config.device_at(address.parse().unwrap())?;
        Some((device.member.as_str(), &*device.name))
    };
    assert_eq!(at("192.168.1.20"), Some(("ann", "192.168.1.20")));
    assert_eq!(at("192.168.1.21"), None);
    assert_eq!(config.member("ann").and_then(|ann| ann.locale.as_deref()), Some("de-DE"));
    assert!(config.member("ben").is_none());
}

#[test]
fn static_hosts_are_compared_as_names_are() {
    let config = taken(
        "[upstream]\nallow_private = [\"127.0.0.0/8\"]\nhosts = { \"Shop.TEST.\" = \"127.0.0.1:1\" }\n",
    );
    assert!(config.static_host("shop.test").is_some());
}
