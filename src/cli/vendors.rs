//! `vendor`: whom the member deals with.

use super::args::{Vendor, pairs};
use super::ask::{Context, encoded, query};
use super::members::said;
use super::output::{Done, items, print, print_json, table, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};

/// Runs one of them.
pub fn execute(context: &Context, command: Vendor) -> Done {
    let path = |vendor: &str, member: &Option<String>| {
        format!("/vendors/{}{}", encoded(vendor), query(&[("member", member.as_deref())]))
    };
    match command {
        Vendor::List { member } => list(context, member.as_deref()),
        Vendor::Show { vendor, member } => {
            said(context, &context.ask(Call::get(path(&vendor, &member)))?, show)
        }
        Vendor::Set { vendor, set, member } => {
            let body = json!({ "set": pairs(set)? });
            said(context, &context.ask(Call::with(Method::PATCH, path(&vendor, &member), body))?, show)
        }
    }
}

fn list(context: &Context, member: Option<&str>) -> Done {
    let answer = context.ask(Call::get(format!("/vendors{}", query(&[("member", member)]))))?;
    let vendors = items(&answer, "vendors");
    if context.json {
        vendors.iter().for_each(print_json);
        return Ok(());
    }
    if vendors.is_empty() {
        print(&format!("{} deals with nobody yet", text(&answer, "member")));
        return Ok(());
    }
    let rows: Vec<_> = vendors
        .iter()
        .map(|one| ["vendor", "level", "pseudonyms", "terms", "since"].map(|field| text(one, field)))
        .collect();
    table(["VENDOR", "LEVEL", "PSEUDONYMS", "TERMS", "SINCE"], &rows);
    Ok(())
}

fn show(vendor: &Value) {
    let origin = match text(vendor, "level_from").as_str() {
        "file" => "from the configuration file",
        "own" => "your own choice",
        _ => "as every new vendor",
    };
    print(&format!(
        "{}: level {} for {} ({origin})",
        text(vendor, "vendor"),
        text(vendor, "level"),
        text(vendor, "member")
    ));
    print(&format!(
        "  knows       {} pseudonyms, identity number {}",
        text(vendor, "pseudonyms"),
        text(vendor, "epoch")
    ));
    print(&format!("  hosts       {}", text(vendor, "hosts")));
    print(&format!("  since       {}", text(vendor, "since")));
    print(&format!("  terms       {}", text(vendor, "terms")));
    if text(vendor, "answer") != "-" {
        print(&format!("  answered    {}", text(vendor, "answer")));
    }
    for sign_in in items(vendor, "sign_ins") {
        print(&format!(
            "  signs in    by way of {} ({}), which is asked for {}",
            text(sign_in, "provider"),
            if text(sign_in, "went") == "-" { "not yet" } else { "seen here" },
            match text(sign_in, "scopes").as_str() {
                "-" => "things that were not named".to_owned(),
                scopes => scopes.to_owned(),
            }
        ));
    }
    if text(vendor, "federated_login") == "block" {
        print("  signs in    by way of nobody: federated_login = block");
    }
    if text(vendor, "reveal") == "api" {
        print(
            "  reveals     to programs with a credential of their own: what they sent themselves, in JSON; reveal = api",
        );
    }
    for (slot, policy) in vendor.get("identity").and_then(Value::as_object).into_iter().flatten() {
        print(&format!("  identity    {slot} = {}", policy.as_str().unwrap_or_default()));
    }
}
