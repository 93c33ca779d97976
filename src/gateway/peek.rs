//! The first bytes of a stream, looked at without taking them.

use rustls::server::Acceptor;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::timeout;

/// A ClientHello is smaller than this; with post-quantum shares it is about 2 KiB.
const MOST_HELLO: usize = 16 * 1024 + 5;
/// A client may be silent this long before its stream may be one where the server speaks first.
const SILENCE: Duration = Duration::from_secs(5);
/// The content type of a TLS handshake record (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// What a stream begins with.
#[derive(Debug)]
pub enum Opening {
    /// A TLS ClientHello, with the server name it asks for.
    Tls {
        /// Lower-case, as sent.
        server_name: Option<Arc<str>>,
    },
    /// Something else.
    Other,
    /// A TLS record that does not hold a ClientHello.
    Broken,
    /// Nothing yet.
    Silent,
    /// Its end, without a byte.
    Ended,
}

/// A stream whose first bytes were looked at and are read again.
#[derive(Debug)]
pub struct Peeked<T> {
    seen: Vec<u8>,
    taken: usize,
    stream: T,
}

/// Looks until a whole ClientHello is there, or it is clear that none will come. One that has begun may take `patience`;
/// where nothing comes for a while, a second look may follow.
pub async fn peek<T: AsyncRead + Unpin>(stream: T, patience: Duration) -> io::Result<(Opening, Peeked<T>)> {
    let mut peeked = Peeked { seen: Vec::with_capacity(2048), taken: 0, stream };
    let opening = match timeout(SILENCE.min(patience), peeked.first()).await {
        Ok(first) => {
            first?;
            peeked.opening(patience).await?
        }
        Err(_) => Opening::Silent,
    };
    Ok((opening, peeked))
}

impl<T: AsyncRead + Unpin> Peeked<T> {
    /// Waits for the first bytes, or the end. May be dropped and asked again: nothing is lost.
    pub async fn first(&mut self) -> io::Result<()> {
        self.stream.read_buf(&mut self.seen).await.map(drop)
    }

    /// What the stream begins with, after [`Self::first`].
    pub async fn opening(&mut self, patience: Duration) -> io::Result<Opening> {
        match self.seen.first() {
            None => Ok(Opening::Ended),
            Some(&HANDSHAKE) => timeout(patience, read_hello(&mut self.stream, &mut self.seen))
                .await
                .unwrap_or(Ok(Opening::Broken)),
            Some(_) => Ok(Opening::Other),
        }
    }
}

/// Goes on after the first bytes, which are a handshake's.
async fn read_hello<T: AsyncRead + Unpin>(stream: &mut T, seen: &mut Vec<u8>) -> io::Result<Opening> {
    loop {
        let mut acceptor = Acceptor::default();
        let mut rest = seen.as_slice();
        while !rest.is_empty() {
            if acceptor.read_tls(&mut rest).is_err() {
                return Ok(Opening::Broken);
            }
        }
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let server_name =
                    accepted.client_hello().server_name().map(|name| name.to_ascii_lowercase().into());
                return Ok(Opening::Tls { server_name });
            }
            Ok(None) if seen.len() < MOST_HELLO => {}
            Ok(None) | Err(_) => return Ok(Opening::Broken),
        }
        if stream.read_buf(seen).await? == 0 {
            return Ok(Opening::Broken);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Peeked<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(left) = this.seen.get(this.taken..).filter(|left| !left.is_empty()) {
            let now = left.len().min(buf.remaining());
            buf.put_slice(left.get(..now).unwrap_or_default());
            this.taken += now;
            if this.taken == this.seen.len() {
                (this.seen, this.taken) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.stream).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Peeked<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn what_was_seen_is_read_again() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(client);
        let (opening, mut peeked) = peek(server, PATIENCE).await.unwrap();
        assert!(matches!(opening, Opening::Other));
        let mut text = String::new();
        peeked.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "GET / HTTP/1.1\r\n\r\n");
    }

    #[tokio::test]
    async fn a_hello_in_pieces_is_still_one() {
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from("Shop.test").unwrap();
        let mut connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut hello = Vec::new();
        connection.write_tls(&mut hello).unwrap();
        let (mut client, server) = tokio::io::duplex(16);
        let writer = tokio::spawn(async move { client.write_all(&hello).await });
        let (opening, _) = peek(server, PATIENCE).await.unwrap();
        assert!(matches!(opening, Opening::Tls { server_name: Some(name) } if &*name == "shop.test"));
        drop(writer);
    }

    #[tokio::test]
    async fn silence_and_an_end_are_not_something_else() {
        let (client, server) = tokio::io::duplex(64);
        let (opening, mut peeked) = peek(server, Duration::from_millis(20)).await.unwrap();
        assert!(matches!(opening, Opening::Silent));
        drop(client);
        peeked.first().await.unwrap();
        assert!(matches!(peeked.opening(PATIENCE).await.unwrap(), Opening::Ended));
    }

    #[tokio::test]
    async fn a_record_without_a_hello_is_broken() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).await.unwrap();
        let (opening, _) = peek(server, PATIENCE).await.unwrap();
        assert!(matches!(opening, Opening::Broken));
    }

    #[tokio::test]
    async fn a_hello_that_does_not_go_on_is_broken() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).await.unwrap();
        let (opening, _) = peek(server, Duration::from_millis(20)).await.unwrap();
        assert!(matches!(opening, Opening::Broken));
    }
}
