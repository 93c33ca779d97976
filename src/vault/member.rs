//! People and their credentials.

use super::roster::Roster;
use super::seal;
use super::{Member, Vault, VaultError};
use crate::model::{Clock, MemberId, MemberKind, Secret, SystemClock};
use crate::store::TokenRow;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// More members than this are an organisation's directory, not a home.
const MAX_MEMBERS: usize = 4096;
/// Credentials a member may hold at once; the oldest goes.
const MAX_TOKENS: u32 = 16;
/// No credential is longer, in bytes.
const MAX_TOKEN_LEN: usize = 256;
/// The name the placeholder has.
const PLACEHOLDER: &str = "owner";

/// Who holds a credential of a member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A device, with browsers and whatever else runs there.
    Device,
    /// A program of the member's that speaks to vendors' interfaces and runs nothing of theirs. It is good at the proxy
    /// alone.
    Agent,
}

/// A credential as it was shown to be good: the hash it is known by, and whose it was.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    tag: [u8; 32],
    /// The member.
    pub member: MemberId,
    /// Who holds it.
    pub holder: Holder,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential(…)")
    }
}

impl Vault {
    /// All members, the first one (the owner) first.
    ///
    /// # Errors
    /// None today.
    pub fn members(&self) -> Result<Vec<Member>, VaultError> {
        Ok(self.inner.roster.load().members().to_vec())
    }

    /// The member of that name, in any letter case.
    ///
    /// # Errors
    /// None today.
    pub fn member(&self, name: &str) -> Result<Option<Member>, VaultError> {
        Ok(fold(name).and_then(|name| self.inner.roster.load().member(&name).cloned()))
    }

    /// The first member; a placeholder named `owner` is made where there is none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn ensure_member(&self) -> Result<Member, VaultError> {
        self.change(|vault, roster| match roster.members().first() {
            Some(first) => Ok(first.clone()),
            None => vault.insert(PLACEHOLDER.to_owned(), MemberKind::Adult, true),
        })
    }

    /// Adds a member, or gives the placeholder its name. Names are 1 to 32 of `a-z`, `0-9`, `-`, `_`; capitals fold.
    ///
    /// # Errors
    /// [`VaultError::BadName`], [`VaultError::NameTaken`], [`VaultError::TooManyMembers`]; when the disk fails.
    pub fn add_member(&self, name: &str, kind: MemberKind) -> Result<Member, VaultError> {
        let name = fold(name).ok_or(VaultError::BadName)?;
        self.change(|vault, roster| {
            if let Some(placeholder) = roster.members().iter().find(|member| member.placeholder) {
                vault.inner.store.name_placeholder(placeholder.id, &name, kind)?;
                return Ok(Member { name, kind, placeholder: false, ..placeholder.clone() });
            }
            vault.insert_another(roster, name, kind)
        })
    }

    /// Adds a member and leaves the placeholder for the first person.
    ///
    /// # Errors
    /// As [`Self::add_member`].
    pub fn add_another(&self, name: &str, kind: MemberKind) -> Result<Member, VaultError> {
        let name = fold(name).ok_or(VaultError::BadName)?;
        self.change(|vault, roster| vault.insert_another(roster, name, kind))
    }

    fn insert_another(&self, roster: &Roster, name: String, kind: MemberKind) -> Result<Member, VaultError> {
        if roster.members().len() >= MAX_MEMBERS {
            return Err(VaultError::TooManyMembers(MAX_MEMBERS));
        }
        self.insert(name, kind, false)
    }

    /// Deletes a member with every key, attribute, pseudonym and credential of theirs: what was sealed to them can
    /// never be read again. `false` where there was none.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn remove_member(&self, member: MemberId) -> Result<bool, VaultError> {
        self.change(|vault, _| {
            Ok(vault.inner.months.forget(member, None, || vault.inner.store.delete_member(member))?)
        })
    }

    /// Makes a proxy credential: 160 random bits in base32, shown this once; only a keyed hash is kept. Earlier ones
    /// stay valid, up to 16.
    ///
    /// # Errors
    /// [`VaultError::NoMember`]; when the disk fails.
    pub fn new_token(&self, member: MemberId, holder: Holder) -> Result<Secret<String>, VaultError> {
        let token = Secret::new(base32(seal::random::<20>()?.expose()));
        let tag = self.tag(member, token.expose()).ok_or(VaultError::Cryptography)?;
        self.change(|vault, roster| {
            if !roster.members().iter().any(|there| there.id == member) {
                return Err(VaultError::NoMember);
            }
            let row = TokenRow { member, tag, agent: holder == Holder::Agent };
            Ok(vault.inner.store.insert_token(&row, SystemClock.now(), MAX_TOKENS)?)
        })?;
        Ok(token)
    }

    /// Who this is, if the credential is theirs. Reads memory only, and takes as long for a wrong credential as for a
    /// right one.
    pub fn authenticate(&self, name: &str, token: &str) -> Option<MemberId> {
        self.credential(name, token).map(|credential| credential.member)
    }

    /// Likewise, with what tells later whether it is still theirs.
    pub fn credential(&self, name: &str, token: &str) -> Option<Credential> {
        if token.len() > MAX_TOKEN_LEN {
            return None;
        }
        let name = fold(name)?;
        let roster = self.inner.roster.load();
        // An unknown name costs the same hash.
        let member = roster.id(&name).unwrap_or(MemberId::GUEST);
        let tag = self.tag(member, token)?;
        roster.holder(&name, &tag).map(|holder| Credential { member, tag, holder })
    }

    /// Whether it is still its member's, whatever they are called now.
    pub fn still_holds(&self, credential: &Credential) -> bool {
        let roster = self.inner.roster.load();
        let member = roster.members().iter().find(|member| member.id == credential.member);
        member.is_some_and(|member| roster.holder(&member.name, &credential.tag) == Some(credential.holder))
    }

    /// Whether any member holds a credential: what a listener beyond loopback needs.
    pub fn has_credentials(&self) -> bool {
        self.inner.roster.load().holds_any()
    }

    /// The hash a credential is known by: bound to its member.
    fn tag(&self, member: MemberId, token: &str) -> Option<[u8; 32]> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.inner.home.tokens.expose()).ok()?;
        mac.update(member.0.as_bytes());
        mac.update(token.as_bytes());
        Some(mac.finalize().into_bytes().into())
    }

    fn insert(&self, name: String, kind: MemberKind, placeholder: bool) -> Result<Member, VaultError> {
        let member = Member { id: MemberId::random(), name, kind, placeholder, created: SystemClock.now() };
        let wrapped = self.inner.home.new_member_key(member.id)?;
        self.inner.store.insert_member(&member, &wrapped)?;
        Ok(member)
    }

    /// Runs a change alone; what is in memory follows the store even where the change failed half-way.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Self, &Roster) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        self.alone(|vault, roster| {
            let done = work(vault, roster);
            vault.inner.roster.store(Arc::new(Roster::load(&vault.inner.store, &vault.inner.home)?));
            done
        })
    }

    /// Runs `work` while nothing else changes members, credentials or attributes.
    pub(super) fn alone<T>(
        &self,
        work: impl FnOnce(&Self, &Roster) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let _alone = self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(self, &self.inner.roster.load());
        self.inner.revision.fetch_add(1, Ordering::Release);
        done
    }
}

/// A name as it is compared, or `None` for what no member is called.
fn fold(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !(1..=32).contains(&name.len()) || !name.bytes().all(allowed) {
        return None;
    }
    let folded = name.to_ascii_lowercase();
    (!matches!(folded.as_str(), "guest" | "gateway")).then_some(folded)
}

/// RFC 4648 section 6, lower-case, without padding; takes whole groups of five bytes.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut text = String::with_capacity(bytes.len() / 5 * 8);
    for group in bytes.as_chunks::<5>().0 {
        let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for shift in (0..40).step_by(5).rev() {
            let digit = usize::try_from(bits >> shift & 31).unwrap_or(0);
            text.extend(ALPHABET.get(digit).map(|letter| char::from(*letter)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_and_the_reserved_are_refused() {
        assert_eq!(fold("Ann_R-2").as_deref(), Some("ann_r-2"));
        for name in ["", "a b", "ann:x", "änn", "Guest", "gateway", &"a".repeat(33)] {
            assert_eq!(fold(name), None, "{name}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        assert_eq!(base32(b"fooba"), "mzxw6ytb");
        assert_eq!(base32(&[0xff; 20]), "7".repeat(32));
    }
}
