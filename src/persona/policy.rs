//! What may become of a protected value: level, slot and written rules, settled into one ruling with its reason.
//!
//! Written for the vendor wins over the built-in category of its host, that over written for everyone, and that over the
//! level; a slot wins over its kind. Third
//! parties get no protected value whatever is written.

use crate::model::{FederatedLogin, Level, Party, Policy, Slot, SlotKind, VendorId};
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
mod tests {
    use super::*;
    use std::sync::LazyLock;
    use time::macros::date;

    fn slot(name: &str) -> Slot {
        Slot::parse(name).unwrap()
    }

    fn written(entries: &[(&str, Policy)]) -> Written {
        entries.iter().map(|(key, policy)| ((*key).to_owned(), *policy)).collect()
    }

    fn settings(entries: &[(&str, Policy)]) -> Settings {
        Settings { domain: Some("alias.example".to_owned()), slots: written(entries), ..Settings::default() }
    }

    fn sources<'a>(
        party: Party,
        category: Option<&'static str>,
        settings: &'a Settings,
        own: Option<&'a VendorSettings>,
    ) -> Sources<'a> {
        static SHOP: LazyLock<VendorId> = LazyLock::new(|| "shop".into());
        let today = date!(2026 - 11 - 27);
        static NOTHING: LazyLock<Shown> = LazyLock::new(Shown::default);
        Sources { vendor: &SHOP, sector: &SHOP, party, category, settings, own, shown: &NOTHING, today }
    }

    /// What can be made of what Ann would have in the slot.
    fn possible(name: &str) -> Possible {
        Possible {
            pseudonym: name != "geo.home",
            coarse: matches!(name, "geo.home" | "birthdate" | "ip.home"),
        }
    }

    fn rule(name: &str, party: Party, settings: &Settings, own: Option<&VendorSettings>) -> Ruling {
        sources(party, None, settings, own).rule(&slot(name), possible(name))
    }

    #[test]
    fn levels() {
        use Treatment::{Pseudonym, Real, Withhold};
        for (name, known, alias, stranger) in [
            ("email.primary", Real, Pseudonym, Pseudonym),
            ("username", Real, Pseudonym, Pseudonym),
            ("device.id", Real, Pseudonym, Pseudonym),
            ("ad.id", Real, Pseudonym, Pseudonym),
            ("name.full", Real, Real, Pseudonym),
            ("phone.primary", Real, Real, Pseudonym),
            ("account.club", Real, Real, Pseudonym),
            ("custom.badge", Real, Real, Pseudonym),
            ("address.street", Real, Real, Pseudonym),
            ("birthdate", Real, Real, Pseudonym),
            ("geo.home", Real, Real, Withhold),
            ("ip.home", Real, Real, Pseudonym),
        ] {
            for (level, want) in [(Level::Known, known), (Level::Alias, alias), (Level::Stranger, stranger)] {
                let own = VendorSettings { level: Some(level), ..VendorSettings::default() };
                let ruling = rule(name, Party::First, &settings(&[]), Some(&own));
                assert_eq!(ruling.treatment, want, "{name} {level:?}");
                let word = format!("{level:?}").to_lowercase();
                assert_eq!(ruling.rule, format!("level={word}"), "{name}");
            }
        }
    }

    #[test]
    fn what_is_written_wins_in_its_order() {
        use Policy::{Pseudonym, Real, Withhold};
        type Entries = &'static [(&'static str, Policy)];
        let cases: [(Entries, Entries, Treatment, &str); 5] = [
            (&[("email", Real)], &[], Treatment::Real, "identity.email=real"),
            (
                &[("email", Real), ("email.work", Withhold)],
                &[],
                Treatment::Withhold,
                "identity.email.work=withhold",
            ),
            (
                &[("email.work", Withhold)],
                &[("email", Real)],
                Treatment::Real,
                "vendor.shop.identity.email=real",
            ),
            (
                &[("email", Withhold)],
                &[("email.work", Pseudonym), ("email", Real)],
                Treatment::Pseudonym,
                "vendor.shop.identity.email.work=pseudonym",
            ),
            (&[("phone", Real)], &[("name", Real)], Treatment::Pseudonym, "level=alias"),
        ];
        for (everyone, vendor, treatment, text) in cases {
            let own = VendorSettings {
                level: Some(Level::Alias),
                slots: written(vendor),
                ..VendorSettings::default()
            };
            let ruling = rule("email.work", Party::First, &settings(everyone), Some(&own));
            assert_eq!((ruling.treatment, &*ruling.rule), (treatment, text));
        }
    }

    #[test]
    fn built_in_categories_get_what_is_real_unless_the_vendor_is_written() {
        use Policy::{Pseudonym, Withhold};
        let ruled = |party, own: &VendorSettings| {
            let settings = settings(&[("email", Withhold)]);
            sources(party, Some("@travel"), &settings, Some(own))
                .rule(&slot("email.primary"), possible("email.primary"))
        };
        let unwritten = VendorSettings {
            level: None,
            slots: written(&[("name", Withhold)]),
            ..VendorSettings::default()
        };
        let ruling = ruled(Party::First, &unwritten);
        assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Real, "builtin/categories:@travel"));
        assert_eq!(ruled(Party::Third, &unwritten).treatment, Treatment::Withhold);
        let own = VendorSettings {
            level: None,
            slots: written(&[("email", Pseudonym)]),
            ..VendorSettings::default()
        };
        assert_eq!(ruled(Party::First, &own).rule, "vendor.shop.identity.email=pseudonym");
        let own = VendorSettings {
            level: Some(Level::Stranger),
            slots: Written::new(),
            ..VendorSettings::default()
        };
        assert_eq!(ruled(Party::First, &own).rule, "identity.email=withhold");
    }

    #[test]
    fn where_the_first_time_asks_only_what_is_written_does_not() {
        let settings = Settings { ask_first: true, ..settings(&[("phone", Policy::Withhold)]) };
        let none = VendorSettings::default();
        for (name, own, want) in [
            ("name.full", None, Treatment::Ask),
            ("email.primary", Some(&none), Treatment::Ask),
            ("phone.primary", None, Treatment::Withhold),
            (
                "name.full",
                Some(&VendorSettings {
                    level: Some(Level::Known),
                    slots: Written::new(),
                    ..VendorSettings::default()
                }),
                Treatment::Real,
            ),
            (
                "name.full",
                Some(&VendorSettings {
                    level: None,
                    slots: written(&[("name.full", Policy::Pseudonym)]),
                    ..VendorSettings::default()
                }),
                Treatment::Pseudonym,
            ),
        ] {
            assert_eq!(rule(name, Party::First, &settings, own).treatment, want, "{name} {own:?}");
        }
        assert_eq!(rule("name.full", Party::Third, &settings, None).treatment, Treatment::Withhold);
    }

    #[test]
    fn third_parties_get_nothing_whatever_is_written() {
        let own = VendorSettings {
            level: Some(Level::Known),
            slots: written(&[("email", Policy::Real)]),
            ..VendorSettings::default()
        };
        for party in [Party::Third, Party::Gateway] {
            for name in ["email.primary", "name.full", "address.street", "username"] {
                let ruling = rule(name, party, &settings(&[("name", Policy::Real)]), Some(&own));
                assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Withhold, "third party"), "{name}");
            }
            let without = Settings::default();
            assert_eq!(rule("email.primary", party, &without, None).treatment, Treatment::Withhold);
        }
    }

    #[test]
    fn without_a_mail_route_an_address_stays_as_typed() {
        let ruling = rule("email.primary", Party::First, &Settings::default(), None);
        assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Real, "no mail route"));
        let user = rule("username", Party::First, &Settings::default(), None);
        assert_eq!(user.treatment, Treatment::Pseudonym);
        let held = Settings { slots: written(&[("email", Policy::Withhold)]), ..Settings::default() };
        assert_eq!(rule("email.primary", Party::First, &held, None).treatment, Treatment::Withhold);
    }

    #[test]
    fn what_cannot_be_done_is_withheld_and_says_so() {
        for (name, policy, text) in [
            ("email.primary", Policy::Coarse, "no email is less precise"),
            ("geo.home", Policy::Pseudonym, "no made-up geo"),
        ] {
            let kind = name.split('.').next().unwrap();
            let ruling = rule(name, Party::First, &settings(&[(kind, policy)]), None);
            assert_eq!(ruling.treatment, Treatment::Withhold);
            assert!(ruling.reason.contains(text), "{}", ruling.reason);
            assert_eq!(ruling.rule, format!("identity.{kind}={}", policy.as_str()));
        }
        let ruling = rule("geo.home", Party::First, &settings(&[("geo", Policy::Ask)]), None);
        assert_eq!((ruling.treatment, &*ruling.rule), (Treatment::Ask, "identity.geo=ask"));
        let ruling = rule("birthdate", Party::First, &settings(&[("birthdate", Policy::Coarse)]), None);
        assert_eq!((ruling.treatment, &*ruling.reason), (Treatment::Coarse, "shop gets this less precisely"));
    }
}
