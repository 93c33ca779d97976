//! Which certificates of vendors were revoked: what is published of all of them (CRLite, Larisch et al., IEEE S&P 2017;
//! clubcards, Schanck, IEEE S&P 2025), kept here, so that nobody learns which one is looked up.
//!
//! Behind this gateway a browser sees none of the vendors' certificates and cannot look itself.

mod filters;
mod lookup;
mod manifest;
mod verifier;

pub use filters::Filters;
pub use manifest::{Manifest, ManifestError, Part};
pub(super) use verifier::Unrevoked;

use crate::model::Timestamp;
use arc_swap::ArcSwapOption;
use lookup::Lookup;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;

/// The filters in force; a clone shares them. None at first: then nothing is taken for revoked.
#[derive(Clone, Default)]
pub struct Revocations(Arc<ArcSwapOption<Filters>>);

impl Revocations {
    /// Takes these into force, or none.
    pub fn store(&self, filters: Option<Filters>) {
        self.0.store(filters.map(Arc::new));
    }

    /// When what is in force was published; `None` where nothing is.
    pub fn as_of(&self) -> Option<Timestamp> {
        self.0.load().as_ref().map(|filters| filters.as_of())
    }

    /// Whether the certificate is known to be revoked. One that is newer than the filters, or of an authority that is in none
    /// of them, as the owner's own are, is not.
    fn is_revoked(&self, end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> bool {
        let filters = self.0.load();
        let Some(filters) = filters.as_ref() else { return false };
        Lookup::of(end_entity, intermediates).is_some_and(|lookup| filters.is_revoked(&lookup))
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Revocations").field(&self.as_of()).finish()
    }
}
