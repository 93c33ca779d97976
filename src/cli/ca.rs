//! `ca`: the local certificate authority.

use super::args::Ca;
use super::ask::Context;
use super::members::said;
use super::output::{Done, Failure, items, print, print_json, print_raw, say, text};
use crate::console::Call;
use serde_json::json;

/// Runs one of them.
pub fn execute(context: &Context, command: Ca) -> Done {
    let answer = context.ask(Call::get("/ca"))?;
    match command {
        Ca::Show => said(context, &answer, |answer| {
            for one in items(answer, "certificates") {
                print(&format!("{} ({})", text(one, "name"), text(one, "role")));
                print(&format!("  valid    {} to {}", text(one, "from"), text(one, "until")));
                print(&format!("  SHA-256  {}", text(one, "sha256")));
            }
            print(&format!("file: {}", text(answer, "file")));
        }),
        Ca::Export { out: None } => {
            if context.json {
                print_json(&json!({ "pem": text(&answer, "pem") }));
            } else {
                print_raw(text(&answer, "pem").as_bytes());
            }
            Ok(())
        }
        Ca::Export { out: Some(file) } => {
            let failed = |error| Failure::failed(format!("{}: {error}", file.display()));
            std::fs::write(&file, text(&answer, "pem")).map_err(failed)?;
            if context.json {
                print_json(&json!({ "file": file }));
            } else {
                say(&format!("written to {}", file.display()));
            }
            Ok(())
        }
    }
}
