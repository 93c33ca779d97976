//! From a home to its manifest.

use super::RecoveryError;
use super::manifest::{Manifest, Member, Pseudonym, Value, Vendor};
use crate::model::{Level, MemberId, Timestamp};
use crate::persona::Derivation;
use crate::persona::rows::open;
use crate::store::{MemberRow, Store};
use crate::vault::Vault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// A manifest, and what there is to say of it.
pub struct Gathered {
    /// The text to keep.
    pub text: String,
    /// Values that come back.
    pub values: usize,
    /// Values that do not: they were made at random.
    pub left_out: usize,
}

/// Gathers what a recovery needs beside the phrase. Opens every pseudonym: never on a worker.
///
/// # Errors
/// The vault or the store fails.
pub fn gather(vault: &Vault, store: &Store, now: Timestamp) -> Result<Gathered, RecoveryError> {
    let (mut members, mut left_out) = (Vec::new(), 0);
    for row in vault.members()? {
        let mut pseudonyms = Vec::new();
        for row in store.pseudonyms(row.id)? {
            // Nothing leads to it a second time, and nothing is meant to.
            if row.how == Derivation::Random.how() {
                left_out += 1;
                continue;
            }
            let issued = open(vault, &row).map_err(|_| RecoveryError::Damaged("a value does not open"))?;
            pseudonyms.push(Pseudonym {
                vendor: row.vendor.to_string(),
                epoch: row.epoch,
                slot: row.slot.to_string(),
                format: row.format,
                how: row.how,
                value: Value(issued.value),
                created: row.created.0,
            });
        }
        members.push(member(store, row, pseudonyms)?);
    }
    let values = members.iter().map(|member: &Member| member.pseudonyms.len()).sum();
    let claims = store.claims()?.iter().map(|blind| STANDARD.encode(blind)).collect();
    let text = Manifest { made: now.0, members, claims }.write(vault)?;
    Ok(Gathered { text, values, left_out })
}

fn member(store: &Store, row: MemberRow, pseudonyms: Vec<Pseudonym>) -> Result<Member, RecoveryError> {
    let hosts = store.acquainted_hosts(row.id)?.into_iter();
    let met = store.acquainted_vendors(row.id)?.into_iter();
    Ok(Member {
        id: row.id.0,
        vendors: vendors(store, row.id)?,
        hosts: hosts.map(|met| (met.what, met.vendor.to_string(), met.since.0)).collect(),
        met: met.map(|met| (met.vendor.to_string(), met.what, met.since.0)).collect(),
        name: row.name,
        kind: row.kind.as_str().to_owned(),
        placeholder: row.placeholder,
        created: row.created.0,
        pseudonyms,
    })
}

fn vendors(store: &Store, member: MemberId) -> Result<BTreeMap<String, Vendor>, RecoveryError> {
    let mut vendors = BTreeMap::new();
    for one in store.relationships(member)? {
        let vendor = Vendor {
            epoch: one.epoch,
            level: one.level.map(|level| Level::as_str(level).to_owned()),
            since: one.since.0,
            terms: one.terms,
            answer: one.answer,
            settings: store.vendor_settings(member, &one.vendor)?.into_iter().collect(),
        };
        vendors.insert(one.vendor.to_string(), vendor);
    }
    Ok(vendors)
}
