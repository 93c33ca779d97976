//! `allow` and `pause`: what steps aside, for a while or for good.

use super::args::{Allow, Pause};
use super::ask::{Context, encoded, query};
use super::members::said;
use super::output::{Done, Exit, Failure, confirm, is, items, print, print_json, table, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};

/// `allow`.
pub fn allow(context: &Context, command: Allow) -> Done {
    let member = command.whose.member.as_deref();
    if command.list {
        return list(context, member);
    }
    if let Some(id) = command.remove {
        let path = format!("/exceptions/{id}{}", query(&[("member", member)]));
        let answer = context.ask(Call::with(Method::DELETE, path, json!({})))?;
        return said(context, &answer, |_| print(&format!("exception {id} is taken back")));
    }
    if let Some(host) = command.inspect {
        let path = format!("/uninspected/{}{}", encoded(&host), query(&[("member", member)]));
        let answer = context.ask(Call::with(Method::DELETE, path, json!({})))?;
        return said(context, &answer, |_| print("it is inspected again from its next connection on"));
    }
    let Some(edit) = command.edit else {
        return Err(Failure::new(Exit::Usage, "which edit? `ledger show FLOW` lists a flow's".to_owned()));
    };
    let body = json!({
        "edit": edit,
        "for": command.span,
        "device": command.whose.device,
        "real": command.real,
    });
    make(context, member, body, command.real)
}

/// `pause`.
pub fn pause(context: &Context, command: Pause) -> Done {
    let member = command.whose.member.as_deref();
    if command.off {
        let path = format!("/exceptions{}", query(&[("member", member)]));
        let answer = context.ask(Call::with(Method::DELETE, path, json!({})))?;
        return said(context, &answer, |answer| match text(answer, "removed").as_str() {
            "0" => print("nothing was paused"),
            _ => print("no longer paused"),
        });
    }
    let body = json!({
        "vendor": command.vendor,
        "identity": command.identity,
        "for": command.span,
        "device": command.whose.device,
    });
    make(context, member, body, command.identity)
}

/// Makes an exception. One that `shows` real values says to whom and asks first.
fn make(context: &Context, member: Option<&str>, mut body: Value, shows: bool) -> Done {
    let path = format!("/exceptions{}", query(&[("member", member)]));
    let mut post = |preview: bool| {
        if let Some(body) = body.as_object_mut() {
            body.insert("preview".to_owned(), json!(preview));
        }
        context.ask(Call::with(Method::POST, path.clone(), body.clone()))
    };
    if shows {
        let meant = post(true)?;
        let warning = disclosed(&meant);
        if !context.json {
            print(&warning);
        }
        confirm("Go on?", context.yes)?;
    }
    let made = post(false)?;
    said(context, &made, |made| print(&line(made)))
}

/// What will be shown to whom.
fn disclosed(made: &Value) -> String {
    format!(
        "{} will see {} of {} as it is, {}",
        text(made, "vendor"),
        text(made, "shows"),
        text(made, "member"),
        how_long(made)
    )
}

fn line(made: &Value) -> String {
    let (id, vendor) = (text(made, "exception"), text(made, "vendor"));
    let at = if vendor == "-" { "everywhere".to_owned() } else { format!("at {vendor}") };
    let what = match text(made, "kind").as_str() {
        "pause" => format!("trackers and terms step aside {at}; identities stay as they are"),
        "identity" => format!("everything steps aside {at}, identities too"),
        "slot" => format!("{} goes to {vendor} as it is", text(made, "what")),
        _ => format!("{} does nothing {at}", text(made, "what")),
    };
    let end = match text(made, "kind").as_str() {
        "pause" | "identity" => "doorward pause --off".to_owned(),
        _ => format!("doorward allow --remove {id}"),
    };
    format!("exception {id}: {what}, {}; {end} takes it back", how_long(made))
}

fn how_long(made: &Value) -> String {
    match (is(made, "once"), text(made, "until").as_str()) {
        (true, _) => "once".to_owned(),
        (false, "-") => "from now on".to_owned(),
        (false, until) => format!("until {until}"),
    }
}

fn list(context: &Context, member: Option<&str>) -> Done {
    let answer = context.ask(Call::get(format!("/exceptions{}", query(&[("member", member)]))))?;
    let (exceptions, uninspected) = (items(&answer, "exceptions"), items(&answer, "uninspected"));
    if context.json {
        exceptions.iter().chain(uninspected).for_each(print_json);
        return Ok(());
    }
    if exceptions.is_empty() && uninspected.is_empty() {
        print(&format!("{} lets nothing by", text(&answer, "member")));
    }
    if !exceptions.is_empty() {
        made(exceptions);
    }
    if !uninspected.is_empty() {
        let columns = |one| ["host", "device", "why", "until"].map(|field| text(one, field));
        table(
            ["UNINSPECTED", "DEVICE", "WHY", "UNTIL"],
            &uninspected.iter().map(columns).collect::<Vec<_>>(),
        );
        print("doorward allow --inspect HOST");
    }
    Ok(())
}

fn made(exceptions: &[Value]) {
    let rows: Vec<_> = exceptions
        .iter()
        .map(|one| {
            let [id, kind, what, vendor, device] =
                ["exception", "kind", "what", "vendor", "device"].map(|field| text(one, field));
            [id, kind, what, vendor, device, how_long(one)]
        })
        .collect();
    table(["EXCEPTION", "KIND", "WHAT", "VENDOR", "DEVICE", "HOLDS"], &rows);
}
