//! The upper half of the key hierarchy: from the key files down to the members' keys.

use super::seal::{self, Key};
use super::{VaultError, keyfile};
use crate::model::{MemberId, Secret};
use std::path::{Path, PathBuf};

const ROOT_HEADER: keyfile::Header = *b"doorward root 1\n";
const SIGNING_HEADER: keyfile::Header = *b"doorward sign 1\n";
const SIGNING_CONTEXT: &[u8] = b"doorward/1/log-signing";

/// Keys of which a home has one.
pub(super) struct HomeKeys {
    /// Opens everything.
    root: Key,
    /// Wraps member keys.
    members: Key,
    /// Hashes credentials.
    pub(super) tokens: Key,
    /// Seals what belongs to no member.
    pub(super) seal: Key,
    /// Keys the MACs of issued values.
    pub(super) blind: Key,
    /// The log's Ed25519 seed.
    pub(super) signing: Key,
}

impl HomeKeys {
    /// Reads the key files; `first_use` makes those that are missing.
    pub(super) fn open(directory: &Path, first_use: bool) -> Result<Self, VaultError> {
        if first_use {
            keyfile::directory(directory)?;
        }
        let root = match read_root(directory)? {
            Some(root) => root,
            None if first_use => {
                let root = seal::random()?;
                create_root(directory, &root)?;
                root
            }
            None => return Err(VaultError::KeyFileMissing { path: root_file(directory) }),
        };
        let home = seal::derive(&root, &[b"doorward/1/home"])?;
        let signing = Self::signing(directory, &seal::derive(&home, &[b"doorward/1/keyfile"])?, first_use)?;
        Ok(Self {
            members: seal::derive(&home, &[b"doorward/1/members"])?,
            tokens: seal::derive(&home, &[b"doorward/1/tokens"])?,
            seal: seal::derive(&home, &[b"doorward/1/seal"])?,
            blind: seal::derive(&home, &[b"doorward/1/blind"])?,
            signing,
            root,
        })
    }

    fn signing(directory: &Path, wrap: &Key, first_use: bool) -> Result<Key, VaultError> {
        let path = directory.join("log-signing.key");
        match keyfile::read(&path, &SIGNING_HEADER)? {
            Some(content) => {
                seal::open_key(wrap, SIGNING_CONTEXT, content.expose()).map_err(|_| VaultError::WrongRootKey)
            }
            None if first_use => {
                let seed: Key = seal::random()?;
                keyfile::create(&path, &SIGNING_HEADER, &seal::seal(wrap, SIGNING_CONTEXT, seed.expose())?)?;
                Ok(seed)
            }
            None => Err(VaultError::KeyFileMissing { path }),
        }
    }

    /// The key a member's pseudonyms are derived from.
    pub(super) fn persona(&self, member: MemberId) -> Result<Key, VaultError> {
        seal::derive(&self.root, &[b"doorward/1/persona", member.0.as_bytes()])
    }

    /// The key that seals manifests.
    pub(super) fn manifest(&self) -> Result<Key, VaultError> {
        manifest_key(&self.root)
    }

    /// A fresh member key, wrapped.
    pub(super) fn new_member_key(&self, id: MemberId) -> Result<Vec<u8>, VaultError> {
        let key: Key = seal::random()?;
        seal::seal(&self.members, &member_context(id), key.expose())
    }

    /// Opens a wrapped member key.
    pub(super) fn open_member_key(&self, id: MemberId, wrapped: &[u8]) -> Result<Key, VaultError> {
        seal::open_key(&self.members, &member_context(id), wrapped).map_err(|_| VaultError::WrongRootKey)
    }
}

/// Where the root key lies.
pub(super) fn root_file(directory: &Path) -> PathBuf {
    directory.join("root.key")
}

/// The root key; `None` where there is none yet.
pub(super) fn read_root(directory: &Path) -> Result<Option<Key>, VaultError> {
    let path = root_file(directory);
    let Some(content) = keyfile::read(&path, &ROOT_HEADER)? else { return Ok(None) };
    let bytes: Result<&[u8; 32], _> = content.expose().as_slice().try_into();
    Ok(Some(Secret::new(*bytes.map_err(|_| VaultError::KeyFileDamaged { path })?)))
}

/// Puts the root key where it lies from now on.
pub(super) fn create_root(directory: &Path, root: &Key) -> Result<(), VaultError> {
    keyfile::directory(directory)?;
    keyfile::create(&root_file(directory), &ROOT_HEADER, root.expose())
}

/// The key that seals what a recovery needs beside the root key.
pub(super) fn manifest_key(root: &Key) -> Result<Key, VaultError> {
    seal::derive(root, &[b"doorward/1/manifest"])
}

fn member_context(id: MemberId) -> Vec<u8> {
    [b"doorward/1/member-key/".as_slice(), id.0.as_bytes()].concat()
}
