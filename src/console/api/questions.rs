//! What members are asked while requests wait: the questions, and their answers.

use super::Api;
use super::error::ApiError;
use super::read::{Given, Wanted};
use super::vendors::{About, keep};
use super::who::Asker;
use crate::exchange::questions::Question;
use crate::model::Policy;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What becomes of the value.
    answer: Policy,
    /// Only for the requests that wait: the next one asks again.
    #[serde(default)]
    once: bool,
}

pub async fn list(
    State(api): State<Api>,
    asker: Asker,
    Wanted(about): Wanted<About>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    let questions = api.house.rooms().questions.of(who.member);
    let questions: Vec<_> = questions.iter().map(describe).collect();
    Ok(Json(json!({ "member": &*who.name, "questions": questions })))
}

pub async fn answer(
    State(api): State<Api>,
    asker: Asker,
    Path(id): Path<u64>,
    Wanted(about): Wanted<About>,
    Given(given): Given<Answer>,
) -> Result<Json<Value>, ApiError> {
    let who = asker.sees(&api.house, about.member.as_deref())?;
    if given.answer == Policy::Ask {
        return Err(ApiError::usage("an answer is real, pseudonym, coarse or withhold"));
    }
    let answered = api.house.rooms().questions.answer(who.member, id, given.answer);
    let asked = answered.ok_or_else(|| ApiError::not_found("nobody waits for that answer any more"))?;
    if !given.once {
        let change = (format!("identity.{}", asked.slot), Some(given.answer.as_str().to_owned()));
        keep(&api.house, &who, &asked.vendor, BTreeMap::from([change])).await?;
    }
    Ok(Json(json!({
        "question": id,
        "member": &*who.name,
        "vendor": asked.vendor.as_str(),
        "slot": asked.slot.as_str(),
        "answer": given.answer.as_str(),
        "once": given.once,
    })))
}

fn describe(question: &Question) -> Value {
    json!({
        "question": question.id,
        "vendor": question.about.vendor.as_str(),
        "host": question.host,
        "slot": question.about.slot.as_str(),
        "category": question.about.slot.category().0,
        "since": question.since,
        "until": question.until,
    })
}
