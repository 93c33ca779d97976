//! Issuing: from a slot to a value that nobody else has, claimed for good; and the same without claiming.

use super::derive::VendorKey;
use super::error::IssueError;
use super::format::{Maker, Person, Place, Unique, email, uniqueness};
use super::policy::Derivation;
use super::rows::ADOPTED;
use super::wardrobe::{Issued, Wardrobe, Worn};
use super::{Mask, MemberIdentity};
use crate::model::{Secret, Slot, SlotKind, Timestamp, VendorId};
use crate::store::Claim;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many values are tried until one is free. The smallest space, Australian mobiles, has thirty.
const ATTEMPTS: u32 = 128;

/// For whom and how values are made.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The vendor's mask; also says which domain and whether the name is met.
    pub mask: &'a Mask,
    /// The member's values.
    pub identity: &'a MemberIdentity,
    /// The identity's number.
    pub epoch: u32,
    /// Where values come from.
    pub derivation: Derivation,
    /// The host that meets the identity.
    pub host: &'a str,
    /// The vendor has an account under what is real: it is kept as it is.
    pub existing: bool,
}

impl Order<'_> {
    /// What is real, where it is to be kept.
    fn real(&self, slot: &Slot, now: Timestamp) -> Option<Issued> {
        let value = self.identity.value(slot).filter(|_| self.existing)?;
        Some(Issued {
            value: Secret::new(value.expose().trim().to_owned()),
            format: 0,
            how: ADOPTED.to_owned(),
            created: now,
            recorded: false,
        })
    }
}

impl Wardrobe {
    /// Claims a value for each slot that has none, and gives what the vendor knows in this exchange: what it has claimed
    /// counts as recorded, because [`Wardrobe::carry`] lets nothing leave before. Waits for the store's disk: never on a
    /// worker.
    ///
    /// # Errors
    /// No value can be made or none is free; the vault or the store fails. What was claimed before the error stays
    /// claimed and is given by the next call.
    pub fn issue(
        &self,
        order: &Order<'_>,
        slots: &BTreeSet<Slot>,
        now: Timestamp,
    ) -> Result<Arc<Worn>, IssueError> {
        let (vendor, epoch) = (order.mask.sector(), order.epoch);
        self.bind(order.host, order.mask.vendor(), vendor, now)?;
        for slot in slots {
            if self.issued(vendor, epoch, slot).is_none() {
                let issued = match order.real(slot, now) {
                    Some(real) => self.keep(order, slot, real)?,
                    None => self.claim(order, slot, now)?,
                };
                let mut state = self.write();
                // Whoever raced here made the same value.
                if !state.worn.get(&(vendor.clone(), epoch)).is_some_and(|worn| worn.contains_key(slot)) {
                    state.put(vendor, epoch, slot.clone(), issued);
                }
            }
        }
        let mut worn = self.worn(vendor, epoch);
        for slot in slots {
            if let Some(issued) = Arc::make_mut(&mut worn).get_mut(slot) {
                issued.recorded = true;
            }
        }
        Ok(worn)
    }

    /// The value that [`Self::issue`] would give, issuing nothing. Under `derivation = "random"` as well, until the
    /// process ends.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn preview(&self, order: &Order<'_>, slot: &Slot) -> Result<Issued, IssueError> {
        if let Some(issued) = self.issued(order.mask.sector(), order.epoch, slot) {
            return Ok(issued);
        }
        if let Some(real) = order.real(slot, Timestamp::default()) {
            return Ok(real);
        }
        let mut failed = None;
        let found = self.candidates(order, slot, |value, _| {
            let taken = self.is_taken(order.mask.sector(), slot, value);
            taken.map_or_else(|error| failed.replace(error).is_none(), |taken| !taken)
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let (value, format) = found.ok_or_else(|| IssueError::Exhausted(slot.clone()))?;
        let how = order.derivation.how().to_owned();
        let value = Secret::new(value);
        Ok(Issued { value, format, how, created: Timestamp::default(), recorded: false })
    }

    /// What a vendor would know after issuing these slots, for `explain`. Issues nothing.
    ///
    /// # Errors
    /// As [`Self::preview`].
    pub fn preview_all(&self, order: &Order<'_>, slots: &BTreeSet<Slot>) -> Result<Arc<Worn>, IssueError> {
        let mut worn = self.worn(order.mask.sector(), order.epoch);
        for slot in slots {
            let mut issued = self.preview(order, slot)?;
            issued.recorded = true;
            Arc::make_mut(&mut worn).insert(slot.clone(), issued);
        }
        Ok(worn)
    }

    /// Stores what is real, unless an exchange that raced here had a value made first: that one stands.
    fn keep(&self, order: &Order<'_>, slot: &Slot, real: Issued) -> Result<Issued, IssueError> {
        let row = self.row(order.mask.sector(), order.epoch, slot, &real)?;
        match self.store.claim_pseudonym(&row, false)? {
            Claim::Exists(row) => super::rows::open(&self.vault, &row),
            Claim::Claimed | Claim::Taken => Ok(real),
        }
    }

    fn claim(&self, order: &Order<'_>, slot: &Slot, now: Timestamp) -> Result<Issued, IssueError> {
        let (vendor, how) = (order.mask.sector(), order.derivation.how());
        let unique = uniqueness(slot) != Unique::No;
        let mut failed = None;
        let mut there = None;
        let found = self.candidates(order, slot, |value, format| {
            let value = Secret::new(value.to_owned());
            let issued = Issued { value, format, how: how.to_owned(), created: now, recorded: false };
            let claim = self
                .row(vendor, order.epoch, slot, &issued)
                .and_then(|row| Ok(self.store.claim_pseudonym(&row, unique)?));
            match claim {
                Ok(Claim::Claimed) => true,
                Ok(Claim::Taken) => false,
                Ok(Claim::Exists(row)) => {
                    there = Some(row);
                    true
                }
                Err(error) => {
                    failed = Some(error);
                    true
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        if let Some(row) = there {
            return super::rows::open(&self.vault, &row);
        }
        let (value, format) = found.ok_or_else(|| IssueError::Exhausted(slot.clone()))?;
        Ok(Issued { value: Secret::new(value), format, how: how.to_owned(), created: now, recorded: false })
    }

    /// The first value that `free` takes, with its format.
    fn candidates(
        &self,
        order: &Order<'_>,
        slot: &Slot,
        mut free: impl FnMut(&str, u32) -> bool,
    ) -> Result<Option<(String, u32)>, IssueError> {
        let (vendor, identity) = (order.mask.sector(), order.identity);
        let today = order.mask.today();
        let shape = identity.shape(slot, today).ok_or_else(|| IssueError::NoFormat(slot.clone()))?;
        let domain = order.mask.domain();
        if slot.kind() == SlotKind::Email && domain.is_none() {
            return Err(IssueError::NoMailRoute);
        }
        let key = self.key(order)?;
        let worn = self.worn(vendor, order.epoch);
        let person = person(&key, identity, &worn).ok_or(IssueError::NoPerson)?;
        let place = place(&key, identity, &worn).ok_or(IssueError::NoPerson)?;
        let named = order.mask.named();
        let (check, avoid) = (&self.check, identity.avoid());
        let maker = Maker { key: &key, check, person: &person, place: &place, today, named, domain, avoid };
        Ok((0..ATTEMPTS)
            .filter_map(|attempt| maker.make(slot, &shape, attempt))
            .find(|(value, format)| free(value, *format)))
    }

    fn key(&self, order: &Order<'_>) -> Result<VendorKey, IssueError> {
        let vendor = order.mask.sector();
        match order.derivation {
            Derivation::Seed => Ok(self.persona.vendor(vendor, order.epoch)),
            Derivation::Random => {
                let fresh = VendorKey::random().map_err(|_| IssueError::NoRandomness)?;
                Ok(self.write().random.entry((vendor.clone(), order.epoch)).or_insert(fresh).clone())
            }
        }
    }

    /// Whether the value was claimed, by whomever of this home.
    fn is_taken(&self, vendor: &VendorId, slot: &Slot, value: &str) -> Result<bool, IssueError> {
        Ok(uniqueness(slot) != Unique::No && self.store.is_claimed(&self.blind_of(vendor, slot, value))?)
    }
}

/// Where that person lives: where the key leads to, but for what the vendor was told already.
fn place(key: &VendorKey, identity: &MemberIdentity, worn: &Worn) -> Option<Place> {
    let told = |name: &str| {
        worn.iter().find(|(slot, _)| slot.as_str() == name).map(|(_, issued)| issued.value.expose().as_str())
    };
    let (postcode, city) = (told("address.postcode"), told("address.city"));
    Place::derive_near(key, identity.locale(), identity.avoid(), postcode, city)
}

/// The person behind the identity: the one its key leads to, but for what the vendor was told already.
fn person(key: &VendorKey, identity: &MemberIdentity, worn: &Worn) -> Option<Person> {
    let avoid = identity.avoid();
    let told = |name: &str| {
        worn.iter().find(|(slot, _)| slot.as_str() == name).map(|(_, issued)| issued.value.expose())
    };
    // An adopted name may be the real one; nothing else may be made of that.
    let usable = |name: &str| (!avoid.sounds_real(name)).then(|| name.to_owned());
    let (given, family) = told("name.full").and_then(|full| full.split_once(' ')).unzip();
    let address = worn
        .iter()
        .find(|(slot, issued)| slot.kind() == SlotKind::Email && issued.format == email::NAMED)
        .and_then(|(_, issued)| Person::of_address(issued.value.expose(), identity.locale()));
    let mut person = match address {
        Some(person) => person,
        None => Person::derive(key, identity.locale(), avoid)?,
    };
    if let Some(given) = told("name.given").map(String::as_str).or(given).and_then(usable) {
        person.given = given;
    }
    if let Some(family) = told("name.family").map(String::as_str).or(family).and_then(usable) {
        person.family = family;
    }
    Some(person)
}
