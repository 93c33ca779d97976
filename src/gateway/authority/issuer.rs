//! Root and intermediate: made once, kept sealed, renewed in time.

use crate::model::{Host, Secret, Timestamp};
use crate::vault::Vault;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;
use time::{Duration, OffsetDateTime};
use x509::Validity;

/// The root lives this long; the owner rotates it sooner if they like.
const ROOT_DAYS: i64 = 3650;
/// An intermediate lives 90 days and is renewed once fewer than this many are left.
const INTERMEDIATE_DAYS: i64 = 90;
const RENEW_WITH_DAYS_LEFT: i64 = 30;
/// A clock that ran ahead when the root was made is put right later, and devices keep the root.
const ROOT_BACKDATED: Duration = Duration::days(30);
/// A name that is nobody's (RFC 2606).
pub(super) const NOBODY: &str = "warm-up.invalid";
/// Clocks of devices are known to be two days off.
pub(super) const BACKDATED: Duration = Duration::hours(48);

/// Why the authority cannot work.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged; restore it, or remove the ca folder to start with a new authority")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A key could not be sealed or opened.
    #[error("the key of the authority could not be opened")]
    Vault(#[from] crate::vault::VaultError),
    /// TLS does not take the certificate.
    #[error("TLS does not take the certificate")]
    Tls(#[from] rustls::Error),
    /// The system has no randomness.
    #[error("no randomness")]
    Randomness,
}

/// For which hosts the intermediate may sign (RFC 5280 section 4.2.1.10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Any.
    #[default]
    All,
    /// These and what lies below their names; name constraints know no single host.
    Only(BTreeSet<Host>),
}

/// The certificates a gateway works with.
pub struct Certificates {
    root_pem: String,
    root: CertificateDer<'static>,
    intermediate: CertificateDer<'static>,
    validity: Validity,
    issuer: Issuer<'static, KeyPair>,
    scope: Scope,
}

impl Certificates {
    /// Opens the authority in `dir`, making or renewing what is missing, about to end, not valid `now`, or of another
    /// scope.
    pub fn open(dir: &Path, vault: &Vault, scope: Scope, now: Timestamp) -> Result<Self, AuthorityError> {
        let now = now.calendar();
        let root_files = Files::new(dir, "root");
        let (root_pem, root_key) = match root_files.read(vault)? {
            Some(found) => found,
            None => root_files.create(vault, &root_key_pair(now)?)?,
        };
        let root_issuer = Issuer::from_ca_cert_pem(&root_pem, root_key)?;
        let files = Files::new(dir, "intermediate");
        let kept = files.read(vault)?.filter(|(pem, _)| is_fresh(pem, &root_pem, &scope, now));
        let (pem, key) = match kept {
            Some(found) => found,
            None => files.create(vault, &intermediate_key_pair(&root_issuer, &scope, now)?)?,
        };
        let intermediate = certificate(&pem, &files.certificate)?;
        let validity = x509::validity(&intermediate)
            .ok_or_else(|| AuthorityError::Damaged { path: files.certificate.clone() })?;
        Ok(Self {
            root: certificate(&root_pem, &root_files.certificate)?,
            issuer: Issuer::from_ca_cert_pem(&pem, key)?,
            intermediate,
            validity,
            root_pem,
            scope,
        })
    }

    /// The root, as devices import it.
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root in DER.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// For which hosts the intermediate may sign.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether the certificates are valid `now`.
    pub fn are_valid(&self, now: Timestamp) -> bool {
        self.validity.holds(now.calendar())
    }

    /// Whether it is time to open the authority anew, so that the intermediate is renewed.
    pub fn is_due(&self, now: Timestamp) -> bool {
        !self.validity.is_fresh(now.calendar())
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    pub(super) fn intermediate(&self) -> &CertificateDer<'static> {
        &self.intermediate
    }

    pub(super) fn ends(&self) -> OffsetDateTime {
        self.validity.ends
    }
}

type MadePair = (String, KeyPair);

fn root_key_pair(now: OffsetDateTime) -> Result<MadePair, AuthorityError> {
    let mark = random_serial()?;
    let mut params = authority_params(&format!("Doorward root {}", short(&mark)), ROOT_DAYS, now)?;
    params.not_before = now - ROOT_BACKDATED;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)?;
    let pem = issuer.pem();
    Ok((pem, KeyPair::from_pem(&issuer.key().serialize_pem())?))
}

fn intermediate_key_pair(
    root: &Issuer<'static, KeyPair>,
    scope: &Scope,
    now: OffsetDateTime,
) -> Result<MadePair, AuthorityError> {
    let mark = random_serial()?;
    let mut params =
        authority_params(&format!("Doorward intermediate {}", short(&mark)), INTERMEDIATE_DAYS, now)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.name_constraints = constraints(scope);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let made = params.signed_by(&key, root)?;
    Ok((made.pem(), key))
}

/// One kind of name that nothing is written about would be free, so each kind is: a name no vendor has, and for
/// addresses, where no vendor is one, the exclusion of them all.
fn constraints(scope: &Scope) -> Option<NameConstraints> {
    let Scope::Only(hosts) = scope else { return None };
    let mut permitted_subtrees = vec![GeneralSubtree::DnsName(NOBODY.to_owned())];
    let mut has_address = false;
    for host in hosts {
        permitted_subtrees.push(match host {
            Host::Name(name) => GeneralSubtree::DnsName(name.to_string()),
            Host::Address(address) => {
                has_address = true;
                GeneralSubtree::IpAddress(match address {
                    IpAddr::V4(address) => CidrSubnet::V4(address.octets(), [0xff; 4]),
                    IpAddr::V6(address) => CidrSubnet::V6(address.octets(), [0xff; 16]),
                })
            }
        });
    }
    let every_address = [CidrSubnet::V4([0; 4], [0; 4]), CidrSubnet::V6([0; 16], [0; 16])];
    let excluded_subtrees =
        if has_address { Vec::new() } else { every_address.map(GeneralSubtree::IpAddress).into() };
    Some(NameConstraints { permitted_subtrees, excluded_subtrees })
}

fn authority_params(name: &str, days: i64, now: OffsetDateTime) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(random_serial()?);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - BACKDATED;
    params.not_after = now + Duration::days(days);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// 16 random bytes, positive: browsers refuse one issuer's serial twice (RFC 5280 section 4.1.2.2).
pub(super) fn random_serial() -> Result<SerialNumber, AuthorityError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| AuthorityError::Randomness)?;
    if let Some(first) = bytes.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

fn short(serial: &SerialNumber) -> String {
    serial.to_bytes().iter().skip(1).take(3).map(|byte| format!("{byte:02x}")).collect()
}

fn is_fresh(pem: &str, root_pem: &str, scope: &Scope, now: OffsetDateTime) -> bool {
    let parse = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let (Some(der), Some(root)) = (parse(pem), parse(root_pem)) else { return false };
    x509::validity(&der).is_some_and(|validity| validity.is_fresh(now))
        && x509::was_issued_by(&der, &root)
        && x509::scope(&der).as_ref() == Some(scope)
}

fn certificate(pem: &str, path: &Path) -> Result<CertificateDer<'static>, AuthorityError> {
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| AuthorityError::Damaged { path: path.to_owned() })
}

/// `NAME.pem`, and `NAME.key` sealed.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    context: String,
}

impl Files {
    fn new(dir: &Path, name: &str) -> Self {
        Self {
            certificate: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
            context: format!("ca/{name}"),
        }
    }

    /// Both files, or `None` where neither is there.
    fn read(&self, vault: &Vault) -> Result<Option<MadePair>, AuthorityError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| AuthorityError::File { path, source }
        };
        if !self.certificate.exists() && !self.key.exists() {
            return Ok(None);
        }
        let pem = fs::read_to_string(&self.certificate).map_err(failed(&self.certificate))?;
        let sealed = fs::read(&self.key).map_err(failed(&self.key))?;
        let opened = vault.open_home(&self.context, &sealed)?;
        let damaged = || AuthorityError::Damaged { path: self.key.clone() };
        let text = std::str::from_utf8(opened.expose()).map_err(|_| damaged())?;
        Ok(Some((pem, KeyPair::from_pem(text).map_err(|_| damaged())?)))
    }

    /// Writes the key first: a certificate without its key would stand in the way of a new start.
    fn create(&self, vault: &Vault, (pem, key): &MadePair) -> Result<MadePair, AuthorityError> {
        let text = Secret::new(key.serialize_pem());
        write(&self.key, &vault.seal_home(&self.context, text.expose().as_bytes())?, 0o600)?;
        write(&self.certificate, pem.as_bytes(), 0o644)?;
        Ok((pem.clone(), KeyPair::from_pem(text.expose())?))
    }
}

/// Whole or not at all: written beside, synced, renamed.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), AuthorityError> {
    let failed = |source| AuthorityError::File { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(&beside)
        .map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&beside, path).map_err(failed)
}

/// What is asked of a certificate that was read back.
mod x509 {
    use super::{NOBODY, RENEW_WITH_DAYS_LEFT, Scope};
    use crate::model::Host;
    use rustls::pki_types::CertificateDer;
    use std::net::IpAddr;
    use time::{Duration, OffsetDateTime};
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

    #[derive(Clone, Copy)]
    pub struct Validity {
        pub begins: OffsetDateTime,
        pub ends: OffsetDateTime,
    }

    impl Validity {
        /// RFC 5280 section 4.1.2.5: from notBefore through notAfter, inclusive.
        pub fn holds(self, now: OffsetDateTime) -> bool {
            self.begins <= now && now <= self.ends
        }

        /// Whether it holds, and will for long enough. A clock that was put back finds it not begun yet.
        pub fn is_fresh(self, now: OffsetDateTime) -> bool {
            self.holds(now) && self.ends - now > Duration::days(RENEW_WITH_DAYS_LEFT)
        }
    }

    pub fn validity(der: &CertificateDer<'_>) -> Option<Validity> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let validity = parsed.validity();
        Some(Validity { begins: validity.not_before.to_datetime(), ends: validity.not_after.to_datetime() })
    }

    pub fn was_issued_by(der: &CertificateDer<'_>, root: &CertificateDer<'_>) -> bool {
        let parsed = X509Certificate::from_der(der).ok().zip(X509Certificate::from_der(root).ok());
        parsed.is_some_and(|((_, one), (_, root))| one.verify_signature(Some(root.public_key())).is_ok())
    }

    pub fn scope(der: &CertificateDer<'_>) -> Option<Scope> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let Some(constraints) = parsed.name_constraints().ok()? else { return Some(Scope::All) };
        let permitted = constraints.value.permitted_subtrees.as_deref()?;
        let hosts = permitted.iter().map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Host::parse(name),
            // Address and mask (RFC 5280 section 4.2.1.10).
            GeneralName::IPAddress(bytes) => {
                let (address, _) = bytes.split_at_checked(bytes.len() / 2)?;
                let four = <[u8; 4]>::try_from(address).map(IpAddr::from);
                four.or_else(|_| <[u8; 16]>::try_from(address).map(IpAddr::from)).ok().map(Host::Address)
            }
            _ => None,
        });
        let hosts = hosts.collect::<Option<std::collections::BTreeSet<_>>>()?;
        Some(Scope::Only(hosts.into_iter().filter(|host| host.name() != Some(NOBODY)).collect()))
    }
}
