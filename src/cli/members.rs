//! `member`: the people.

use super::args::{Member, pairs};
use super::ask::{Context, encoded};
use super::output::{Done, confirm, is, items, print, print_json, say, table, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};

/// Runs one of them.
pub fn execute(context: &Context, command: Member) -> Done {
    match command {
        Member::Add { name, set, kind } => {
            let body = json!({ "name": name, "kind": kind.word(), "values": pairs(set)? });
            let member = context.ask(Call::with(Method::POST, "/members", body))?;
            said(context, &member, |member| {
                let name = text(member, "name");
                if is(member, "named_placeholder") {
                    print(&format!(
                        "{name} is the owner of this home; what comes from this machine is {name}'s"
                    ));
                } else {
                    print(&format!(
                        "{name} is a member; `doorward member token {name}` makes their credential"
                    ));
                }
                protected(member);
            })
        }
        Member::Set { name, set } => {
            let path = format!("/members/{}", encoded(&name));
            let member = context.ask(Call::with(Method::PATCH, path, json!({ "values": pairs(set)? })))?;
            said(context, &member, protected)
        }
        Member::List => list(context),
        Member::Token { name, agent } => {
            let path = format!("/members/{}/token{}", encoded(&name), if agent { "?agent=true" } else { "" });
            let made = context.ask(Call::with(Method::POST, path, json!({})))?;
            said(context, &made, |made| {
                print(&text(made, "token"));
                say(&format!(
                    "shown this once; the proxy of {}'s {}: {}",
                    text(made, "member"),
                    if is(made, "agent") { "program" } else { "devices" },
                    text(made, "proxy")
                ));
            })
        }
        Member::Remove { name } => {
            confirm(
                &format!("Remove {name}? Their log and their pseudonyms can never be read again."),
                context.yes,
            )?;
            let path = format!("/members/{}", encoded(&name));
            let gone = context.ask(Call::with(Method::DELETE, path, json!({})))?;
            said(context, &gone, |gone| {
                print(&format!("{} is gone", text(gone, "removed")));
                if is(gone, "was_owner") {
                    print(&format!("what comes from this machine is {}'s from now on", text(gone, "owner")));
                }
            })
        }
    }
}

fn list(context: &Context) -> Done {
    let answer = context.ask(Call::get("/members"))?;
    let members = items(&answer, "members");
    if context.json {
        members.iter().for_each(print_json);
        return Ok(());
    }
    let rows: Vec<_> = members
        .iter()
        .map(|member| {
            let role = match (is(member, "owner"), is(member, "placeholder")) {
                (true, true) => "owner, not named yet",
                (true, false) => "owner",
                _ => "",
            };
            [text(member, "name"), text(member, "kind"), role.to_owned(), text(member, "slots")]
        })
        .collect();
    table(["NAME", "KIND", "ROLE", "PROTECTED"], &rows);
    Ok(())
}

fn protected(member: &Value) {
    let (slots, bare) = (items(member, "slots"), items(member, "not_protected"));
    if slots.is_empty() {
        let name = text(member, "name");
        print(&format!("nothing is protected yet: doorward member set {name} email.primary=… name.full=…"));
    } else {
        print(&format!("protected: {}", text(member, "slots")));
    }
    if !bare.is_empty() {
        print(&format!(
            "too short or too long to be searched for, so not protected: {}",
            text(member, "not_protected")
        ));
    }
}

/// The answer itself for a program, else in words.
pub fn said(context: &Context, answer: &Value, words: impl FnOnce(&Value)) -> Done {
    if context.json {
        print_json(answer);
    } else {
        words(answer);
    }
    Ok(())
}
