//! One connection to a vendor: TCP, TLS, HTTP/1.1 or HTTP/2, and what comes back into the pool.

use super::UpstreamError;
use super::gather::{Gather, Gathering};
use super::offers::{self, Offer};
use super::pool::{Key, Pool};
use super::stream::Stream;
use super::tls::{ClientConfigs, TlsError, server_name};
use super::wanted;
use crate::model::Scheme;
use crate::telemetry::Handshake;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::HandshakeKind;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// A response head has at most this many fields.
const HEAD_FIELDS: usize = 200;
/// HTTP/2 windows: memory is streams × stream window at the most, and never above the connection window.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 256 * 1024;

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
    Http2(http2::SendRequest<B>, Offer),
}

impl<B: Body + 'static> Sender<B> {
    pub(super) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender, _) => sender.is_closed(),
        }
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        match self {
            Self::Http1(sender) => sender.poll_ready(cx),
            Self::Http2(sender, _) => sender.poll_ready(cx),
        }
    }
}

/// Why a request was not answered.
#[derive(Debug)]
pub struct SendError<B> {
    /// What went wrong.
    pub error: hyper::Error,
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

    /// Carries no other exchange after this one: what it stands for belongs to whoever sent this one.
    pub fn retire(&mut self) {
        self.kept = false;
        if let Sender::Http2(..) = self.sender {
            self.pool.unshare(&self.key);
        }
    }

    /// What it speaks.
    pub fn protocol(&self) -> Protocol {
        match self.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(..) => Protocol::Http2,
        }
    }

    /// Whether a WebSocket can be opened as a stream of it (RFC 8441). Waits for the vendor's SETTINGS for a moment.
    pub async fn takes_websockets(&self) -> bool {
        match &self.sender {
            Sender::Http1(_) => false,
            Sender::Http2(_, offer) => offer.is_made().await,
        }
    }

    /// Sends; resolves with the response head. The connection stays borrowed until the body has been read.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError<B>> {
        let sent = match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender, _) => sender.try_send_request(request).await,
        };
        sent.map_err(|mut failed| SendError {
            unsent: failed.take_message().map(Request::into_body),
            error: failed.into_error(),
        })
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
            // Boxed: hyper makes of each exchange a future that has room for the whole connection.
            (speak_http2(Box::new(tls), key, pool, head_bytes).await?, resumed)
        } else {
            (speak_http1(tls, head_bytes).await?, resumed)
        }
    };
    let sender = match sender {
        Sender::Http2(sender, offer) if key.is_pooled() => {
            let (sender, offer) = pool.share(key, sender, offer, era);
            Sender::Http2(sender, offer)
        }
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
        .map_err(UpstreamError::Http)?;
    // Ends with the connection: when the vendor closes it, when it goes on with another protocol, or when the last handle
    // to it is dropped.
    tokio::spawn(connection.with_upgrades());
    Ok(Sender::Http1(sender))
}

async fn speak_http2<B, T>(
    io: T,
    key: &Arc<Key>,
    pool: &Arc<Pool<B>>,
    head_bytes: u32,
) -> Result<Sender<B>, UpstreamError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (sender, connection) = http2::Builder::new(Gathering::default())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(head_bytes)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(15))
        .handshake(TokioIo::new(io))
        .await
        .map_err(UpstreamError::Http)?;
    let offer = Offer::default();
    let (key, pool) = (Arc::clone(key), Arc::downgrade(pool));
    let offered = move || {
        if let Some(pool) = pool.upgrade() {
            pool.offers().note(key.member, &key.origin);
        }
    };
    tokio::spawn(Gather::new(Box::pin(offers::run(connection, offer.clone(), offered))));
    Ok(Sender::Http2(sender, offer))
}
