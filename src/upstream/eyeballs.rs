//! Which of a name's addresses a connection is made to (RFC 8305, "Happy Eyeballs"): a family that leads nowhere costs a
//! moment, not a timeout.

use super::UpstreamError;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// RFC 8305 section 5: "One recommended value for a default delay is 250 milliseconds."
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The first of these vetted addresses that answers before `deadline`.
pub(super) async fn connect(addresses: &[SocketAddr], deadline: Instant) -> Result<TcpStream, UpstreamError> {
    let stream = match addresses {
        // Most hosts here have one, which needs no race.
        [only] => match timeout_at(deadline, TcpStream::connect(only)).await {
            Ok(connected) => connected.map_err(UpstreamError::Connect)?,
            Err(_) => return Err(UpstreamError::ConnectTimeout),
        },
        several => race(interleaved(several), deadline).await?,
    };
    // Without it a small answer waits 40 ms for the peer's delayed acknowledgement.
    stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
    Ok(stream)
}

/// One attempt after the other, each begun when the one before has failed or taken long; all go on until one has won.
async fn race(addresses: Vec<SocketAddr>, deadline: Instant) -> Result<TcpStream, UpstreamError> {
    let (mut next, mut last) = (addresses.into_iter(), UpstreamError::NoSuchName);
    // Dropped, it ends what is still under way.
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = next.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        let is_last = next.len() == 0;
        tokio::select! {
            ended = attempts.join_next() => match ended.map(settled) {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = UpstreamError::Connect(error),
                None => return Err(last),
            },
            () = sleep(ATTEMPT_DELAY), if !is_last => {}
            () = sleep_until(deadline) => return Err(UpstreamError::ConnectTimeout),
        }
    }
}

fn settled(ended: Result<io::Result<TcpStream>, JoinError>) -> io::Result<TcpStream> {
    ended.map_err(io::Error::other)?
}

/// RFC 8305 section 4: "the client SHOULD place an interleaved set of addresses": the families take turns, in the order
/// in which the resolver names them.
fn interleaved(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_family = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.iter().copied().partition(|address| address.is_ipv6() == first_family);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut taken = Vec::with_capacity(addresses.len());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return taken,
            pair => taken.extend([pair.0, pair.1].into_iter().flatten()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpSocket};

    #[test]
    fn families_take_turns() {
        let sorted = |addresses: &[&str]| -> Vec<String> {
            let all: Vec<SocketAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            interleaved(&all).iter().map(ToString::to_string).collect()
        };
        let (a, b, c) = ("127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1");
        assert_eq!(sorted(&["[::1]:1", "[::2]:1", a, b, c]), ["[::1]:1", a, "[::2]:1", b, c]);
        assert_eq!(sorted(&[a, b, "[::1]:1"]), [a, "[::1]:1", b]);
        assert_eq!(sorted(&[a, b]), [a, b]);
        assert!(sorted(&[]).is_empty());
    }

    /// An address where a connection is neither made nor refused: its queue is full.
    async fn silent() -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
        {
            filling.push(stream);
        }
        (listener, filling)
    }

    async fn listening() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").await.unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[tokio::test]
    async fn an_address_that_is_silent_or_refuses_does_not_hold_up_the_next() {
        let ((silent, _filling), good) = (silent().await, listening().await);
        let refusing = listening().await.local_addr().unwrap();
        let addresses = [silent.local_addr().unwrap(), refusing, good.local_addr().unwrap()];
        let stream = connect(&addresses, soon()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[2]);
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn the_first_is_taken_where_it_answers_and_the_others_are_not_asked() {
        let (first, second) = (listening().await, listening().await);
        let addresses = [first.local_addr().unwrap(), second.local_addr().unwrap()];
        let stream = connect(&addresses, soon()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addresses[0]);
        assert!(tokio::time::timeout(Duration::from_millis(300), second.accept()).await.is_err());
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_and_silence_ends_at_the_deadline() {
        let (silent, _filling) = silent().await;
        let (one, two) = (listening().await.local_addr().unwrap(), listening().await.local_addr().unwrap());
        assert!(matches!(connect(&[one], soon()).await, Err(UpstreamError::Connect(_))));
        assert!(matches!(connect(&[one, two], soon()).await, Err(UpstreamError::Connect(_))));
        assert!(matches!(connect(&[], soon()).await, Err(UpstreamError::NoSuchName)));
        let silent = silent.local_addr().unwrap();
        for addresses in [&[silent][..], &[silent, silent]] {
            let deadline = Instant::now() + Duration::from_millis(400);
            assert!(matches!(connect(addresses, deadline).await, Err(UpstreamError::ConnectTimeout)));
        }
    }
}
