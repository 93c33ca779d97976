//! TLS toward vendors: one verifier for all, tickets kept apart per member and epoch.

use super::pool::Key;
use super::revocation::{Revocations, Unrevoked};
use super::wanted::NoCertificate;
use crate::model::{Host, MemberId};
use arc_swap::ArcSwap;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

/// TLS sessions remembered per member and epoch.
const TICKETS_PER_IDENTITY: usize = 256;
/// Members × epochs whose sessions are remembered.
const IDENTITIES: u64 = 1024;

/// Why TLS toward a vendor failed, or could not be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificate is not what it should be.
    #[error("the certificate {}", plainly(.0))]
    Certificate(rustls::CertificateError),
    /// The handshake failed in another way.
    #[error("the TLS handshake failed")]
    Handshake(#[source] std::io::Error),
    /// The vendor wants a certificate of its user's, which only the user's device has.
    #[error("the vendor wants a certificate that only its user's device has")]
    WantsCertificate,
    /// The host cannot be a TLS server name.
    #[error("the host is not a server name")]
    ServerName,
    /// A file of `extra_ca` cannot be used.
    #[error("{path}: not a readable PEM certificate")]
    ExtraRoot {
        /// The file.
        path: PathBuf,
    },
    /// The machine has no usable roots and none were given.
    #[error("no trusted roots: install ca-certificates or name some in [upstream] extra_ca")]
    NoRoots(#[source] rustls::Error),
}

impl TlsError {
    /// What is wrong with TLS toward `whom`, for whoever reads the page.
    pub(super) fn about(&self, whom: &str) -> String {
        match self {
            Self::Certificate(reason) => format!("{whom}'s certificate {}", plainly(reason)),
            Self::Handshake(_) => format!("the TLS handshake with {whom} failed"),
            other => other.to_string(),
        }
    }

    /// The RFC 9209 section 2.3 proxy error type.
    pub(super) fn proxy_error(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "tls_certificate_error",
            _ => "tls_protocol_error",
        }
    }

    /// Sorts a failed handshake: certificate, or something else.
    pub(super) fn of(error: std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::Certificate(reason.clone()),
            _ => Self::Handshake(error),
        }
    }
}

/// What is wrong with a certificate, for whoever reads the page. Names stay out: a refusal goes into records too.
fn plainly(error: &rustls::CertificateError) -> &'static str {
    use rustls::CertificateError as Error;
    match error {
        Error::Expired | Error::ExpiredContext { .. } => "has expired",
        Error::NotValidYet | Error::NotValidYetContext { .. } => "is not valid yet",
        Error::NotValidForName | Error::NotValidForNameContext { .. } => "is for another host",
        Error::UnknownIssuer => "was issued by nobody this machine trusts",
        Error::Revoked => "was revoked",
        // Of another's authority, or by a key too short for the handshake.
        Error::BadSignature => "has a signature that is wrong or too weak",
        Error::UnsupportedSignatureAlgorithmContext { .. }
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that is no longer safe"
        }
        Error::InvalidPurpose | Error::InvalidPurposeContext { .. } => "is not one for servers",
        Error::BadEncoding => "cannot be read",
        // The platform's verifier says so of a purpose with an error whose type it does not show.
        Error::Other(other) if other.to_string().contains("invalid extensions") => "is not one for servers",
        _ => "is not valid",
    }
}

/// Whom to believe: the platform's roots and the owner's own.
#[derive(Clone, Debug)]
pub struct Trust {
    verifier: Arc<dyn ServerCertVerifier>,
    revocations: Revocations,
}

impl Trust {
    /// The machine's roots beside those in the PEM files `extra`, less what was revoked. A machine without any roots works
    /// with extra ones alone.
    ///
    /// # Errors
    /// A file of `extra` cannot be used, or there are no roots at all.
    pub fn platform(extra: &[PathBuf], revocations: Revocations) -> Result<Self, TlsError> {
        let mut own = Vec::new();
        for path in extra {
            own.extend(read_roots(path)?);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> =
            match rustls_platform_verifier::Verifier::new_with_extra_roots(own.clone(), Arc::clone(&provider))
            {
                Ok(verifier) => Arc::new(verifier),
                Err(error) if own.is_empty() => return Err(TlsError::NoRoots(error)),
                Err(error) => {
                    let mut store = RootCertStore::empty();
                    store.add_parsable_certificates(own);
                    rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
                        .build()
                        .map_err(|_| TlsError::NoRoots(error))?
                }
            };
        Ok(Self { verifier: Arc::new(Unrevoked { verifier, revocations: revocations.clone() }), revocations })
    }
}

fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = || TlsError::ExtraRoot { path: path.to_owned() };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(|_| unreadable())?
        .collect::<Result<_, _>>()
        .map_err(|_| unreadable())?;
    if roots.is_empty() { Err(unreadable()) } else { Ok(roots) }
}

/// Whose sessions are kept together.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    member: MemberId,
    /// `None` toward the next hop, which sees all epochs go by.
    epoch: Option<u32>,
    http1: bool,
}

/// One client configuration per member and epoch, all with the same verifier.
pub(super) struct ClientConfigs {
    trust: ArcSwap<Trust>,
    /// Tickets travel with the configuration, so two members never resume one another's session.
    per_identity: moka::sync::Cache<Identity, Arc<ClientConfig>>,
}

impl ClientConfigs {
    pub(super) fn new(trust: Trust) -> Self {
        Self {
            trust: ArcSwap::from_pointee(trust),
            per_identity: moka::sync::Cache::builder()
                .max_capacity(IDENTITIES)
                .time_to_idle(Duration::from_secs(24 * 3600))
                .build(),
        }
    }

    pub(super) fn of(&self, key: &Key) -> Arc<ClientConfig> {
        // An upgrade is a matter of HTTP/1.1 (RFC 9113 section 8.6).
        self.get(Identity { member: key.member, epoch: Some(key.epoch), http1: key.upgrades })
    }

    /// Toward the next hop, which is asked for a tunnel in HTTP/1.1 and verified like a vendor.
    pub(super) fn toward_next_hop(&self, member: MemberId) -> Arc<ClientConfig> {
        self.get(Identity { member, epoch: None, http1: true })
    }

    fn get(&self, identity: Identity) -> Arc<ClientConfig> {
        let http1 = identity.http1;
        self.per_identity.get_with(identity, || Arc::new(self.build(http1)))
    }

    pub(super) fn trust(&self, trust: Trust) {
        self.trust.store(Arc::new(trust));
        self.forget();
    }

    /// No session is resumed that was begun before.
    pub(super) fn forget(&self) {
        self.per_identity.invalidate_all();
    }

    pub(super) fn revocations(&self) -> Revocations {
        self.trust.load().revocations.clone()
    }

    fn build(&self, http1: bool) -> ClientConfig {
        let mut config = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&self.trust.load().verifier))
            .with_client_cert_resolver(Arc::new(NoCertificate));
        config.alpn_protocols = match http1 {
            true => vec![b"http/1.1".to_vec()],
            false => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        };
        config.resumption = Resumption::in_memory_sessions(TICKETS_PER_IDENTITY);
        config
    }
}

/// The server name to ask for and to check.
pub(super) fn server_name(host: &Host) -> Result<ServerName<'static>, TlsError> {
    match host {
        Host::Name(name) => ServerName::try_from(name.to_string()).map_err(|_| TlsError::ServerName),
        Host::Address(address) => Ok(ServerName::IpAddress((*address).into())),
    }
}
