//! Members, the vendors they deal with, and what these know of them.

use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

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
        /// For a program of theirs that speaks to vendors' interfaces and runs no script of theirs: good at the proxy alone. Where
        /// a vendor has reveal=api, it is shown real values again where it sent them.
        #[arg(long)]
        agent: bool,
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
        /// level=known|alias|stranger, federated_login=allow|block, reveal=none|api, or identity.SLOT=real|pseudonym|coarse|withhold|ask; an empty
        /// value takes it back.
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
