//! What can be typed.

use super::output::{Exit, Failure, print_raw, say_raw};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
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

/// Which kind of member.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Chooses for themself.
    Adult,
    /// Offers no terms.
    Child,
    /// A device several people use.
    Shared,
}

impl Kind {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Adult => "adult",
            Self::Child => "child",
            Self::Shared => "shared",
        }
    }
}

/// Members.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// Add a person; the first one names the placeholder.
    Add {
        /// The member's name: up to 32 lower-case letters, digits, - and _.
        name: String,
        /// A real attribute, such as email.primary=ann@home.example.
        #[arg(long = "set", value_name = "SLOT=VALUE")]
        set: Vec<String>,
        /// The kind of member.
        #[arg(long, value_enum, default_value = "adult")]
        kind: Kind,
    },
    /// Who is here.
    List,
    /// Set real attributes; an empty value takes one away.
    Set {
        /// The member whose attributes these are.
        name: String,
        /// A slot and its value, such as name.full="Ann Real".
        #[arg(required = true, value_name = "SLOT=VALUE")]
        set: Vec<String>,
    },
    /// Make a new proxy credential and print it, once.
    Token {
        /// The member the credential is for.
        name: String,
    },
    /// Remove a person with everything kept about them; their log records become unreadable.
    Remove {
        /// The member to remove.
        name: String,
    },
}

/// Vendors.
#[derive(Debug, Subcommand)]
pub enum Vendor {
    /// The vendors a member deals with.
    List {
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// How one vendor is treated, what it knows, and where its terms stand.
    Show {
        /// The vendor's name, or one of its hosts.
        vendor: String,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Change how a vendor is treated. What else can be said of a vendor stands in the configuration file.
    Set {
        /// The vendor's name, or one of its hosts.
        vendor: String,
        /// level=known|alias|stranger, or identity.SLOT=real|pseudonym|coarse|withhold|ask; an empty value takes it back.
        #[arg(required = true, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
}

/// How accounts are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AccountFormat {
    /// Columns name, url, username, password (empty) and note.
    Csv,
}

/// Personas.
#[derive(Debug, Subcommand)]
pub enum Persona {
    /// What a vendor knows.
    Show {
        /// The vendor's name, or one of its hosts.
        vendor: String,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Make a pseudonym now.
    Issue {
        /// The vendor it is for, by name or by one of its hosts.
        vendor: String,
        /// The slot it fills, such as email.primary.
        slot: String,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Start a new identity at a vendor.
    Reset {
        /// The vendor's name, or one of its hosts.
        vendor: String,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Keep accounts that exist as they are: reads a browser's or password manager's CSV export, site and user name only.
    Import {
        /// The file. Its passwords are neither kept nor sent anywhere.
        file: PathBuf,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// What each vendor knows you as, for a password manager to import.
    Export {
        /// How it is written.
        #[arg(long, value_enum, default_value = "csv")]
        format: AccountFormat,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Record a value that a vendor knows already.
    Adopt {
        /// The vendor's name, or one of its hosts.
        vendor: String,
        /// The slot and the value it knows, such as email.primary=k7q2@alias.example.
        #[arg(value_name = "SLOT=VALUE")]
        value: String,
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
}

/// What can be said of a value.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Said {
    /// It goes as typed.
    Real,
    /// The vendor gets a value of its own.
    Pseudonym,
    /// The vendor gets it less precisely.
    Coarse,
    /// It does not go.
    Withhold,
}

impl Said {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Pseudonym => "pseudonym",
            Self::Coarse => "coarse",
            Self::Withhold => "withhold",
        }
    }
}

/// Questions.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// What waits for an answer now. A request waits for 30 seconds.
    List {
        /// The member who is asked. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Wait for questions while the gateway runs, and ask each here.
    Watch {
        /// The member who is asked. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
    /// Answer one, for this vendor from now on.
    Answer {
        /// The question's number.
        question: u64,
        /// What becomes of the value.
        #[arg(value_enum)]
        answer: Said,
        /// Only for the request that waits; the next one asks again.
        #[arg(long)]
        once: bool,
        /// The member who was asked. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
    },
}

/// The log.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Flows, the newest first.
    List {
        /// The member it is about. Default: whoever asks.
        #[arg(long, value_name = "MEMBER")]
        member: Option<String>,
        /// Only flows with this vendor: its name, or one of its hosts.
        #[arg(long, value_name = "VENDOR")]
        vendor: Option<String>,
        /// Only flows since then: a time such as 2026-11-22T10:00:00Z, or 15m, 3h, 2d ago.
        #[arg(long, value_name = "T")]
        since: Option<String>,
        /// How many flows at most.
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// All records of one flow.
    Show {
        /// The flow's id, as `ledger list` prints it.
        flow: String,
    },
    /// Prove that nothing was changed or dropped.
    Verify {
        /// An export instead of the home's own log.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// The log's public key; without it the one in the file counts, and the answer says so.
        #[arg(long, value_name = "PUB")]
        key: Option<String>,
    },
    /// Write the log out.
    Export {
        /// The form it is written in.
        #[arg(long, value_enum, default_value = "ndjson")]
        format: ExportFormat,
        /// The file to write. Default: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Sizes and counts.
    Stats,
}

/// Forms of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ExportFormat {
    /// One JSON record a line, with what a verifier needs.
    Ndjson,
}

/// A request to explain.
#[derive(Debug, Args)]
pub struct Explain {
    /// The address that would be asked for.
    pub url: String,
    /// The method; POST where there is data.
    #[arg(long, short = 'X', value_name = "M")]
    pub method: Option<String>,
    /// A header field, such as 'Content-Type: application/json'.
    #[arg(long = "header", short = 'H', value_name = "H")]
    pub headers: Vec<String>,
    /// The body that would be sent.
    #[arg(long, short = 'd', value_name = "D")]
    pub data: Option<String>,
    /// The member whose request it would be. Default: whoever asks.
    #[arg(long, value_name = "MEMBER")]
    pub member: Option<String>,
}

/// The certificate authority.
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// The certificates: names, fingerprints, when they end.
    Show,
    /// The root in PEM, to standard output or a file.
    Export {
        /// The file to write. Default: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check the file and say what is wrong with it.
    Check {
        /// The file. Default: the one in use.
        file: Option<PathBuf>,
    },
    /// The values in force, and where each comes from.
    Show,
    /// The JSON schema of the file.
    Schema,
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
