//! Deriving, sealing and opening: the only place that touches the ciphers.

use super::VaultError;
use crate::model::Secret;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

/// A 256-bit key.
pub(super) type Key = Secret<[u8; 32]>;

/// The first byte of a sealed blob: version 1 is XChaCha20-Poly1305, a 24-byte nonce, then ciphertext and tag.
const VERSION: u8 = 1;
const NONCE_LEN: usize = 24;

/// `N` random bytes from the system.
pub(super) fn random<const N: usize>() -> Result<Secret<[u8; N]>, VaultError>
where
    [u8; N]: Zeroize,
{
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| VaultError::Random)?;
    Ok(keep(&mut bytes))
}

/// Wraps an array and wipes where it was made: moving one leaves a copy behind.
fn keep<const N: usize>(bytes: &mut [u8; N]) -> Secret<[u8; N]>
where
    [u8; N]: Zeroize,
{
    let kept = Secret::new(*bytes);
    bytes.zeroize();
    kept
}

/// HKDF-SHA256 Expand (RFC 5869 section 2.3) of a uniformly random `key`; `info` is the parts one after the other.
pub(super) fn derive(key: &Key, info: &[&[u8]]) -> Result<Key, VaultError> {
    let mut derived = [0; 32];
    Hkdf::<Sha256>::from_prk(key.expose())
        .map_err(|_| VaultError::Cryptography)?
        .expand_multi_info(info, &mut derived)
        .map_err(|_| VaultError::Cryptography)?;
    Ok(keep(&mut derived))
}

/// The key, out of a member's, that seals what is theirs.
pub(super) fn sealing(member: &Key) -> Result<Key, VaultError> {
    derive(member, &[b"doorward/1/seal"])
}

/// Seals `plain`; only the same key and `context` open it.
pub(super) fn seal(key: &Key, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce = random::<NONCE_LEN>()?;
    let ciphertext = XChaCha20Poly1305::new(key.expose().into())
        .encrypt(&XNonce::from(*nonce.expose()), Payload { msg: plain, aad: context })
        .map_err(|_| VaultError::Cryptography)?;
    let mut blob = Vec::with_capacity(1 + NONCE_LEN + ciphertext.len());
    blob.push(VERSION);
    blob.extend_from_slice(nonce.expose());
    blob.extend_from_slice(&ciphertext);
    Ok(blob)
}

/// Opens what [`seal`] made.
pub(super) fn open(key: &Key, context: &[u8], blob: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
    let Some((&VERSION, rest)) = blob.split_first() else { return Err(VaultError::Sealed) };
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(VaultError::Sealed)?;
    XChaCha20Poly1305::new(key.expose().into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: context })
        .map(Secret::new)
        .map_err(|_| VaultError::Sealed)
}

/// Opens a wrapped key.
pub(super) fn open_key(key: &Key, context: &[u8], blob: &[u8]) -> Result<Key, VaultError> {
    let plain = open(key, context, blob)?;
    let bytes: &[u8; 32] = plain.expose().as_slice().try_into().map_err(|_| VaultError::Sealed)?;
    Ok(Secret::new(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_and_context_open() {
        let (key, other) = (random().unwrap(), random().unwrap());
        let blob = seal(&key, b"a", b"ann@home.example").unwrap();
        assert_eq!(open(&key, b"a", &blob).unwrap().expose(), b"ann@home.example");
        assert!(matches!(open(&key, b"b", &blob), Err(VaultError::Sealed)));
        assert!(matches!(open(&other, b"a", &blob), Err(VaultError::Sealed)));
    }

    #[test]
    fn no_changed_or_cut_blob_opens() {
        let key = random().unwrap();
        let blob = seal(&key, b"", b"x").unwrap();
        for at in 0..blob.len() {
            let mut changed = blob.clone();
            changed[at] ^= 1;
            assert!(open(&key, b"", &changed).is_err(), "byte {at}");
            assert!(open(&key, b"", &blob[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_same_plain_text_seals_differently() {
        let key = random().unwrap();
        assert_ne!(seal(&key, b"", b"x").unwrap(), seal(&key, b"", b"x").unwrap());
    }

    #[test]
    fn derivation_is_stable_and_separates_by_info() {
        // HMAC-SHA256(0^32, info || 0x01), computed elsewhere: pseudonyms hang on it for good.
        let key = Secret::new([0; 32]);
        let one = derive(&key, &[b"doorward/1/persona", &[7; 16]]).unwrap();
        let hex: String = one.expose().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "fb3439b6a12966028a96d3e8766810df40ff953c5b05b3b424fdd012e3b2c0d9");
        assert_ne!(one, derive(&key, &[b"doorward/1/persona", &[8; 16]]).unwrap());
    }
}
