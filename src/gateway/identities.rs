//! What a member does about their identity at a vendor themselves. Vendors are named as they are called now; who they
//! know may bear an older name.

use super::house::{House, HouseError};
use crate::exchange::Rooms;
use crate::model::{MemberId, Party, Slot, Timestamp, VendorId};
use crate::persona::{Issued, Mask, Order, Persona, Settled, Shown, Sources};
use crate::vault::VaultError;
use std::collections::BTreeSet;
use std::sync::Arc;

impl House {
    /// The name under which the vendor called `label` now knows the member; what relationships, settings, pseudonyms and
    /// records are filed under.
    pub fn sector_of(&self, member: MemberId, label: &VendorId) -> VendorId {
        self.rooms().personas.sector_of(member, label)
    }

    /// Makes the slot's pseudonym for the vendor, if there is none. Recorded when this returns.
    ///
    /// # Errors
    /// No such member; no value can be made; the store or the log fails.
    pub async fn issue(&self, member: MemberId, label: &VendorId, slot: &Slot) -> Result<Issued, HouseError> {
        let (rooms, persona) = (Arc::clone(self.rooms()), self.persona(member)?);
        let sector = persona.wardrobe.sector_of(label);
        let epoch = persona.wardrobe.standing(&sector).epoch;
        let slots = BTreeSet::from([slot.clone()]);
        let work = (rooms.clone(), persona.clone(), label.clone(), sector.clone(), slots.clone());
        let worn = blocking(move || {
            let (rooms, persona, label, sector, slots) = work;
            let generation = rooms.generation.load_full();
            let own = rooms.vendor_settings(&generation, member, &label, &sector);
            let settings = &generation.identity;
            let own = own.as_deref();
            let party = Party::First;
            let today = rooms.clock.now().calendar().date();
            let (category, shown) = (None, &Shown::default());
            let sources =
                Sources { vendor: &label, sector: &sector, party, category, settings, own, shown, today };
            let mask = Mask::new(&persona.identity, &sources);
            let derivation = settings.derivation;
            let host = meet(&rooms, &persona, &label, &sector)?;
            let order = Order {
                mask: &mask,
                identity: &persona.identity,
                epoch,
                derivation,
                host: &host,
                existing: false,
            };
            Ok(persona.wardrobe.issue(&order, &slots, rooms.clock.now())?)
        })
        .await?;
        record(&rooms, &persona, &sector, epoch, &slots).await?;
        worn.get(slot).cloned().ok_or(HouseError::Vault(VaultError::NoMember))
    }

    /// Takes a value that the vendor knows already. Recorded when this returns; a real value is recorded as such only.
    ///
    /// # Errors
    /// No such member; the value does not fit; the store or the log fails.
    pub async fn adopt_pseudonym(
        &self,
        member: MemberId,
        label: &VendorId,
        slot: &Slot,
        value: &str,
    ) -> Result<Issued, HouseError> {
        let (rooms, persona) = (Arc::clone(self.rooms()), self.persona(member)?);
        let sector = persona.wardrobe.sector_of(label);
        let epoch = persona.wardrobe.standing(&sector).epoch;
        let now = rooms.clock.now();
        let work = (rooms.clone(), persona.clone(), label.clone(), sector.clone());
        let (put, value) = (slot.clone(), value.to_owned());
        let record = blocking(move || {
            let (rooms, persona, label, sector) = work;
            meet(&rooms, &persona, &label, &sector)?;
            let real = rooms.personas.reveals(&value);
            Ok(persona.wardrobe.adopt(&sector, epoch, &put, &value, real, now)?)
        })
        .await?;
        rooms.ledger.append(vec![record]).await?;
        let (wardrobe, at, put) = (Arc::clone(&persona.wardrobe), sector.clone(), slot.clone());
        blocking(move || Ok(wardrobe.adopted(&at, epoch, &put, now)?)).await?;
        let issued = persona.wardrobe.issued(&sector, epoch, slot);
        issued.ok_or(HouseError::Vault(VaultError::NoMember))
    }

    /// Starts a new identity at the vendor and returns its number. Exchanges under way end under the old one; new ones
    /// share neither value nor connection nor TLS session with it. Recorded when this returns.
    ///
    /// # Errors
    /// No such member; the store or the log fails.
    pub async fn reset(&self, member: MemberId, label: &VendorId) -> Result<u32, HouseError> {
        let persona = self.persona(member)?;
        let sector = persona.wardrobe.sector_of(label);
        let of = sector.clone();
        let epoch = blocking(move || Ok(persona.wardrobe.reset(&of)?)).await?;
        self.record_change(member, Some(sector), format!("reset {label}")).await?;
        Ok(epoch)
    }

    /// Puts into a new log that its home was restored from a manifest made then, and what each vendor knows. What is cut
    /// off here goes into the log with the first exchange that carries it.
    ///
    /// # Errors
    /// The store or the log fails.
    pub async fn record_restored(&self, made: Timestamp) -> Result<(), HouseError> {
        let reason = format!("restored from the manifest of {made}");
        self.record_change(MemberId::GATEWAY, None, reason).await?;
        for member in self.rooms().vault.members()? {
            let persona = self.persona(member.id)?;
            for (sector, epoch, slots) in persona.wardrobe.unrecorded() {
                record(self.rooms(), &persona, &sector, epoch, &slots).await?;
            }
        }
        Ok(())
    }

    fn persona(&self, member: MemberId) -> Result<Persona, HouseError> {
        Ok(self.rooms().personas.of(member).ok_or(VaultError::NoMember)?)
    }
}

/// The vendor's hosts, as far as they are written, keep to the identity from here on. Gives one of them.
fn meet(rooms: &Rooms, persona: &Persona, label: &VendorId, sector: &VendorId) -> Result<String, HouseError> {
    let generation = rooms.generation.load();
    let written = generation.config.vendor(label).map(|vendor| vendor.hosts.iter());
    let patterns = written.into_iter().flatten().map(ToString::to_string);
    let mut hosts: Vec<_> = patterns.map(|host| host.trim_start_matches("*.").to_owned()).collect();
    if hosts.is_empty() {
        hosts.push(label.to_string());
    }
    for host in &hosts {
        persona.wardrobe.bind(host, label, sector, rooms.clock.now())?;
    }
    Ok(hosts.swap_remove(0))
}

/// Has the `issue` records of these slots in the log, unless they are.
async fn record(
    rooms: &Rooms,
    persona: &Persona,
    sector: &VendorId,
    epoch: u32,
    slots: &BTreeSet<Slot>,
) -> Result<(), HouseError> {
    let Some(carried) = persona.wardrobe.carry(sector, epoch, slots).await else { return Ok(()) };
    rooms.ledger.append(carried.records(rooms.clock.now())).await?;
    store(rooms, carried.confirm()).await
}

async fn store(rooms: &Rooms, settled: Settled) -> Result<(), HouseError> {
    let now = rooms.clock.now();
    blocking(move || Ok(settled.store(now)?)).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HouseError> + Send + 'static,
) -> Result<T, HouseError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(HouseError::Cut))
}
