//! Leaves: one per member and host, minted once under a stampede, cached as what the handshake needs.

use super::issuer::{AuthorityError, BACKDATED, Certificates, random_serial};
use crate::model::{Host, MemberId};
use arc_swap::ArcSwap;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerSessionMemoryCache;
use std::sync::Arc;
use std::time::Duration as StdDuration;
use time::{Duration, OffsetDateTime};

/// A leaf is valid this long from now; with two backdated days it lives 7 in all.
const LEAF_DAYS: i64 = 5;
/// Cached for at most half of what it has left.
const CACHED: StdDuration = StdDuration::from_secs(60 * 3600);
const MOST_CACHED: u64 = 4096;
/// TLS sessions remembered per member and host.
const SESSIONS: usize = 32;

/// Ready server configurations by member and host.
pub struct Leaves {
    certificates: ArcSwap<Certificates>,
    key: KeyPair,
    cache: moka::sync::Cache<(MemberId, Host), Arc<ServerConfig>>,
}

impl Leaves {
    /// With a fresh leaf key that no certificate authority uses.
    pub fn new(certificates: Certificates) -> Result<Self, AuthorityError> {
        Ok(Self {
            certificates: ArcSwap::from_pointee(certificates),
            key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            cache: moka::sync::Cache::builder().max_capacity(MOST_CACHED).time_to_live(CACHED).build(),
        })
    }

    /// The authority's certificates in force.
    pub fn certificates(&self) -> Arc<Certificates> {
        self.certificates.load_full()
    }

    /// Works with renewed certificates from now on.
    pub fn renew(&self, certificates: Certificates) {
        self.certificates.store(Arc::new(certificates));
        self.cache.invalidate_all();
    }

    /// What a handshake with `member` for `host` needs. Minting takes some tens of microseconds and happens once, however
    /// many ask at the same time.
    pub fn server_config(
        &self,
        member: MemberId,
        host: &Host,
    ) -> Result<Arc<ServerConfig>, Arc<AuthorityError>> {
        let key = (member, host.clone());
        self.cache.try_get_with(key, || self.mint(host).map(Arc::new))
    }

    fn mint(&self, host: &Host) -> Result<ServerConfig, AuthorityError> {
        let certificates = self.certificates.load();
        let leaf = leaf_params(host, certificates.ends())?.signed_by(&self.key, certificates.issuer())?;
        let chain = vec![leaf.der().clone(), certificates.intermediate().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        // Whatever the vendor speaks: the gateway translates.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(config)
    }
}

fn leaf_params(host: &Host, issuer_ends: OffsetDateTime) -> Result<CertificateParams, AuthorityError> {
    let now = OffsetDateTime::now_utc();
    let mut params = CertificateParams::default();
    params.serial_number = Some(random_serial()?);
    params.distinguished_name = DistinguishedName::new();
    params.not_before = now - BACKDATED;
    params.not_after = (now + Duration::days(LEAF_DAYS)).min(issuer_ends);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = vec![match host {
        Host::Name(name) => SanType::DnsName(name.to_string().try_into()?),
        Host::Address(address) => SanType::IpAddress(*address),
    }];
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::super::Scope;
    use super::*;
    use crate::store::Store;
    use crate::vault::Vault;
    use x509_parser::prelude::{FromDer, X509Certificate};

    fn leaves() -> (tempfile::TempDir, Leaves) {
        let home = tempfile::tempdir().unwrap();
        for dir in ["keys", "ca"] {
            std::fs::create_dir(home.path().join(dir)).unwrap();
        }
        let vault = Vault::open(&home.path().join("keys"), Store::in_memory().unwrap()).unwrap();
        let certificates = Certificates::open(&home.path().join("ca"), &vault, Scope::All).unwrap();
        (home, Leaves::new(certificates).unwrap())
    }

    #[test]
    fn a_leaf_names_one_host_and_lives_a_week() {
        let (_home, leaves) = leaves();
        for text in ["shop.test", "127.0.0.1", "::1"] {
            let host = Host::parse(text).unwrap();
            let made = leaf_params(&host, leaves.certificates().ends()).unwrap();
            let leaf = made.signed_by(&leaves.key, leaves.certificates().issuer()).unwrap();
            let (_, parsed) = X509Certificate::from_der(leaf.der()).unwrap();
            let names = parsed.subject_alternative_name().unwrap().unwrap();
            assert_eq!(names.value.general_names.len(), 1, "{text}");
            let life = parsed.validity().not_after.timestamp() - parsed.validity().not_before.timestamp();
            assert!(life <= 7 * 24 * 3600);
            assert!(!parsed.is_ca());
        }
    }

    #[test]
    fn a_stampede_mints_once_and_members_do_not_share() {
        let (_home, leaves) = leaves();
        let host = Host::parse("shop.test").unwrap();
        let (ann, ben) = (MemberId::random(), MemberId::random());
        let configs: Vec<_> = std::thread::scope(|scope| {
            let handles: Vec<_> =
                (0..8).map(|_| scope.spawn(|| leaves.server_config(ann, &host).unwrap())).collect();
            handles.into_iter().map(|handle| handle.join().unwrap()).collect()
        });
        assert!(configs.iter().all(|config| Arc::ptr_eq(config, &configs[0])));
        assert!(!Arc::ptr_eq(&configs[0], &leaves.server_config(ben, &host).unwrap()));
    }

    #[test]
    fn the_authority_survives_a_restart_and_its_leaf_key_is_not_a_ca_key() {
        let home = tempfile::tempdir().unwrap();
        let (keys, ca) = (home.path().join("keys"), home.path().join("ca"));
        std::fs::create_dir(&keys).unwrap();
        std::fs::create_dir(&ca).unwrap();
        let vault = Vault::open(&keys, Store::open(&home.path().join("state.db")).unwrap()).unwrap();
        let first = Certificates::open(&ca, &vault, Scope::All).unwrap();
        let second = Certificates::open(&ca, &vault, Scope::All).unwrap();
        assert_eq!(first.root_pem(), second.root_pem());
        assert_eq!(first.intermediate(), second.intermediate());
        let root_key = std::fs::read(ca.join("root.key")).unwrap();
        assert!(!String::from_utf8_lossy(&root_key).contains("PRIVATE KEY"));
        let leaves = Leaves::new(second).unwrap();
        assert_ne!(leaves.key.public_key_raw(), leaves.certificates().issuer().key().public_key_raw());
    }

    #[test]
    fn a_constrained_intermediate_is_kept_and_another_scope_makes_another() {
        let home = tempfile::tempdir().unwrap();
        let (keys, ca) = (home.path().join("keys"), home.path().join("ca"));
        std::fs::create_dir(&keys).unwrap();
        std::fs::create_dir(&ca).unwrap();
        let vault = Vault::open(&keys, Store::in_memory().unwrap()).unwrap();
        let only = |hosts: &[&str]| Scope::Only(hosts.iter().filter_map(|host| Host::parse(host)).collect());
        let scopes =
            [only(&[]), only(&["shop.test"]), only(&["shop.test", "192.0.2.7", "2001:db8::7"]), Scope::All];
        let mut seen = Vec::new();
        for scope in scopes {
            let made = Certificates::open(&ca, &vault, scope.clone()).unwrap().intermediate().clone();
            assert_eq!(&made, Certificates::open(&ca, &vault, scope).unwrap().intermediate());
            assert!(!seen.contains(&made));
            seen.push(made);
        }
    }
}
