//! Rows as the rooms above see them.

use crate::model::{KeyId, Level, MemberId, MemberKind, Slot, Timestamp, VendorId};

/// A member of the home.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Their lasting identity.
    pub id: MemberId,
    /// Unique; the vault checks its form.
    pub name: String,
    /// What kind of member.
    pub kind: MemberKind,
    /// Stands in until the first person is named.
    pub placeholder: bool,
    /// When they were added.
    pub created: Timestamp,
}

/// The keyed hash of a proxy credential.
#[derive(Clone)]
pub struct TokenRow {
    /// Whose.
    pub member: MemberId,
    /// HMAC-SHA256.
    pub tag: [u8; 32],
    /// Whether a program holds it that speaks to vendors' interfaces.
    pub agent: bool,
}

/// A real value, sealed.
#[derive(Clone, Debug)]
pub struct AttributeRow {
    /// Where it belongs.
    pub slot: Slot,
    /// Sealed by the vault.
    pub sealed: Vec<u8>,
    /// Worked out from another slot rather than written by its owner.
    pub derived: bool,
}

/// A pseudonym issued to one vendor. The value is sealed; `blind` is a keyed MAC of kind and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedRow {
    /// Whose.
    pub member: MemberId,
    /// Made for whom.
    pub vendor: VendorId,
    /// Which of the member's identities at that vendor, from 1.
    pub epoch: u32,
    /// What it stands for.
    pub slot: Slot,
    /// Version of the format it was made in.
    pub format: u32,
    /// `derived`, `random` or `adopted`.
    pub how: String,
    /// The value, sealed.
    pub sealed: Vec<u8>,
    /// Keyed MAC of kind and value.
    pub blind: [u8; 32],
    /// When.
    pub created: Timestamp,
    /// Whether its `issue` record is durable.
    pub recorded: bool,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The row is stored, durably.
    Claimed,
    /// This member, vendor, epoch and slot has a pseudonym already: this one.
    Exists(IssuedRow),
    /// The value is, or once was, somebody else's: make another.
    Taken,
}

/// How a member stands with a vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// With whom.
    pub vendor: VendorId,
    /// The identity in use, from 1.
    pub epoch: u32,
    /// The level the member chose, where they did.
    pub level: Option<Level>,
    /// Since when.
    pub since: Timestamp,
    /// State of the terms: `none`, `offered`, `accepted`, ….
    pub terms: String,
    /// The vendor's last answer about terms, as sent.
    pub answer: Option<String>,
}

/// A month key wrapped to its member.
#[derive(Clone, Debug)]
pub struct KeyRow {
    /// The key's random name.
    pub id: KeyId,
    /// Whose records it seals.
    pub member: MemberId,
    /// About which vendor; `None` for records about none.
    pub vendor: Option<VendorId>,
    /// `YYYYMM`.
    pub month: u32,
    /// The key, sealed under the member's.
    pub wrapped: Vec<u8>,
}

/// SQLite's integers are signed; times before 1970 and after the year 292 million do not occur.
pub(super) fn to_column(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// The time in a column.
pub(super) fn time_of(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let millis: i64 = row.get(column)?;
    Ok(Timestamp(u64::try_from(millis).unwrap_or(0)))
}
