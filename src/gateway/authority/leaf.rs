//! Leaves: one per member and host, minted once under a stampede, cached as what the handshake needs.

use super::issuer::{AuthorityError, BACKDATED, Certificates, Scope, random_serial};
use crate::model::{Clock, Host, MemberId};
use crate::vault::Vault;
use arc_swap::ArcSwap;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ServerSessionMemoryCache;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// A leaf is valid this long from now; with two backdated days it lives 7 in all.
const LEAF_DAYS: i64 = 5;
/// Cached for at most half of what it has left, by the calendar: the machine may sleep, and its clock be set.
const CACHED: Duration = Duration::hours(60);
const MOST_CACHED: u64 = 4096;
/// TLS sessions remembered per member and host.
const SESSIONS: usize = 32;

/// Where the authority's certificates lie, what seals their keys, and what time it is.
pub struct Authority {
    /// The folder.
    pub dir: PathBuf,
    /// What seals the keys.
    pub vault: Vault,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Ready server configurations by member and host.
pub struct Leaves {
    authority: Authority,
    certificates: ArcSwap<Certificates>,
    renewing: Mutex<()>,
    key: KeyPair,
    cache: moka::sync::Cache<(MemberId, Host), Ready>,
}

/// What a handshake needs, and when it was made.
#[derive(Clone)]
struct Ready {
    config: Arc<ServerConfig>,
    made: OffsetDateTime,
}

impl Leaves {
    /// With a fresh leaf key that no certificate authority uses; signs for `scope`.
    pub fn open(authority: Authority, scope: Scope) -> Result<Self, AuthorityError> {
        Ok(Self {
            certificates: ArcSwap::from_pointee(authority.open(scope)?),
            authority,
            renewing: Mutex::default(),
            key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
            cache: moka::sync::Cache::builder().max_capacity(MOST_CACHED).build(),
        })
    }

    /// The authority's certificates in force.
    pub fn certificates(&self) -> Arc<Certificates> {
        self.certificates.load_full()
    }

    /// Whether the authority's certificates are valid now.
    pub fn are_valid(&self) -> bool {
        self.certificates.load().are_valid(self.authority.clock.now())
    }

    /// What time it is for them.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.authority.clock
    }

    /// Signs for `scope` from now on. Blocks.
    pub fn rescope(&self, scope: Scope) -> Result<(), AuthorityError> {
        let _alone = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        self.certificates.store(Arc::new(self.authority.open(scope)?));
        self.cache.invalidate_all();
        Ok(())
    }

    /// Renews the intermediate where that is due. Blocks.
    pub fn renew(&self) -> Result<(), AuthorityError> {
        let _alone = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.certificates.load_full();
        if now.is_due(self.authority.clock.now()) {
            self.certificates.store(Arc::new(self.authority.open(now.scope().clone())?));
            self.cache.invalidate_all();
        }
        Ok(())
    }

    /// What a handshake with `member` for `host` needs. Minting takes some tens of microseconds and happens once, however
    /// many ask at the same time.
    pub fn server_config(
        &self,
        member: MemberId,
        host: &Host,
    ) -> Result<Arc<ServerConfig>, Arc<AuthorityError>> {
        // The clock was set, or the machine slept for long: nobody would accept what is signed with these.
        if !self.are_valid() {
            self.renew()?;
        }
        let (key, now) = ((member, host.clone()), self.authority.clock.now().calendar());
        if self.cache.get(&key).is_some_and(|ready| ready.made > now || now - ready.made > CACHED) {
            self.cache.invalidate(&key);
        }
        Ok(self.cache.try_get_with(key, || self.mint(host, now))?.config)
    }

    fn mint(&self, host: &Host, now: OffsetDateTime) -> Result<Ready, AuthorityError> {
        let certificates = self.certificates.load();
        let leaf =
            leaf_params(host, now, certificates.ends())?.signed_by(&self.key, certificates.issuer())?;
        let chain = vec![leaf.der().clone(), certificates.intermediate().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
        // Whatever the vendor speaks: the gateway translates.
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        Ok(Ready { config: Arc::new(config), made: now })
    }
}

impl Authority {
    fn open(&self, scope: Scope) -> Result<Certificates, AuthorityError> {
        Certificates::open(&self.dir, &self.vault, scope, self.clock.now())
    }
}

fn leaf_params(
    host: &Host,
    now: OffsetDateTime,
    issuer_ends: OffsetDateTime,
) -> Result<CertificateParams, AuthorityError> {
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
    use super::*;
    use crate::model::SystemClock;
    use crate::store::Store;
    use x509_parser::prelude::{FromDer, X509Certificate};

    fn authority(dir: &std::path::Path, vault: &Vault) -> Authority {
        Authority { dir: dir.to_owned(), vault: vault.clone(), clock: Arc::new(SystemClock) }
    }

    fn leaves() -> (tempfile::TempDir, Leaves) {
        let home = tempfile::tempdir().unwrap();
        for dir in ["keys", "ca"] {
            std::fs::create_dir(home.path().join(dir)).unwrap();
        }
        let vault = Vault::open(&home.path().join("keys"), Store::in_memory().unwrap()).unwrap();
        let authority = authority(&home.path().join("ca"), &vault);
        (home, Leaves::open(authority, Scope::All).unwrap())
    }

    #[test]
    fn a_leaf_names_one_host_and_lives_a_week() {
        let (_home, leaves) = leaves();
        for text in ["shop.test", "127.0.0.1", "::1"] {
            let host = Host::parse(text).unwrap();
            let made =
                leaf_params(&host, SystemClock.now().calendar(), leaves.certificates().ends()).unwrap();
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
        let first = authority(&ca, &vault).open(Scope::All).unwrap();
        let leaves = Leaves::open(authority(&ca, &vault), Scope::All).unwrap();
        let second = leaves.certificates();
        assert_eq!(first.root_pem(), second.root_pem());
        assert_eq!(first.intermediate(), second.intermediate());
        let root_key = std::fs::read(ca.join("root.key")).unwrap();
        assert!(!String::from_utf8_lossy(&root_key).contains("PRIVATE KEY"));
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
            let made = authority(&ca, &vault).open(scope.clone()).unwrap().intermediate().clone();
            assert_eq!(&made, authority(&ca, &vault).open(scope).unwrap().intermediate());
            assert!(!seen.contains(&made));
            seen.push(made);
        }
    }
}
