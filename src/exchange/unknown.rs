//! Personal data in a body that nobody told us of: a note for its owner, by category and place. It goes as it is.

use super::error::ExchangeError;
use super::layers::Exchange;
use crate::model::{Action, Container, Edit, Secret, SlotKind, Stage};
use crate::persona::Persona;
use crate::rewrite::Noticed;

/// Their rule.
const RULE: &str = "unknown";

/// Enters a note into the plan for what was noticed in a body, unless the vendor knows the member by it, or it is told to be
/// somebody else's of the household.
pub(super) fn note(
    exchange: &mut Exchange,
    persona: &Persona,
    noticed: Vec<Noticed>,
) -> Result<(), ExchangeError> {
    if noticed.is_empty() {
        return Ok(());
    }
    let context = exchange.context()?;
    let worn = persona.wardrobe.worn(&context.vendor, context.epoch);
    let is_ours = |noticed: &Noticed| {
        let value = noticed.value.expose();
        let local = value.split('@').next().unwrap_or(value);
        persona.kin.as_ref().is_some_and(|kin| kin.holds(value))
            || persona.wardrobe.is_own_address(local)
            || worn.iter().any(|(slot, issued)| {
                let known = issued.value.expose();
                // A phone number may be written in another layout, and without its plus.
                let bare = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
                known == value || slot.kind() == SlotKind::Phone && bare(known) == bare(value)
            })
    };
    for one in noticed.into_iter().filter(|one| !is_ours(one)) {
        exchange.plan.add(Edit {
            place: one.place,
            container: Container::Body,
            span: 0..0,
            action: Action::WouldHave,
            stage: Stage::Persona,
            slot: None,
            category: one.kind.category(),
            rule: RULE.into(),
            reason: format!("{} that is not among yours: if it is, add it", one.kind.noun()).into(),
            within: None,
            value: Secret::default(),
        });
    }
    Ok(())
}
