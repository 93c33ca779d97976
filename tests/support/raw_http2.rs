//! A fake vendor that answers over HTTP/2 with frames as no library would send them.

use super::ca::TestCa;
use super::frames::{ACK, END_STREAM, Frame, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS, frame};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A running fake vendor.
pub struct RawHttp2Vendor {
    pub address: SocketAddr,
    /// The frames that answer the next request; `{}` of their stream is 1, as on a connection of their own.
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    /// Connections say that they go when a second request has come, not before.
    is_late: Arc<AtomicBool>,
}

/// Says that nothing after the first stream was processed.
fn goes() -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])
}

impl RawHttp2Vendor {
    /// One that answers the first request of each connection and resets any other.
    pub async fn start(host: &str, ca: &TestCa) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let vendor = Self {
            address: listener.local_addr().unwrap(),
            answer: Arc::default(),
            asked: Arc::default(),
            is_late: Arc::default(),
        };
        let mut tls = ca.server_config(host);
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let (answer, asked, is_late) =
            (Arc::clone(&vendor.answer), Arc::clone(&vendor.asked), Arc::clone(&vendor.is_late));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, answer, asked) = (acceptor.clone(), Arc::clone(&answer), Arc::clone(&asked));
                let is_late = Arc::clone(&is_late);
                tokio::spawn(async move {
                    let Ok(mut tls) = acceptor.accept(stream).await else { return };
                    // The magic; the SETTINGS behind it are a frame like any other.
                    if tls.read_exact(&mut [0; PREFACE.len() - 9]).await.is_err() {
                        return;
                    }
                    let _ = tls.write_all(&frame(SETTINGS, 0, 0, &[])).await;
                    while let Some(read) = Frame::read(&mut tls).await {
                        let says = match read.kind {
                            SETTINGS if read.flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
                            HEADERS if read.stream == 1 && read.flags & END_STREAM != 0 => {
                                asked.fetch_add(1, Ordering::Relaxed);
                                let answer = answer.lock().unwrap().clone();
                                // No second request comes on a connection that says it goes.
                                if is_late.load(Ordering::Relaxed) {
                                    answer
                                } else {
                                    [answer, goes()].concat()
                                }
                            }
                            HEADERS if is_late.load(Ordering::Relaxed) => goes(),
                            HEADERS => frame(RST_STREAM, 0, read.stream, &[0, 0, 0, 7]),
                            _ => continue,
                        };
                        if tls.write_all(&says).await.is_err() || tls.flush().await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        vendor
    }

    /// Answers so from now on.
    pub fn answers(&self, frames: Vec<u8>) {
        *self.answer.lock().unwrap() = frames;
    }

    /// Says from now on that a connection goes when it is asked a second time.
    pub fn goes_late(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }

    /// How many requests it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}
