//! What can be typed.

mod exceptions;
mod home;
mod people;

pub use exceptions::{Allow, Pause};
pub use home::{Ca, Config, Explain, ExportFormat, Ledger, Recovery};
pub use people::{AccountFormat, Member, Persona, Question, Vendor};

use super::output::{Exit, Failure, print_raw, say_raw};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Parser, Subcommand};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// What the environment says.
const ENVIRONMENT: &str = "\
Environment:
  DOORWARD_HOME   the home, where --home does not name it
  DOORWARD_TOKEN  the token of the member that --as names
  DOORWARD_LOG    what `run` writes to standard error: error, warn, info, debug or trace, also per module, as in
                  warn,doorward=info, which is the usual";

/// Doorward, a privacy intermediary: requests to vendors leave under a per-vendor pseudonym, without trackers, with your
/// own terms attached, and every flow stands in a log only you can read and nobody can quietly change.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, propagate_version = true, max_term_width = 100, after_help = ENVIRONMENT)]
pub struct Cli {
    /// Where the home is: certificates, keys, log. Default: the platform's data folder.
    #[arg(long, global = true, env = "DOORWARD_HOME", value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// The configuration file. Default: doorward.toml in the home.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON: one object, or one per line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Skip the question of a command that destroys something.
    #[arg(long, global = true)]
    pub yes: bool,
    /// Speak for this member, with their token in $DOORWARD_TOKEN or asked for.
    #[arg(long = "as", global = true, value_name = "MEMBER")]
    pub speaker: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway. The first run makes home, keys, certificate authority and a placeholder member.
    Run,
    /// Show the whole idea offline: a sample vendor, a sign-up through the gateway, what the vendor saw, the log.
    Demo,
    /// The people and their real attributes.
    #[command(subcommand)]
    Member(Member),
    /// The vendors you deal with.
    #[command(subcommand)]
    Vendor(Vendor),
    /// The pseudonyms a vendor knows.
    #[command(subcommand)]
    Persona(Persona),
    /// What you are asked while a request waits, where a policy is "ask".
    #[command(subcommand)]
    Question(Question),
    /// Let something by that the gateway did: not here again, for a while or for good.
    #[command(visible_alias = "undo")]
    Allow(Allow),
    /// Have trackers and terms step aside for a while; vendors meet the same person all along, and the log goes on.
    Pause(Pause),
    /// The log.
    #[command(subcommand)]
    Ledger(Ledger),
    /// What the gateway would do with a request, edit by edit, without sending it.
    Explain(Explain),
    /// The local certificate authority.
    #[command(subcommand)]
    Ca(Ca),
    /// Print the proxy and certificate variables for a shell: eval "$(doorward env)".
    Env,
    /// Have this machine trust the local certificate authority (Debian's store; asks sudo).
    Trust,
    /// Take that back.
    Untrust,
    /// Take identities to another machine, should this one be lost.
    #[command(subcommand)]
    Recovery(Recovery),
    /// The configuration.
    #[command(subcommand)]
    Config(Config),
    /// What is on, who loopback is, and how the gateway is doing.
    Status,
    /// Completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// The manual page, or one per command into a folder.
    Man {
        /// The folder for one page per command; the whole manual goes to standard output without it.
        directory: Option<PathBuf>,
    },
}

/// Reads the command line, or prints what there is to say and gives what to exit with.
pub fn read(words: impl Iterator<Item = OsString>) -> Result<Cli, Exit> {
    Cli::try_parse_from(words).map_err(|error| {
        let text = censored(&error);
        if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            print_raw(text.as_bytes());
            Exit::Done
        } else {
            say_raw(&text);
            Exit::Usage
        }
    })
}

/// What stands behind an equals sign may be a real value: an error never repeats it.
fn censored(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidValue, ContextKind::TrailingArg] {
        let said = match error.get(kind) {
            Some(ContextValue::String(said)) => vec![said.clone()],
            Some(ContextValue::Strings(said)) => said.clone(),
            _ => Vec::new(),
        };
        for said in said {
            if let Some((key, _)) = said.split_once('=') {
                text = text.replace(&said, &format!("{key}=…"));
            } else if said.contains('@') {
                text = text.replace(&said, "…");
            }
        }
    }
    text
}

/// `KEY=VALUE` words as pairs; the last of a key counts.
pub fn pairs(words: Vec<String>) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |(index, word): (usize, String)| match word.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        // Not repeated: it may be a value without its slot.
        None => {
            let number = index + 1;
            Err(Failure::new(Exit::Usage, format!("value {number} is not written as KEY=VALUE")))
        }
    };
    words.into_iter().enumerate().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn refused(words: &[&str]) -> String {
        let words = ["doorward"].iter().chain(words).map(OsString::from);
        censored(&Cli::try_parse_from(words).unwrap_err())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_may_hold_equals_signs_and_never_come_back_in_errors() {
        let read = pairs(vec!["custom.a=b=c".to_owned()]).unwrap();
        assert_eq!(read.get("custom.a").map(String::as_str), Some("b=c"));
        let error = pairs(vec!["ann@home.example".to_owned()]).unwrap_err();
        assert!(!error.message.contains("home.example"), "{error}");
        for words in [
            ["member", "add", "ann", "email.primary=ann@home.example"].as_slice(),
            &["member", "add", "ann", "ann@home.example"],
            &["member", "add", "ann", "--email.primary=ann@home.example"],
            &["member", "add", "ann", "--kind=ann@home.example"],
            &["member", "add", "ann", "--kind", "ann@home.example"],
        ] {
            let text = refused(words);
            assert!(!text.contains("home.example"), "{words:?}\n{text}");
        }
    }
}
