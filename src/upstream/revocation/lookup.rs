//! What a certificate is looked up by: its serial number, its issuer's key, and when which logs took it (RFC 6962
//! section 3.3).

use clubcard_crlite::{IssuerSpkiHash, LogId, Timestamp};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;

pub(super) struct Lookup {
    pub(super) serial: Vec<u8>,
    /// Of every certificate that may be the issuer's: what a vendor sends is not in order, and may be too much.
    pub(super) issuers: Vec<IssuerSpkiHash>,
    pub(super) logged: Vec<(LogId, Timestamp)>,
}

impl Lookup {
    /// Of a certificate and what came with it, verified before; `None` where it was never logged or its issuer did not come.
    pub(super) fn of(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(end_entity).ok()?;
        let logged = logged(&certificate);
        if logged.is_empty() {
            return None;
        }
        let issuer = |der: &CertificateDer<'_>| {
            let (_, other) = X509Certificate::from_der(der).ok()?;
            let is_issuer = other.subject().as_raw() == certificate.issuer().as_raw();
            is_issuer.then(|| IssuerSpkiHash(Sha256::digest(other.public_key().raw).into()))
        };
        let issuers: Vec<_> = intermediates.iter().filter_map(issuer).collect();
        let serial = certificate.tbs_certificate.raw_serial().to_vec();
        (!issuers.is_empty()).then_some(Self { serial, issuers, logged })
    }
}

fn logged(certificate: &X509Certificate<'_>) -> Vec<(LogId, Timestamp)> {
    let times = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SCT(times) => Some(times),
        _ => None,
    });
    times.flatten().map(|time| (LogId(*time.id.key_id), Timestamp(time.timestamp))).collect()
}
