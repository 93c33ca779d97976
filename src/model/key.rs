//! Names of keys.

use std::fmt;

/// Names the random key that seals one member's records about one vendor in one month. Random; says nothing by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyId(")?;
        for byte in &self.0[..4] {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("…)")
    }
}

/// A month key with its name.
#[derive(Clone, Debug)]
pub struct MonthKey {
    /// Stands in the clear beside what it seals.
    pub id: KeyId,
    /// 256 random bits.
    pub key: super::Secret<[u8; 32]>,
}
