//! One connection to a vendor: TCP, TLS, HTTP/1.1 or HTTP/2, and what comes back into the pool.

use super::UpstreamError;
use super::answer::Answer;
use super::http2::{self, Client};
use super::pool::{Key, Pool};
use super::stream::Stream;
use super::tls::{ClientConfigs, TlsError, server_name};
use super::transport::TransportError;
use super::wanted;
use crate::model::Scheme;
use crate::telemetry::Handshake;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::HandshakeKind;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// A response head has at most this many fields.
const HEAD_FIELDS: usize = 200;

/// What the connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, one exchange at a time.
    Http1,
    /// HTTP/2, many at once.
    Http2,
}

pub(super) enum Sender<B> {
    Http1(http1::SendRequest<B>),
    Http2(Client),
}

impl<B: Body + 'static> Sender<B> {
    pub(super) fn is_closed(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(client) => client.is_closed(),
        }
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        match self {
            Self::Http1(sender) => sender.poll_ready(cx),
            // Many exchanges at once; one that finds no room for its stream waits when it is sent.
            Self::Http2(_) => Poll::Ready(Ok(())),
        }
    }
}

/// Why a request was not answered.
#[derive(Debug)]
pub struct SendError<B> {
    /// What went wrong.
    pub error: TransportError,
    /// The body, untouched, where no byte of the request was sent.
    pub unsent: Option<B>,
}

/// A connection that is ready to send one request.
pub struct Connection<B: Body + 'static> {
    sender: Sender<B>,
    key: Arc<Key>,
    pool: Arc<Pool<B>>,
    /// What the pool's count of trust was when it was made.
    era: u64,
    /// Whether it may carry another exchange.
    kept: bool,
    /// Whether it has carried an exchange before: such a one may have been closed under us.
    pub reused: bool,
}

impl<B> Connection<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn new(sender: Sender<B>, key: Arc<Key>, pool: Arc<Pool<B>>, era: u64, reused: bool) -> Self {
        let kept = key.is_pooled();
        Self { sender, key, pool, era, kept, reused }
    }

    /// Carries no other exchange after this one: what it stands for belongs to whoever sent this one, or it takes none.
    pub fn retire(&mut self) {
        self.kept = false;
        if let Sender::Http2(client) = &self.sender {
            self.pool.unshare(&self.key, client);
        }
    }

    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        match self.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(_) => Protocol::Http2,
        }
    }

    /// Whether a WebSocket can be opened as a stream of it (RFC 8441). Waits for the vendor's SETTINGS for a moment.
    pub async fn takes_websockets(&self) -> bool {
        match &self.sender {
            Sender::Http1(_) => false,
            Sender::Http2(client) => client.will_offer_websockets().await,
        }
    }

    /// Sends; resolves with the response head. The connection stays borrowed until the body has been read.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Answer>, SendError<B>> {
        match &mut self.sender {
            Sender::Http1(sender) => match sender.try_send_request(request).await {
                Ok(response) => Ok(response.map(Answer::Http1)),
                Err(mut failed) => Err(SendError {
                    unsent: failed.take_message().map(Request::into_body),
                    error: failed.into_error().into(),
                }),
            },
            Sender::Http2(client) => {
                let answer = client.send(request).await;
                // Clients are told in our SETTINGS, from their next connection on.
                if answer.is_ok() && client.is_first_answer() && client.offers_websockets() {
                    self.pool.offers().note(self.key.member, &self.key.origin);
                }
                answer
            }
        }
    }

    /// Gives an HTTP/1.1 connection back after its response was read to the end. HTTP/2 ones are shared all along.
    pub fn give_back(self) {
        if self.kept
            && let Sender::Http1(_) = self.sender
        {
            self.pool.put(&self.key, self.sender, self.era);
        }
    }
}

/// Speaks TLS and HTTP over `stream`; tells whether a TLS session was resumed.
pub(super) async fn establish<B>(
    stream: Stream,
    key: &Arc<Key>,
    trust: &ClientConfigs,
    pool: &Arc<Pool<B>>,
    head_bytes: u32,
) -> Result<(Connection<B>, bool), UpstreamError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let era = pool.era();
    let (sender, resumed) = if key.origin.scheme == Scheme::Http {
        (speak_http1(stream, head_bytes).await?, false)
    } else {
        let name = server_name(&key.origin.host)?;
        let connector = TlsConnector::from(trust.of(key));
        let (shaken, asked) = wanted::shaken(connector.connect(name, stream)).await;
        if asked {
            pool.wanting().note(key.member, &key.origin);
        }
        let tls = shaken.map_err(|error| match TlsError::of(error) {
            // TLS 1.2 says with any alert that it got none.
            TlsError::Handshake(_) if asked => TlsError::WantsCertificate,
            other => other,
        })?;
        let session = tls.get_ref().1;
        let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
        if session.alpn_protocol() == Some(b"h2") {
            (Sender::Http2(http2::open(tls, head_bytes).await.map_err(UpstreamError::Http)?), resumed)
        } else {
            (speak_http1(tls, head_bytes).await?, resumed)
        }
    };
    let sender = match sender {
        Sender::Http2(client) if key.is_pooled() => Sender::Http2(pool.share(key, client, era)),
        one => {
            if key.is_pooled() {
                pool.speaks_http1(key);
            }
            one
        }
    };
    Ok((Connection::new(sender, Arc::clone(key), Arc::clone(pool), era, false), resumed))
}

/// How the TLS handshake of an attempt ended, for the counter.
pub(super) fn handshake_of<B: Body + 'static>(
    outcome: &Result<(Connection<B>, bool), UpstreamError>,
) -> Handshake {
    match outcome {
        Ok((_, true)) => Handshake::Resumed,
        Ok((_, false)) | Err(UpstreamError::Http(_)) => Handshake::Full,
        Err(UpstreamError::Tls(TlsError::Certificate(_))) => Handshake::Untrusted,
        Err(_) => Handshake::Failed,
    }
}

async fn speak_http1<B, T>(io: T, head_bytes: u32) -> Result<Sender<B>, UpstreamError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .max_headers(HEAD_FIELDS)
        .max_header_size(head_bytes as usize)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| UpstreamError::Http(error.into()))?;
    // Ends with the connection: when the vendor closes it, when it goes on with another protocol, or when the last handle
    // to it is dropped.
    tokio::spawn(connection.with_upgrades());
    Ok(Sender::Http1(sender))
}
