//! A client that speaks HTTP/2 to the proxy itself, inside TLS.

use super::client::{Client, Reply, collect};
use bytes::Bytes;
use http::{Method, Request, Version};
use http_body_util::Full;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};

/// A stream behind a CONNECT.
pub type Tunnel = TokioIo<hyper::upgrade::Upgraded>;

/// One connection to the proxy, for many tunnels.
pub struct Http2Proxy {
    sender: SendRequest<Full<Bytes>>,
    credential: Option<String>,
}

impl Client {
    /// HTTP/2 to the proxy port.
    pub async fn proxy_http2(&self) -> Http2Proxy {
        let stream = self.proxy().await;
        let tls = self.clone().http2().handshake("127.0.0.1", stream).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        Http2Proxy { sender, credential: self.credential().map(str::to_owned) }
    }
}

impl Http2Proxy {
    /// With another credential from now on.
    pub fn speak_for(&mut self, client: &Client) {
        self.credential = client.credential().map(str::to_owned);
    }

    /// CONNECT: the stream behind it, or the answer.
    pub async fn connect(&mut self, authority: &str) -> Result<Tunnel, Reply> {
        let response = self.sender.send_request(self.request(Method::CONNECT, authority)).await.unwrap();
        match response.status().is_success() {
            true => Ok(TokioIo::new(hyper::upgrade::on(response).await.unwrap())),
            false => Err(collect(response).await),
        }
    }

    /// GET of a whole URL.
    pub async fn get(&mut self, url: &str) -> Reply {
        collect(self.sender.send_request(self.request(Method::GET, url)).await.unwrap()).await
    }

    fn request(&self, method: Method, uri: &str) -> Request<Full<Bytes>> {
        let mut builder = Request::builder().method(method).uri(uri).version(Version::HTTP_2);
        if let Some(credential) = &self.credential {
            builder = builder.header("proxy-authorization", credential);
        }
        builder.body(Full::default()).unwrap()
    }
}
