//! The filters, in memory.

use super::lookup::Lookup;
use super::manifest::{Manifest, ManifestError, Part};
use crate::model::Timestamp;
use clubcard_crlite::{CRLiteClubcard, CRLiteKey, CRLiteStatus};
use sha2::{Digest, Sha256};
use std::path::Path;

/// All that is published, as it was read.
pub struct Filters {
    as_of: Timestamp,
    cards: Vec<CRLiteClubcard>,
}

impl Filters {
    /// Reads what lies in `dir`; `None` where nothing does. Blocks: some megabytes are read and hashed.
    ///
    /// # Errors
    /// What lies there is not whole.
    pub fn read(dir: &Path) -> Result<Option<Self>, ManifestError> {
        let manifest = match std::fs::read(dir.join(Manifest::FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            bytes => Manifest::parse(&bytes?)?,
        };
        Self::of(&manifest, dir).map(Some)
    }

    /// Reads those that `manifest` names, which lie in `dir`. Blocks.
    ///
    /// # Errors
    /// What lies there is not whole, or no filter.
    pub fn of(manifest: &Manifest, dir: &Path) -> Result<Self, ManifestError> {
        let cards = manifest.parts.iter().map(|part| card(dir, part)).collect::<Result<_, _>>()?;
        Ok(Self { as_of: manifest.as_of, cards })
    }

    /// When they were published.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Whether some filter that covers the certificate says that it was revoked.
    pub(super) fn is_revoked(&self, lookup: &Lookup) -> bool {
        lookup.issuers.iter().any(|issuer| {
            let digest = Sha256::new().chain_update(issuer.0).chain_update(&lookup.serial).finalize();
            let key = CRLiteKey::with_hash(issuer, &lookup.serial, digest.into());
            let says = |card: &CRLiteClubcard| card.contains(&key, lookup.logged.iter().copied());
            self.cards.iter().any(|card| says(card) == CRLiteStatus::Revoked)
        })
    }
}

fn card(dir: &Path, part: &Part) -> Result<CRLiteClubcard, ManifestError> {
    CRLiteClubcard::from_bytes(&part.read(dir)?).map_err(|error| ManifestError::Filter(error.to_string()))
}
