//! Clients that speak through the gateway.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub trailers: Option<HeaderMap>,
    pub body: Bytes,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// One field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client of the gateway.
#[derive(Clone)]
pub struct Client {
    proxy: SocketAddr,
    tls: Arc<ClientConfig>,
    root: CertificateDer<'static>,
    credential: Option<String>,
    http2: bool,
    from: Option<IpAddr>,
}

/// One connection through the gateway to one host.
pub enum Opened {
    Http1(hyper::client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(hyper::client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    /// One that trusts `root` alone.
    pub fn new(proxy: SocketAddr, root: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root.clone()).unwrap();
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Self { proxy, tls: Arc::new(tls), root, credential: None, http2: false, from: None }
    }

    /// Speaks HTTP/2 inside tunnels.
    pub fn http2(mut self) -> Self {
        let mut tls = (*self.tls).clone();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        self.tls = Arc::new(tls);
        self.http2 = true;
        self
    }

    /// Sends a credential to the gateway.
    pub fn with_credential(mut self, name: &str, token: &str) -> Self {
        self.credential = Some(format!("Basic {}", STANDARD.encode(format!("{name}:{token}"))));
        self
    }

    /// What it sends to the gateway to say who it is.
    pub fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    /// Comes from this address of the loopback network.
    pub fn from(mut self, address: &str) -> Self {
        self.from = Some(address.parse().unwrap());
        self
    }

    /// Trusts `root` alone, as one that meets the vendor itself.
    pub fn trusting(mut self, root: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        self.tls = Arc::new(tls);
        self
    }

    /// Trusts the same root, holding certificates against the time of `clock`.
    pub fn at(mut self, clock: &super::clock::TestClock) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let tls = ClientConfig::builder_with_details(provider, Arc::new(clock.clone()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        self.tls = Arc::new(tls);
        self
    }

    /// Keeps TLS sessions in the same place as `other`.
    pub fn sharing_sessions_with(mut self, other: &Self) -> Self {
        self.tls = Arc::clone(&other.tls);
        self
    }

    /// A raw connection to the proxy port.
    pub async fn proxy(&self) -> TcpStream {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0)).unwrap();
        }
        let stream = socket.connect(self.proxy).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Sends these bytes to the proxy port and reads until it closes, or is silent for a while.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.proxy().await;
        stream.write_all(bytes).await.unwrap();
        read_all(&mut stream).await
    }

    /// Sends these bytes through an intercepted tunnel to `host`.
    pub async fn raw_inside(&self, host: &str, bytes: &[u8]) -> String {
        let mut stream = self.tunnel(host, host).await.expect("a tunnel");
        stream.write_all(bytes).await.unwrap();
        read_all(&mut stream).await
    }

    /// CONNECT alone: the status and the stream behind it.
    pub async fn connect(&self, authority: &str) -> (u16, String, TcpStream) {
        let mut stream = self.proxy().await;
        let credential = self
            .credential
            .as_ref()
            .map(|value| format!("Proxy-Authorization: {value}\r\n"))
            .unwrap_or_default();
        let head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{credential}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => answer.push(byte),
                Err(_) => break,
            }
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer, stream)
    }

    /// An intercepted tunnel to `host`, asking for `server_name` in the handshake.
    pub async fn tunnel(
        &self,
        host: &str,
        server_name: &str,
    ) -> Result<TlsStream<TcpStream>, std::io::Error> {
        let authority = if host.contains(':') { host.to_owned() } else { format!("{host}:443") };
        let (status, answer, stream) = self.connect(&authority).await;
        assert_eq!(status, 200, "{answer}");
        self.handshake(server_name, stream).await
    }

    /// TLS on a stream that has been connected.
    pub async fn handshake<T: AsyncRead + AsyncWrite + Unpin>(
        &self,
        server_name: &str,
        stream: T,
    ) -> Result<TlsStream<T>, std::io::Error> {
        let bare = server_name.split(':').next().unwrap_or(server_name).to_owned();
        let name = ServerName::try_from(bare).unwrap();
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await
    }

    /// A connection to `host` on which several requests can be sent.
    pub async fn open(&self, host: &str) -> Opened {
        let tls = self.tunnel(host, host).await.unwrap();
        if self.http2 {
            let (sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
            tokio::spawn(connection);
            Opened::Http2(sender)
        } else {
            let (sender, connection) = hyper::client::conn::http1::Builder::new()
                .preserve_header_case(true)
                .handshake(TokioIo::new(tls))
                .await
                .unwrap();
            tokio::spawn(connection);
            Opened::Http1(sender)
        }
    }

    /// A connection over HTTP/1.1, `None` where the gateway is gone.
    pub async fn try_open(&self, host: &str) -> Option<Opened> {
        let mut stream = TcpStream::connect(self.proxy).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let head = format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.ok()?);
        }
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await.ok()?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.ok()?;
        tokio::spawn(connection);
        Some(Opened::Http1(sender))
    }

    /// One request on a connection of its own.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let uri = request.uri().clone();
        if uri.scheme_str() == Some("http") {
            return self.send_cleartext(request).await;
        }
        let authority = uri.authority().expect("an absolute URL").to_string();
        self.open(&authority).await.send(request).await
    }

    async fn send_cleartext(&self, mut request: Request<Full<Bytes>>) -> Reply {
        let authority = request.uri().authority().unwrap().to_string();
        request.headers_mut().insert("host", authority.parse().unwrap());
        if let Some(credential) = &self.credential {
            request.headers_mut().insert("proxy-authorization", credential.parse().unwrap());
        }
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(self.proxy().await)).await.unwrap();
        tokio::spawn(connection);
        collect(sender.send_request(request).await.unwrap()).await
    }

    /// GET.
    pub async fn get(&self, url: &str) -> Reply {
        self.send(request(Method::GET, url, &[], "")).await
    }

    /// GET with fields.
    pub async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request(Method::GET, url, headers, "")).await
    }

    /// POST.
    pub async fn post(&self, url: &str, content_type: &str, body: impl Into<Bytes>) -> Reply {
        self.send(request(Method::POST, url, &[("content-type", content_type)], body)).await
    }
}

/// A request with these fields.
pub fn request(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut builder = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

impl Opened {
    /// GET over HTTP/1.1, `None` where the whole answer does not come.
    pub async fn try_get(&mut self, url: &str) -> Option<Reply> {
        let Self::Http1(sender) = self else { return None };
        let uri: http::Uri = url.parse().unwrap();
        let request = Request::builder()
            .uri(uri.path_and_query().unwrap().as_str())
            .header("host", uri.authority().unwrap().as_str())
            .body(Full::default())
            .unwrap();
        sender.ready().await.ok()?;
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Reply { status: head.status, headers: head.headers, trailers: None, body })
    }

    /// Sends one request, absolute URL and all.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Reply {
        match self {
            Self::Http2(sender) => {
                *request.version_mut() = Version::HTTP_2;
                collect(sender.send_request(request).await.unwrap()).await
            }
            Self::Http1(sender) => {
                let uri = request.uri().clone();
                if let Some(authority) = uri.authority() {
                    // Host leads, as from any browser.
                    let mut headers = HeaderMap::new();
                    headers.insert("host", authority.as_str().parse().unwrap());
                    headers.extend(std::mem::take(request.headers_mut()));
                    *request.headers_mut() = headers;
                    *request.uri_mut() = uri.path_and_query().unwrap().as_str().parse().unwrap();
                }
                sender.ready().await.unwrap();
                collect(sender.send_request(request).await.unwrap()).await
            }
        }
    }
}

impl Opened {
    /// Sends one request and gives the response as its bytes come.
    pub async fn stream(&mut self, request: Request<Full<Bytes>>) -> http::Response<hyper::body::Incoming> {
        self.try_stream(request).await.unwrap()
    }

    /// Likewise, where the head may not come.
    pub async fn try_stream(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<http::Response<hyper::body::Incoming>> {
        match self {
            Self::Http2(sender) => sender.send_request(request).await,
            Self::Http1(sender) => {
                let (mut head, body) = request.into_parts();
                let authority = head.uri.authority().unwrap().to_string();
                head.headers.insert("host", authority.parse().unwrap());
                head.uri = head.uri.path_and_query().unwrap().as_str().parse().unwrap();
                sender.ready().await?;
                sender.send_request(Request::from_parts(head, body)).await
            }
        }
    }
}

pub async fn collect(response: http::Response<hyper::body::Incoming>) -> Reply {
    let (head, body) = response.into_parts();
    let collected = tokio::time::timeout(Duration::from_secs(120), body.collect())
        .await
        .expect("in time")
        .expect("a body");
    let trailers = collected.trailers().cloned();
    Reply { status: head.status, headers: head.headers, trailers, body: collected.to_bytes() }
}

async fn read_all<T: tokio::io::AsyncRead + Unpin>(stream: &mut T) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    // Kept connections do not close: a short silence is the end of what was said.
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_millis(1500), stream.read(&mut chunk)).await
    {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// One request, and what comes back.
pub async fn ask<T: AsyncRead + AsyncWrite + Unpin>(mut stream: T, target: &str, host: &str) -> String {
    let head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A vendor that is met directly keeps its connection.
    while !answer.ends_with(b"ok") && stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0) {}
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads to the end, which must come.
pub async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{rest:?}");
}
