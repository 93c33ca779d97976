//! TLS with the gateway itself, on the proxy port and for the console: never with a vendor's name.

use super::front::Front;
use crate::model::{Host, MemberId};
use rustls::ServerConfig;
use rustls::server::Acceptor;
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

impl Front {
    /// Shakes hands as the gateway, offering `protocols` (ALPN, RFC 7301), the dearest first.
    ///
    /// The certificate names what the client asked for where that is a name of the gateway's, else the address it came
    /// to: a client that wants somebody else is shown that this is not them.
    ///
    /// # Errors
    /// When the handshake fails. How long it may take is the caller's to say.
    pub async fn accept_tls(
        &self,
        stream: TcpStream,
        protocols: &[&[u8]],
    ) -> io::Result<TlsStream<TcpStream>> {
        let address = Host::Address(stream.local_addr()?.ip().to_canonical());
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let name = hello.client_hello().server_name().and_then(Host::parse);
        let generation = self.rooms.generation.load();
        let host = name.filter(|name| is_ours(name, &generation.config.settings.listen.names));
        drop(generation);
        let minted = self.leaves.server_config(MemberId::GATEWAY, &host.unwrap_or(address));
        let mut config = ServerConfig::clone(&*minted.map_err(io::Error::other)?);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        hello.into_stream(Arc::new(config)).await
    }
}

/// Whether this is a name under which the gateway is reached.
pub(super) fn is_ours(host: &Host, names: &[String]) -> bool {
    match host {
        Host::Address(_) => false,
        Host::Name(name) if &**name == "localhost" => true,
        Host::Name(_) => names.iter().any(|name| Host::parse(name).as_ref() == Some(host)),
    }
}
