//! Keys and draws: from a member's persona key to the numbers a format is filled with.
//!
//! ```text
//! K_vendor = HKDF-Expand(persona key, "doorward/1/vendor" ‖ u32 len ‖ vendor ‖ u32 epoch)
//! seed     = HMAC-SHA256(K_vendor, kind ‖ 0 ‖ slot ‖ 0 ‖ u32 format version ‖ u32 attempt)
//! draws    = HMAC-SHA256(seed, u32 0) ‖ HMAC-SHA256(seed, u32 1) ‖ …
//! ```
//! Integers are big-endian. A real value is an input to none of them: a pseudonym says nothing about what it stands
//! for, and a changed address keeps its alias. Golden values in the tests pin every step across releases.

use crate::model::{Secret, VendorId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sha2::digest::common::Key;
use zeroize::Zeroize;

const VENDOR_LABEL: &[u8] = b"doorward/1/vendor";
const CHECK_LABEL: &[u8] = b"doorward/1/address-check";
/// The block size of SHA-256: an HMAC key shorter than that is padded with zeros (RFC 2104 section 2).
const BLOCK: usize = 64;

/// HMAC-SHA256 over the parts, one after the other.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut padded = [0_u8; BLOCK];
    padded.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut hmac = Hmac::<Sha256>::new(&Key::<Hmac<Sha256>>::from(padded));
    padded.zeroize();
    for part in parts {
        hmac.update(part);
    }
    hmac.finalize().into_bytes().into()
}

/// HKDF-Expand (RFC 5869 section 2.3) for one block of output: `T(1) = HMAC(PRK, info ‖ 0x01)`.
fn expand(key: &[u8; 32], info: &[&[u8]]) -> Secret<[u8; 32]> {
    let mut parts = info.to_vec();
    parts.push(&[1]);
    Secret::new(mac(key, &parts))
}

/// A member's key for pseudonyms: whoever has it and knows vendors and epochs has every seed-derived pseudonym.
#[derive(Clone, Debug)]
pub struct PersonaKey(Secret<[u8; 32]>);

impl PersonaKey {
    /// Takes the vault's key.
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The key of the member's identity number `epoch` at `vendor`.
    pub fn vendor(&self, vendor: &VendorId, epoch: u32) -> VendorKey {
        let name = vendor.as_str().as_bytes();
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
        VendorKey(expand(self.0.expose(), &[VENDOR_LABEL, &length, name, &epoch.to_be_bytes()]))
    }

    /// The key by which the mail edge knows addresses made here from guessed ones, without looking anything up.
    pub fn check(&self) -> CheckKey {
        CheckKey(expand(self.0.expose(), &[CHECK_LABEL]))
    }
}

/// The key of one identity: one member at one vendor in one epoch.
#[derive(Clone, Debug)]
pub struct VendorKey(Secret<[u8; 32]>);

impl VendorKey {
    /// A key that nothing else leads to, for `derivation = "random"`.
    ///
    /// # Errors
    /// The machine gives no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self(Secret::new(key)))
    }

    /// The draws for one attempt at one value.
    pub fn draws(&self, kind: &str, slot: &str, version: u32, attempt: u32) -> Draws {
        let seed = mac(
            self.0.expose(),
            &[kind.as_bytes(), &[0], slot.as_bytes(), &[0], &version.to_be_bytes(), &attempt.to_be_bytes()],
        );
        Draws { seed: Secret::new(seed), block: 0, ready: Vec::new() }
    }
}

/// The key of the check that stands at the end of an alias.
#[derive(Clone, Debug)]
pub struct CheckKey(Secret<[u8; 32]>);

impl CheckKey {
    /// 20 bits of a MAC over `text`.
    pub fn bits(&self, text: &str) -> u32 {
        let [first, second, third, ..] = mac(self.0.expose(), &[text.as_bytes()]);
        u32::from_be_bytes([0, first, second, third]) >> 4
    }
}

/// An endless row of uniform numbers out of one seed.
#[derive(Debug)]
pub struct Draws {
    seed: Secret<[u8; 32]>,
    block: u32,
    /// Bytes not drawn yet, last first.
    ready: Vec<u8>,
}

impl Draws {
    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.ready.pop() {
                return byte;
            }
            let block = mac(self.seed.expose(), &[&self.block.to_be_bytes()]);
            self.block = self.block.wrapping_add(1);
            self.ready.extend(block.iter().rev());
        }
    }

    /// The next 32 bits.
    pub fn word(&mut self) -> u32 {
        u32::from_be_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// A number below `bound`, each equally likely: words past the last whole multiple are drawn again. 0 for bound 0.
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound < 2 {
            return 0;
        }
        // 2^32 mod bound words at the low end are one too many for the others.
        let surplus = bound.wrapping_neg() % bound;
        loop {
            let word = self.word();
            if word >= surplus {
                return word % bound;
            }
        }
    }

    /// One of the list, each equally likely; `None` of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(list.len()).ok()?);
        list.get(usize::try_from(index).ok()?)
    }

    /// One byte of an ASCII alphabet as a character; a space of an empty one.
    pub fn character(&mut self, alphabet: &str) -> char {
        self.pick(alphabet.as_bytes()).map_or(' ', |byte| char::from(*byte))
    }

    /// The next 16 bytes.
    pub fn bytes16(&mut self) -> [u8; 16] {
        std::array::from_fn(|_| self.byte())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hkdf::Hkdf;

    fn key(byte: u8) -> PersonaKey {
        PersonaKey::new(Secret::new([byte; 32]))
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_vendor_key_is_hkdf_expand() {
        let mut want = [0; 32];
        let hkdf = Hkdf::<Sha256>::from_prk(&[7; 32]).unwrap();
        hkdf.expand(b"doorward/1/vendor\0\0\0\x04shop\0\0\0\x02", &mut want).unwrap();
        assert_eq!(key(7).vendor(&"shop".into(), 2).0.expose(), &want);
    }

    #[test]
    fn golden_draws_never_change() {
        let mut draws = key(1).vendor(&"shop.example".into(), 1).draws("email", "email.primary", 1, 0);
        assert_eq!(hex(&draws.bytes16()), GOLDEN_BYTES);
        assert_eq!(key(1).check().bits("maria.keller42"), GOLDEN_CHECK);
    }
    const GOLDEN_BYTES: &str = "188d7c40668817e21c04e060ab13488d";
    const GOLDEN_CHECK: u32 = 501857;

    #[test]
    fn every_input_leads_elsewhere() {
        let first =
            |key: &VendorKey, kind, slot, version, attempt| key.draws(kind, slot, version, attempt).bytes16();
        let shop = key(1).vendor(&"shop".into(), 1);
        let seen = [
            first(&shop, "email", "email.primary", 1, 0),
            first(&shop, "phone", "email.primary", 1, 0),
            first(&shop, "email", "email.work", 1, 0),
            first(&shop, "email", "email.primary", 2, 0),
            first(&shop, "email", "email.primary", 1, 1),
            first(&key(1).vendor(&"shop".into(), 2), "email", "email.primary", 1, 0),
            first(&key(1).vendor(&"news".into(), 1), "email", "email.primary", 1, 0),
            first(&key(2).vendor(&"shop".into(), 1), "email", "email.primary", 1, 0),
        ];
        for (index, one) in seen.iter().enumerate() {
            assert!(!seen.iter().skip(index + 1).any(|other| other == one), "{index}");
        }
    }

    #[test]
    fn a_bound_is_kept_and_every_number_comes() {
        let mut draws = key(3).vendor(&"shop".into(), 1).draws("test", "test", 1, 0);
        let mut counts = [0_u32; 7];
        for _ in 0..7_000 {
            counts[usize::try_from(draws.below(7)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!((draws.below(0), draws.below(1)), (0, 0));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", key(255)), "PersonaKey(Secret(…))");
    }
}
