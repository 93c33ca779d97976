//! Keys that seal one month of records, and their erasure.

use super::seal::{self, Key};
use super::{Vault, VaultError};
use crate::model::{KeyId, MemberId, MonthKey, QuickMap, VendorId};
use crate::store::{KeyRow, StoreError};
use std::sync::{Mutex, PoisonError, RwLock};
use tokio::runtime::{Handle, RuntimeFlavor};

/// Keys held in memory; beyond, all are let go and read again on use.
const MAX_CACHED: usize = 8192;

type Place = (MemberId, Option<VendorId>, u32);

/// Keys in use. Everything that enters does so under `minting`, and erasing takes it as well, so that an erased key
/// never comes back; a hit takes only the read lock.
#[derive(Default)]
pub(super) struct Months {
    minting: Mutex<()>,
    cache: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    by_place: QuickMap<Place, KeyId>,
    by_id: QuickMap<KeyId, (MonthKey, Place)>,
}

impl Vault {
    /// The key that seals the member's records about the vendor in the month (`YYYYMM`): made, wrapped and stored on
    /// first use, durable when it returns.
    ///
    /// # Errors
    /// [`VaultError::NoMember`]; when the disk fails.
    pub fn month_key(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        month: u32,
    ) -> Result<MonthKey, VaultError> {
        let place = (member, vendor.cloned(), month);
        let months = &self.inner.months;
        if let Some(key) = months.at(&place) {
            return Ok(key);
        }
        off_worker(|| self.mint(place))
    }

    fn mint(&self, place: Place) -> Result<MonthKey, VaultError> {
        let months = &self.inner.months;
        let (member, vendor, month) = (place.0, place.1.as_ref(), place.2);
        let _alone = months.minting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = months.at(&place) {
            return Ok(key);
        }
        let wrap = self.month_wrap(member)?;
        let row = match self.inner.store.month_key(member, vendor, month)? {
            Some(row) => row,
            None => {
                let id = KeyId(*seal::random()?.expose());
                let key: Key = seal::random()?;
                let wrapped = seal::seal(&wrap, &context(id, &place), key.expose())?;
                self.inner.store.insert_month_key(&KeyRow {
                    id,
                    member,
                    vendor: vendor.cloned(),
                    month,
                    wrapped,
                })?
            }
        };
        months.open(&wrap, row)
    }

    /// The key of that name; `None` once it was erased.
    ///
    /// # Errors
    /// When the disk fails or the stored key does not open.
    pub fn open_month_key(&self, id: KeyId) -> Result<Option<MonthKey>, VaultError> {
        let months = &self.inner.months;
        if let Some(key) = months.named(id) {
            return Ok(Some(key));
        }
        let _alone = months.minting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = self.inner.store.month_key_by_id(id)? else { return Ok(None) };
        match self.month_wrap(row.member) {
            Ok(wrap) => months.open(&wrap, row).map(Some),
            // Removed between the two reads.
            Err(VaultError::NoMember) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names of the keys that seal the member's records about the vendor.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn month_key_ids(&self, member: MemberId, vendor: &VendorId) -> Result<Vec<KeyId>, VaultError> {
        Ok(self.inner.store.month_key_ids(member, vendor)?)
    }

    /// Erases the member's keys about one vendor, or all of them: what they sealed can never be read again. Returns
    /// how many went. A record of this month that comes later gets a new key.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn erase_month_keys(&self, member: MemberId, vendor: Option<&VendorId>) -> Result<u64, VaultError> {
        Ok(self.inner.months.forget(member, vendor, || self.inner.store.delete_month_keys(member, vendor))?)
    }

    /// Erases everybody's keys of every month before this one (`YYYYMM`): what retention lets go. Returns how many.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn erase_months_before(&self, month: u32) -> Result<u64, VaultError> {
        let store = &self.inner.store;
        let gone = self
            .inner
            .months
            .forget_where(|place| place.2 < month, || store.delete_month_keys_before(month))?;
        Ok(gone)
    }

    fn month_wrap(&self, member: MemberId) -> Result<Key, VaultError> {
        seal::derive(&self.member_key(member)?, &[b"doorward/1/months"])
    }
}

/// Work that waits for the disk: where an async worker does it, the worker's other tasks go on elsewhere.
fn off_worker<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl Months {
    fn at(&self, place: &Place) -> Option<MonthKey> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        let id = cache.by_place.get(place)?;
        cache.by_id.get(id).map(|(key, _)| key.clone())
    }

    fn named(&self, id: KeyId) -> Option<MonthKey> {
        let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
        cache.by_id.get(&id).map(|(key, _)| key.clone())
    }

    /// Unwraps a key and keeps it. The caller holds `minting`.
    fn open(&self, wrap: &Key, row: KeyRow) -> Result<MonthKey, VaultError> {
        let place = (row.member, row.vendor, row.month);
        let key = MonthKey { id: row.id, key: seal::open_key(wrap, &context(row.id, &place), &row.wrapped)? };
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.by_id.len() >= MAX_CACHED {
            *cache = Cache::default();
        }
        cache.by_place.insert(place.clone(), key.id);
        cache.by_id.insert(key.id, (key.clone(), place));
        Ok(key)
    }

    /// Runs `erase`, then lets go of the member's keys: about one vendor, or all.
    pub(super) fn forget<T>(
        &self,
        member: MemberId,
        vendor: Option<&VendorId>,
        erase: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.forget_where(
            |place| place.0 == member && (vendor.is_none() || place.1.as_ref() == vendor),
            erase,
        )
    }

    fn forget_where<T>(
        &self,
        goes: impl Fn(&Place) -> bool,
        erase: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _alone = self.minting.lock().unwrap_or_else(PoisonError::into_inner);
        let erased = erase();
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.by_place.retain(|place, _| !goes(place));
        cache.by_id.retain(|_, (_, place)| !goes(place));
        erased
    }
}

/// What a wrapped key is bound to: its name and its whole place.
fn context(id: KeyId, (member, vendor, month): &Place) -> Vec<u8> {
    let vendor = vendor.as_ref().map_or("", VendorId::as_str);
    [b"doorward/1/month-key/".as_slice(), &id.0, member.0.as_bytes(), &month.to_be_bytes(), vendor.as_bytes()]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MemberKind;
    use crate::store::Store;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_first_key_holds_up_no_worker() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys"), Store::open(&dir.path().join("state.db")).unwrap())
            .unwrap();
        let member = vault.add_member("ann", MemberKind::Adult).unwrap().id;
        let (begun, began) = tokio::sync::oneshot::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (locked, is_locked) = std::sync::mpsc::channel::<()>();
        let busy = std::thread::spawn({
            let vault = vault.clone();
            move || {
                let _busy = vault.inner.months.minting.lock().unwrap();
                locked.send(()).unwrap();
                let _ = released.recv_timeout(Duration::from_secs(10));
            }
        });
        is_locked.recv().unwrap();
        let first = tokio::spawn(async move {
            let _ = begun.send(());
            vault.month_key(member, None, 202_611).map(drop)
        });
        began.await.unwrap();
        for _ in 0..100 {
            tokio::spawn(tokio::task::yield_now()).await.unwrap();
        }
        // All of them ran while the key still waits; nobody would listen any more otherwise.
        assert!(!first.is_finished() && release.send(()).is_ok());
        busy.join().unwrap();
        first.await.unwrap().unwrap();
    }
}
