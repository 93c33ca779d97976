//! The person at the keyboard: one sign-up through the gateway, as any browser would send it.

use crate::cli::output::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The form, percent-encoded as browsers do.
const BODY: &str = "name=Ann+Real&email=ann%40home.example&phone=%2B49+151+12345678&plan=free";

/// What is typed and where it goes.
pub struct SignUp {
    /// The page's address.
    pub url: String,
    host: String,
    target: String,
}

impl SignUp {
    /// A sign-up at `host`, with a link from a newsletter behind it.
    pub fn new(host: &str) -> Self {
        let target = "/signup?ref=start&utm_source=newsletter&utm_campaign=spring".to_owned();
        Self { url: format!("https://{host}{target}"), host: host.to_owned(), target }
    }

    /// The fields as the person sees them.
    pub fn fields(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(BODY.as_bytes()).into_owned().collect()
    }

    /// All of it.
    pub fn json(&self) -> Value {
        json!({ "method": "POST", "url": self.url, "body": BODY })
    }

    /// Sends it through the gateway at `proxy` with a member's credential, trusting `root` alone.
    pub async fn send(
        &self,
        proxy: SocketAddr,
        credential: (&str, &str),
        root: CertificateDer<'static>,
    ) -> Result<(), Failure> {
        let tunnel = self.tunnel(proxy, credential).await?;
        let mut roots = RootCertStore::empty();
        roots.add(root).map_err(Failure::failed)?;
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(Failure::failed)?;
        let tls =
            TlsConnector::from(Arc::new(config)).connect(name, tunnel).await.map_err(Failure::failed)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.map_err(Failure::failed)?;
        tokio::spawn(connection);
        let request = Request::post(&self.target)
            .header(HOST, &self.host)
            .header(ACCEPT, "text/html")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(Bytes::from_static(BODY.as_bytes())))
            .map_err(Failure::failed)?;
        let response = sender.send_request(request).await.map_err(Failure::failed)?;
        let status = response.status();
        response.into_body().collect().await.map_err(Failure::failed)?;
        if status == StatusCode::OK {
            Ok(())
        } else {
            Err(Failure::failed(format!("the gateway answered {status}")))
        }
    }

    async fn tunnel(
        &self,
        proxy: SocketAddr,
        (name, token): (&str, &str),
    ) -> Result<TokioIo<hyper::upgrade::Upgraded>, Failure> {
        let stream = TcpStream::connect(proxy).await.map_err(Failure::failed)?;
        stream.set_nodelay(true).map_err(Failure::failed)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Failure::failed)?;
        tokio::spawn(connection.with_upgrades());
        let authority = format!("{}:443", self.host);
        let request = Request::connect(&authority)
            .header(HOST, &authority)
            .header(PROXY_AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{name}:{token}"))))
            .body(Empty::<Bytes>::new())
            .map_err(Failure::failed)?;
        let response = sender.send_request(request).await.map_err(Failure::failed)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::failed(format!("the gateway answered {}", response.status())));
        }
        Ok(TokioIo::new(hyper::upgrade::on(response).await.map_err(Failure::failed)?))
    }
}
