//! `persona import` and `persona export`: the accounts of a password manager.

use super::ask::{Context, query};
use super::output::{Done, Exit, Failure, items, print, text};
use crate::console::Call;
use http::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;

/// What browsers and password managers call the site's column.
const SITE: [&str; 8] =
    ["url", "login_uri", "website", "web site", "origin", "origin_url", "formactionorigin", "site"];
/// And the user name's.
const USER: [&str; 7] = ["username", "login_username", "user name", "user", "login", "login name", "email"];

/// Largest file (bytes).
const MOST: u64 = 16 << 20;

/// Reads a browser's or password manager's export: the site and the user name of each account. Passwords are neither kept
/// nor sent.
pub fn import(context: &Context, file: &Path, member: Option<&str>) -> Done {
    let accounts = read(file)?;
    let path = format!("/accounts{}", query(&[("member", member)]));
    let answer = context.ask(Call::with(Method::POST, path, json!({ "accounts": accounts })))?;
    super::members::said(context, &answer, |answer| {
        print(&format!("{} accounts stay as they are", text(answer, "kept")));
        print(&format!("{} were known already", text(answer, "known")));
        print(&format!(
            "{} have a user name that is nothing you protect, {} no web address",
            text(answer, "foreign"),
            text(answer, "without_site")
        ));
    })
}

fn read(file: &Path) -> Result<Vec<Value>, Failure> {
    let unread = |why: &str| Failure::new(Exit::Usage, format!("{}: {why}", file.display()));
    let size = std::fs::metadata(file).map_err(|error| unread(&error.to_string()))?.len();
    if size > MOST {
        return Err(unread("more than 16 MiB"));
    }
    let reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_path(file);
    let mut reader = reader.map_err(|_| unread("it cannot be read"))?;
    let headers = reader.headers().map_err(|_| unread("it is not CSV"))?.clone();
    let column = |names: &[&str]| {
        let is = |name: &&str| {
            headers.iter().position(|header| header.trim_start_matches('\u{FEFF}').eq_ignore_ascii_case(name))
        };
        names.iter().find_map(is)
    };
    let (Some(site), Some(user)) = (column(&SITE), column(&USER)) else {
        return Err(unread("no column for the site, or none for the user name, in its first line"));
    };
    let mut accounts = Vec::new();
    for record in reader.records() {
        // An error would repeat what stands there.
        let record = record.map_err(|_| unread("a line of it is not CSV"))?;
        if let (Some(site), Some(user)) = (record.get(site), record.get(user))
            && !user.is_empty()
        {
            accounts.push(json!({ "site": site, "user": user }));
        }
    }
    Ok(accounts)
}

/// Writes what each vendor knows its user as, in the columns that browsers and password managers read.
pub fn export(context: &Context, member: Option<&str>) -> Done {
    let answer = context.ask(Call::get(format!("/accounts{}", query(&[("member", member)]))))?;
    if context.json {
        super::output::print_json(&answer);
        return Ok(());
    }
    let failed = |_| Failure::new(Exit::Failed, "standard output cannot be written");
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut rows = vec![["name", "url", "username", "password", "note"].map(str::to_owned)];
    for account in items(&answer, "accounts") {
        let note = format!("{}, {}", text(account, "slot"), text(account, "how"));
        rows.push([
            text(account, "vendor"),
            text(account, "site"),
            text(account, "user"),
            String::new(),
            note,
        ]);
    }
    for row in rows {
        writer.write_record(row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|_| Failure::new(Exit::Failed, "the table cannot be written"))?;
    std::io::stdout()
        .write_all(&bytes)
        .map_err(|_| Failure::new(Exit::Failed, "standard output cannot be written"))
}
