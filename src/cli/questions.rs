//! `question`: what a member is asked while a request waits.

use super::args::Question;
use super::ask::{Context, query};
use super::members::said;
use super::output::{Done, Failure, items, print, print_json, table, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::Duration;

/// Between two looks for new questions.
const LOOK: Duration = Duration::from_millis(300);
const WORDS: &str = "real, pseudonym, coarse or withhold; with `once` behind it, for this request alone";

/// Runs one of them.
pub fn execute(context: &Context, command: Question) -> Done {
    match command {
        Question::List { member } => list(context, member.as_deref()),
        Question::Watch { member } => watch(context, member.as_deref()),
        Question::Answer { question, answer: word, once, member } => {
            let answered = answer(context, &question.to_string(), member.as_deref(), word.word(), once)?;
            said(context, &answered, show)
        }
    }
}

fn open(context: &Context, member: Option<&str>) -> Result<Value, Failure> {
    context.ask(Call::get(format!("/questions{}", query(&[("member", member)]))))
}

fn answer(
    context: &Context,
    question: &str,
    member: Option<&str>,
    word: &str,
    once: bool,
) -> Result<Value, Failure> {
    let path = format!("/questions/{question}{}", query(&[("member", member)]));
    context.ask(Call::with(Method::POST, path, json!({ "answer": word, "once": once })))
}

fn list(context: &Context, member: Option<&str>) -> Done {
    let answer = open(context, member)?;
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

/// Prints each question once, and asks it where a person reads; until the gateway or the input ends.
fn watch(context: &Context, member: Option<&str>) -> Done {
    if !context.is_running() {
        return Err(Failure::failed("the gateway does not run: nobody waits for an answer"));
    }
    let mut last = 0;
    while context.is_running() {
        for question in items(&open(context, member)?, "questions") {
            let number = question.get("question").and_then(Value::as_u64).unwrap_or_default();
            if number <= last {
                continue;
            }
            last = number;
            if context.json {
                print_json(question);
            } else if !put(context, member, question)? {
                return Ok(());
            }
        }
        sleep(LOOK);
    }
    Ok(())
}

/// Asks one question until it has an answer, or nobody waits for one any more; `false` where the input ends.
fn put(context: &Context, member: Option<&str>, question: &Value) -> Result<bool, Failure> {
    let [vendor, host, slot] = ["vendor", "host", "slot"].map(|field| text(question, field));
    print(&format!("{vendor} ({host}) would get your {slot}, until {}: {WORDS}?", text(question, "until")));
    loop {
        let mut line = String::new();
        if std::io::stdin().read_line(&mut line).map_err(Failure::failed)? == 0 {
            return Ok(false);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let (word, once) = match words[..] {
            [word @ ("real" | "pseudonym" | "coarse" | "withhold")] => (word, false),
            [word @ ("real" | "pseudonym" | "coarse" | "withhold"), "once"] => (word, true),
            _ => {
                print(WORDS);
                continue;
            }
        };
        match answer(context, &text(question, "question"), member, word, once) {
            Ok(answered) => show(&answered),
            Err(failure) => print(&failure.message),
        }
        return Ok(true);
    }
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
