//! HTTP/2 toward a vendor, over the `h2` crate: an exchange opens its stream itself and reads it itself; only the
//! connection has a task of its own.

mod download;
mod driver;
mod pulse;
mod tunnel;
mod upload;

pub use download::Download;
pub use tunnel::Tunnel;

use super::answer::Answer;
use super::connection::SendError;
use super::gather::Gather;
use super::transport::TransportError;
use bytes::Bytes;
use driver::Driver;
use h2::client::{Builder, ResponseFuture, SendRequest};
use http::{Method, Request, Response};
use http_body::Body;
use pulse::Pulse;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use upload::Upload;

/// HTTP/2 windows: memory is streams × stream window at the most, and never above the connection window.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER: usize = 256 * 1024;

/// A vendor that has not sent its SETTINGS within the sum of these is taken to offer nothing.
const LOOKS: [Duration; 4] = [
    Duration::from_millis(20),
    Duration::from_millis(80),
    Duration::from_millis(400),
    Duration::from_millis(1500),
];

/// A handle to a connection; it ends with the last handle and the last stream.
#[derive(Clone)]
pub(super) struct Client {
    streams: SendRequest<Bytes>,
    pulse: Arc<Pulse>,
}

/// Begins HTTP/2 on `io`, with answers' heads of at most `head_bytes`.
pub(super) async fn open<T>(io: T, head_bytes: u32) -> Result<Client, TransportError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (streams, connection) = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(head_bytes)
        .enable_push(false)
        .handshake(io)
        .await?;
    let pulse = Arc::<Pulse>::default();
    // Boxed: the task is moved once, and the connection is large.
    tokio::spawn(Gather::new(Box::pin(Driver::new(connection, Arc::clone(&pulse)))));
    Ok(Client { streams, pulse })
}

impl Client {
    /// Whether both are handles to one connection.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pulse, &other.pulse)
    }

    /// Whether no stream can be opened any more.
    pub(super) fn is_closed(&mut self) -> bool {
        // A handle that has opened no stream waits for none, so nobody has to be woken.
        matches!(self.streams.poll_ready(&mut Context::from_waker(Waker::noop())), Poll::Ready(Err(_)))
    }

    /// Whether this is the connection's first answer, which the vendor's SETTINGS came before.
    pub(super) fn is_first_answer(&self) -> bool {
        self.pulse.is_first_answer()
    }

    /// Whether the vendor's SETTINGS let a WebSocket be opened as a stream (RFC 8441).
    pub(super) fn offers_websockets(&self) -> bool {
        self.streams.is_extended_connect_protocol_enabled()
    }

    /// The same, with a moment's time for the SETTINGS to come.
    pub(super) async fn will_offer_websockets(&self) -> bool {
        for look in LOOKS {
            if self.offers_websockets() {
                return true;
            }
            sleep(look).await;
        }
        self.offers_websockets()
    }

    /// Sends; resolves with the answer's head. What is left of the body by then goes on being sent.
    pub(super) async fn send<B>(&mut self, request: Request<B>) -> Result<Response<Answer>, SendError<B>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let (head, body) = request.into_parts();
        if let Err(error) = poll_fn(|cx| self.streams.poll_ready(cx)).await {
            return Err(SendError { error: self.pulse.blame(error), unsent: Some(body) });
        }
        let opens_tunnel = head.method == Method::CONNECT;
        let ends = body.is_end_stream() && !opens_tunnel;
        let (answering, sending) = match self.streams.send_request(Request::from_parts(head, ()), ends) {
            Ok(stream) => stream,
            Err(error) => return Err(SendError { error: error.into(), unsent: Some(body) }),
        };
        let beat = Pulse::of_stream(&self.pulse);
        if opens_tunnel {
            return match answering.await {
                Ok(response) if response.status().is_success() => {
                    self.pulse.heard();
                    let (head, receiving) = response.into_parts();
                    let tunnel = Tunnel::new(sending, receiving, beat);
                    Ok(Response::from_parts(head, Answer::Tunnel(Box::new(tunnel))))
                }
                Ok(response) => Ok(self.answer(response, beat)),
                Err(error) => Err(SendError { error: self.pulse.blame(error), unsent: None }),
            };
        }
        let answered = match ends {
            true => answering.await,
            false => answer_while_sending(answering, Upload::new(body, sending)).await,
        };
        match answered {
            Ok(response) => Ok(self.answer(response, beat)),
            Err(error) => Err(SendError { error: self.pulse.blame(error), unsent: None }),
        }
    }

    fn answer(&self, response: Response<h2::RecvStream>, beat: pulse::Beat) -> Response<Answer> {
        self.pulse.heard();
        let (head, receiving) = response.into_parts();
        let download = Download::new(receiving, &head.headers, beat);
        Response::from_parts(head, Answer::Http2(download))
    }
}

/// Waits for the answer and sends the body meanwhile. The vendor may answer before it has all of it.
async fn answer_while_sending<B>(
    mut answering: ResponseFuture,
    upload: Upload<B>,
) -> Result<Response<h2::RecvStream>, h2::Error>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let mut upload = Some(upload);
    let answered = poll_fn(|cx| {
        if let Some(sending) = &mut upload
            && Pin::new(sending).poll(cx).is_ready()
        {
            upload = None;
        }
        Pin::new(&mut answering).poll(cx)
    })
    .await;
    if answered.is_ok()
        && let Some(rest) = upload
    {
        tokio::spawn(rest);
    }
    answered
}
