//! What may become of a protected value: level, slot and written rules, settled into one ruling with its reason.
//!
//! Written for the vendor wins over the built-in category of its host, that over written for everyone, and that over the
//! level; a slot wins over its kind. Third
//! parties get no protected value whatever is written.

use crate::model::{FederatedLogin, Level, Party, Policy, Reveal, Slot, SlotKind, VendorId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use time::Date;

/// Where pseudonyms come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Derivation {
    /// From the member's persona key: they can all be made again from it.
    #[default]
    Seed,
    /// From randomness: only what is stored or in the log can be had again.
    Random,
}

impl Derivation {
    /// The word of an `issue` record.
    pub fn how(self) -> &'static str {
        match self {
            Self::Seed => "derived",
            Self::Random => "random",
        }
    }
}

/// The rule by which an address goes as typed because none could be made that takes mail.
pub(super) const NO_MAIL_ROUTE: &str = "no mail route";

/// The rule by which a member is asked what a vendor gets for the first time.
pub(super) const FIRST_ASK: &str = "identity.first=ask";

/// Policies as written, by slot (`email.work`) or kind (`email`).
pub type Written = BTreeMap<String, Policy>;

/// What `[identity]` says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The level of a vendor for which none is written.
    pub new_vendor: Level,
    /// Policies for every vendor.
    pub slots: Written,
    /// The domain of per-vendor addresses.
    pub domain: Option<String>,
    /// Refuse what cannot be inspected or rewritten.
    pub strict: bool,
    /// Refuse an identifier that stands where it is found but cannot be rewritten: in what a signature covers.
    pub block_carriers: bool,
    /// Where pseudonyms come from.
    pub derivation: Derivation,
    /// Who has an account already keeps it as it is.
    pub learn: bool,
    /// The owner is asked what a vendor gets of which nothing is written.
    pub ask_first: bool,
    /// What becomes of signing in at a vendor by way of somebody else.
    pub federated_login: FederatedLogin,
}

/// What `[vendor.NAME]` says, or what a member set for the vendor.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct VendorSettings {
    /// Its level.
    pub level: Option<Level>,
    /// What becomes of signing in there by way of somebody else.
    pub federated_login: Option<FederatedLogin>,
    /// Where its pseudonyms become real again on the way back.
    pub reveal: Option<Reveal>,
    /// Its policies.
    pub slots: Written,
}

/// What the owner lets one vendor see as it is, whatever else is written.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// Everything.
    pub all: bool,
    /// These.
    pub slots: BTreeSet<Slot>,
}

impl Shown {
    fn covers(&self, slot: &Slot) -> bool {
        self.all || self.slots.contains(slot)
    }
}

/// The rule of what its owner lets a vendor see.
const LET_BY: &str = "let by";

/// What is done with a slot's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It goes as typed; recorded.
    Real,
    /// The vendor's own value goes in its place.
    Pseudonym,
    /// A less precise value goes in its place.
    Coarse,
    /// Its owner is asked; until they answer it does not go.
    Ask,
    /// It does not go.
    Withhold,
}

/// What can be put in the place of a slot's value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Possible {
    /// A pseudonym can be made.
    pub pseudonym: bool,
    /// There is something less precise.
    pub coarse: bool,
}

/// The treatment of one slot at one vendor, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// What is done.
    pub treatment: Treatment,
    /// Which line says so: `vendor.shop.identity.email=real`, `identity.email=pseudonym`, `level=alias`, `third party`,
    /// `no mail route`, `let by`.
    pub rule: Cow<'static, str>,
    /// For the owner.
    pub reason: Cow<'static, str>,
}

/// The settings that bear on one vendor.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'a> {
    /// What the vendor is called now.
    pub vendor: &'a VendorId,
    /// The name of the identity it meets: what it was called when that began.
    pub sector: &'a VendorId,
    /// Whose request it is.
    pub party: Party,
    /// The built-in category its host is in, where that is one of those that need what is real: `@travel`.
    pub category: Option<&'static str>,
    /// For everyone.
    pub settings: &'a Settings,
    /// For this vendor.
    pub own: Option<&'a VendorSettings>,
    /// What the owner lets it see.
    pub shown: &'a Shown,
    /// The day it is.
    pub today: Date,
}

impl Sources<'_> {
    /// The level in force and whether it is written for the vendor.
    pub fn level(&self) -> Level {
        self.own.and_then(|own| own.level).unwrap_or(self.settings.new_vendor)
    }

    /// Whether an account that exists already is to be kept as it is: nothing was written about this vendor.
    pub fn learns(&self) -> bool {
        let says = |own: &VendorSettings| own.level.is_some() || !own.slots.is_empty();
        self.settings.learn && self.party == Party::First && !self.own.is_some_and(says)
    }

    /// Settles a slot.
    pub fn rule(&self, slot: &Slot, possible: Possible) -> Ruling {
        if self.party != Party::First {
            return Ruling {
                treatment: Treatment::Withhold,
                rule: "third party".into(),
                reason: "not the site you are on: it gets nothing that says who you are".into(),
            };
        }
        if self.shown.covers(slot) {
            return Ruling {
                treatment: Treatment::Real,
                rule: LET_BY.into(),
                reason: format!("you let {} see this as it is", self.vendor).into(),
            };
        }
        let written = self.built_in(slot).or_else(|| self.written(slot)).or_else(|| self.first());
        let (policy, rule, reason) = written.unwrap_or_else(|| self.by_level(slot));
        feasible(slot, possible, self.settings.domain.is_some(), policy, rule, reason)
    }

    /// Mail, payment, travel and the like work with real values only; what is written for the vendor itself is obeyed.
    fn built_in(&self, slot: &Slot) -> Option<(Policy, Cow<'static, str>, Cow<'static, str>)> {
        let category = self.category?;
        let keys = [slot.as_str(), slot.kind().as_str()];
        let says =
            |own: &VendorSettings| own.level.is_some() || keys.iter().any(|key| own.slots.contains_key(*key));
        if self.own.is_some_and(says) {
            return None;
        }
        let reason = format!("{} is {category}: it gets this as typed", self.vendor);
        Some((Policy::Real, format!("builtin/categories:{category}").into(), reason.into()))
    }

    fn written(&self, slot: &Slot) -> Option<(Policy, Cow<'static, str>, Cow<'static, str>)> {
        let look = |written: &Written, head: &str| {
            let keys = [slot.as_str(), slot.kind().as_str()];
            keys.into_iter().find_map(|key| {
                let policy = *written.get(key)?;
                Some((policy, format!("{head}identity.{key}={}", policy.as_str())))
            })
        };
        let vendor = self.vendor;
        let own = self.own.and_then(|own| look(&own.slots, &format!("vendor.{vendor}.")));
        let (policy, rule) = own.or_else(|| look(&self.settings.slots, ""))?;
        let reason = match policy {
            Policy::Real => format!("{vendor} gets this as typed"),
            Policy::Pseudonym => format!("{vendor} knows you by an alias"),
            Policy::Coarse => format!("{vendor} gets this less precisely"),
            Policy::Withhold | Policy::Ask => format!("{vendor} does not get this"),
        };
        Some((policy, rule.into(), reason.into()))
    }

    /// `first = "ask"`: about a vendor of which nothing is written, its owner is asked.
    fn first(&self) -> Option<(Policy, Cow<'static, str>, Cow<'static, str>)> {
        let asks = self.settings.ask_first && self.own.is_none_or(|own| own.level.is_none());
        asks.then(|| (Policy::Ask, FIRST_ASK.into(), Cow::default()))
    }

    fn by_level(&self, slot: &Slot) -> (Policy, Cow<'static, str>, Cow<'static, str>) {
        let vendor = self.vendor;
        let aliased =
            matches!(slot.kind(), SlotKind::Email | SlotKind::Username | SlotKind::Device | SlotKind::Ad);
        match self.level() {
            Level::Known => (Policy::Real, "level=known".into(), format!("{vendor} knows you").into()),
            Level::Alias if aliased => {
                (Policy::Pseudonym, "level=alias".into(), format!("{vendor} knows you by an alias").into())
            }
            Level::Alias => {
                (Policy::Real, "level=alias".into(), format!("{vendor} gets this as typed").into())
            }
            Level::Stranger => {
                (Policy::Pseudonym, "level=stranger".into(), format!("{vendor} is a stranger").into())
            }
        }
    }
}

/// From what is wanted to what can be done; never toward the real value, but for a missing mail route, where an address that
/// takes no mail would lock its owner out. `mail` says whether there is one.
pub(super) fn feasible(
    slot: &Slot,
    possible: Possible,
    mail: bool,
    policy: Policy,
    rule: Cow<'static, str>,
    reason: Cow<'static, str>,
) -> Ruling {
    let kind = slot.kind().as_str();
    let ruling = |treatment, reason| Ruling { treatment, rule: rule.clone(), reason };
    match policy {
        Policy::Real => ruling(Treatment::Real, reason),
        Policy::Withhold => ruling(Treatment::Withhold, reason),
        Policy::Coarse if possible.coarse => ruling(Treatment::Coarse, reason),
        Policy::Coarse => ruling(Treatment::Withhold, format!("withheld: no {kind} is less precise").into()),
        Policy::Ask => ruling(Treatment::Ask, "withheld until you say what is to become of it".into()),
        Policy::Pseudonym if slot.kind() == SlotKind::Email && !mail => Ruling {
            treatment: Treatment::Real,
            rule: NO_MAIL_ROUTE.into(),
            reason: "no domain for aliases is set, so mail to one would not reach you".into(),
        },
        Policy::Pseudonym if !possible.pseudonym => {
            ruling(Treatment::Withhold, format!("withheld: no made-up {kind} can be had").into())
        }
        Policy::Pseudonym => ruling(Treatment::Pseudonym, reason),
    }
}

#[cfg(test)]
mod tests;
