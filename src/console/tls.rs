//! TLS for the console where it listens beyond this machine, under the home's own authority.

use crate::gateway::House;
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

/// A client may take this long for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at a time; the next client waits.
const MOST: usize = 64;
/// After an accept that failed, for want of file descriptors say.
const BREATH: Duration = Duration::from_millis(50);

/// Where a browser finds the console at `address`: cleartext never leaves this machine.
pub fn console_url(address: SocketAddr) -> String {
    let scheme = if is_local(address) { "http" } else { "https" };
    format!("{scheme}://{address}/")
}

pub(super) fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// A listener whose streams have shaken hands. One that dawdles keeps nobody else waiting.
pub(super) struct TlsListener {
    listener: TcpListener,
    house: Arc<House>,
    shaking: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    pub(super) fn new(listener: TcpListener, house: Arc<House>) -> Self {
        Self { listener, house, shaking: JoinSet::new() }
    }

    fn shake(&mut self, stream: TcpStream, peer: SocketAddr) {
        let house = Arc::clone(&self.house);
        self.shaking.spawn(async move {
            let shaking = house.front.accept_tls(stream, &[b"http/1.1"]);
            Some((timeout(HANDSHAKE, shaking).await.ok()?.ok()?, peer))
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(shaken) = self.shaking.join_next() => {
                    if let Ok(Some(ready)) = shaken {
                        return ready;
                    }
                }
                accepted = self.listener.accept(), if self.shaking.len() < MOST => match accepted {
                    Ok((stream, peer)) => self.shake(stream, peer),
                    Err(_) => sleep(BREATH).await,
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::config::schema::Profile;
    use crate::gateway::Seams;
    use crate::vault::Home;
    use axum::Router;
    use axum::routing::get;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio_rustls::TlsConnector;

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        assert_eq!(console_url("127.0.0.1:8119".parse().unwrap()), "http://127.0.0.1:8119/");
        assert_eq!(console_url("[::1]:8119".parse().unwrap()), "http://[::1]:8119/");
        assert_eq!(console_url("0.0.0.0:8119".parse().unwrap()), "https://0.0.0.0:8119/");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_console_shows_a_leaf_for_its_address_and_a_silent_client_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::defaults(Profile::Household);
        config.settings.trackers.lists.clear();
        let house = House::open(Home::open(dir.path()).unwrap(), config, Seams::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/healthz", get(|| async { "ok\n" }));
        tokio::spawn(axum::serve(TlsListener::new(listener, Arc::clone(&house)), router).into_future());

        let _silent = TcpStream::connect(address).await.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(house.front.leaves.certificates().root().clone()).unwrap();
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::from(address.ip());
        let stream = TcpStream::connect(address).await.unwrap();
        let mut tls = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
        tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tls.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n"), "{answer}");
        house.close(Duration::ZERO).await;
    }
}
