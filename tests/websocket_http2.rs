//! P2 and P5 on a WebSocket that a client opens as a stream of HTTP/2 (RFC 8441), which it may where the vendor lets it.

use crate::support::{Household, TestCa, until};
use bytes::Bytes;
use doorward::model::{Host, Origin, Scheme};
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Connection, SendRequest};
use hyper::ext::Protocol;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;
use tokio_rustls::server;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Accepted};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// A vendor that says everything back, over HTTP/2 or by an upgrade, and keeps how it was asked and what it was told.
struct Chat {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    offers: AtomicBool,
    hang_up: Notify,
    asked: Mutex<Vec<String>>,
    told: Mutex<Vec<String>>,
}

impl Chat {
    async fn start(ca: &TestCa, offers: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let chat = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        chat.state.offers.store(offers, Ordering::SeqCst);
        let mut tls = ca.server_config("chat.test");
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (acceptor, state) = (TlsAcceptor::from(Arc::new(tls)), Arc::clone(&chat.state));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(stream).await else { return };
                    if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
                        state.serve_streams(tls).await;
                    } else {
                        state.serve_upgrade(tls).await;
                    }
                });
            }
        });
        chat
    }

    fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }

    fn told(&self) -> Vec<String> {
        self.state.told.lock().unwrap().clone()
    }
}

impl State {
    async fn serve_streams(self: Arc<Self>, tls: server::TlsStream<TcpStream>) {
        let state = Arc::clone(&self);
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let state = Arc::clone(&state);
            async move {
                let protocol =
                    request.extensions().get::<Protocol>().map(|protocol| protocol.as_str().to_owned());
                let asked = format!("{} {} {protocol:?}", request.method(), request.uri().path());
                state.asked.lock().unwrap().push(asked);
                if protocol.is_some() {
                    let stream = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        let socket = TokioIo::new(stream.await.unwrap());
                        state.talk(WebSocketStream::from_raw_socket(socket, Role::Server, None).await).await;
                    });
                }
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        if self.offers.load(Ordering::SeqCst) {
            builder.enable_connect_protocol();
        }
        tokio::select! {
            _ = builder.serve_connection(TokioIo::new(tls), service) => {}
            () = self.hang_up.notified() => {}
        }
    }

    async fn serve_upgrade(self: Arc<Self>, tls: server::TlsStream<TcpStream>) {
        // The type of the refusal is the library's.
        #[allow(clippy::result_large_err)]
        let keep = |request: &Asked, answer: Accepted| {
            self.asked.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path()));
            Ok(answer)
        };
        let Ok(socket) = accept_hdr_async(tls, keep).await else { return };
        self.talk(socket).await;
    }

    async fn talk<S>(&self, mut socket: WebSocketStream<S>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = &message {
                self.told.lock().unwrap().push(text.to_string());
                let _ = socket.send(message).await;
            }
        }
        // Both ends of the stream, or it would be reset.
        let _ = socket.get_mut().shutdown().await;
        let _ = tokio::io::copy(socket.get_mut(), &mut tokio::io::sink()).await;
    }
}

/// A client's connection, which knows what it was offered.
struct Opened {
    sender: SendRequest<Empty<Bytes>>,
    connection: Connection<TokioIo<TlsStream<TcpStream>>, Empty<Bytes>, TokioExecutor>,
}

impl Opened {
    async fn to(home: &Household) -> Self {
        let tls = home.client().http2().tunnel("chat.test", "chat.test").await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        let mut opened = Self { sender, connection };
        let page = Request::get("https://chat.test/page").body(Empty::new()).unwrap();
        assert_eq!(opened.send(page).await.status(), 200);
        opened
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> Response<Incoming> {
        tokio::select! {
            answer = self.sender.send_request(request) => answer.unwrap(),
            _ = &mut self.connection => panic!("the connection ended"),
        }
    }

    fn is_offered(&self) -> bool {
        self.connection.is_extended_connect_protocol_enabled()
    }

    async fn websocket(mut self) -> WebSocketStream<TokioIo<Upgraded>> {
        let request = Request::builder()
            .method(Method::CONNECT)
            .version(Version::HTTP_2)
            .uri("https://chat.test/live?room=1")
            .header("sec-websocket-version", "13")
            .header("origin", "https://chat.test")
            .header("sec-websocket-extensions", "permessage-deflate")
            .extension(Protocol::from_static("websocket"))
            .body(Empty::new())
            .unwrap();
        let mut answer = self.send(request).await;
        assert_eq!(answer.status(), 200);
        for name in ["connection", "upgrade", "sec-websocket-accept"] {
            assert!(!answer.headers().contains_key(name), "{name}");
        }
        tokio::spawn(self.connection);
        let stream = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
        WebSocketStream::from_raw_socket(stream, Role::Client, None).await
    }
}

async fn household(ca: &TestCa, chat: &Chat) -> Household {
    Household::trusting(ca)
        .host("chat.test", chat.address)
        .member("ann", &[("email.primary", "ann@home.example")])
        .config("[identity]\ndomain = \"alias.example\"")
        .start()
        .await
}

/// Waits until the gateway has seen the vendor's offer.
async fn learnt(home: &Household) {
    let origin = Origin { scheme: Scheme::Https, host: Host::parse("chat.test").unwrap(), port: 443 };
    let (upstream, ann) = (&home.house.rooms().upstream, home.id("ann"));
    until("the offer", || upstream.takes_websockets(ann, &origin)).await;
}

/// Says something real, and gives what came back.
async fn say(socket: &mut WebSocketStream<TokioIo<Upgraded>>) -> String {
    socket.send(Message::text(r#"{"from":"ann@home.example"}"#)).await.unwrap();
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_offered_once_the_vendor_has_offered_it_and_carries_pseudonyms() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca, true).await;
    let home = household(&ca, &chat).await;
    assert!(!Opened::to(&home).await.is_offered(), "nothing is known of the vendor yet");
    learnt(&home).await;
    let opened = Opened::to(&home).await;
    assert!(opened.is_offered());
    let mut socket = opened.websocket().await;
    let back = say(&mut socket).await;
    assert!(back.contains("@alias.example") && !back.contains("home"), "{back}");
    assert_eq!(chat.told(), [back]);
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    socket.get_mut().shutdown().await.unwrap();
    drop(socket);
    let page = "GET /page None".to_owned();
    assert_eq!(chat.asked(), [page.clone(), page, "CONNECT /live Some(\"websocket\")".to_owned()]);
    let open = home.of_kind("open").await.pop().unwrap();
    assert_eq!(
        (open["method"].as_str(), open["url"].as_str()),
        (Some("GET"), Some("https://chat.test/live?room=…"))
    );
    let close = home.of_kind("close").await.pop().unwrap();
    assert_eq!((close["status"].as_u64(), close["outcome"].as_str()), (Some(200), Some("complete")));
    assert_eq!(close["edits"][0]["place"], "request.ws.text", "{close}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_that_no_longer_offers_it_is_asked_by_an_upgrade() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca, true).await;
    let home = household(&ca, &chat).await;
    Opened::to(&home).await;
    learnt(&home).await;
    chat.state.offers.store(false, Ordering::SeqCst);
    chat.state.hang_up.notify_waiters();
    let mut socket = Opened::to(&home).await.websocket().await;
    assert!(say(&mut socket).await.contains("@alias.example"));
    assert_eq!(chat.asked().last().unwrap(), "GET /live");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_vendor_offers_nothing_nothing_is_offered() {
    let ca = TestCa::new();
    let chat = Chat::start(&ca, false).await;
    let home = household(&ca, &chat).await;
    for _ in 0..3 {
        assert!(!Opened::to(&home).await.is_offered());
    }
    let mut opened = Opened::to(&home).await;
    let request = Request::connect("chat.test:443").body(Empty::new()).unwrap();
    assert_eq!(opened.send(request).await.status(), 501, "a CONNECT inside a tunnel is none of ours");
}
