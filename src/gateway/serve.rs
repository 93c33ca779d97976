//! HTTP toward clients: every bound and timer in one place.

use super::pace::{Busy, Overdue, Pace, Paced};
use super::seldom::{First, Seldom, until};
use super::turns::Turns;
use crate::config::schema;
use crate::exchange::{Reply, ReplyBody};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A request head has at most this many fields.
const HEAD_FIELDS: usize = 100;
/// HTTP/2 toward a client: windows that bound the memory of an upload nobody reads.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 256 * 1024;
/// Resets a client may cause before the connection goes (CVE-2023-44487 and its kin).
const RESETS: usize = 64;
/// Whether a client is still there is asked this often, and it has this long to say so.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(20);

/// What `[limits]` says about one client connection.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a head.
    pub head_bytes: u32,
    /// Streams of an HTTP/2 connection at a time.
    pub streams: u32,
    /// A connection may be silent this long.
    pub idle: Duration,
    /// A head, and the TLS handshake, may take this long.
    pub head: Duration,
}

impl Bounds {
    /// As the configuration has them.
    pub fn of(limits: &schema::Limits) -> Self {
        Self {
            head_bytes: limits.head_bytes,
            streams: limits.streams,
            idle: limits.idle.get(),
            head: limits.head.get(),
        }
    }
}

/// A reply on its way to the client: its connection is busy until it is gone.
pub struct Leaving {
    body: ReplyBody,
    busy: Busy,
}

impl Leaving {
    /// The reply, and what it keeps busy.
    pub fn of(reply: Reply, busy: Busy) -> Response<Self> {
        if reply.status() == StatusCode::SWITCHING_PROTOCOLS {
            busy.becomes_a_stream();
        }
        reply.map(|body| Self { body, busy })
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = <ReplyBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Pending => self.busy.waits(),
            Poll::Ready(Some(Ok(_))) if !self.body.is_end_stream() => self.busy.hands_over(),
            Poll::Ready(_) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How a connection ended.
#[derive(Debug)]
pub enum Ended {
    /// By either side, or because nothing came for a while.
    Quietly,
    /// A head did not arrive in time.
    SlowHead,
    /// With an error of HTTP.
    Broken(hyper::Error),
}

impl From<hyper::Result<()>> for Ended {
    fn from(ended: hyper::Result<()>) -> Self {
        ended.map_or_else(Self::Broken, |()| Self::Quietly)
    }
}

/// HTTP/1.1 on `io` until either side ends it; `stop` lets the current exchange finish.
pub async fn http1<T, S>(io: T, service: S, pace: &Pace, bounds: Bounds, stop: &CancellationToken) -> Ended
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request, Response = Response<Leaving>, Error = Infallible> + Send,
    S::Future: Send,
{
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Its timer also runs between requests; `pace` knows better.
        .header_read_timeout(None)
        .max_headers(HEAD_FIELDS)
        .max_header_size(bounds.head_bytes as usize)
        .preserve_header_case(true)
        .half_close(false)
        .auto_date_header(false);
    let io = TokioIo::new(Paced::new(io, pace));
    let connection = builder.serve_connection(io, service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    match until(connection.as_mut(), closing(pace, bounds, stop)).await {
        First::Done(ended) => return ended.into(),
        First::Happened(Some(Overdue::Idle | Overdue::Untaken)) => return Ended::Quietly,
        First::Happened(Some(Overdue::Head)) => return Ended::SlowHead,
        First::Happened(None) => pace.stops(),
    }
    connection.as_mut().graceful_shutdown();
    finished(connection, pace, bounds).await
}

/// The end of a connection on which nothing new begins. A client that takes nothing of what is left is not waited for.
async fn finished(connection: impl Future<Output = hyper::Result<()>>, pace: &Pace, bounds: Bounds) -> Ended {
    let overdue = Seldom::new(pace.overdue(bounds.idle, bounds.head));
    match until(connection, overdue).await {
        First::Done(ended) => ended.into(),
        First::Happened(_) => Ended::Quietly,
    }
}

/// When a connection is to end: overdue, or `None` where the gateway stops.
fn closing(
    pace: &Pace,
    bounds: Bounds,
    stop: &CancellationToken,
) -> Seldom<impl Future<Output = Option<Overdue>>> {
    let overdue = async move { pace.overdue(bounds.idle, bounds.head).await };
    Seldom::new(async move {
        tokio::select! {
            biased;
            () = stop.cancelled() => None,
            overdue = overdue => Some(overdue),
        }
    })
}

/// HTTP/2 likewise; each stream is one of the `tasks` that are waited for. With `websockets`, the client may open some as
/// streams (RFC 8441).
pub async fn http2<T, S>(
    io: T,
    service: S,
    pace: &Pace,
    bounds: Bounds,
    websockets: bool,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Ended
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    S: Service<Request, Response = Response<Leaving>, Error = Infallible> + Send,
    S::Future: Send + 'static,
{
    let mut builder = http2::Builder::new(Tracked(tasks.clone()));
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(bounds.streams)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(bounds.head_bytes)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .auto_date_header(false);
    if websockets {
        builder.enable_connect_protocol();
    }
    let connection = builder.serve_connection(TokioIo::new(Turns::new(io)), service);
    let mut connection = std::pin::pin!(connection);
    match until(connection.as_mut(), closing(pace, bounds, stop)).await {
        First::Done(ended) => return ended.into(),
        First::Happened(Some(Overdue::Untaken)) => return Ended::Quietly,
        First::Happened(_) => {}
    }
    // RFC 9113 section 6.8: GOAWAY, so that a request sent meanwhile is known not to have been taken.
    connection.as_mut().graceful_shutdown();
    finished(connection, pace, bounds).await
}

/// Runs streams where they are counted.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}

type Request = http::Request<Incoming>;
