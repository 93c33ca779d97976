//! Whether the next hop can be asked for what is written.

use super::Findings;
use crate::config::schema::Settings;
use crate::config::value::{NextHopScheme, NextHopUrl};
use crate::model::Host;

/// RFC 1929 section 2 gives a user one octet for its length, so no protocol of a next hop takes a longer one (bytes).
const USER: usize = 255;

pub(super) fn next_hop(settings: &Settings, findings: &mut Findings<'_>) {
    let Some(next_hop) = &settings.upstream.proxy else { return };
    let Some(user) = &next_hop.user else {
        if next_hop.password.is_some() {
            let message = "a password without a user".to_owned();
            findings.error("upstream.proxy.password", message, "add `user`");
        }
        return;
    };
    if next_hop.password.is_none() {
        let message = "a user without a password".to_owned();
        findings.error("upstream.proxy.user", message, "add `password = { file = \"PATH\" }`");
    }
    // RFC 7617 section 2: "a user-id containing a colon character is invalid", and no control characters either.
    if user.is_empty() || user.len() > USER || user.contains(':') || user.contains(char::is_control) {
        let message = "this cannot be a user of a next hop".to_owned();
        findings.error("upstream.proxy.user", message, "1 to 255 bytes without a colon");
    }
    if next_hop.url.scheme != NextHopScheme::Https && !is_here(&next_hop.url) {
        let help = "the network on the way can read them; use an https:// next hop".to_owned();
        let message = "user and password go to the next hop unprotected".to_owned();
        findings.warn("upstream.proxy.user", message, Some(help));
    }
}

fn is_here(url: &NextHopUrl) -> bool {
    matches!(&url.host, Host::Address(address) if address.to_canonical().is_loopback())
}
