//! The sample vendor: a TLS server on loopback under an authority made for it, which keeps the one request it gets.

use crate::cli::output::Failure;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_rustls::TlsAcceptor;

/// Its name (RFC 2606: nobody's).
pub const HOST: &str = "shop.demo.test";

/// A shop that waits for its visitor.
pub struct Shop {
    /// Where it listens.
    pub address: SocketAddr,
    /// The file of the authority that signed its certificate.
    pub ca: PathBuf,
    requests: Receiver<Value>,
}

impl Shop {
    /// Opens it; its authority's certificate goes into `folder`.
    pub async fn open(folder: &Path) -> Result<Self, Failure> {
        let (pem, config) = certificates().map_err(|_| Failure::failed("no certificate for the shop"))?;
        let ca = folder.join("shop-ca.pem");
        std::fs::write(&ca, pem).map_err(Failure::failed)?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failure::failed)?;
        let address = listener.local_addr().map_err(Failure::failed)?;
        let (sender, requests) = mpsc::channel(1);
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), sender));
        Ok(Self { address, ca, requests })
    }

    /// What arrived.
    pub async fn arrived(mut self) -> Result<Value, Failure> {
        self.requests.recv().await.ok_or_else(|| Failure::failed("nothing reached the shop"))
    }
}

fn certificates() -> Result<(String, ServerConfig), Box<dyn std::error::Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let leaf = CertificateParams::new(vec![HOST.to_owned()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der())?;
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key)?;
    Ok((issuer.pem(), config))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, sender: Sender<Value>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(tls) = acceptor.accept(stream).await else { continue };
        let service = service_fn(|request| answer(request, sender.clone()));
        let mut server = hyper::server::conn::http1::Builder::new();
        let _ = server.preserve_header_case(true).serve_connection(TokioIo::new(tls), service).await;
    }
}

async fn answer(
    request: Request<Incoming>,
    sender: Sender<Value>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let headers: Vec<_> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let arrived = json!({
        "line": format!("{} {}", head.method, head.uri),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let _ = sender.send(arrived).await;
    Ok(Response::new(Full::from("welcome\n")))
}
