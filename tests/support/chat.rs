//! A vendor that people talk to by WebSocket.

use super::{Household, TestCa};
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

/// The client's end.
pub type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A vendor that says everything back, and keeps what it was told.
pub struct Chat {
    /// Where it listens.
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<HeaderMap>>>,
    messages: Arc<Mutex<Vec<Message>>>,
}

impl Chat {
    /// As `chat.test`.
    pub async fn start(ca: &TestCa) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let chat =
            Self { address: listener.local_addr().unwrap(), heads: Arc::default(), messages: Arc::default() };
        let acceptor = TlsAcceptor::from(Arc::new(ca.server_config("chat.test")));
        let (heads, messages) = (Arc::clone(&chat.heads), Arc::clone(&chat.messages));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, heads, messages) =
                    (acceptor.clone(), Arc::clone(&heads), Arc::clone(&messages));
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(stream).await else { return };
                    // The type of the refusal is the library's.
                    #[allow(clippy::result_large_err)]
                    let keep = |request: &Request, mut answer: Response| {
                        heads.lock().unwrap().push(request.headers().clone());
                        if let Some(wanted) = request.headers().get("sec-websocket-protocol") {
                            answer.headers_mut().insert("sec-websocket-protocol", wanted.clone());
                        }
                        Ok(answer)
                    };
                    let Ok(mut socket) = accept_hdr_async(tls, keep).await else { return };
                    while let Some(Ok(message)) = socket.next().await {
                        messages.lock().unwrap().push(message.clone());
                        if message.is_text() || message.is_binary() {
                            let _ = socket.send(message).await;
                        }
                    }
                });
            }
        });
        chat
    }

    /// What it was told.
    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// A field of the last handshake, line by line.
    pub fn field(&self, name: &str) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        let lines = heads.last().unwrap().get_all(name).iter();
        lines.map(|value| value.to_str().unwrap().to_owned()).collect()
    }
}

/// A household that knows the chat; with somebody to protect, where `values` says so.
/// A WebSocket to it, through the gateway.
pub async fn open(home: &Household, fields: &[(&'static str, &str)]) -> Socket {
    let mut request = "wss://chat.test/room?utm_source=x".into_client_request().unwrap();
    for (name, value) in fields {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let stream = home.client().tunnel("chat.test", "chat.test").await.unwrap();
    let (socket, answer) = client_async(request, stream).await.unwrap();
    assert_eq!(answer.status(), 101);
    socket
}
