//! `recovery`: identities that outlive this machine.

use super::args::Recovery;
use super::ask::{Context, block_on};
use super::members::said;
use super::output::{Done, Exit, Failure, print, print_json, print_raw, say, text};
use crate::console::Call;
use crate::model::Secret;
use crate::persona::recovery::{MOST_TEXT, RecoveryError, Restored, restore};
use crate::vault::{Home, HomeError, Phrase, VaultError};
use http::Method;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;
use std::time::Duration;

/// Words in a line.
const IN_A_LINE: usize = 4;
/// Bytes of a phrase at most, with whatever stands between its words.
const MOST_TYPED: u64 = 4096;

/// Runs one of them.
pub fn execute(context: &Context, command: Recovery) -> Done {
    match command {
        Recovery::Phrase => phrase(context),
        Recovery::Manifest { out } => manifest(context, out.as_deref()),
        Recovery::Restore { file } => restored(context, &file),
    }
}

/// Reads the key file itself: the phrase goes through no socket.
fn phrase(context: &Context) -> Done {
    let home = Home::beside(&context.home);
    let phrase = Phrase::of_home(&home.keys_dir()).map_err(|error| match error {
        VaultError::KeyFileMissing { .. } => {
            let home = home.dir().display();
            Failure::new(
                Exit::NotFound,
                format!("{home} has no root key: the first command that opens it makes one"),
            )
        }
        error => Failure::because(&error),
    })?;
    let words = phrase.words().map_err(Failure::failed)?;
    if context.json {
        print_json(&json!({ "phrase": words.expose() }));
        return Ok(());
    }
    let words: Vec<_> = words.expose().split(' ').enumerate().collect();
    for line in words.chunks(IN_A_LINE) {
        let cells: Vec<_> = line.iter().map(|(at, word)| format!("{:>2} {word:<9}", at + 1)).collect();
        print(cells.join(" ").trim_end());
    }
    say(
        "write it down, and keep it away from this machine and from manifests: with both, and with any copy of the",
    );
    say("home, whoever has it reads everything. `doorward recovery manifest` makes what it needs beside it");
    Ok(())
}

fn manifest(context: &Context, out: Option<&Path>) -> Done {
    let made = context.ask(Call::with(Method::POST, "/recovery/manifest", json!({})))?;
    match out {
        Some(file) => {
            let failed = |error| Failure::failed(format!("{}: {error}", file.display()));
            std::fs::write(file, text(&made, "manifest")).map_err(failed)?;
        }
        None if context.json => {}
        None => print_raw(text(&made, "manifest").as_bytes()),
    }
    if context.json {
        print_json(&made);
        return Ok(());
    }
    let values = text(&made, "values");
    say(&format!("values in it that vendors know: {values}; only the recovery phrase opens it"));
    let left_out = text(&made, "left_out");
    if left_out != "0" {
        say(&format!("made at random and not in it: {left_out}; nothing brings them back"));
    }
    Ok(())
}

fn restored(context: &Context, file: &Path) -> Done {
    let manifest = read(file)?;
    let phrase = Phrase::parse(typed()?.expose()).map_err(|error| Failure::new(Exit::Usage, error))?;
    let config = context.load_config()?;
    let home = Home::open(&context.home).map_err(|error: HomeError| Failure::because(&error))?;
    let back = restore(&home, &phrase, &manifest).map_err(|error| match error {
        RecoveryError::Closed => Failure::new(Exit::Verification, error),
        RecoveryError::NoManifest | RecoveryError::Damaged(_) => {
            Failure::new(Exit::Usage, format!("{}: {error}", file.display()))
        }
        error => Failure::because(&error),
    })?;
    let house = context.open(home, config)?;
    block_on(async {
        let recorded = house.record_restored(back.made).await;
        house.close(Duration::ZERO).await;
        recorded.map_err(|error| Failure::because(&error))
    })?;
    said(context, &described(&back), |_| {
        print(&format!("back, as of {}: {}", back.made, back.members.join(", ")));
        print(&format!("vendors they deal with: {}; values that these know: {}", back.vendors, back.values));
        say("what is really theirs, credentials and the certificate authority were not in the manifest:");
        say(
            "doorward member set NAME SLOT=VALUE, member token NAME, trust; the configuration file as it was",
        );
    })
}

fn described(back: &Restored) -> Value {
    json!({
        "members": back.members, "made": back.made.to_string(), "vendors": back.vendors, "values": back.values,
    })
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, format!("{}: {error}", file.display()));
    let mut text = String::new();
    let open = std::fs::File::open(file).map_err(|error| failed(&error))?;
    let most = u64::try_from(MOST_TEXT).unwrap_or(u64::MAX);
    open.take(most.saturating_add(1)).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Ok(text)
}

/// The phrase: all that standard input has; at a terminal, lines until one is empty.
fn typed() -> Result<Secret<String>, Failure> {
    let input = std::io::stdin();
    let terminal = input.is_terminal();
    if terminal {
        say("The 24 words of the recovery phrase, in one line or several, then an empty one:");
    }
    let mut words = String::new();
    for line in input.lock().take(MOST_TYPED).lines() {
        let line = Secret::new(line.map_err(|_| Failure::new(Exit::Usage, "the phrase is no text"))?);
        if terminal && line.expose().trim().is_empty() {
            break;
        }
        words.push_str(line.expose());
        words.push('\n');
    }
    Ok(Secret::new(words))
}

/// What `status` says of it; nothing where there is nothing to lose.
pub fn standing(status: &Value) -> Option<String> {
    let standing = status.get("recovery")?;
    let since = standing.get("since").and_then(Value::as_u64)?;
    match standing.get("manifest").and_then(Value::as_str) {
        Some(made) if since == 0 => Some(format!("manifest of {made}")),
        Some(made) => Some(format!("manifest of {made}, values since: {since} (doorward recovery manifest)")),
        None if since == 0 => None,
        None => {
            Some(format!("no manifest, values lost with this machine: {since} (doorward recovery manifest)"))
        }
    }
}
