//! `persona`: what vendors know.

use super::accounts;
use super::args::{AccountFormat, Persona, pairs};
use super::ask::{Context, encoded, query};
use super::members::said;
use super::output::{Done, Exit, Failure, confirm, items, print, print_json, table, text};
use crate::console::Call;
use http::Method;
use serde_json::json;

/// Runs one of them.
pub fn execute(context: &Context, command: Persona) -> Done {
    let path = |vendor: &str, action: &str, member: &Option<String>| {
        format!("/personas/{}{action}{}", encoded(vendor), query(&[("member", member.as_deref())]))
    };
    match command {
        Persona::Import { file, member } => accounts::import(context, &file, member.as_deref()),
        Persona::Export { format: AccountFormat::Csv, member } => {
            accounts::export(context, member.as_deref())
        }
        Persona::Show { vendor, member } => show(context, path(&vendor, "", &member)),
        Persona::Issue { vendor, slot, member } => {
            let call = Call::with(Method::POST, path(&vendor, "/issue", &member), json!({ "slot": slot }));
            said(context, &context.ask(call)?, |issued| print(&text(issued, "value")))
        }
        Persona::Adopt { vendor, value, member } => {
            let read = pairs(vec![value])?;
            let (slot, value) =
                read.into_iter().next().ok_or_else(|| Failure::new(Exit::Usage, "no value"))?;
            let body = json!({ "slot": slot, "value": value });
            let call = Call::with(Method::POST, path(&vendor, "/adopt", &member), body);
            said(context, &context.ask(call)?, |adopted| {
                print(&format!("{} knows {} as {}", vendor, text(adopted, "slot"), text(adopted, "value")));
            })
        }
        Persona::Reset { vendor, member } => {
            confirm(
                &format!(
                    "Start a new identity at {vendor}? Accounts under the old one are not reached any more."
                ),
                context.yes,
            )?;
            let call = Call::with(Method::POST, path(&vendor, "/reset", &member), json!({}));
            said(context, &context.ask(call)?, |reset| {
                print(&format!(
                    "{} meets identity number {} from now on",
                    text(reset, "vendor"),
                    text(reset, "epoch")
                ));
            })
        }
    }
}

fn show(context: &Context, path: String) -> Done {
    let answer = context.ask(Call::get(path))?;
    if context.json {
        print_json(&answer);
        return Ok(());
    }
    let pseudonyms = items(&answer, "pseudonyms");
    if pseudonyms.is_empty() {
        print(&format!("{} knows nothing of {} yet", text(&answer, "vendor"), text(&answer, "member")));
        return Ok(());
    }
    let rows: Vec<_> = pseudonyms
        .iter()
        .map(|one| ["slot", "value", "how", "since"].map(|field| text(one, field)))
        .collect();
    table(["SLOT", "VALUE", "HOW", "SINCE"], &rows);
    let steps = items(&answer, "change");
    if !steps.is_empty() {
        print("It has an account under your real address. To change it to an alias:");
        let numbered = steps.iter().filter_map(|step| step.as_str()).zip(1..);
        numbered.for_each(|(step, number)| print(&format!("  {number}. {step}")));
    }
    Ok(())
}
