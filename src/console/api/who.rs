//! Who asks, and about whom they may.
//!
//! The socket belongs to the owner of the home; who sends a member's credential is that member. An adult's flows and
//! pseudonyms are theirs alone, the owner's included; a shared device's are the owner's too.

use super::Api;
use super::error::ApiError;
use crate::exchange::Who;
use crate::gateway::House;
use crate::model::record::Record;
use crate::model::{MemberId, MemberKind};
use crate::vault::Holder;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The member; the home's first for its owner.
    pub who: Who,
    /// Whether this is the owner of the home.
    pub owner: bool,
}

impl FromRequestParts<Api> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let roster = api.house.front.roster.load();
        let Some(value) = parts.headers.get(AUTHORIZATION) else {
            let who = roster.owner().cloned().ok_or_else(|| ApiError::failed("the home has no member"))?;
            return Ok(Self { who, owner: true });
        };
        let who = roster.holder(value.as_bytes(), &api.house.rooms().vault);
        let who = who.ok_or_else(ApiError::unauthorised)?;
        if who.credential.as_ref().is_some_and(|credential| credential.holder == Holder::Agent) {
            return Err(ApiError::forbidden("a program's credential is good at the proxy alone"));
        }
        Ok(Self { who, owner: false })
    }
}

impl Asker {
    /// Refuses what only the owner may do.
    pub fn must_own(&self) -> Result<(), ApiError> {
        if self.owner { Ok(()) } else { Err(ApiError::forbidden("only the owner of the home may do this")) }
    }

    /// The member of that name, for something that is about settings and not about what they do: the owner's of
    /// anybody, a member's of themself.
    pub fn manages(&self, house: &House, name: &str) -> Result<Who, ApiError> {
        let who = member(house, name)?;
        if self.owner || who.member == self.who.member {
            Ok(who)
        } else {
            Err(ApiError::forbidden("only the owner of the home may do this for others"))
        }
    }

    /// The member of that name, or the asker where none is given, for something that shows what they do.
    pub fn sees(&self, house: &House, name: Option<&str>) -> Result<Who, ApiError> {
        let Some(name) = name else { return Ok(self.who.clone()) };
        let who = member(house, name)?;
        if who.member == self.who.member || (self.owner && is_shared(house, who.member)) {
            return Ok(who);
        }
        let name = &who.name;
        Err(ApiError::forbidden(format!(
            "what {name} does is theirs to see: use --as {name}, with their token in DOORWARD_TOKEN"
        )))
    }

    /// Whether a record may be read: one's own, and for the owner shared devices' and the gateway's.
    pub fn reads(&self, house: &House, record: &Record) -> bool {
        if record.member == self.who.member {
            return true;
        }
        let gateways = matches!(record.member, MemberId::GATEWAY | MemberId::GUEST);
        self.owner && (gateways || is_shared(house, record.member))
    }
}

/// Whether this is a device that several people use. The home's word counts, not the file's: a line in a file must not
/// open what a person did to somebody else.
fn is_shared(house: &House, member: MemberId) -> bool {
    let members = house.rooms().vault.members().unwrap_or_default();
    members.iter().any(|there| there.id == member && there.kind == MemberKind::Shared)
}

/// The member of that name.
pub fn member(house: &House, name: &str) -> Result<Who, ApiError> {
    let roster = house.front.roster.load();
    let found = roster.named(&name.to_ascii_lowercase()).cloned();
    found.ok_or_else(|| ApiError::not_found(format!("there is no member `{}`", printable(name))))
}

/// What was typed as a name may be something private.
fn printable(name: &str) -> &str {
    let plain = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain { name } else { "…" }
}

/// The name a record's member is shown by.
pub fn name_of(house: &Arc<House>, member: MemberId) -> String {
    match member {
        MemberId::GATEWAY => "gateway".to_owned(),
        MemberId::GUEST => "guest".to_owned(),
        member => {
            let members = house.rooms().vault.members().unwrap_or_default();
            let named = members.into_iter().find(|there| there.id == member);
            named.map_or_else(|| "removed".to_owned(), |member| member.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_echoed_only_if_it_looks_like_one() {
        assert_eq!(printable("ann-2"), "ann-2");
        assert_eq!(printable("ann@home.example"), "…");
    }
}
