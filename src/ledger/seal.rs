//! Keys of records.

use super::error::KeyError;
use crate::model::{KeyId, MemberId, MonthKey, VendorId};

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
}
