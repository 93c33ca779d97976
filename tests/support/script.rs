//! A fake vendor that says what it is told to, byte by byte, however wrong it is.

use super::ca::TestCa;
use super::vendor::{find, say};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A running fake vendor.
pub struct Scripted {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<(usize, String)>>>,
    gone: Arc<Mutex<Vec<usize>>>,
}

impl Scripted {
    /// On its n-th connection, the n-th script: one answer for each request head, sent as soon as the head is there. After
    /// the last answer it reads one more head and closes; an empty answer closes at once. Later connections follow the
    /// last script.
    pub async fn start(host: &str, ca: &TestCa, scripts: Vec<Vec<Vec<u8>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor =
            Self { address: listener.local_addr().unwrap(), heads: Arc::default(), gone: Arc::default() };
        let acceptor = TlsAcceptor::from(Arc::new(ca.server_config(host)));
        let (heads, gone) = (Arc::clone(&vendor.heads), Arc::clone(&vendor.gone));
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                let script = scripts.get(number).or(scripts.last()).cloned().unwrap_or_default();
                let (acceptor, heads, gone) = (acceptor.clone(), Arc::clone(&heads), Arc::clone(&gone));
                tokio::spawn(async move {
                    let Ok(mut tls) = acceptor.accept(stream).await else { return };
                    let mut buffer = Vec::new();
                    for answer in script.into_iter().map(Some).chain([None]) {
                        let Some(head) = head(&mut tls, &mut buffer).await else { break };
                        heads.lock().unwrap().push((number, head));
                        match answer {
                            Some(bytes) if !bytes.is_empty() && say(&mut tls, &bytes).await.is_ok() => {}
                            _ => break,
                        }
                    }
                    let _ = tls.shutdown().await;
                    gone.lock().unwrap().push(number);
                });
            }
        });
        vendor
    }

    /// The heads it was sent, with their connections.
    pub fn heads(&self) -> Vec<(usize, String)> {
        self.heads.lock().unwrap().clone()
    }

    /// The connections that have ended.
    pub fn gone(&self) -> Vec<usize> {
        self.gone.lock().unwrap().clone()
    }
}

async fn head<T: AsyncReadExt + Unpin>(stream: &mut T, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = find(buffer, b"\r\n\r\n") {
            let head: Vec<u8> = buffer.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => buffer.extend_from_slice(&chunk[..read]),
        }
    }
}
