//! How a command reaches the API: through the socket of a running gateway, else in this process.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
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
    /// For whom, where it is not the owner of the home: an `Authorization` field's value.
    pub credential: Option<HeaderValue>,
}

impl Call {
    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, credential: None }
    }

    /// Another method with a JSON body.
    pub fn with(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body), credential: None }
    }
}

/// What the API said, all of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; most answers are one JSON value.
    pub body: Bytes,
}

/// An answer on its way.
pub struct Spoken {
    /// The status.
    pub status: StatusCode,
    body: Body,
}

impl Spoken {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// [`SpeakError::CutOff`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, SpeakError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame.map_err(|_| SpeakError::CutOff)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// Waits for all of it.
    ///
    /// # Errors
    /// [`SpeakError::CutOff`].
    pub async fn whole(self) -> Result<Answer, SpeakError> {
        let body = self.body.collect().await.map_err(|_| SpeakError::CutOff)?.to_bytes();
        Ok(Answer { status: self.status, body })
    }
}

/// Why the API did not answer.
#[derive(Debug, Error)]
pub enum SpeakError {
    /// The socket is there but nobody answers.
    #[error("the running gateway does not answer")]
    Silent,
    /// The answer broke off.
    #[error("the answer broke off")]
    CutOff,
    /// The question cannot be put.
    #[error("the question cannot be put")]
    Question,
}

/// A way to the API.
pub enum Speaker {
    /// A running gateway.
    Running(UnixStream),
    /// This process.
    Here(Router),
}

impl Speaker {
    /// A running gateway, where one listens at `socket`.
    pub async fn running(socket: &Path) -> Option<Self> {
        UnixStream::connect(socket).await.ok().map(Self::Running)
    }

    /// Puts the question.
    ///
    /// # Errors
    /// [`SpeakError`].
    pub async fn ask(self, call: Call) -> Result<Spoken, SpeakError> {
        let body = call.body.map(|value| Bytes::from(value.to_string())).unwrap_or_default();
        let mut request = Request::builder()
            .method(call.method)
            .uri(format!("/api/v1{}", call.path))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(credential) = call.credential {
            request = request.header(header::AUTHORIZATION, credential);
        }
        let response: Response<Body> = match self {
            Self::Running(stream) => {
                let request = request.body(Full::new(body)).map_err(|_| SpeakError::Question)?;
                over(stream, request).await?
            }
            Self::Here(router) => {
                let request = request.body(Body::from(body)).map_err(|_| SpeakError::Question)?;
                router.oneshot(request).await.map_err(|never| match never {})?
            }
        };
        let (head, body) = response.into_parts();
        Ok(Spoken { status: head.status, body })
    }
}

async fn over(stream: UnixStream, request: Request<Full<Bytes>>) -> Result<Response<Body>, SpeakError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| SpeakError::Silent)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(|_| SpeakError::Silent)?;
    Ok(response.map(Body::new))
}
