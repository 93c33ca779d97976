//! A fake vendor that records every byte it receives: a TLS server that only knows how to find the end of a request.

use super::ca::TestCa;
use rustls::ServerConfig;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;

/// One request as it arrived, and on which connection.
#[derive(Clone, Debug)]
pub struct Received {
    /// Every byte of it, framing and all.
    pub bytes: Vec<u8>,
    /// The connection's number, from 0.
    pub connection: usize,
    /// Whether the connection resumed an earlier TLS session.
    pub resumed: bool,
}

impl Received {
    /// Head and raw body.
    pub fn split(&self) -> (String, Vec<u8>) {
        let at = find(&self.bytes, b"\r\n\r\n").expect("a whole head");
        (String::from_utf8_lossy(&self.bytes[..at]).into_owned(), self.bytes[at + 4..].to_vec())
    }

    /// The request line.
    pub fn line(&self) -> String {
        self.split().0.lines().next().unwrap_or_default().to_owned()
    }

    /// The request-target.
    pub fn target(&self) -> String {
        self.line().split(' ').nth(1).unwrap_or_default().to_owned()
    }

    /// Header lines as they came, names in their case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = self.split().0;
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The values of one field.
    pub fn header(&self, name: &str) -> Vec<String> {
        self.headers()
            .into_iter()
            .filter(|(is, _)| is.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The body with chunks undone.
    pub fn body(&self) -> Vec<u8> {
        let raw = self.split().1;
        if self.header("transfer-encoding").is_empty() { raw } else { dechunk(&raw) }
    }

    /// The trailer fields of a chunked body.
    pub fn trailers(&self) -> Vec<(String, String)> {
        let raw = self.split().1;
        let end = chunked_length(&raw).expect("a whole chunked body");
        let text = String::from_utf8_lossy(&raw[..end]).into_owned();
        let last = text.rfind("\r\n0\r\n").map_or(0, |at| at + 5);
        let lines = text[last..].lines().filter_map(|line| line.split_once(": "));
        lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body()).into_owned()
    }
}

/// What a path gets: at once, and the rest once the test lets it go.
#[derive(Clone)]
struct Route {
    now: Vec<u8>,
    later: Option<Vec<u8>>,
}

type Routes = HashMap<String, Route>;

/// What a request gets that no route answers.
type Answers = Arc<dyn Fn(&Received) -> Vec<u8> + Send + Sync>;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

/// A running fake vendor.
pub struct Vendor {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its host name.
    pub host: String,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Mutex<Vec<u8>>>,
    connections: Arc<Mutex<usize>>,
    rest: Arc<Semaphore>,
    hang_up: Arc<Notify>,
}

/// A vendor before it runs.
pub struct VendorBuilder {
    host: String,
    tls: bool,
    eager: bool,
    config: Option<ServerConfig>,
    routes: Routes,
    answers: Answers,
}

impl Vendor {
    /// One that speaks TLS as `host`.
    pub fn https(host: &str) -> VendorBuilder {
        VendorBuilder::new(host, true)
    }

    /// One that speaks cleartext.
    pub fn http(host: &str) -> VendorBuilder {
        VendorBuilder::new(host, false)
    }

    /// Everything received so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Every byte that arrived so far, also of requests that are not over, connection by connection as they came.
    pub fn arrived(&self) -> Vec<u8> {
        self.arrived.lock().unwrap().clone()
    }

    /// Waits until these bytes have arrived.
    pub async fn arrival_of(&self, bytes: &[u8]) {
        for _ in 0..400 {
            if find(&self.arrived(), bytes).is_some() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!(
            "{:?} did not arrive: {:?}",
            String::from_utf8_lossy(bytes),
            String::from_utf8_lossy(&self.arrived())
        );
    }

    /// The only request.
    pub fn only(&self) -> Received {
        let all = self.received();
        assert_eq!(all.len(), 1, "{} got {} requests", self.host, all.len());
        all[0].clone()
    }

    /// The newest request.
    pub fn last(&self) -> Received {
        self.received().pop().expect("a request")
    }

    /// Lets one held answer have its rest.
    pub fn let_go(&self) {
        self.rest.add_permits(1);
    }

    /// Closes every connection that waits for a request.
    pub fn hang_up(&self) {
        self.hang_up.notify_waiters();
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl VendorBuilder {
    fn new(host: &str, tls: bool) -> Self {
        let answers: Answers = Arc::new(|_| OK.to_vec());
        Self { host: host.to_owned(), tls, eager: false, config: None, routes: Routes::new(), answers }
    }

    /// Answers what has no route with these raw response bytes.
    pub fn answering(mut self, answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        self.answers = Arc::new(answer);
        self
    }

    /// Answers `path` with these raw response bytes; anything else gets `200 ok`.
    pub fn route(mut self, path: &str, response: impl Into<Vec<u8>>) -> Self {
        self.routes.insert(path.to_owned(), Route { now: response.into(), later: None });
        self
    }

    /// Answers `path` with `now`, and with `later` after [`Vendor::let_go`].
    pub fn held_route(mut self, path: &str, now: impl Into<Vec<u8>>, later: impl Into<Vec<u8>>) -> Self {
        self.routes.insert(path.to_owned(), Route { now: now.into(), later: Some(later.into()) });
        self
    }

    /// Begins its answer when it has seen the head of a request, and ends it when the body is over.
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// Speaks TLS by this configuration instead of one that is in order.
    pub fn tls(mut self, config: ServerConfig) -> Self {
        self.config = Some(config);
        self
    }

    /// Starts it on loopback with a certificate from `ca`.
    pub async fn start(self, ca: &TestCa) -> Vendor {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Vendor {
            address: listener.local_addr().unwrap(),
            host: self.host.clone(),
            received: Arc::default(),
            arrived: Arc::default(),
            connections: Arc::default(),
            rest: Arc::new(Semaphore::new(0)),
            hang_up: Arc::default(),
        };
        let config = self.tls.then(|| self.config.unwrap_or_else(|| ca.server_config(&self.host)));
        let acceptor = config.map(|config| TlsAcceptor::from(Arc::new(config)));
        let (received, connections) = (Arc::clone(&vendor.received), Arc::clone(&vendor.connections));
        let (routes, answers, eager) = (Arc::new(self.routes), self.answers, self.eager);
        let (arrived, rest) = (Arc::clone(&vendor.arrived), Arc::clone(&vendor.rest));
        let hang_up = Arc::clone(&vendor.hang_up);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let number = {
                    let mut count = connections.lock().unwrap();
                    *count += 1;
                    *count - 1
                };
                let acceptor = acceptor.clone();
                let desk = Desk {
                    number,
                    resumed: false,
                    eager,
                    received: Arc::clone(&received),
                    arrived: Arc::clone(&arrived),
                    routes: Arc::clone(&routes),
                    answers: Arc::clone(&answers),
                    rest: Arc::clone(&rest),
                    hang_up: Arc::clone(&hang_up),
                };
                tokio::spawn(async move {
                    match acceptor {
                        None => desk.serve(stream).await,
                        Some(acceptor) => {
                            let Ok(tls) = acceptor.accept(stream).await else { return };
                            let resumed =
                                tls.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
                            Desk { resumed, ..desk }.serve(tls).await;
                        }
                    }
                });
            }
        });
        vendor
    }
}

/// What one connection is served with.
struct Desk {
    number: usize,
    resumed: bool,
    eager: bool,
    received: Arc<Mutex<Vec<Received>>>,
    arrived: Arc<Mutex<Vec<u8>>>,
    routes: Arc<Routes>,
    answers: Answers,
    rest: Arc<Semaphore>,
    hang_up: Arc<Notify>,
}

impl Desk {
    async fn serve<T: AsyncRead + AsyncWrite + Unpin>(self, mut stream: T) {
        let mut buffer = Vec::new();
        loop {
            let mut begun = false;
            let length = loop {
                if self.eager && !begun && find(&buffer, b"\r\n\r\n").is_some() {
                    begun = true;
                    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    if say(&mut stream, head).await.is_err() {
                        return;
                    }
                }
                if let Some(length) = request_length(&buffer) {
                    break length;
                }
                let mut chunk = [0; 16 * 1024];
                let read = tokio::select! {
                    read = stream.read(&mut chunk) => read,
                    () = self.hang_up.notified() => {
                        let _ = stream.shutdown().await;
                        return;
                    }
                };
                match read {
                    Ok(0) | Err(_) => return,
                    Ok(read) => {
                        buffer.extend_from_slice(&chunk[..read]);
                        self.arrived.lock().unwrap().extend_from_slice(&chunk[..read]);
                    }
                }
            };
            let bytes: Vec<u8> = buffer.drain(..length).collect();
            let request = Received { bytes, connection: self.number, resumed: self.resumed };
            let path = request.target().split('?').next().unwrap_or_default().to_owned();
            self.received.lock().unwrap().push(request.clone());
            let Route { now, later } = match self.routes.get(&path) {
                Some(route) => route.clone(),
                None => Route { now: (self.answers)(&request), later: None },
            };
            let answer = if begun { b"2\r\nok\r\n0\r\n\r\n".to_vec() } else { now };
            let closes = answer.is_empty() || find(&answer, b"Connection: close").is_some();
            let mut written = say(&mut stream, &answer).await;
            if let Some(later) = later {
                // A client that leaves takes the connection along: no rest for it.
                let mut end = [0; 1];
                tokio::select! {
                    permit = self.rest.acquire() => permit.unwrap().forget(),
                    _ = stream.read(&mut end) => return,
                }
                written = written.and(say(&mut stream, &later).await);
            }
            if written.is_err() || closes {
                let _ = stream.shutdown().await;
                return;
            }
        }
    }
}

/// Writes all of it to the network: what TLS could not hand on at once waits for a flush, and reading is none.
pub async fn say<T: AsyncWrite + Unpin>(stream: &mut T, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// How long the request at the start of `buffer` is, once it is all there.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = find(buffer, b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    if let Some(length) = text.lines().find_map(|line| line.strip_prefix("content-length:")) {
        let length: usize = length.trim().parse().ok()?;
        return (buffer.len() >= head + length).then_some(head + length);
    }
    if text.contains("transfer-encoding: chunked") {
        return chunked_length(&buffer[head..]).map(|length| head + length);
    }
    Some(head)
}

/// How long the chunked body at the start of `raw` is, trailers included, once it is all there.
fn chunked_length(raw: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = find(&raw[at..], b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&raw[at..at + line]).ok()?, 16).ok()?;
        at += line + 2;
        if size == 0 {
            break;
        }
        at += size + 2;
        if at > raw.len() {
            return None;
        }
    }
    loop {
        let line = find(&raw[at..], b"\r\n")?;
        at += line + 2;
        if line == 0 {
            return Some(at);
        }
    }
}

fn dechunk(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = find(raw, b"\r\n").expect("a chunk size");
        let size = usize::from_str_radix(std::str::from_utf8(&raw[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&raw[line + 2..line + 2 + size]);
        raw = &raw[line + 4 + size..];
    }
}

/// Where `needle` begins.
pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// A plain response with this head and body.
pub fn response(status: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    [text.as_bytes(), body].concat()
}
