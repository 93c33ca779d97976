//! The authority that signs fake vendors' certificates; made anew for each test.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PublicKeyData,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;

/// A test authority.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl TestCa {
    /// With a fresh key.
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Another name than its certificates have: OpenSSL takes one that was issued by its own name for self-signed.
        params.distinguished_name.push(DnType::CommonName, "a test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// The root in DER.
    pub fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// The root in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// One certificate for all these hosts, with its key.
    pub fn certificate_for(&self, hosts: &[&str]) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let made = CertificateParams::new(names).unwrap().signed_by(&key, &self.issuer).unwrap();
        (made.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// Writes a certificate for all these hosts and its key into `folder`, as `vendor.pem` and `vendor.key`.
    pub fn write_certificate(&self, folder: &Path, hosts: &[&str]) {
        let (certificate, key) = self.certificate_for(hosts);
        std::fs::write(folder.join("vendor.pem"), pem("CERTIFICATE", &certificate)).unwrap();
        std::fs::write(folder.join("vendor.key"), pem("PRIVATE KEY", key.secret_der())).unwrap();
    }

    /// A server configuration whose certificate for `host` is made another way.
    pub fn server_config_with(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        self.chain_with(host, change, vec![])
    }

    /// The same, sent together with this authority's own certificate, which is no root.
    pub fn server_config_below(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> ServerConfig {
        self.chain_with(host, change, vec![self.root()])
    }

    fn chain_with(
        &self,
        host: &str,
        change: impl FnOnce(&mut CertificateParams),
        above: Vec<CertificateDer<'static>>,
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        change(&mut params);
        let made = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = [vec![made.der().clone()], above].concat();
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
    }

    /// Its public key (RFC 5280 section 4.1.2.7), in DER.
    pub fn public_key(&self) -> Vec<u8> {
        self.issuer.key().subject_public_key_info()
    }

    /// An authority below this one.
    pub fn below(&self) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an intermediate");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer);
        Self { issuer: issuer.unwrap() }
    }

    /// A server configuration for `host` (several, divided by spaces, are one machine) that speaks HTTP/1.1.
    pub fn server_config(&self, host: &str) -> ServerConfig {
        let (certificate, key) = self.certificate_for(&host.split(' ').collect::<Vec<_>>());
        let mut config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}
