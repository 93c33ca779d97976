//! The vault's handle: opening, and what is one per home.

use super::VaultError;
use super::hierarchy::HomeKeys;
use super::months::Months;
use super::roster::Roster;
use super::seal::{self, Key};
use crate::model::{MemberId, Secret};
use crate::store::Store;
use arc_swap::ArcSwap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// A handle on the vault; clones share it. Reading members, credentials and keys in use touches no disk.
#[derive(Clone)]
pub struct Vault {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) home: HomeKeys,
    /// Members, credentials and member keys as of the last change.
    pub(super) roster: ArcSwap<Roster>,
    /// Held while members, credentials or attributes change, so that `roster` follows the store.
    pub(super) changing: Mutex<()>,
    pub(super) months: Months,
    /// Changes since opening.
    pub(super) revision: AtomicU64,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Opens the vault of `store` with the keys in `keys_dir`. The first use makes both key files: `root.key` and
    /// `log-signing.key`, mode 0600.
    ///
    /// # Errors
    /// When a key file is missing though there are members, can be read by others, is damaged, or belongs to another
    /// home; when the disk fails.
    pub fn open(keys_dir: &Path, store: Store) -> Result<Self, VaultError> {
        let holders = store.holders()?;
        let home = HomeKeys::open(keys_dir, holders.is_empty())?;
        for id in [MemberId::GUEST, MemberId::GATEWAY] {
            if !holders.iter().any(|(holder, _)| *holder == id) {
                let wrapped = home.new_member_key(id)?;
                store.insert_holder(id, &wrapped)?;
            }
        }
        let roster = Roster::load(&store, &home)?;
        let inner = Inner {
            store,
            home,
            roster: ArcSwap::from_pointee(roster),
            changing: Mutex::default(),
            months: Months::default(),
            revision: AtomicU64::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Counts changes of members, credentials and attributes since opening: whoever keeps something made of them (a
    /// compiled matcher, say) makes it anew when this moved. Reads memory only.
    pub fn revision(&self) -> u64 {
        self.inner.revision.load(Ordering::Acquire)
    }

    /// The key a member's pseudonyms are derived from. Comes from the root key and the member's id alone.
    ///
    /// # Errors
    /// [`VaultError::NoMember`].
    pub fn persona_key(&self, member: MemberId) -> Result<Secret<[u8; 32]>, VaultError> {
        self.member_key(member)?;
        self.inner.home.persona(member)
    }

    /// The key that salts digests in a member's records; erased with the member.
    ///
    /// # Errors
    /// [`VaultError::NoMember`].
    pub fn digest_key(&self, member: MemberId) -> Result<Secret<[u8; 32]>, VaultError> {
        seal::derive(&self.member_key(member)?, &[b"doorward/1/digest"])
    }

    /// The key of the MACs by which the store knows that a value was issued before.
    ///
    /// # Errors
    /// None today.
    pub fn blind_key(&self) -> Result<Secret<[u8; 32]>, VaultError> {
        Ok(self.inner.home.blind.clone())
    }

    /// The seed of the log's Ed25519 key (RFC 8032): random, sealed in `keys/log-signing.key`.
    ///
    /// # Errors
    /// None today.
    pub fn signing_seed(&self) -> Result<Secret<[u8; 32]>, VaultError> {
        Ok(self.inner.home.signing.clone())
    }

    /// Seals `plain` under a key of the member's. Only [`Self::open_sealed`] with the same member and `context` opens it.
    ///
    /// # Errors
    /// [`VaultError::NoMember`]; when the system gives no random bytes.
    pub fn seal(&self, member: MemberId, context: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.seal_key(member)?, context.as_bytes(), plain)
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] for another member, another context or damage; [`VaultError::NoMember`].
    pub fn open_sealed(
        &self,
        member: MemberId,
        context: &str,
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, VaultError> {
        seal::open(&self.seal_key(member)?, context.as_bytes(), sealed)
    }

    /// Seals `plain` under the home's own key: what belongs to no member, such as the CA's private keys.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal_home(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.inner.home.seal, context.as_bytes(), plain)
    }

    /// Opens what [`Self::seal_home`] made.
    ///
    /// # Errors
    /// [`VaultError::Sealed`] for another home, another context or damage.
    pub fn open_home(&self, context: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        seal::open(&self.inner.home.seal, context.as_bytes(), sealed)
    }

    /// Seals what a recovery needs beside the root key. Only [`super::Phrase::open_manifest`] of this home's phrase opens
    /// it.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn seal_manifest(&self, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        seal::seal(&self.inner.home.manifest()?, super::phrase::MANIFEST_CONTEXT, plain)
    }

    /// The key that wraps everything of a member's.
    pub(super) fn member_key(&self, member: MemberId) -> Result<Key, VaultError> {
        self.inner.roster.load().key(member).cloned().ok_or(VaultError::NoMember)
    }

    fn seal_key(&self, member: MemberId) -> Result<Key, VaultError> {
        seal::sealing(&self.member_key(member)?)
    }
}
