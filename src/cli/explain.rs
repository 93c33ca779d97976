//! `explain`: what would happen to a request.

use super::args::Explain;
use super::ask::Context;
use super::flows::edit_line;
use super::members::said;
use super::output::{Done, Exit, Failure, is, items, print, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};

/// Of curl's own: what is posted with -d and no type said.
const FORM: &str = "application/x-www-form-urlencoded";

/// Asks and prints.
pub fn execute(context: &Context, asked: Explain) -> Done {
    let mut headers = Vec::new();
    for (index, line) in asked.headers.iter().enumerate() {
        let field = line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
        headers.push(field.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("header {} is not written as NAME: VALUE", index + 1))
        })?);
    }
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if asked.data.is_some() && !typed {
        headers.push(("Content-Type", FORM));
    }
    let body = json!({
        "url": asked.url,
        "method": asked.method,
        "headers": headers,
        "body": asked.data,
        "member": asked.member,
    });
    let answer = context.ask(Call::with(Method::POST, "/explain", body))?;
    said(context, &answer, describe)
}

fn describe(answer: &Value) {
    print(&format!("{}: {}", text(answer, "verdict"), text(answer, "reason")));
    let sent = !items(answer, "headers_after").is_empty();
    if sent {
        print("\nwould be sent");
    }
    print(&format!("  {}", text(answer, "url_after")));
    for field in items(answer, "headers_after") {
        let part = |index| field.get(index).and_then(Value::as_str).unwrap_or_default();
        print(&format!("  {}: {}", part(0), part(1)));
    }
    match answer.get("body_after") {
        None | Some(Value::Null) => {}
        Some(Value::String(body)) => print(&format!("\n  {}", body.replace('\n', "\n  "))),
        Some(_) => print("\n  (a body that is not text)"),
    }
    section("changes", items(answer, "edits"), |edit| edit_line(edit, "  "));
    section("filter rules that match", items(answer, "rules"), |rule| {
        let mark = if is(rule, "winner") { "*" } else { " " };
        print(&format!("{mark} {}  {}", text(rule, "rule"), text(rule, "list")));
    });
    section("notes", items(answer, "notes"), |note| {
        print(&format!("  {}", note.as_str().unwrap_or_default()));
    });
}

fn section(title: &str, entries: &[Value], line: impl Fn(&Value)) {
    if !entries.is_empty() {
        print(&format!("\n{title}"));
        entries.iter().for_each(line);
    }
}
