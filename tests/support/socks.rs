//! SOCKS5 (RFC 1928, RFC 1929) as a client writes it, byte by byte.

use super::client::Client;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// CONNECT to that host: a name as a name, an address as an address.
pub fn wish(host: &str, port: u16) -> Vec<u8> {
    let address = match host.parse() {
        Ok(IpAddr::V4(address)) => [&[1][..], &address.octets()].concat(),
        Ok(IpAddr::V6(address)) => [&[4][..], &address.octets()].concat(),
        Err(_) => [&[3, u8::try_from(host.len()).unwrap()][..], host.as_bytes()].concat(),
    };
    [&[5, 1, 0][..], &address, &port.to_be_bytes()].concat()
}

/// How far a client got, and the stream it got there with.
#[derive(Debug)]
pub enum Got {
    /// The gateway takes none of the ways in which the client could say who it is.
    NoMethod(TcpStream),
    /// The gateway does not know the credential.
    Unknown(TcpStream),
    /// The gateway's answer to the wish.
    Answer(u8, TcpStream),
}

impl Got {
    /// The stream behind a CONNECT that succeeded.
    pub fn stream(self) -> TcpStream {
        match self {
            Self::Answer(0, stream) => stream,
            other => panic!("{other:?}"),
        }
    }

    /// The number of the answer.
    pub fn answer(&self) -> u8 {
        match self {
            Self::Answer(number, _) => *number,
            other => panic!("{other:?}"),
        }
    }
}

impl Client {
    /// SOCKS5 to the proxy port, with the client's credential where it has one.
    pub async fn socks(&self, wish: &[u8]) -> Got {
        let mut stream = self.proxy().await;
        let credential = self.credential().map(|value| {
            let decoded = STANDARD.decode(value.strip_prefix("Basic ").unwrap()).unwrap();
            String::from_utf8(decoded).unwrap()
        });
        let methods: &[u8] = if credential.is_some() { &[5, 2, 0, 2] } else { &[5, 1, 0] };
        stream.write_all(methods).await.unwrap();
        let [version, method] = two(&mut stream).await;
        assert_eq!(version, 5);
        if method == 0xff {
            return Got::NoMethod(stream);
        }
        if method == 2 {
            let (name, token) = credential.as_ref().unwrap().split_once(':').unwrap();
            let counted = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            stream.write_all(&[&[1], counted(name).as_slice(), &counted(token)].concat()).await.unwrap();
            if two(&mut stream).await != [1, 0] {
                return Got::Unknown(stream);
            }
        }
        stream.write_all(wish).await.unwrap();
        let mut answer = [0; 10];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!((answer[0], &answer[2..]), (5, &[0, 1, 0, 0, 0, 0, 0, 0][..]));
        Got::Answer(answer[1], stream)
    }
}

async fn two(stream: &mut TcpStream) -> [u8; 2] {
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}
