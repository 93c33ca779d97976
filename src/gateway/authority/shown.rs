//! The authority's certificates as people and other programs see them.

use super::issuer::{AuthorityError, Certificates, write};
use rustls::pki_types::CertificateDer;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Where systems keep all their roots in one file: Debian and Arch, Fedora, openSUSE, Alpine and macOS.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Described {
    /// `root` or `intermediate`.
    pub role: &'static str,
    /// Its subject.
    pub name: String,
    /// SHA-256 of the DER, upper-case hex with colons.
    pub sha256: String,
    /// First and last moment, RFC 3339.
    pub from: String,
    /// The last moment.
    pub until: String,
}

impl Certificates {
    /// Root and intermediate.
    pub fn described(&self) -> Vec<Described> {
        let both = [("root", self.root()), ("intermediate", self.intermediate())];
        both.into_iter().filter_map(|(role, der)| described(role, der)).collect()
    }
}

fn described(role: &'static str, der: &CertificateDer<'_>) -> Option<Described> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let when = |time: x509_parser::time::ASN1Time| {
        time.to_datetime().format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
    };
    let digest = Sha256::digest(der);
    let hex: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    Some(Described {
        role,
        name: parsed.subject().iter_common_name().find_map(|name| name.as_str().ok())?.to_owned(),
        sha256: hex.join(":"),
        from: when(parsed.validity().not_before),
        until: when(parsed.validity().not_after),
    })
}

/// Writes `bundle.pem` into `dir`: the machine's roots and ours. Many programs take one file in place of the machine's,
/// and need the machine's roots for what is not inspected.
///
/// # Errors
/// When the file cannot be written.
pub fn write_bundle(dir: &Path, certificates: &Certificates) -> Result<PathBuf, AuthorityError> {
    let mut text = SYSTEM_BUNDLES.iter().find_map(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    // Trusted for the whole system as well: it need not stand there twice.
    if !text.contains(certificates.root_pem().trim()) {
        text.push_str(certificates.root_pem());
    }
    let path = dir.join("bundle.pem");
    if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        write(&path, text.as_bytes(), 0o644)?;
    }
    Ok(path)
}
