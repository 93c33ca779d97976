//! From a phrase and a manifest to a home.

use super::RecoveryError;
use super::manifest::{self, Manifest, Pseudonym};
use crate::model::{Level, MemberId, MemberKind, Secret, Slot, Timestamp, VendorId};
use crate::persona::rows;
use crate::store::{Acquaintance, IssuedRow, Recovered, RecoveredMember, Relationship, Store};
use crate::vault::{Home, Member, Phrase, Readmission, Vault, VaultError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// What came back.
#[derive(Debug)]
pub struct Restored {
    /// When the manifest was made.
    pub made: Timestamp,
    /// The names of the members.
    pub members: Vec<String>,
    /// Vendors that know one of them.
    pub vendors: usize,
    /// Values that vendors know.
    pub values: usize,
}

/// Makes an empty home the one that the phrase and the manifest's text come from: its root key, its members, and what
/// vendors know them as. All of it, or only the key. Seals every value: never on a worker.
///
/// # Errors
/// A text that is no manifest, or not this phrase's; a home that has members or another root key; the disk fails.
pub fn restore(home: &Home, phrase: &Phrase, text: &str) -> Result<Restored, RecoveryError> {
    let manifest = Manifest::read(text, phrase)?;
    let store = Store::open(&home.state_db())?;
    if !store.members()?.is_empty() {
        return Err(VaultError::NotEmpty.into());
    }
    phrase.install(&home.keys_dir())?;
    let vault = Vault::open(&home.keys_dir(), store)?;
    let recovered = recovered(&vault, &manifest)?;
    vault.readmit(&recovered)?;
    let of = |count: fn(&RecoveredMember) -> usize| recovered.members.iter().map(count).sum();
    Ok(Restored {
        made: Timestamp(manifest.made),
        vendors: of(|member| member.relationships.len()),
        values: of(|member| member.pseudonyms.len()),
        members: manifest.members.into_iter().map(|member| member.name).collect(),
    })
}

fn recovered(vault: &Vault, manifest: &Manifest) -> Result<Recovered, RecoveryError> {
    let claim = |text: &String| {
        let blind = STANDARD.decode(text).ok().and_then(|blind| blind.try_into().ok());
        blind.ok_or(RecoveryError::Damaged("a claim is none"))
    };
    Ok(Recovered {
        members: manifest.members.iter().map(|one| member(vault, one)).collect::<Result<_, _>>()?,
        claims: manifest.claims.iter().map(claim).collect::<Result<_, _>>()?,
    })
}

fn member(vault: &Vault, said: &manifest::Member) -> Result<RecoveredMember, RecoveryError> {
    let kind = MemberKind::parse(&said.kind).ok_or(RecoveryError::Damaged("the kind of a member"))?;
    let readmission = vault.readmission(Member {
        id: MemberId(said.id),
        name: said.name.clone(),
        kind,
        placeholder: said.placeholder,
        created: Timestamp(said.created),
    })?;
    let sealed = said.pseudonyms.iter().map(|one| issued(vault, &readmission, one));
    let pseudonyms = sealed.collect::<Result<_, _>>()?;
    let mut member = RecoveredMember { pseudonyms, ..readmission.with_nothing() };
    for (name, vendor) in &said.vendors {
        let id = VendorId::from(name.as_str());
        let settings = vendor.settings.iter().map(|(key, value)| (id.clone(), key.clone(), value.clone()));
        member.settings.extend(settings);
        member.relationships.push(Relationship {
            vendor: id,
            epoch: vendor.epoch.max(1),
            level: vendor.level.as_deref().and_then(Level::parse),
            since: Timestamp(vendor.since),
            terms: vendor.terms.clone(),
            answer: vendor.answer.clone(),
        });
    }
    for (host, vendor, since) in &said.hosts {
        member.hosts.push(acquaintance(vendor, host.clone(), *since));
    }
    for (vendor, cookies, since) in &said.met {
        member.met.push(acquaintance(vendor, *cookies, *since));
    }
    Ok(member)
}

fn acquaintance<T>(vendor: &str, what: T, since: u64) -> Acquaintance<T> {
    Acquaintance { vendor: VendorId::from(vendor), what, since: Timestamp(since) }
}

/// Its `issue` record goes into the new log; until then it is as good as made and not carried yet.
fn issued(vault: &Vault, of: &Readmission, said: &Pseudonym) -> Result<IssuedRow, RecoveryError> {
    let slot = Slot::parse(&said.slot).ok_or(RecoveryError::Damaged("the slot of a value"))?;
    let vendor = VendorId::from(said.vendor.as_str());
    let value: &Secret<String> = &said.value.0;
    let context = rows::context(&vendor, said.epoch, &slot);
    Ok(IssuedRow {
        member: of.member.id,
        sealed: of.seal(&context, value.expose().as_bytes())?,
        blind: rows::blind(&vault.blind_key()?, &vendor, &slot, value.expose()),
        vendor,
        epoch: said.epoch.max(1),
        slot,
        format: said.format,
        how: said.how.clone(),
        created: Timestamp(said.created),
        recorded: false,
    })
}
