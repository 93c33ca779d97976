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
pub(super) const HANDSHAKE: u8 = 22;
/// No registered method is longer.
const MOST_METHOD: usize = 32;

/// What a stream begins with.
#[derive(Debug)]
pub enum Opening {
    /// A TLS ClientHello, with the server name it asks for.
    Tls {
        /// Lower-case, as sent.
        server_name: Option<Arc<str>>,
    },
    /// An HTTP/1 request in the form in which it is sent to its origin.
    Http,
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

impl<T> Peeked<T> {
    /// Nothing was looked at yet.
    pub fn new(stream: T) -> Self {
        Self::holding(Vec::new(), stream)
    }

    /// `seen` came before what is still to be read of `stream`.
    pub fn holding(seen: Vec<u8>, stream: T) -> Self {
        Self { seen, taken: 0, stream }
    }
}

impl<T: AsyncRead + Unpin> Peeked<T> {
    /// Looks until a whole ClientHello is there, or it is clear that none will come. One that has begun may take
    /// `patience`; where nothing comes for a while, a second look may follow.
    pub async fn look(&mut self, patience: Duration) -> io::Result<Opening> {
        match timeout(SILENCE.min(patience), self.first()).await {
            Ok(first) => {
                first?;
                self.opening(patience).await
            }
            Err(_) => Ok(Opening::Silent),
        }
    }

    /// Waits for the first bytes and gives how many are there, or for the end: 0. May be dropped and asked again: nothing
    /// is lost.
    pub async fn first(&mut self) -> io::Result<usize> {
        if self.seen.is_empty() {
            self.seen.reserve(2048);
            self.stream.read_buf(&mut self.seen).await?;
        }
        Ok(self.seen.len())
    }

    /// What the stream begins with, after [`Self::first`].
    pub async fn opening(&mut self, patience: Duration) -> io::Result<Opening> {
        match self.seen.first() {
            None => Ok(Opening::Ended),
            Some(&HANDSHAKE) => timeout(patience, read_hello(&mut self.stream, &mut self.seen))
                .await
                .unwrap_or(Ok(Opening::Broken)),
            Some(_) => {
                let read = read_request(&mut self.stream, &mut self.seen);
                let is_request = match timeout(SILENCE.min(patience), read).await {
                    Ok(read) => read?,
                    // A line that does not go on: what it is so far says enough.
                    Err(_) => names_a_path(&self.seen) == Some(true),
                };
                Ok(if is_request { Opening::Http } else { Opening::Other })
            }
        }
    }
}

/// Goes on after the first bytes, which are not a handshake's.
async fn read_request<T: AsyncRead + Unpin>(stream: &mut T, seen: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        if let Some(known) = is_request(seen) {
            return Ok(known);
        }
        if stream.read_buf(seen).await? == 0 {
            return Ok(false);
        }
    }
}

/// Whether these bytes begin with the line of an HTTP/1 request to its origin; `None` where more must be seen.
fn is_request(seen: &[u8]) -> Option<bool> {
    if !names_a_path(seen)? {
        return Some(false);
    }
    let Some(end) = memchr::memchr(b'\n', seen) else {
        // Only HTTP has names as long as that; whether it is too long is said by whoever reads it.
        return (seen.len() >= MOST_HELLO).then_some(true);
    };
    let words = seen.get(..end).unwrap_or_default().trim_ascii_end().rsplit(|byte| *byte == b' ');
    Some(words.take(1).all(|version| version.starts_with(b"HTTP/1.")))
}

/// Whether a method and a path stand first: RFC 9112 section 3.2.1, "origin-form". What speaks to a further proxy, and
/// what only looks like HTTP (RTSP, SIP, ICAP), names a whole URL.
fn names_a_path(seen: &[u8]) -> Option<bool> {
    let method = seen.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    match seen.get(method..)? {
        _ if method == 0 || method > MOST_METHOD => Some(false),
        [] | [b' '] => None,
        [b' ', b'/', ..] => Some(true),
        _ => Some(false),
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
        client.write_all(b"T / HTTP/1.1\r\n\r\n").await.unwrap();
        drop(client);
        let mut peeked = Peeked::holding(b"GE".to_vec(), server);
        assert!(matches!(peeked.look(PATIENCE).await.unwrap(), Opening::Http));
        let mut text = String::new();
        peeked.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn only_a_request_to_an_origin_is_one() {
        let long = [b"GET /".as_slice(), &vec![b'a'; MOST_HELLO]].concat();
        let cases: [(&[u8], Option<bool>); 15] = [
            (b"GET", None),
            (b"GET ", None),
            (b"M-SEARCH /a b HTTP/1.1\r", None),
            (b"M-SEARCH /a b HTTP/1.1\r\n", Some(true)),
            (b"GET / HTTP/1.0\nHost", Some(true)),
            (&long, Some(true)),
            (b"GET /\r\n", Some(false)),
            (b"get / HTTP/1.1\r\n", Some(false)),
            (b"HELO\n", Some(false)),
            (b"USER ann /", Some(false)),
            (b"GET http://shop.test/ HTTP/1.1\r\n", Some(false)),
            (b"OPTIONS rtsp://shop.test/ RTSP/1.0\r\n", Some(false)),
            (b"PRI * HTTP/2.0\r\n", Some(false)),
            (b"\x00/", Some(false)),
            (&[b'A'; MOST_METHOD + 1], Some(false)),
        ];
        for (bytes, want) in cases {
            assert_eq!(is_request(bytes), want, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[tokio::test]
    async fn a_request_line_that_does_not_go_on_is_what_it_is_so_far() {
        for (bytes, http) in [(&b"GET /a"[..], true), (b"GET", false)] {
            let (mut client, server) = tokio::io::duplex(64);
            client.write_all(bytes).await.unwrap();
            let opening = Peeked::new(server).look(Duration::from_millis(20)).await.unwrap();
            assert_eq!(matches!(opening, Opening::Http), http);
            assert_eq!(matches!(opening, Opening::Other), !http);
        }
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
        let opening = Peeked::new(server).look(PATIENCE).await.unwrap();
        assert!(matches!(opening, Opening::Tls { server_name: Some(name) } if &*name == "shop.test"));
        drop(writer);
    }

    #[tokio::test]
    async fn silence_and_an_end_are_not_something_else() {
        let (client, server) = tokio::io::duplex(64);
        let mut peeked = Peeked::new(server);
        assert!(matches!(peeked.look(Duration::from_millis(20)).await.unwrap(), Opening::Silent));
        drop(client);
        peeked.first().await.unwrap();
        assert!(matches!(peeked.opening(PATIENCE).await.unwrap(), Opening::Ended));
    }

    #[tokio::test]
    async fn a_record_without_a_hello_is_broken() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).await.unwrap();
        let opening = Peeked::new(server).look(PATIENCE).await.unwrap();
        assert!(matches!(opening, Opening::Broken));
    }

    #[tokio::test]
    async fn a_hello_that_does_not_go_on_is_broken() {
        let (mut client, server) = tokio::io::duplex(64);
        client.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252]).await.unwrap();
        let opening = Peeked::new(server).look(Duration::from_millis(20)).await.unwrap();
        assert!(matches!(opening, Opening::Broken));
    }
}
