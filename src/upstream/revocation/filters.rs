//! The filters, in memory.

use super::lookup::Lookup;
use super::manifest::{Manifest, ManifestError, Part};
use crate::model::Timestamp;
use clubcard_crlite::{CRLiteClubcard, CRLiteKey, CRLiteStatus};
use sha2::{Digest, Sha256};
use std::panic::AssertUnwindSafe;
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
            self.cards.iter().any(|card| says(card, &key, lookup) == CRLiteStatus::Revoked)
        })
    }
}

/// What a filter says; nothing where it is one that its reader takes and then panics over.
fn says(card: &CRLiteClubcard, key: &CRLiteKey<'_>, lookup: &Lookup) -> CRLiteStatus {
    let query = AssertUnwindSafe(|| card.contains(key, lookup.logged.iter().copied()));
    std::panic::catch_unwind(query).unwrap_or_else(|_| {
        tracing::error!("a filter of the revocations cannot be asked");
        CRLiteStatus::NotCovered
    })
}

fn card(dir: &Path, part: &Part) -> Result<CRLiteClubcard, ManifestError> {
    CRLiteClubcard::from_bytes(&part.read(dir)?).map_err(|error| ManifestError::Filter(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clubcard::builder::{ApproximateRibbon, ClubcardBuilder, ExactRibbon};
    use clubcard_crlite::builder::CRLiteBuilderItem;
    use clubcard_crlite::{CRLiteCoverage, CRLiteQuery, Encoding, IssuerSpkiHash, LogId};

    const ISSUER: IssuerSpkiHash = IssuerSpkiHash([5; 32]);
    const LOG: LogId = LogId([0; 32]);

    /// A filter in which a fifth of all serial numbers of one byte was revoked.
    fn filter(encoding: Encoding) -> Vec<u8> {
        let item = |serial| match serial {
            0..50 => CRLiteBuilderItem::revoked(ISSUER, vec![serial]),
            _ => CRLiteBuilderItem::not_revoked(ISSUER, vec![serial]),
        };
        let mut builder = ClubcardBuilder::new();
        let mut approximate = builder.new_approx_builder(&ISSUER.0);
        approximate.set_universe_size(256);
        (0..50).for_each(|serial| approximate.insert(item(serial)));
        builder.collect_approx_ribbons(vec![ApproximateRibbon::from(approximate)]);
        let mut exact = builder.new_exact_builder(&ISSUER.0);
        (0..=u8::MAX).for_each(|serial| exact.insert(item(serial)));
        builder.collect_exact_ribbons(vec![ExactRibbon::from(exact)]);
        let logs = r#"[{"LogID":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","MinTimestamp":0,"MaxTimestamp":9,"MMD":0,"MinEntry":0}]"#;
        let coverage = CRLiteCoverage::from_mozilla_ct_logs_json(logs.as_bytes());
        CRLiteClubcard::from(builder.build::<CRLiteQuery<'_>>(coverage, ())).to_bytes(encoding).unwrap()
    }

    /// How many of those serial numbers it says were revoked; `None` for what is no filter.
    fn revoked(bytes: &[u8]) -> Option<usize> {
        let cards = vec![CRLiteClubcard::from_bytes(bytes).ok()?];
        let filters = Filters { as_of: Timestamp(0), cards };
        let lookup = |serial| Lookup {
            serial: vec![serial],
            issuers: vec![ISSUER],
            logged: vec![(LOG, clubcard_crlite::Timestamp(5))],
        };
        Some((0..=u8::MAX).filter(|serial| filters.is_revoked(&lookup(*serial))).count())
    }

    #[test]
    fn a_damaged_filter_ends_nothing() {
        for encoding in [Encoding::V3, Encoding::V4] {
            let whole = filter(encoding);
            assert_eq!(revoked(&whole), Some(50));
            let damaged = (0..whole.len()).map(|at| {
                let mut bytes = whole.clone();
                bytes[at] = 0xFF;
                revoked(&bytes)
            });
            assert!(damaged.flatten().count() > 0, "{encoding:?}");
        }
    }
}
