//! The task of a connection: it reads and writes for all streams, and asks a vendor that has gone silent whether it is
//! still there.

use super::pulse::Pulse;
use bytes::Bytes;
use h2::client::Connection;
use h2::{Ping, PingPong};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// A vendor that is silent for this long while streams wait for it is sent a PING, and as long again it may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs a connection to its end.
pub(super) struct Driver<T> {
    connection: Connection<T, Bytes>,
    pulse: Arc<Pulse>,
    pings: Option<PingPong>,
    turn: Interval,
    asked: bool,
}

impl<T> Driver<T> {
    pub(super) fn new(mut connection: Connection<T, Bytes>, pulse: Arc<Pulse>) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let mut turn = interval(PATIENCE);
        // After a sleep of the machine the vendor has a whole turn to say something.
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { pings: connection.ping_pong(), connection, pulse, turn, asked: false }
    }

    /// Whether the vendor has been silent for too long, at the end of a turn.
    fn is_given_up(&mut self) -> bool {
        if self.pulse.has_heard() || !self.pulse.is_waiting() {
            self.asked = false;
        } else if self.asked {
            self.pulse.fell_silent();
            return true;
        } else if let Some(pings) = &mut self.pings {
            // Fails while another one is on its way, which will do.
            let _ = pings.send_ping(Ping::opaque());
            self.asked = true;
        }
        false
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Future for Driver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        while this.turn.poll_tick(cx).is_ready() {
            if this.is_given_up() {
                return Poll::Ready(());
            }
        }
        if this.asked
            && let Some(pings) = &mut this.pings
            && let Poll::Ready(Ok(_)) = pings.poll_pong(cx)
        {
            this.pulse.heard();
        }
        // How it ended its streams know.
        Pin::new(&mut this.connection).poll(cx).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::transport::TransportError;
    use super::super::open;
    use crate::upstream::answer::Answer;
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::{BodyExt, Empty};
    use std::time::Duration;
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::{Instant, sleep};

    /// A vendor that answers `answers` requests with a head, and goes on reading for as long as it `listens`.
    async fn vendor(io: DuplexStream, listens: Duration) {
        let mut connection = h2::server::handshake(io).await.unwrap();
        let mut streams = Vec::new();
        let end = Instant::now() + listens;
        while let Ok(accepted) = tokio::time::timeout_at(end, connection.accept()).await {
            let Some(Ok((_, mut answer))) = accepted else { return };
            streams.push(answer.send_response(Response::new(()), false).unwrap());
        }
        // Neither reads nor writes, and does not close.
        std::future::pending::<()>().await;
    }

    async fn asked(listens: Duration) -> Response<Answer> {
        let (near, far) = duplex(64 * 1024);
        tokio::spawn(vendor(far, listens));
        let mut client = open(near, 16 * 1024).await.unwrap();
        let request = Request::get("https://shop.test/").body(Empty::<Bytes>::new()).unwrap();
        client.send(request).await.map_err(|failed| failed.error).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_answers_no_ping_is_given_up() {
        let mut answer = asked(Duration::from_secs(1)).await.into_body();
        let begun = Instant::now();
        let ended = answer.frame().await;
        assert!(matches!(ended, Some(Err(TransportError::Silent))), "{ended:?}");
        assert!(begun.elapsed() <= Duration::from_secs(45), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_answers_pings_may_take_its_time() {
        let mut answer = asked(Duration::from_secs(600)).await.into_body();
        tokio::select! {
            ended = answer.frame() => panic!("{ended:?}"),
            () = sleep(Duration::from_secs(500)) => {}
        }
    }
}
