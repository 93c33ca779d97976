//! What a vendor answers with, over whichever version of HTTP.

use super::http2::{Download, Tunnel};
use super::stream::Stream;
use super::transport::TransportError;
use bytes::Bytes;
use http::Response;
use http::response::Parts;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of a vendor's answer.
#[derive(Debug)]
pub enum Answer {
    /// Over HTTP/1.1.
    Http1(Incoming),
    /// Over HTTP/2.
    Http2(Download),
    /// None: the vendor has taken an extended CONNECT, and its stream goes on with another protocol.
    Tunnel(Box<Tunnel>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        match &mut *self {
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(TransportError::from),
            Self::Http2(body) => Pin::new(body).poll_frame(cx),
            Self::Tunnel(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
            Self::Tunnel(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
            Self::Tunnel(_) => SizeHint::with_exact(0),
        }
    }
}

/// The vendor's side of what goes on with another protocol.
pub enum Switched {
    /// The whole connection, once hyper hands it over.
    Connection(OnUpgrade),
    /// A stream of one.
    Stream(Box<Tunnel>),
}

impl Switched {
    /// Takes an answer that switches protocols apart.
    pub fn of(mut response: Response<Answer>) -> (Parts, Self) {
        let upgrade = hyper::upgrade::on(&mut response);
        let (head, body) = response.into_parts();
        match body {
            Answer::Tunnel(tunnel) => (head, Self::Stream(tunnel)),
            Answer::Http1(_) | Answer::Http2(_) => (head, Self::Connection(upgrade)),
        }
    }

    /// The bytes of it.
    ///
    /// # Errors
    /// The connection ended before it was handed over.
    pub async fn stream(self) -> Result<Stream, TransportError> {
        match self {
            Self::Connection(upgrade) => Ok(Stream::Tunnelled(TokioIo::new(upgrade.await?))),
            Self::Stream(tunnel) => Ok(Stream::OfConnection(tunnel)),
        }
    }
}
