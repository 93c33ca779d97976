//! `Expect: 100-continue` (RFC 9110 section 10.1.1): whether the body is wanted says the vendor, not this gateway.
//!
//! The head goes first. The client's body is not asked for before the vendor's 100, so neither does the client get one
//! before. A final answer instead means that the body is not wanted, and it is never asked for. A vendor may not know the
//! expectation: a client "SHOULD NOT wait for an indefinite period before sending the content", and neither do we. Toward
//! HTTP/2, whose 100 is not shown to us, the body goes at once.

use super::body::BodyError;
use super::send_body::SendBody;
use super::upload::Course;
use bytes::Bytes;
use http::header::{EXPECT, HeaderMap};
use http::{Request, StatusCode};
use http_body::{Body, Frame};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The vendor has this long to say that it wants the body, as curl gives it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A body that waits until it is wanted.
pub struct Expecting {
    body: SendBody,
    wanted: CancellationToken,
    /// Says whether the body is wanted; `None` once it has said so.
    waiting: Option<Pin<Box<dyn Future<Output = bool> + Send>>>,
}

impl Expecting {
    /// The body itself.
    pub(super) fn body(&self) -> &SendBody {
        &self.body
    }

    fn new(body: SendBody, course: &Arc<Course>) -> Self {
        let wanted = CancellationToken::new();
        let (asked, answered) = (wanted.clone().cancelled_owned(), course.answered());
        let waiting = Box::pin(async move {
            tokio::select! {
                biased;
                () = asked => true,
                () = answered => false,
                () = tokio::time::sleep(PATIENCE) => true,
            }
        });
        Self { body, wanted, waiting: Some(waiting) }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(waiting) = &mut self.waiting {
            if !ready!(waiting.as_mut().poll(cx)) {
                return Poll::Ready(Some(Err("the vendor does not want the body".into())));
            }
            self.waiting = None;
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }
}

/// Has the body of a request over HTTP/1.1 wait for the vendor's word, where its client expects that and it is sent as it
/// comes.
pub(super) fn wait_for_consent(request: Request<SendBody>) -> Request<SendBody> {
    if !is_expected(request.headers()) {
        return request;
    }
    let (head, body) = request.into_parts();
    let body = match body {
        // Given back by a connection that could not send it.
        SendBody::Expecting(body) => SendBody::Expecting(body),
        body => match body.course().cloned() {
            Some(course) => SendBody::Expecting(Box::new(Expecting::new(body, &course))),
            None => body,
        },
    };
    let mut request = Request::from_parts(head, body);
    if let SendBody::Expecting(body) = request.body() {
        let wanted = body.wanted.clone();
        hyper::ext::on_informational(&mut request, move |answer| {
            if answer.status() == StatusCode::CONTINUE {
                wanted.cancel();
            }
        });
    }
    request
}

fn is_expected(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
