//! SOCKS5 on the proxy port: who is asking, whereto, and then the stream is what it is behind a CONNECT.

mod message;

pub use message::{Credential, Greeting, LONGEST, Malformed, Method, Outcome, Read, Request, VERSION};

use super::connect::{self, Stream};
use super::front::{Arrival, Front};
use super::peek::Peeked;
use super::who::Asking;
use crate::exchange::{ExchangeError, Who};
use crate::model::{Origin, Scheme};
use crate::upstream::UpstreamError;
use http::HeaderMap;
use message::credential_answer;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why a client is turned away, and what it is told.
struct Refusal {
    who: Who,
    error: Option<ExchangeError>,
    answer: Vec<u8>,
}

impl Refusal {
    fn of(who: &Who, error: ExchangeError) -> Self {
        let answer = outcome_of(&error).write().to_vec();
        Self { who: who.clone(), error: Some(error), answer }
    }

    /// No credential, or one that is not ours.
    fn unauthorised(answer: [u8; 2]) -> Self {
        Self { who: Who::guest(), error: None, answer: answer.to_vec() }
    }
}

/// How a negotiation ends before there is a request.
enum Ended {
    Refused(Box<Refusal>),
    /// The client left.
    Gone,
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Serves a connection that begins with SOCKS, to its end. The client has `patience` to say what it wants.
pub(super) async fn serve(front: &Arc<Front>, arrival: Arrival, stream: TcpStream, patience: Duration) {
    let peer = arrival.peer;
    let mut conversation = Conversation { stream, come: Vec::with_capacity(LONGEST) };
    let negotiation = timeout(patience, conversation.negotiate(front, &arrival));
    let Some(asked) = front.stop.run_until_cancelled(negotiation).await else { return };
    let asked =
        asked.unwrap_or_else(|_| Err(Refusal::of(&Who::guest(), ExchangeError::RequestHeadTimeout).into()));
    let (who, origin) = match asked {
        Ok(asked) => asked,
        Err(Ended::Gone) => return,
        Err(Ended::Refused(refusal)) => {
            match &refusal.error {
                Some(error) => front.record_refusal(peer, &refusal.who, None, error).await,
                None => front.record_unauthorised(peer).await,
            }
            return conversation.end(&refusal.answer).await;
        }
    };
    match connect::prepare(front, &who, &origin).await {
        Ok(prepared) => {
            let Conversation { mut stream, come } = conversation;
            if stream.write_all(&Outcome::Succeeded.write()).await.is_ok() {
                let stream: Box<dyn Stream> = Box::new(stream);
                let stream = Peeked::holding(come, stream);
                prepared.lead_on(front, arrival, who, origin, stream).await;
            }
        }
        // Whoever prepared it has recorded it.
        Err(error) => conversation.end(&outcome_of(&error).write()).await,
    }
}

/// What is said before the stream is the connection's.
struct Conversation {
    stream: TcpStream,
    /// What came and was not read yet.
    come: Vec<u8>,
}

impl Conversation {
    async fn negotiate(&mut self, front: &Front, arrival: &Arrival) -> Result<(Who, Origin), Ended> {
        let who = self.authenticate(front, arrival).await?;
        if !front.seats(arrival, &who) {
            return Err(Refusal::of(&who, ExchangeError::Crowded).into());
        }
        let request = match self.message(Request::read).await? {
            Ok(request) => request,
            Err(malformed) => {
                let mut refusal = Refusal::of(&who, ExchangeError::Malformed(malformed.sentence()));
                if malformed == Malformed::AddressType {
                    refusal.answer = Outcome::AddressTypeNotSupported.write().to_vec();
                }
                return Err(refusal.into());
            }
        };
        if !request.is_connect {
            let error = ExchangeError::NotCarried("SOCKS without CONNECT");
            return Err(Refusal::of(&who, error).into());
        }
        let origin = Origin { scheme: Scheme::Https, host: request.host, port: request.port };
        match front.rooms.generation.load().may_reach(&origin) {
            true => Ok((who, origin)),
            false => Err(Refusal::of(&who, ExchangeError::Port).into()),
        }
    }

    /// A client that is ready to say who it is, is asked; else it is whom its address says, as over HTTP.
    async fn authenticate(&mut self, front: &Front, arrival: &Arrival) -> Result<Who, Ended> {
        let nobody = Refusal::unauthorised(Method::None.write());
        let Ok(greeting) = self.message(Greeting::read).await? else { return Err(nobody.into()) };
        if greeting.password {
            self.stream.write_all(&Method::Password.write()).await?;
            let credential = self.message(Credential::read).await?;
            let Some(who) = credential.ok().and_then(|credential| front.holder_of(&credential)) else {
                return Err(Refusal::unauthorised(credential_answer(false)).into());
            };
            self.stream.write_all(&credential_answer(true)).await?;
            return Ok(who);
        }
        match front.identify(arrival.peer, &HeaderMap::new()) {
            Asking::Known(who) if greeting.without => {
                self.stream.write_all(&Method::Without.write()).await?;
                Ok(who)
            }
            _ => Err(nobody.into()),
        }
    }

    /// The next message. What the client sent behind it stays.
    async fn message<T>(&mut self, read: impl Fn(&[u8]) -> Read<T>) -> Result<Result<T, Malformed>, Ended> {
        loop {
            match read(&self.come) {
                Ok(Some((message, length))) => {
                    self.come.drain(..length);
                    return Ok(Ok(message));
                }
                Ok(None) => {}
                Err(malformed) => return Ok(Err(malformed)),
            }
            // No message is longer, so that nothing is read without bound.
            let room = LONGEST.saturating_sub(self.come.len());
            if (&mut self.stream).take(room as u64).read_buf(&mut self.come).await? == 0 {
                return Err(Ended::Gone);
            }
        }
    }

    async fn end(mut self, answer: &[u8]) {
        if self.stream.write_all(answer).await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }
}

/// What SOCKS has a number for (RFC 1928 section 6).
fn outcome_of(error: &ExchangeError) -> Outcome {
    use ExchangeError as E;
    use UpstreamError as U;
    match error {
        E::Port | E::Forbidden { .. } | E::RateLimited { .. } | E::Crowded => Outcome::NotAllowed,
        E::Upstream(U::Refused(_) | U::BlockedByResolver) => Outcome::NotAllowed,
        E::Upstream(U::Resolve(_) | U::NoSuchName | U::ConnectTimeout) => Outcome::HostUnreachable,
        E::Upstream(U::Connect(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Outcome::ConnectionRefused,
            io::ErrorKind::NetworkUnreachable => Outcome::NetworkUnreachable,
            _ => Outcome::HostUnreachable,
        },
        E::NotCarried(_) => Outcome::CommandNotSupported,
        _ => Outcome::Failed,
    }
}
