//! `ledger`: the log.

use super::args::{ExportFormat, Ledger};
use super::ask::{Context, encoded, query};
use super::members::said;
use super::output::{Done, Exit, Failure, items, print, print_json, say, table, text};
use crate::console::Call;
use crate::ledger::FsDisk;
use crate::ledger::export;
use crate::ledger::note::Verifier;
use crate::ledger::verify::{Against, Report, verify_dir};
use crate::vault::{Home, HomeError};
use http::Method;
use serde_json::{Value, json};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Runs one of them.
pub fn execute(context: &Context, command: Ledger) -> Done {
    match command {
        Ledger::List { member, vendor, since, limit } => {
            let limit = limit.to_string();
            let wanted = query(&[
                ("member", member.as_deref()),
                ("vendor", vendor.as_deref()),
                ("since", since.as_deref()),
                ("limit", Some(&limit)),
            ]);
            list(context, &format!("/flows{wanted}"))
        }
        Ledger::Show { flow } => show(context, &flow),
        Ledger::Verify { from, key } => verify(context, from.as_deref(), key.as_deref()),
        Ledger::Export { format: ExportFormat::Ndjson, out } => write_out(context, out),
        Ledger::Stats => said(context, &context.ask(Call::get("/ledger/stats"))?, |stats| {
            print(&format!("records   {}", text(stats, "records")));
            for (kind, count) in stats.get("kinds").and_then(Value::as_object).into_iter().flatten() {
                print(&format!("  {kind:<10} {count}"));
            }
            print(&format!("segments  {}", text(stats, "segments")));
            print(&format!("bytes     {}", text(stats, "bytes")));
            print(&format!("first     {}", text(stats, "first")));
            print(&format!("last      {}", text(stats, "last")));
        }),
    }
}

fn list(context: &Context, path: &str) -> Done {
    let answer = context.ask(Call::get(path))?;
    let flows = items(&answer, "flows");
    if context.json {
        flows.iter().for_each(print_json);
        return Ok(());
    }
    if flows.is_empty() {
        say("no flows yet");
        return Ok(());
    }
    let rows: Vec<_> = flows
        .iter()
        .map(|flow| {
            let shown = |field| text(flow, field);
            let target = if shown("url") == "-" { shown("host") } else { shown("url") };
            [
                shown("flow"),
                shown("time"),
                shown("verdict"),
                shown("status"),
                shown("method"),
                target,
                why(flow),
            ]
        })
        .collect();
    table(["FLOW", "TIME", "VERDICT", "STATUS", "METHOD", "URL", "WHY"], &rows);
    Ok(())
}

/// What was changed is half the story of a flow that did not come to a good end.
fn why(flow: &Value) -> String {
    let (reason, outcome) = (text(flow, "reason"), text(flow, "outcome"));
    match outcome.as_str() {
        "complete" | "-" => reason,
        _ if reason.is_empty() => outcome,
        _ => format!("{outcome}; {reason}"),
    }
}

fn show(context: &Context, flow: &str) -> Done {
    let answer = context.ask(Call::get(format!("/flows/{}", encoded(flow))))?;
    let records = items(&answer, "records");
    if context.json {
        records.iter().for_each(print_json);
    } else {
        records.iter().for_each(record);
    }
    Ok(())
}

/// One record in words: what everybody asks first, then the rest.
pub fn record(record: &Value) {
    let shown = |field| text(record, field);
    let head = match shown("kind").as_str() {
        "open" => format!("sent {} {}", shown("method"), shown("url")),
        "close" => format!(
            "{}: status {}, {} bytes sent, {} received, {} ms",
            shown("outcome"),
            shown("status"),
            shown("sent"),
            shown("received"),
            shown("ms")
        ),
        "blocked" => format!(
            "{} {} {}: {} ({})",
            shown("verdict"),
            shown("method"),
            shown("url"),
            shown("reason"),
            shown("rule")
        ),
        "tunnel" => format!("not inspected {}: {}", shown("host"), shown("reason")),
        "refused" => format!("refused {} with {}: {}", shown("host"), shown("status"), shown("reason")),
        "edits" => "more changes".to_owned(),
        kind => kind.to_owned(),
    };
    print(&format!("{:>6}  {}  {}", shown("seq"), shown("time"), head));
    if shown("kind") == "open" {
        print(&format!("        for {} to {}, {} party", shown("member"), shown("vendor"), shown("party")));
        if let Some(terms) = record.get("terms") {
            let gpc = if super::output::is(terms, "gpc") { "Sec-GPC sent" } else { "no Sec-GPC" };
            let offer = match items(terms, "offer") {
                [] => String::new(),
                _ => format!(" {}", text(terms, "offer")),
            };
            print(&format!("        terms {}{offer}, {gpc}", text(terms, "state")));
        }
    }
    for note in items(record, "notes") {
        print(&format!("        note: {}", note.as_str().unwrap_or_default()));
    }
    for edit in items(record, "edits") {
        edit_line(edit, "        ");
    }
    if shown("answer") != "-" {
        print(&format!("        the vendor answered: {}", shown("answer")));
    }
}

/// One edit: what, where, why, by which rule.
pub fn edit_line(edit: &Value, indent: &str) {
    let slot = match edit.get("slot").and_then(Value::as_str) {
        Some(slot) => format!(" {slot}"),
        None => String::new(),
    };
    print(&format!(
        "{indent}{:<4} {}{slot} at {}: {} [{}]",
        text(edit, "id"),
        text(edit, "action"),
        text(edit, "place"),
        text(edit, "reason"),
        text(edit, "rule"),
    ));
}

/// An export needs nothing but itself; the home's own files are read beside a gateway, or by it where it runs.
fn verify(context: &Context, from: Option<&Path>, key: Option<&str>) -> Done {
    let given = key
        .map(Verifier::parse)
        .transpose()
        .map_err(|_| Failure::new(Exit::Usage, "--key takes a log's public key: NAME+HASH+KEY"))?;
    let against = Against { key: given, ..Against::default() };
    let report = match from {
        Some(file) => {
            let failed = |error| Failure::failed(format!("{}: {error}", file.display()));
            let mut input = BufReader::new(File::open(file).map_err(failed)?);
            to_json(&export::verify(&mut input, &against).map_err(|error| Failure::because(&error))?)
        }
        None => match at_rest(context, &against)? {
            Some(report) => to_json(&report),
            None => context.ask(Call::with(Method::POST, "/ledger/verify", json!({ "key": key })))?,
        },
    };
    if context.json {
        print_json(&report);
    } else {
        describe(&report, from.is_some());
    }
    match report.get("failure") {
        None | Some(Value::Null) => Ok(()),
        Some(_) if context.json => Err(Failure::silent(Exit::Verification)),
        Some(failure) => {
            let message = format!(
                "the log does not hold from record {} on: {}",
                text(failure, "seq"),
                text(failure, "reason")
            );
            Err(Failure::new(Exit::Verification, message))
        }
    }
}

/// The log of a home that nobody runs, even one that is too damaged to be opened. `None` where somebody runs it.
fn at_rest(context: &Context, against: &Against) -> Result<Option<Report>, Failure> {
    let beside = Home::beside(&context.home);
    if !beside.ledger_dir().is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("there is no home at {}", context.home.display())));
    }
    match Home::open(&context.home) {
        Ok(home) => {
            let report = verify_dir(&home.ledger_dir(), &FsDisk, against);
            report.map(Some).map_err(|error| Failure::because(&error))
        }
        Err(HomeError::InUse { .. }) => Ok(None),
        Err(error) => Err(Failure::because(&error)),
    }
}

fn to_json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap_or_default()
}

/// In words.
pub fn describe(report: &Value, exported: bool) {
    if report.get("failure").is_some_and(|failure| !failure.is_null()) {
        return;
    }
    let shown = |field| text(report, field);
    print(&format!(
        "the log holds: {} records, {} of them under {} signed checkpoints",
        shown("records"),
        shown("signed"),
        shown("checkpoints")
    ));
    print(&format!("flows sent: {}, still open: {}", shown("opened"), shown("unended")));
    if exported {
        print(&format!("readable here and shown to be what was sealed: {}", shown("readable")));
    }
    if super::output::is(report, "batched") {
        print("written in batches: a power cut may have taken the newest records");
    }
    let origin = if super::output::is(report, "key_given") {
        "the key you gave"
    } else if exported {
        "the key in the file itself: give --key to know that the file is this home's"
    } else {
        "the key that lies with the log"
    };
    print(&format!("checked against {origin}"));
    print(&format!("  {}", shown("key")));
}

/// Beside the file first, so that there is never half an export under its name.
fn write_out(context: &Context, out: Option<PathBuf>) -> Done {
    let call = Call::get("/ledger/export");
    let Some(file) = out else { return context.ask_into(call, &mut std::io::stdout()) };
    let failed = |error| Failure::failed(format!("{}: {error}", file.display()));
    let mut name = file.clone().into_os_string();
    name.push(".part");
    let part = PathBuf::from(name);
    let written = private_file(&part).map_err(failed).and_then(|mut half| {
        context.ask_into(call, &mut half)?;
        half.sync_all().map_err(failed)?;
        std::fs::rename(&part, &file).map_err(failed)
    });
    if let Err(failure) = written {
        let _ = std::fs::remove_file(&part);
        return Err(failure);
    }
    if context.json {
        print_json(&json!({ "file": file }));
    } else {
        say(&format!("written to {}", file.display()));
    }
    Ok(())
}

/// An export says what somebody did: nobody else reads it.
fn private_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().write(true).create(true).truncate(true).mode(0o600).open(path)
}
