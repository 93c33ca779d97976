//! A pseudonym becomes the real value again, for a program of the member's: in an answer that is JSON through and through,
//! as all of a string, where that program sent the value itself.

use super::{Issued, MemberIdentity, SentPlace, Worn};
use crate::model::{Action, Category, Container, Edit, Part, Place, Secret, Side, Slot, SlotKind, Stage};
use crate::rewrite::{BodyFinder, Field, Hit, Identifiers, Selection, Syntax};
use memchr::memmem;
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;

/// The rule in the record.
pub const REVEALED: &str = "reveal=api";

/// Whether what the vendor knows the slot by may become real again: values made here that nobody guesses and nobody else
/// has. Short ones and those that keep the form of real ones stay, and so do names, which others bear.
pub fn is_revealable(slot: &Slot, issued: &Issued) -> bool {
    let is_unique = match slot.kind() {
        SlotKind::Email => true,
        SlotKind::Device | SlotKind::Ad => Uuid::try_parse(issued.value.expose()).is_ok(),
        _ => false,
    };
    is_unique && issued.recorded && !issued.is_adopted()
}

/// What was found in an answer.
#[derive(Debug, Default)]
pub struct Found {
    /// What may become real again, in the order of the body.
    pub edits: Vec<Edit>,
    /// Whether the vendor also has what it knows the member by where no program sent it.
    pub elsewhere: bool,
}

impl Found {
    /// Lets `most` of it be done, and gives the slots of those. The rest is said to have been found.
    pub fn let_through(&mut self, most: usize) -> Vec<Slot> {
        for edit in self.edits.iter_mut().skip(most) {
            edit.action = Action::WouldHave;
            edit.reason = "left as it is: too much was to be shown in one answer or in one hour".into();
        }
        self.edits.iter().take(most).filter_map(|edit| edit.slot.clone()).collect()
    }

    /// What the record is told beside the edits.
    pub fn suspicion(&self) -> Option<Edit> {
        self.elsewhere.then(|| {
            told("what the vendor knows you by stands where no program of yours sent it, and was left as it is")
        })
    }
}

/// Something to be told of an answer that was left as it is.
pub fn told(reason: &'static str) -> Edit {
    Edit {
        place: Place::response(Part::Message),
        container: Container::Message,
        span: 0..0,
        action: Action::WouldHave,
        stage: Stage::Persona,
        slot: None,
        category: Category::ANY,
        rule: REVEALED.into(),
        reason: reason.into(),
        within: None,
        value: Secret::default(),
    }
}

/// What may become real again in `body`, a whole answer with its codings undone. Nothing does where it is not JSON from
/// end to end, nor where a name stands twice: two readers of such a body may disagree about what it says.
pub fn find_revealable(body: &[u8], sent: &[SentPlace], worn: &Worn, identity: &MemberIdentity) -> Found {
    let worn: HashMap<_, _> = worn.iter().filter(|(slot, issued)| is_revealable(slot, issued)).collect();
    let mut standing: usize = worn.values().map(|issued| count(body, issued.value.expose())).sum();
    if standing == 0 {
        return Found::default();
    }
    let mut edits = Vec::new();
    if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        let hits = selected(body, sent);
        for hit in hits.iter().filter(|hit| is_alone(hit, &hits)) {
            edits.extend(reveal(body, hit, sent, &worn, identity));
        }
    }
    standing = standing.saturating_sub(edits.len());
    Found { edits, elsewhere: standing > 0 }
}

fn count(body: &[u8], value: &str) -> usize {
    memmem::find_iter(body, value.as_bytes()).count()
}

/// The strings at the places, whatever stands in them.
fn selected(body: &[u8], sent: &[SentPlace]) -> Vec<Hit> {
    let fields = sent.iter().enumerate().map(|(at, place)| (Field::Json(place.pointer.to_string()), at));
    let selection = Arc::new(Selection::new(fields.collect()));
    let Ok(nothing) = Identifiers::compile(Vec::new()) else { return Vec::new() };
    let mut finder = BodyFinder::of(Side::Response, Arc::new(nothing), Syntax::Json).selecting(selection);
    let mut hits = finder.push(body);
    hits.extend(finder.finish());
    hits
}

fn is_alone(hit: &Hit, hits: &[Hit]) -> bool {
    hits.iter().filter(|other| other.place.part == hit.place.part).count() == 1
}

fn reveal(
    body: &[u8],
    hit: &Hit,
    sent: &[SentPlace],
    worn: &HashMap<&Slot, &Issued>,
    identity: &MemberIdentity,
) -> Option<Edit> {
    let Part::BodyJson(pointer) = &hit.place.part else { return None };
    let span = hit.token.clone()?;
    let text: String = serde_json::from_slice(body.get(span.clone())?).ok()?;
    let mut slots = sent.iter().filter(|place| place.pointer == *pointer).map(|place| &place.slot);
    let slot = slots.find(|slot| worn.get(slot).is_some_and(|issued| *issued.value.expose() == text))?;
    let real = identity.value(slot)?.expose().trim();
    Some(Edit {
        place: hit.place.clone(),
        container: Container::Body,
        span,
        action: Action::Revealed,
        stage: Stage::Persona,
        slot: Some(slot.clone()),
        category: slot.category(),
        rule: REVEALED.into(),
        reason: "shown to your own program, which sent it there".into(),
        within: None,
        value: Secret::new(serde_json::to_vec(real).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::persona::Locale;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    const ALIAS: &str = "maria.keller.q7rk@alias.example";
    const REAL: &str = "ann@home.example";
    const UUID: &str = "6d92078a-8246-4ba4-ae5b-76104861e7dc";

    fn issued(value: &str, how: &str, recorded: bool) -> Issued {
        let value = Secret::new(value.to_owned());
        Issued { value, format: 1, how: how.to_owned(), created: Timestamp(0), recorded }
    }

    fn slot(name: &str) -> Slot {
        Slot::parse(name).unwrap()
    }

    fn found(body: &[u8], pointer: &str) -> Found {
        let worn = Worn::from([(slot("email.primary"), issued(ALIAS, "derived", true))]);
        let values = vec![(slot("email.primary"), Secret::new(REAL.to_owned()))];
        let identity = MemberIdentity::compile(values, Locale::EnUs).unwrap();
        let sent = [SentPlace { slot: slot("email.primary"), pointer: pointer.into() }];
        find_revealable(body, &sent, &worn, &identity)
    }

    #[test]
    fn only_what_nobody_guesses_and_nobody_else_has() {
        for (name, value, how, recorded, want) in [
            ("email.primary", ALIAS, "derived", true, true),
            ("email.work", ALIAS, "random", true, true),
            ("email.primary", ALIAS, "derived", false, false),
            ("email.primary", ALIAS, "adopted", true, false),
            ("device.id", UUID, "derived", true, true),
            ("ad.id", UUID, "derived", true, true),
            ("device.id", "490154203237518", "derived", true, false),
            ("device.mac", "02:00:00:11:22:33", "derived", true, false),
            ("name.full", "Maria Keller", "derived", true, false),
            ("phone.primary", "+4915112345678", "derived", true, false),
            ("birthdate", "1990-01-02", "derived", true, false),
            ("address.postcode", "10115", "derived", true, false),
            ("username", "bluefox1234567890", "derived", true, false),
            ("account.club", "1234567890123456", "derived", true, false),
            ("custom.club", UUID, "derived", true, false),
        ] {
            assert_eq!(
                is_revealable(&slot(name), &issued(value, how, recorded)),
                want,
                "{name} {value} {how}"
            );
        }
    }

    /// Any JSON with the alias in it anywhere: as a value, as a name, within a longer text.
    fn document() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just(ALIAS.to_owned()),
            Just(format!("{ALIAS} ")),
            Just(ALIAS.to_uppercase()),
            "[a-c\"\\\\/~]{0,3}",
        ];
        let leaf = prop_oneof![text.clone().prop_map(Value::from), any::<i32>().prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 3, move |inner| {
            let name = prop_oneof![Just("email".to_owned()), Just("user".to_owned()), text.clone()];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..3)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_the_string_at_the_place_changes(mut body in document(), pointer in "(/user|/email|/0|/1){1,3}") {
            let bytes = body.to_string().into_bytes();
            let found = found(&bytes, &pointer);
            let splices: Vec<_> =
                found.edits.iter().map(|edit| (edit.span.clone(), edit.value.expose().clone())).collect();
            let edited: Value = serde_json::from_slice(&crate::rewrite::splice(&bytes, &splices)).unwrap();
            if let Some(there) = body.pointer_mut(&pointer) && *there == ALIAS {
                *there = json!(REAL);
                prop_assert_eq!(found.edits.len(), 1);
            }
            prop_assert_eq!(edited, body);
        }

        #[test]
        fn what_is_not_json_from_end_to_end_stays(before in "[ -~]{0,6}", after in "[ -~]{0,6}") {
            let json = json!({ "user": { "email": ALIAS } }).to_string();
            let body = format!("{before}{json}{after}");
            let is_json = serde_json::from_str::<Value>(&body).is_ok();
            prop_assert_eq!(!found(body.as_bytes(), "/user/email").edits.is_empty(), is_json);
        }
    }
}
