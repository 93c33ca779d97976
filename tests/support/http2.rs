//! A fake vendor that speaks HTTP/2 alone and records what it was asked.

use super::ca::TestCa;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Asked {
    pub head: Arc<http::request::Parts>,
    pub body: Bytes,
    /// The connection's number, from 0.
    pub connection: usize,
}

impl Asked {
    /// All lines of one field.
    pub fn header(&self, name: &str) -> Vec<String> {
        let lines = self.head.headers.get_all(name).iter();
        lines.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    }
}

/// What a path gets.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<Bytes>,
    pub trailers: Vec<(&'static str, &'static str)>,
}

/// A running fake vendor.
pub struct Http2Vendor {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
}

impl Http2Vendor {
    /// Answers these paths so, and any other with `200 ok`.
    pub async fn start(host: &str, ca: &TestCa, routes: Vec<(&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let vendor = Self { address, asked: Arc::default(), connections: Arc::default() };
        let mut tls = ca.server_config(host);
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let routes: Arc<HashMap<_, _>> = Arc::new(routes.into_iter().collect());
        let (asked, connections) = (Arc::clone(&vendor.asked), Arc::clone(&vendor.connections));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let connection = connections.fetch_add(1, Ordering::Relaxed);
                let (acceptor, asked, routes) = (acceptor.clone(), Arc::clone(&asked), Arc::clone(&routes));
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        answer(request, connection, Arc::clone(&asked), Arc::clone(&routes))
                    });
                    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(tls), service)
                        .await;
                });
            }
        });
        vendor
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Everything asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The only request.
    pub fn only(&self) -> Asked {
        let all = self.asked();
        assert_eq!(all.len(), 1);
        all[0].clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    asked: Arc<Mutex<Vec<Asked>>>,
    routes: Arc<HashMap<&'static str, Answer>>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let Ok(collected) = body.collect().await else { return Ok(Response::default()) };
    let body = collected.to_bytes();
    asked.lock().unwrap().push(Asked { head: Arc::new(head), body, connection });
    let ok = Answer { status: 200, body: vec![Bytes::from_static(b"ok")], ..Answer::default() };
    let answer = routes.get(path.as_str()).cloned().unwrap_or(ok);
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    let mut frames: Vec<_> = answer.body.into_iter().map(Frame::data).collect();
    if !answer.trailers.is_empty() {
        let fields =
            answer.trailers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        frames.push(Frame::trailers(fields.collect()));
    }
    Ok(builder.body(BoxBody::new(Frames(frames.into_iter()))).unwrap())
}

struct Frames(std::vec::IntoIter<Frame<Bytes>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == 0
    }
}
