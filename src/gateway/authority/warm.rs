//! One throw-away mint and handshake before listening.

use super::issuer::{AuthorityError, NOBODY};
use super::leaf::Leaves;
use crate::model::{Clock, Host, MemberId};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A handshake takes fewer flights than this.
const MOST_FLIGHTS: usize = 8;

/// Mints a leaf and shakes hands with ourselves: the crypto library's first use costs tens of milliseconds, which
/// nobody's first request should pay. It also proves that the chain verifies before anyone relies on it.
pub fn warm_up(leaves: &Leaves) -> Result<(), AuthorityError> {
    let mut roots = RootCertStore::empty();
    roots.add(leaves.certificates().root().clone())?;
    let time = Arc::new(Time(Arc::clone(leaves.clock())));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client_config = ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let host = Host::Name(NOBODY.into());
    let server_config = leaves
        .server_config(MemberId::GATEWAY, &host)
        .map_err(|_| rustls::Error::General("no leaf could be minted".to_owned()))?;
    let name = ServerName::try_from(NOBODY).map_err(|_| rustls::Error::General("not a name".to_owned()))?;
    let mut client = ClientConnection::new(Arc::new(client_config), name)?;
    let mut server = ServerConnection::new(server_config)?;
    for _ in 0..MOST_FLIGHTS {
        if !client.is_handshaking() && !server.is_handshaking() {
            return Ok(());
        }
        pass(&mut client, &mut server)?;
        pass(&mut server, &mut client)?;
    }
    Err(rustls::Error::General("the handshake did not end".to_owned()).into())
}

/// The time as the gateway sees it, for the certificates it shows itself.
struct Time(Arc<dyn Clock>);

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Time")
    }
}

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.now().0)))
    }
}

/// Everything one side has to say, heard by the other.
fn pass<Speaker, Said, Hearer, Heard>(speaker: &mut Speaker, hearer: &mut Hearer) -> Result<(), rustls::Error>
where
    Speaker: std::ops::DerefMut<Target = rustls::ConnectionCommon<Said>>,
    Hearer: std::ops::DerefMut<Target = rustls::ConnectionCommon<Heard>>,
    Said: rustls::SideData,
    Heard: rustls::SideData,
{
    let lost = |_| rustls::Error::General("memory ran out".to_owned());
    let mut flight = Vec::new();
    while speaker.wants_write() {
        speaker.write_tls(&mut flight).map_err(lost)?;
    }
    let mut rest = flight.as_slice();
    while !rest.is_empty() {
        hearer.read_tls(&mut rest).map_err(lost)?;
        hearer.process_new_packets()?;
    }
    Ok(())
}
