//! How a command reaches the API: through the socket of a running gateway, else in this process.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::path::Path;
use thiserror::Error;
use tokio::net::UnixStream;
use tower::ServiceExt;

/// One question to the API.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query below `/api/v1`.
    pub path: String,
    /// The JSON body, where there is one.
    pub body: Option<Value>,
}

impl Call {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    /// Another method with a JSON body.
    pub fn with(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body) }
    }
}

/// What the API said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; most answers are one JSON value.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Result<Value, SpeakError> {
        serde_json::from_slice(&self.body).map_err(|_| SpeakError::NotJson)
    }
}

/// Why the API did not answer.
#[derive(Debug, Error)]
pub enum SpeakError {
    /// The socket is there but nobody answers.
    #[error("the running gateway does not answer")]
    Silent,
    /// The answer is not what was asked for.
    #[error("the answer is not JSON")]
    NotJson,
    /// The question cannot be put.
    #[error("the question cannot be put")]
    Question,
}

/// A way to the API.
pub enum Speaker {
    /// A running gateway.
    Running(UnixStream),
    /// This process.
    Here(Box<Router>),
}

impl Speaker {
    /// A running gateway, where one listens at `socket`.
    pub async fn running(socket: &Path) -> Option<Self> {
        UnixStream::connect(socket).await.ok().map(Self::Running)
    }

    /// Puts the question.
    pub async fn ask(self, call: Call) -> Result<Answer, SpeakError> {
        let body = call.body.map(|value| Bytes::from(value.to_string())).unwrap_or_default();
        let request = Request::builder()
            .method(call.method)
            .uri(format!("/api/v1{}", call.path))
            .header(header::HOST, "doorward")
            .header(header::CONTENT_TYPE, "application/json");
        match self {
            Self::Running(stream) => {
                let request = request.body(Full::new(body)).map_err(|_| SpeakError::Question)?;
                over(stream, request).await
            }
            Self::Here(router) => {
                let request = request.body(Body::from(body)).map_err(|_| SpeakError::Question)?;
                let response = router.oneshot(request).await.map_err(|never| match never {})?;
                let (head, body) = response.into_parts();
                let body = body.collect().await.map_err(|_| SpeakError::Silent)?.to_bytes();
                Ok(Answer { status: head.status, body })
            }
        }
    }
}

async fn over(stream: UnixStream, request: Request<Full<Bytes>>) -> Result<Answer, SpeakError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| SpeakError::Silent)?;
    tokio::spawn(connection);
    let response: http::Response<Incoming> = sender.send_request(request).await.map_err(|_| SpeakError::Silent)?;
    let status = response.status();
    let body = response.into_body().collect().await.map_err(|_| SpeakError::Silent)?.to_bytes();
    Ok(Answer { status, body })
}
