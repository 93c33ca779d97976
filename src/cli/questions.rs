//! `question`: what a member is asked while a request waits.

use super::args::Question;
use super::ask::{Context, query};
use super::members::said;
use super::output::{Done, items, print, print_json, table, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};

/// Runs one of them.
pub fn execute(context: &Context, command: Question) -> Done {
    match command {
        Question::List { member } => list(context, member.as_deref()),
        Question::Answer { question, answer, once, member } => {
            let path = format!("/questions/{question}{}", query(&[("member", member.as_deref())]));
            let body = json!({ "answer": answer.word(), "once": once });
            said(context, &context.ask(Call::with(Method::POST, path, body))?, show)
        }
    }
}

fn list(context: &Context, member: Option<&str>) -> Done {
    let answer = context.ask(Call::get(format!("/questions{}", query(&[("member", member)]))))?;
    let questions = items(&answer, "questions");
    if context.json {
        questions.iter().for_each(print_json);
        return Ok(());
    }
    if questions.is_empty() {
        print(&format!("{} is asked nothing now", text(&answer, "member")));
        return Ok(());
    }
    let rows: Vec<_> = questions
        .iter()
        .map(|one| ["question", "vendor", "host", "slot", "until"].map(|field| text(one, field)))
        .collect();
    table(["QUESTION", "VENDOR", "HOST", "SLOT", "UNTIL"], &rows);
    print("doorward question answer QUESTION real|pseudonym|coarse|withhold");
    Ok(())
}

fn show(answered: &Value) {
    let how_long = match answered.get("once").and_then(Value::as_bool) {
        Some(true) => "this once",
        _ => "from now on",
    };
    print(&format!(
        "{}: {} of {} is {} {how_long}",
        text(answered, "vendor"),
        text(answered, "slot"),
        text(answered, "member"),
        text(answered, "answer")
    ));
}
