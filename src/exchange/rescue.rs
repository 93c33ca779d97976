//! Layer 1: every error becomes a response, here and nowhere else.

use super::error::ExchangeError;
use super::layers::{Exchange, Handle, Reply};
use super::page;
use crate::model::Blame;
use http::HeaderValue;
use http::header::CONNECTION;
use tower::Layer;

/// The layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct RescueLayer;

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue { inner }
    }
}

/// The layer around the rest.
#[derive(Clone, Debug)]
pub struct Rescue<S> {
    inner: S,
}

impl<S: Handle> Handle for Rescue<S> {
    async fn handle(&self, exchange: &mut Exchange) -> Result<Reply, ExchangeError> {
        let accepts = page::accepts(&exchange.headers).cloned();
        let error = match self.inner.handle(exchange).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        if error.blame() == Blame::Gateway {
            tracing::warn!(flow = %exchange.flow.id(), error = %error, "exchange failed");
        } else {
            tracing::debug!(flow = %exchange.flow.id(), error = %error, blame = ?error.blame(), "exchange failed");
        }
        let mut reply = page::refusal_of(&error, accepts.as_ref());
        if let Some(reception) = error.reception() {
            reply.extensions_mut().insert(reception);
        }
        // What follows on this connection may be the rest of a message we did not understand.
        if error.closes_connection() && exchange.version <= http::Version::HTTP_11 {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(reply)
    }
}
