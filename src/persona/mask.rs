//! What one vendor gets to see of one member: a ruling for each slot, and what becomes of a hit under it.

use super::MemberIdentity;
use super::policy::{FIRST_ASK, NO_MAIL_ROUTE, Possible, Ruling, Sources, Treatment, feasible};
use super::verdict::{Verdict, edit, refusal, refusal_of};
use super::wardrobe::Worn;
use super::watch::Watch;
use super::withhold::{Cut, Surroundings};
use crate::model::{Action, Party, Policy, Secret, Slot, VendorId};
use crate::rewrite::Hit;
use std::collections::{BTreeMap, BTreeSet};
use time::Date;

/// What can be put in the place of a member's value.
fn possible(identity: &MemberIdentity, slot: &Slot, today: Date) -> Possible {
    let pseudonym = identity.shape(slot, today).is_some();
    Possible { pseudonym, coarse: identity.coarse(slot, today).is_some() }
}

/// Whether the vendor knows the slot from before, so that it is no first time.
fn is_known(ruling: &Ruling, worn: &Worn, slot: &Slot) -> bool {
    ruling.rule == FIRST_ASK && worn.get(slot).is_some_and(|issued| issued.recorded)
}

/// The rulings for one member at one vendor. Pure; made once per policy snapshot, vendor and party, or per exchange.
#[derive(Clone, Debug)]
pub struct Mask {
    vendor: VendorId,
    sector: VendorId,
    party: Party,
    strict: bool,
    learns: bool,
    block_carriers: bool,
    named: bool,
    domain: Option<String>,
    today: Date,
    watch: Watch,
    rulings: BTreeMap<Slot, Ruling>,
    /// What goes in the place of a value that is to be less precise.
    coarse: BTreeMap<Slot, Secret<String>>,
}

impl Mask {
    /// Settles every slot of the member.
    pub fn new(identity: &MemberIdentity, sources: &Sources<'_>) -> Self {
        let today = sources.today;
        let rule = |slot: &Slot| sources.rule(slot, possible(identity, slot, today));
        // The address shows the made-up name only where the vendor meets that name.
        let named =
            Slot::parse("name.full").is_some_and(|slot| rule(&slot).treatment == Treatment::Pseudonym);
        let mut mask = Self {
            vendor: sources.vendor.clone(),
            sector: sources.sector.clone(),
            party: sources.party,
            strict: sources.settings.strict,
            learns: sources.learns(),
            block_carriers: sources.settings.block_carriers,
            named,
            domain: sources.settings.domain.clone(),
            today,
            watch: Watch::default(),
            rulings: BTreeMap::new(),
            coarse: BTreeMap::new(),
        };
        for slot in identity.slots() {
            mask.set(identity, slot, rule(slot));
        }
        mask
    }

    fn set(&mut self, identity: &MemberIdentity, slot: &Slot, mut ruling: Ruling) {
        if ruling.treatment == Treatment::Coarse
            && let Some(value) = identity.coarse(slot, self.today)
        {
            // A town is no more precise than that.
            if identity.is_real(slot, value.expose()) {
                ruling.treatment = Treatment::Real;
            }
            self.coarse.insert(slot.clone(), value);
        }
        self.rulings.insert(slot.clone(), ruling);
    }

    /// The slot of this hit, where its owner has to be asked what is to become of it. What the vendor knows already is not
    /// a first time.
    pub fn asks(&self, identity: &MemberIdentity, worn: &Worn, hit: &Hit) -> Option<Slot> {
        let slot = &identity.identifiers().get(hit.identifier)?.slot;
        let ruling = self.ruling(slot).filter(|ruling| ruling.treatment == Treatment::Ask)?;
        // Of what a signature covers nothing can be made, whatever they would say.
        (!hit.signed && !is_known(ruling, worn, slot)).then(|| slot.clone())
    }

    /// Puts what the owner said in the place of the question; `None` where nobody answered: then the value does not go.
    pub fn answer(&mut self, identity: &MemberIdentity, slot: &Slot, answer: Option<Policy>) {
        let asked = self.rulings.get(slot).filter(|ruling| ruling.treatment == Treatment::Ask);
        let Some(Ruling { rule, .. }) = asked.cloned() else { return };
        let ruling = match answer {
            Some(policy) => {
                let possible = possible(identity, slot, self.today);
                let reason = "as you said when you were asked";
                feasible(slot, possible, self.domain.is_some(), policy, rule, reason.into())
            }
            None => {
                Ruling { treatment: Treatment::Withhold, rule, reason: "withheld: nobody answered".into() }
            }
        };
        self.set(identity, slot, ruling);
    }

    /// What the vendor is called now.
    pub fn vendor(&self) -> &VendorId {
        &self.vendor
    }

    /// The name of the identity it meets.
    pub fn sector(&self) -> &VendorId {
        &self.sector
    }

    /// Whose request it is.
    pub fn party(&self) -> Party {
        self.party
    }

    /// Whether what cannot be rewritten is refused.
    pub fn strict(&self) -> bool {
        self.strict
    }

    /// Whether an account that exists already is kept as it is.
    pub fn learns(&self) -> bool {
        self.learns
    }

    /// Whether a value is refused that stands in what a signature covers: it cannot be rewritten.
    pub fn refuses_signed(&self) -> bool {
        self.strict || self.block_carriers || self.party != Party::First
    }

    /// The same rulings, with an eye on what was revealed of late.
    #[must_use]
    pub fn watching(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    /// What was revealed of late.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Whether the vendor meets the made-up person's name.
    pub fn named(&self) -> bool {
        self.named
    }

    /// The domain of aliases.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The day it is.
    pub fn today(&self) -> Date {
        self.today
    }

    /// The ruling for a slot; `None` for one without a real value.
    pub fn ruling(&self, slot: &Slot) -> Option<&Ruling> {
        self.rulings.get(slot)
    }

    /// The slots that these hits need and that still have to be issued, or whose `issue` record is not durable yet.
    pub fn needs<'a>(
        &self,
        identity: &MemberIdentity,
        worn: &Worn,
        hits: impl IntoIterator<Item = &'a Hit>,
    ) -> BTreeSet<Slot> {
        let slots = hits.into_iter().filter_map(|hit| identity.identifiers().get(hit.identifier));
        slots.map(|identifier| &identifier.slot).filter(|slot| self.wants(worn, slot)).cloned().collect()
    }

    fn wants(&self, worn: &Worn, slot: &Slot) -> bool {
        self.ruling(slot).is_some_and(|ruling| ruling.treatment == Treatment::Pseudonym)
            && !worn.get(slot).is_some_and(|issued| issued.recorded)
    }

    /// Decides a hit, in a head or in a body, whole or as it flows. `around` is the container's bytes where they are
    /// at hand (heads): what is withheld there takes its whole value, cookie or field along.
    pub fn judge(
        &self,
        identity: &MemberIdentity,
        worn: &Worn,
        hit: &Hit,
        around: Surroundings<'_>,
    ) -> Verdict {
        let verdict = self.rule_on(identity, worn, hit, around);
        match self.watch.objection(identity, hit, &verdict) {
            Some(answer) => Verdict::Refuse(answer),
            None => verdict,
        }
    }

    fn rule_on(
        &self,
        identity: &MemberIdentity,
        worn: &Worn,
        hit: &Hit,
        around: Surroundings<'_>,
    ) -> Verdict {
        let slot = identity.identifiers().get(hit.identifier).map(|identifier| &identifier.slot);
        let Some((slot, ruling)) = slot.and_then(|slot| Some((slot, self.ruling(slot)?))) else {
            // No hit of this member's own matcher comes here; one of another's must not pass.
            return Verdict::Refuse(refusal("identity", "a protected value without a ruling"));
        };
        let foreign = identity.is_foreign(hit.identifier).then(|| Ruling {
            reason: format!("made for another vendor; {}", ruling.reason).into(),
            ..ruling.clone()
        });
        let ruling = foreign.as_ref().unwrap_or(ruling);
        if hit.signed && ruling.treatment != Treatment::Real {
            return self.signed(hit, slot);
        }
        match ruling.treatment {
            // No address can be made, but the vendor has one already.
            Treatment::Real
                if ruling.rule == NO_MAIL_ROUTE && worn.get(slot).is_some_and(|issued| issued.recorded) =>
            {
                let known = Ruling {
                    treatment: Treatment::Pseudonym,
                    rule: "known address".into(),
                    reason: format!("{} knows you by this address", self.vendor).into(),
                };
                self.replace(identity, worn, hit, slot, &known)
            }
            Treatment::Real => {
                Verdict::Edit(edit(hit, slot, ruling, Action::WouldHave, hit.span.clone(), vec![]))
            }
            Treatment::Coarse => match self.coarse.get(slot) {
                Some(value) => {
                    let bytes = hit.spelling.respell(value.expose());
                    Verdict::Edit(edit(hit, slot, ruling, Action::Coarsened, hit.span.clone(), bytes))
                }
                None => Verdict::Refuse(refusal_of(slot, ruling)),
            },
            // The vendor knows it from before.
            Treatment::Ask if is_known(ruling, worn, slot) => {
                let known = Ruling {
                    treatment: Treatment::Pseudonym,
                    rule: ruling.rule.clone(),
                    reason: format!("{} knows you by this", self.vendor).into(),
                };
                self.replace(identity, worn, hit, slot, &known)
            }
            Treatment::Ask | Treatment::Withhold => match around.cut(hit) {
                Some(Cut { span, left }) => {
                    Verdict::Edit(edit(hit, slot, ruling, Action::Removed, span, left.to_vec()))
                }
                None => Verdict::Refuse(refusal_of(slot, ruling)),
            },
            Treatment::Pseudonym => self.replace(identity, worn, hit, slot, ruling),
        }
    }

    /// What a signature covers cannot be rewritten.
    fn signed(&self, hit: &Hit, slot: &Slot) -> Verdict {
        if self.refuses_signed() {
            return Verdict::Refuse(refusal(
                "carriers",
                "a protected value stands in a token that is signed",
            ));
        }
        let signed = Ruling {
            treatment: Treatment::Real,
            rule: "carriers=allow".into(),
            reason: "real, signed: it stands in a token that cannot be changed".into(),
        };
        Verdict::Edit(edit(hit, slot, &signed, Action::WouldHave, hit.span.clone(), vec![]))
    }

    fn replace(
        &self,
        identity: &MemberIdentity,
        worn: &Worn,
        hit: &Hit,
        slot: &Slot,
        ruling: &Ruling,
    ) -> Verdict {
        match worn.get(slot) {
            Some(issued) if issued.recorded => {
                let value = issued.value.expose();
                if issued.is_adopted()
                    && !identity.is_foreign(hit.identifier)
                    && identity.is_real(slot, value)
                {
                    // An account that exists under the real value was adopted as it is.
                    let adopted = Ruling {
                        treatment: Treatment::Real,
                        rule: "adopted".into(),
                        reason: format!(
                            "{} has an account under your real {}",
                            self.vendor,
                            slot.kind().as_str()
                        )
                        .into(),
                    };
                    let span = hit.span.clone();
                    return Verdict::Edit(edit(hit, slot, &adopted, Action::WouldHave, span, vec![]));
                }
                let bytes = hit.spelling.respell(value);
                Verdict::Edit(edit(hit, slot, ruling, Action::Replaced, hit.span.clone(), bytes))
            }
            _ => Verdict::Issue(slot.clone()),
        }
    }
}
