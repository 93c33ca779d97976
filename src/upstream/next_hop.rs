//! The proxy behind us, where the owner has one: every connection leaves through it, and names travel as names.
//!
//! An HTTP proxy is asked for a tunnel (RFC 9110 section 9.3.6) to http origins as well as to https ones: what is a request
//! and where it ends is then read by us and the vendor alone, and the proxy's credentials never stand beside a request's
//! fields. A SOCKS proxy gets the name in the domain address type (RFC 1928 section 5).

use super::stream::Stream;
use super::tls::TlsError;
use crate::config::schema;
use crate::config::value::NextHopScheme;
use crate::model::{Blame, Host, Secret};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;
use zeroize::Zeroizing;

/// The head of an answer to CONNECT has at most so many bytes and fields.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 100;

/// A next hop, with its password read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    pub(super) scheme: NextHopScheme,
    pub(super) host: Host,
    pub(super) port: u16,
    credentials: Credentials,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Credentials {
    None,
    Known {
        user: Arc<str>,
        password: Secret<String>,
    },
    /// Written, but not to be had: nothing is sent without them.
    Missing,
}

impl NextHop {
    /// The next hop as it is written, its password read now.
    pub fn of(written: &schema::NextHop) -> Self {
        let credentials = match (&written.user, &written.password) {
            (None, _) => Credentials::None,
            (Some(user), Some(password)) => match password.read() {
                Ok(password) => Credentials::Known { user: user.as_str().into(), password },
                Err(_) => Credentials::Missing,
            },
            (Some(_), None) => Credentials::Missing,
        };
        let url = &written.url;
        Self { scheme: url.scheme, host: url.host.clone(), port: url.port, credentials }
    }

    fn credentials(&self) -> Result<Option<(&str, &str)>, NextHopError> {
        match &self.credentials {
            Credentials::None => Ok(None),
            Credentials::Known { user, password } => Ok(Some((user, password.expose()))),
            Credentials::Missing => Err(NextHopError::NoPassword),
        }
    }
}

/// Why a connection through the next hop came to nothing.
#[derive(Debug, Error)]
pub enum NextHopError {
    /// Its name has no address, or nobody answers there.
    #[error("the next hop cannot be reached")]
    Unreachable(#[source] Option<std::io::Error>),
    /// It is one of the gateway's own listeners.
    #[error("the next hop is this gateway itself")]
    Loop,
    /// TLS with it failed.
    #[error("{}", .0.about("the next hop"))]
    Tls(TlsError),
    /// Its password cannot be read, so it was not asked.
    #[error("the password of the next hop cannot be read")]
    NoPassword,
    /// It wants credentials, or others.
    #[error("the next hop does not accept our credentials")]
    Credentials,
    /// Its rules do not allow this destination.
    #[error("the next hop refuses this destination")]
    Denied,
    /// It has tried and did not get there.
    #[error("the next hop cannot reach the vendor")]
    VendorUnreached,
    /// It breaks off, or speaks something else.
    #[error("the next hop does not speak {0}")]
    Protocol(&'static str),
}

impl NextHopError {
    /// The RFC 9209 section 2.3 proxy error type.
    pub fn proxy_error(&self) -> &'static str {
        match self {
            Self::Unreachable(_) | Self::Denied => "connection_refused",
            Self::Loop => "proxy_loop_detected",
            Self::Tls(error) => error.proxy_error(),
            Self::NoPassword | Self::Credentials => "proxy_configuration_error",
            Self::VendorUnreached => "destination_unavailable",
            Self::Protocol(_) => "connection_terminated",
        }
    }

    /// Whose doing it is: the next hop is the owner's, as this gateway is.
    pub fn blame(&self) -> Blame {
        match self {
            Self::VendorUnreached => Blame::Vendor,
            _ => Blame::Gateway,
        }
    }
}

/// Where to, as the next hop is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A name, which it resolves.
    Name(Arc<str>, u16),
    /// A vetted address.
    Address(SocketAddr),
}

impl Target {
    fn authority(&self) -> String {
        match self {
            Self::Name(name, port) => format!("{name}:{port}"),
            Self::Address(address) => address.to_string(),
        }
    }
}

/// Asks an HTTP proxy at the other end of `io` for a tunnel.
pub(super) async fn connect<T>(io: T, next_hop: &NextHop, target: &Target) -> Result<Stream, NextHopError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let request = connect_request(target, next_hop.credentials()?)?;
    let broken = |_| NextHopError::Protocol("HTTP");
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEAD_FIELDS)
        .max_buf_size(HEAD_BYTES)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(io))
        .await
        .map_err(broken)?;
    // Ends with the answer, or hands the stream over.
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await.map_err(broken)?;
    match response.status() {
        // What the vendor said at once behind the answer is the tunnel's first bytes.
        status if status.is_success() => {
            Ok(Stream::Tunnelled(TokioIo::new(hyper::upgrade::on(response).await.map_err(broken)?)))
        }
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Err(NextHopError::Credentials)
        }
        status if status.is_server_error() => Err(NextHopError::VendorUnreached),
        status if status.is_client_error() => Err(NextHopError::Denied),
        _ => Err(NextHopError::Protocol("HTTP")),
    }
}

fn connect_request(
    target: &Target,
    credentials: Option<(&str, &str)>,
) -> Result<Request<Empty<Bytes>>, NextHopError> {
    let authority = target.authority();
    let mut builder = Request::connect(&authority).header(HOST, &authority);
    if let Some((user, password)) = credentials {
        // RFC 7617 section 2: user-id, a colon and the password, in Base64.
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*pair)));
        let mut value = HeaderValue::from_str(&value).map_err(|_| NextHopError::NoPassword)?;
        value.set_sensitive(true);
        builder = builder.header(PROXY_AUTHORIZATION, value);
    }
    builder.body(Empty::new()).map_err(|_| NextHopError::Protocol("HTTP"))
}

/// Asks a SOCKS proxy at the other end of `tcp` for a connection.
pub(super) async fn socks5(
    tcp: TcpStream,
    next_hop: &NextHop,
    target: &Target,
) -> Result<Stream, NextHopError> {
    let to = match target {
        Target::Name(name, port) => TargetAddr::Domain(name.as_ref().into(), *port),
        Target::Address(address) => TargetAddr::Ip(*address),
    };
    let connected = match next_hop.credentials()? {
        None => Socks5Stream::connect_with_socket(tcp, to).await,
        Some((user, password)) => {
            Socks5Stream::connect_with_password_and_socket(tcp, to, user, password).await
        }
    };
    connected.map(|stream| Stream::Tcp(stream.into_inner())).map_err(NextHopError::of_socks)
}

impl NextHopError {
    fn of_socks(error: tokio_socks::Error) -> Self {
        use tokio_socks::Error as Socks;
        match error {
            Socks::NoAcceptableAuthMethods
            | Socks::PasswordAuthFailure(_)
            | Socks::AuthorizationRequired
            | Socks::InvalidAuthValues(_) => Self::Credentials,
            Socks::ConnectionNotAllowedByRuleset => Self::Denied,
            Socks::GeneralSocksServerFailure
            | Socks::NetworkUnreachable
            | Socks::HostUnreachable
            | Socks::ConnectionRefused
            | Socks::TtlExpired
            | Socks::AddressTypeNotSupported => Self::VendorUnreached,
            _ => Self::Protocol("SOCKS version 5"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers a greeting with "no authentication" and a request with this reply code (RFC 1928 section 6).
    async fn replying(code: u8) -> NextHopError {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 3]).await.unwrap();
            stream.write_all(&[5, 0]).await.unwrap();
            stream.read_exact(&mut [0; 4 + 1 + 9 + 2]).await.unwrap();
            stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
            stream
        });
        let written = schema::NextHop {
            url: format!("socks5://{address}").parse().unwrap(),
            user: None,
            password: None,
        };
        let tcp = TcpStream::connect(address).await.unwrap();
        let refused = socks5(tcp, &NextHop::of(&written), &Target::Name("shop.test".into(), 443)).await;
        proxy.await.unwrap();
        refused.unwrap_err()
    }

    #[tokio::test]
    async fn replies_of_a_socks_proxy_are_told_apart() {
        assert!(matches!(replying(2).await, NextHopError::Denied));
        for code in [1, 3, 4, 5, 6, 8] {
            assert!(matches!(replying(code).await, NextHopError::VendorUnreached), "{code}");
        }
        for code in [7, 9, 255] {
            assert!(matches!(replying(code).await, NextHopError::Protocol(_)), "{code}");
        }
    }

    #[test]
    fn no_password_shows() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pass");
        std::fs::write(&file, "spring-tide-41").unwrap();
        let written = schema::NextHop {
            url: "https://hop.test:3128".parse().unwrap(),
            user: Some("ann".to_owned()),
            password: Some(crate::config::value::SecretSource::File(file)),
        };
        let next_hop = NextHop::of(&written);
        assert_eq!(next_hop.credentials().unwrap(), Some(("ann", "spring-tide-41")));
        let target = Target::Name("shop.test".into(), 443);
        let request = connect_request(&target, next_hop.credentials().unwrap()).unwrap();
        let shown = format!("{next_hop:?} {request:?}");
        assert!(
            !shown.contains("spring") && !shown.contains(&STANDARD.encode("ann:spring-tide-41")),
            "{shown}"
        );
    }
}
