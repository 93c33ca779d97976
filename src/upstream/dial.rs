//! From an origin to a TCP connection at a vetted address.

use super::resolve::Lookups;
use super::vet::vet;
use super::{Reach, UpstreamError};
use crate::model::{Host, MemberId, Origin};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// At most this many addresses of one name are tried.
const MOST_ADDRESSES: usize = 8;
/// One address may take this long before the next is tried.
const PER_ADDRESS: Duration = Duration::from_secs(3);

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

async fn resolve(
    name: &str,
    lookups: &Lookups,
    member: MemberId,
    deadline: Instant,
) -> Result<Vec<IpAddr>, UpstreamError> {
    let answer = timeout_at(deadline, lookups.resolve(member, name))
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

/// The first address that answers before `deadline`.
pub async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, UpstreamError> {
    let mut last = UpstreamError::NoSuchName;
    for (index, address) in addresses.iter().enumerate() {
        let is_last = index + 1 == addresses.len();
        let until = if is_last { deadline } else { deadline.min(Instant::now() + PER_ADDRESS) };
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Without it a small answer waits 40 ms for the peer's delayed acknowledgement.
                stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = UpstreamError::Connect(error),
            Err(_) => last = UpstreamError::ConnectTimeout,
        }
    }
    Err(last)
}
