//! `config`: the file, checked and explained.

use super::args::Config as Command;
use super::ask::Context;
use super::output::{Done, Exit, Failure, items, print, print_json, print_raw, say, text};
use crate::config::{Config, ConfigError, Finding};
use crate::console::{Call, Speaker};
use crate::vault::Home;
use http::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Runs one of them.
pub fn execute(context: &Context, command: Command) -> Done {
    match command {
        Command::Check { file } => check(context, file),
        Command::Show => show(context),
        Command::Schema => {
            let schema = crate::config::json_schema();
            if context.json {
                print_json(&schema);
            } else {
                print(&serde_json::to_string_pretty(&schema).map_err(Failure::failed)?);
            }
            Ok(())
        }
    }
}

fn check(context: &Context, file: Option<PathBuf>) -> Done {
    let file = file.or_else(|| context.config.clone());
    let Some(file) = file else {
        let file = Home::beside(&context.home).config_file();
        return tell(context, &json!({ "file": null, "findings": [] }), &file);
    };
    let file = std::path::absolute(file).map_err(Failure::failed)?;
    let findings = match Config::load(&file) {
        Err(ConfigError::Invalid(findings)) => findings,
        Err(error) => return Err(Failure::new(Exit::Configuration, error)),
        Ok(config) if !Home::beside(&context.home).state_db().exists() => without_home(&config),
        // The home is opened under its own file: under this one it might change.
        Ok(config) if !runs(context)? && context.load_config().is_err() => without_home(&config),
        // Only the home knows its members and can run the file's own tests.
        Ok(_) => {
            let call = Call::with(Method::POST, "/config/check", json!({ "file": file }));
            return tell(context, &context.ask(call)?, &file);
        }
    };
    tell(context, &json!({ "file": file, "findings": findings }), &file)
}

fn without_home(config: &Config) -> Vec<Finding> {
    let mut findings = config.check_promises();
    let refused: Vec<_> = findings.iter().filter_map(|finding| finding.key.clone()).collect();
    let rest = config.findings().iter();
    findings.extend(rest.filter(|one| one.key.as_ref().is_none_or(|key| !refused.contains(key))).cloned());
    findings
}

fn tell(context: &Context, answer: &Value, file: &Path) -> Done {
    let findings = items(answer, "findings");
    let wrong = findings.iter().any(|finding| text(finding, "severity") == "error");
    if context.json {
        print_json(answer);
    } else {
        for finding in findings {
            print(&line(finding));
        }
        let there = answer.get("file").is_some_and(|file| !file.is_null());
        match (wrong, there) {
            (true, _) => {}
            (false, false) => print(&format!("{} is not there: the defaults hold", file.display())),
            (false, true) => print(&format!("{} can be used", file.display())),
        }
    }
    match wrong {
        false => Ok(()),
        true if context.json => Err(Failure::silent(Exit::Configuration)),
        true => Err(Failure::new(Exit::Configuration, format!("{} is not to be used", file.display()))),
    }
}

/// As compilers write it, so that editors find the place.
fn line(finding: &Value) -> String {
    let place = finding.get("location").filter(|place| !place.is_null());
    let place = place
        .map(|place| format!("{}:{}:{}: ", text(place, "file"), text(place, "line"), text(place, "column")));
    let help = finding.get("help").and_then(Value::as_str).map(|help| format!("; {help}"));
    format!(
        "{}{}: {}{}",
        place.unwrap_or_default(),
        text(finding, "severity"),
        text(finding, "message"),
        help.unwrap_or_default()
    )
}

fn runs(context: &Context) -> Result<bool, Failure> {
    let socket = Home::beside(&context.home).control_sock();
    super::ask::block_on(async { Ok(Speaker::running(&socket).await.is_some()) })
}

/// The running gateway's, where there is one: a file that was changed since is not in force.
fn show(context: &Context) -> Done {
    let running = runs(context)?;
    let answer = if running {
        context.ask(Call::get("/config"))?
    } else {
        let config = context.load_config()?;
        json!({ "toml": config.to_toml(), "values": config.values() })
    };
    if context.json {
        items(&answer, "values").iter().for_each(print_json);
    } else {
        print_raw(text(&answer, "toml").trim_start().as_bytes());
        if running {
            say("in force in the running gateway");
        }
    }
    Ok(())
}
