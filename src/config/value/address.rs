//! Addresses the gateway listens on, and the next hop.

use super::{ValueError, string_value};
use crate::model::Host;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// An address and a port to listen on. Port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenAddr(pub SocketAddr);

impl ListenAddr {
    /// Whether only this machine reaches it.
    pub fn is_loopback(self) -> bool {
        self.0.ip().to_canonical().is_loopback()
    }
}

impl FromStr for ListenAddr {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse().map(Self).map_err(|_| {
            let help = match text.strip_prefix("localhost:") {
                Some(port) => format!("write the address itself: \"127.0.0.1:{port}\""),
                None if text.parse::<std::net::IpAddr>().is_ok() => "the port is missing".to_owned(),
                None => "write an address and a port, as in \"127.0.0.1:8118\" or \"[::1]:8118\"".to_owned(),
            };
            ValueError::new(format!("`{text}` is not an address to listen on"), help)
        })
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

string_value!(ListenAddr, "ListenAddr", "An address and a port.", "127.0.0.1:8118", "[::1]:8118");

/// Where mail is taken: an address and a port, or a socket file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailAddr {
    /// TCP.
    Tcp(ListenAddr),
    /// `unix:/PATH`.
    Unix(PathBuf),
}

impl FromStr for MailAddr {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err(ValueError::new(
                format!("`{text}` is not a socket file"),
                "write the whole path: \"unix:/run/doorward/lmtp.sock\"",
            )),
            None => text.parse().map(Self::Tcp),
        }
    }
}

impl fmt::Display for MailAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

string_value!(
    MailAddr,
    "MailAddr",
    "An address and a port, or `unix:` and a path.",
    "127.0.0.1:2424",
    "unix:/run/doorward/lmtp.sock"
);

/// How the next hop is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextHopScheme {
    /// An HTTP proxy.
    Http,
    /// An HTTP proxy behind TLS.
    Https,
    /// SOCKS version 5 (RFC 1928), names resolved by the proxy.
    Socks5,
}

impl NextHopScheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }
}

/// The URL of the proxy that every outgoing connection goes through; user and password stand elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHopUrl {
    /// The protocol.
    pub scheme: NextHopScheme,
    /// The proxy's host.
    pub host: Host,
    /// The proxy's port.
    pub port: u16,
}

impl FromStr for NextHopUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        // The text is not repeated: somebody may have written a password into it.
        let wrong = |help: &'static str| ValueError::new("this is not a next hop", help);
        let usual = "write \"socks5://127.0.0.1:9050\", \"http://…\" or \"https://…\", with the port";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(usual))?;
        let scheme = match scheme {
            "http" => NextHopScheme::Http,
            "https" => NextHopScheme::Https,
            "socks5" | "socks5h" => NextHopScheme::Socks5,
            _ => return Err(wrong(usual)),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains('@') {
            return Err(wrong(
                "a secret does not stand in the file: write { url = \"…\", user = \"NAME\", password = { file = \"PATH\" } }",
            ));
        }
        let (host, port) = authority.rsplit_once(':').ok_or_else(|| wrong(usual))?;
        let host = Host::parse(host).ok_or_else(|| wrong(usual))?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| wrong(usual))?;
        Ok(Self { scheme, host, port })
    }
}

impl fmt::Display for NextHopUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

string_value!(
    NextHopUrl,
    "NextHopUrl",
    "An http, https or socks5 URL with its port.",
    "socks5://127.0.0.1:9050"
);
