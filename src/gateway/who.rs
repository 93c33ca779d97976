//! Who is asking: a credential, else a device's address, else on loopback the owner, else a guest.

use crate::config::Config;
use crate::config::schema::UnknownDevice;
use crate::exchange::Who;
use crate::vault::{Member, Vault};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::PROXY_AUTHORIZATION;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The members as the front door knows them; made anew when one comes, goes or changes.
#[derive(Debug, Default)]
pub struct Roster {
    by_name: HashMap<String, Who>,
    owner: Option<Who>,
}

/// What is known of who is asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asking {
    /// A member, or a guest.
    Known(Who),
    /// A credential that is none of ours, or none where one is needed: 407.
    Unauthorised,
}

impl Roster {
    /// The members of the home, each of the kind that is written or else of the kind they came as. The first is the
    /// owner.
    pub fn new(members: &[Member], config: &Config) -> Self {
        let mut roster = Self::default();
        for member in members {
            let written = config.member(&member.name).and_then(|written| written.kind);
            let kind = written.unwrap_or(member.kind);
            let name = member.name.as_str().into();
            let who = Who { member: member.id, name, kind, device: None, credential: None };
            roster.owner.get_or_insert_with(|| who.clone());
            roster.by_name.insert(member.name.clone(), who);
        }
        roster
    }

    /// The member of this name.
    pub fn named(&self, name: &str) -> Option<&Who> {
        self.by_name.get(name)
    }

    /// The first member: who loopback is.
    pub fn owner(&self) -> Option<&Who> {
        self.owner.as_ref()
    }

    /// Who is asking from `peer` with these fields.
    pub fn identify(&self, peer: IpAddr, headers: &HeaderMap, vault: &Vault, config: &Config) -> Asking {
        if let Some(value) = headers.get(PROXY_AUTHORIZATION) {
            return match self.holder(value.as_bytes(), vault) {
                Some(who) => Asking::Known(who),
                None => Asking::Unauthorised,
            };
        }
        let peer = peer.to_canonical();
        let device = config.device_at(peer);
        if let Some((device, who)) = device.and_then(|device| Some((device, self.named(&device.member)?))) {
            return Asking::Known(Who { device: Some(Arc::clone(&device.name)), ..who.clone() });
        }
        let guests = config.settings.profile.unknown_device() == UnknownDevice::Guest || config.trusts(peer);
        match &self.owner {
            Some(owner) if peer.is_loopback() => Asking::Known(owner.clone()),
            _ if guests => Asking::Known(Who::guest()),
            _ => Asking::Unauthorised,
        }
    }

    /// The member whose credential this is, `Basic` with their name in any letter case and a token of theirs.
    pub fn holder(&self, credential: &[u8], vault: &Vault) -> Option<Who> {
        let (name, token) = basic(credential)?;
        self.holder_of(&name, &token, vault)
    }

    /// The member of this name, in any letter case, where the token is one of theirs.
    pub fn holder_of(&self, name: &str, token: &str, vault: &Vault) -> Option<Who> {
        let credential = vault.credential(name, token)?;
        let who = self.named(&name.to_ascii_lowercase()).filter(|who| who.member == credential.member)?;
        Some(Who { credential: Some(Arc::new(credential)), ..who.clone() })
    }
}

/// RFC 7617 section 2: user-id and password, joined by the first colon.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, credentials) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (name, token) = decoded.split_once(':')?;
    Some((name.to_owned(), token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_by_the_rfc() {
        let value = format!("bAsIc {}", STANDARD.encode("ann:a:b"));
        assert_eq!(basic(value.as_bytes()), Some(("ann".to_owned(), "a:b".to_owned())));
        for text in ["Bearer x", "Basic !", "Basic", "Basic YW5u"] {
            assert_eq!(basic(text.as_bytes()), None, "{text}");
        }
    }
}
