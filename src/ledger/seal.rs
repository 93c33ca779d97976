//! Sealing and opening: XChaCha20-Poly1305 under a key of one member, vendor and month, on the caller's side.

use super::cbor::Writer;
use super::entry::{Entry, Kind, NONCE_BYTES, Outer};
use super::error::{KeyError, LedgerError};
use super::{decode, encode};
use crate::model::record::Record;
use crate::model::{KeyId, MemberId, MonthKey, Timestamp, VendorId};
use crate::vault::Vault;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, Tag, UnboundKey};
use chacha20::{R20, hchacha};
use chacha20poly1305::aead::inout::InOutBuf;
use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use zeroize::Zeroize;

/// Said before the clear part in the additional data of the seal.
const AAD_DOMAIN: &[u8] = b"doorward ledger entry 1\n";
/// Room for the longest additional data.
const AAD_BYTES: usize = 192;
/// Said before key and nonce in the salt of the commitment.
const SALT_DOMAIN: &[u8] = b"doorward ledger salt 1\n";
/// Nonces fetched from the kernel together.
const NONCES_AT_ONCE: usize = 128;
/// Bytes of a Poly1305 tag.
const TAG_BYTES: usize = 16;

/// Who keeps the keys that seal records: the vault.
pub trait Keys: Send + Sync + 'static {
    /// The key for records about `member` and `vendor` in `month` (`YYYYMM`); made on first use.
    fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<MonthKey, KeyError>;
    /// The key of this name; `None` once it is erased.
    fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, KeyError>;
    /// The names of all keys that seal records about `member` and `vendor`.
    fn names(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, KeyError>;
}

impl Keys for Vault {
    fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<MonthKey, KeyError> {
        Vault::month_key(self, member, vendor, month).map_err(|error| KeyError(error.to_string()))
    }

    fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, KeyError> {
        Vault::open_month_key(self, id).map_err(|error| KeyError(error.to_string()))
    }

    fn names(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, KeyError> {
        Vault::month_key_ids(self, member, vendor).map_err(|error| KeyError(error.to_string()))
    }
}

/// Records ready for the ledger's thread: each a little-endian `u32` length and the entry from `time` on.
#[derive(Default)]
pub(crate) struct Sealed {
    pub bytes: Vec<u8>,
    pub count: usize,
}

thread_local! {
    /// Where a payload is put together and sealed.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static NONCES: RefCell<Nonces> =
        const { RefCell::new(Nonces { ready: [[0; NONCE_BYTES]; NONCES_AT_ONCE], used: NONCES_AT_ONCE }) };
}

/// Random nonces, fetched several at once, as asking the kernel costs as much as sealing does.
struct Nonces {
    ready: [[u8; NONCE_BYTES]; NONCES_AT_ONCE],
    used: usize,
}

impl Nonces {
    /// A fresh one. The moment is mixed in: a machine that was copied while running has the same ones ready twice, but
    /// uses them at other moments.
    fn next(&mut self, time: Timestamp) -> Result<[u8; NONCE_BYTES], KeyError> {
        if self.used == NONCES_AT_ONCE {
            getrandom::fill(self.ready.as_flattened_mut())
                .map_err(|_| KeyError("the system has no randomness".to_owned()))?;
            self.used = 0;
        }
        let nonce = self.ready.get_mut(self.used).map(std::mem::take);
        self.used += 1;
        let mut nonce = nonce.ok_or_else(|| KeyError("no nonce is ready".to_owned()))?;
        for (byte, moment) in nonce.iter_mut().zip(time.0.to_le_bytes()) {
            *byte ^= moment;
        }
        Ok(nonce)
    }
}

impl Sealed {
    /// Seals the record, in as many entries as it needs.
    pub fn push(&mut self, record: Record, key: &MonthKey) -> Result<(), LedgerError> {
        let mut result = Ok(());
        encode::split(record, |record| {
            if result.is_ok() {
                result = SCRATCH.with_borrow_mut(|payload| {
                    payload.clear();
                    encode::write(&record, payload);
                    let sealed = self.push_payload(&record, payload, key);
                    if sealed.is_err() {
                        payload.zeroize();
                    }
                    sealed
                });
            }
        });
        result
    }

    /// Seals the payload where it stands, so that no copy of it is left.
    fn push_payload(
        &mut self,
        record: &Record,
        payload: &mut [u8],
        key: &MonthKey,
    ) -> Result<(), LedgerError> {
        let nonce = NONCES.with_borrow_mut(|nonces| nonces.next(record.time))?;
        let outer = Outer {
            time: record.time,
            kind: Kind::of(&record.event),
            flow: record.event.flow(),
            key: key.id,
            nonce,
            commitment: commitment(&salt(key.key.expose(), &nonce), payload),
        };
        let start = self.bytes.len();
        self.bytes.reserve(payload.len() + 192);
        self.bytes.extend_from_slice(&[0; 4]);
        outer.write(&mut self.bytes);
        let mut aad = Vec::with_capacity(AAD_BYTES);
        aad.extend_from_slice(AAD_DOMAIN);
        aad.extend_from_slice(self.bytes.get(start + 4..).unwrap_or_default());
        Writer(&mut self.bytes).bytes_head(payload.len() + TAG_BYTES);
        let Some(tag) = encrypt(key.key.expose(), &nonce, &aad, payload) else {
            self.bytes.truncate(start);
            return Err(LedgerError::TooLarge);
        };
        self.bytes.extend_from_slice(payload);
        self.bytes.extend_from_slice(tag.as_ref());
        let length = u32::try_from(self.bytes.len() - start - 4).unwrap_or(u32::MAX);
        if let Some(head) = self.bytes.get_mut(start..start + 4) {
            head.copy_from_slice(&length.to_le_bytes());
        }
        self.count += 1;
        Ok(())
    }
}

/// XChaCha20-Poly1305 in place (draft-irtf-cfrg-xchacha-03 section 2): HChaCha20 of the key and the first 16 bytes of the
/// nonce is the key of a ChaCha20-Poly1305 whose nonce is four zero bytes and the last 8.
fn encrypt(key: &[u8; 32], nonce: &[u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> Option<Tag> {
    let (input, rest) = nonce.split_first_chunk::<16>()?;
    let mut subkey = hchacha::<R20>(key.into(), input.into());
    let mut short = [0; NONCE_LEN];
    short.get_mut(4..)?.copy_from_slice(rest);
    let unbound = UnboundKey::new(&CHACHA20_POLY1305, &subkey);
    subkey.zeroize();
    let nonce = Nonce::assume_unique_for_key(short);
    LessSafeKey::new(unbound.ok()?).seal_in_place_separate_tag(nonce, Aad::from(aad), text).ok()
}

/// The tails in the bytes of a [`Sealed`].
pub(crate) fn tails(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (tail, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        bytes = rest;
        Some(tail)
    })
}

/// The secret half of an entry's commitment; whoever has it can show what the entry says.
pub(crate) fn salt(key: &[u8; 32], nonce: &[u8; NONCE_BYTES]) -> [u8; 32] {
    Sha256::new().chain_update(SALT_DOMAIN).chain_update(key).chain_update(nonce).finalize().into()
}

/// Binds an entry to its payload.
pub(crate) fn commitment(salt: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(payload).finalize().into()
}

/// Opens an entry with its key. `None` where the bytes were not sealed under it, or do not say what they commit to.
pub(crate) fn open(entry: &Entry<'_>, key: &MonthKey) -> Option<Record> {
    let (body, tag) = entry.sealed.split_at_checked(entry.sealed.len().checked_sub(TAG_BYTES)?)?;
    let tag: [u8; TAG_BYTES] = tag.try_into().ok()?;
    let mut aad = AAD_DOMAIN.to_vec();
    entry.outer.write(&mut aad);
    let mut payload = body.to_vec();
    let cipher = XChaCha20Poly1305::new(key.key.expose().into());
    let buffer = InOutBuf::from(payload.as_mut_slice());
    cipher.decrypt_inout_detached(&entry.outer.nonce.into(), &aad, buffer, &tag.into()).ok()?;
    let salt = salt(key.key.expose(), &entry.outer.nonce);
    let record = (commitment(&salt, &payload) == entry.outer.commitment)
        .then(|| decode::read(&payload, &entry.outer))
        .flatten();
    payload.zeroize();
    record
}
