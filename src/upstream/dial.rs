//! From an origin to a TCP connection at a vetted address.

use super::next_hop::{NextHop, NextHopError, Target};
use super::resolve::Lookups;
use super::vet::{is_local_name, vet};
use super::{Reach, Refusal, UpstreamError};
use crate::model::{Host, MemberId, Origin};
use std::net::{IpAddr, SocketAddr};
use tokio::time::{Instant, timeout_at};

/// At most this many addresses of one name are tried.
const MOST_ADDRESSES: usize = 8;

/// The vetted addresses of `origin`. A static address is vetted like any other: the owner opens private ones with
/// `allow_private`.
pub async fn addresses(
    origin: &Origin,
    reach: &dyn Reach,
    lookups: &Lookups,
    member: MemberId,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, UpstreamError> {
    let answers = match &origin.host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            if let Some(fixed) = reach.static_address(name) {
                return Ok(vet(&[fixed.ip()], fixed.port(), reach)?);
            }
            resolve(name, lookups, member, deadline).await?
        }
    };
    Ok(vet(&answers, origin.port, reach)?)
}

/// What a next hop is asked for: a static or literal address, vetted like any other, else the name, which it resolves. So a
/// name is all there is to check.
pub fn target(origin: &Origin, reach: &dyn Reach) -> Result<Target, UpstreamError> {
    let address = match &origin.host {
        Host::Address(address) => SocketAddr::new(*address, origin.port),
        Host::Name(name) => match reach.static_address(name) {
            Some(fixed) => fixed,
            None if is_local_name(name) => return Err(Refusal::LocalName.into()),
            None => return Ok(Target::Name(name.clone(), origin.port)),
        },
    };
    let vetted = vet(&[address.ip()], address.port(), reach)?;
    Ok(Target::Address(vetted.first().copied().unwrap_or(address)))
}

/// The addresses of the next hop. It is the owner's own choice, so it may be at a private one; a connection that would come
/// back to this gateway would never end.
pub async fn next_hop_addresses(
    next_hop: &NextHop,
    reach: &dyn Reach,
    lookups: &Lookups,
    member: MemberId,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, NextHopError> {
    let fixed = match &next_hop.host {
        Host::Address(address) => Some(SocketAddr::new(*address, next_hop.port)),
        Host::Name(name) => reach.static_address(name),
    };
    let addresses = match (fixed, &next_hop.host) {
        (Some(fixed), _) => vec![fixed],
        (None, host) => {
            let name = host.name().unwrap_or_default();
            let answers = resolve(name, lookups, member, deadline).await;
            let answers = answers.map_err(|_| NextHopError::Unreachable(None))?;
            answers.into_iter().map(|address| SocketAddr::new(address, next_hop.port)).collect()
        }
    };
    match addresses.iter().any(|address| reach.is_own_listener(*address)) {
        true => Err(NextHopError::Loop),
        false => Ok(addresses),
    }
}

async fn resolve(
    name: &str,
    lookups: &Lookups,
    member: MemberId,
    deadline: Instant,
) -> Result<Vec<IpAddr>, UpstreamError> {
    let answer = timeout_at(deadline, lookups.addresses(member, name))
        .await
        .map_err(|_| UpstreamError::Resolve(None))?;
    let mut answers = answer.map_err(|error| UpstreamError::Resolve(Some(error)))?;
    if answers.is_empty() {
        return Err(UpstreamError::NoSuchName);
    }
    // Block lists in the house's resolver answer with the unspecified address.
    if answers.iter().any(IpAddr::is_unspecified) {
        return Err(UpstreamError::BlockedByResolver);
    }
    answers.truncate(MOST_ADDRESSES);
    Ok(answers)
}
