//! The log, what would happen to a request, the certificate authority, the configuration.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

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

/// What brings identities back.
#[derive(Debug, Subcommand)]
pub enum Recovery {
    /// Print the recovery phrase: the root key in 24 words. Whoever has it opens every manifest, and every copy of the home.
    Phrase,
    /// Write the manifest: sealed, whom members met and as whom. Only the phrase opens it.
    Manifest {
        /// The file to write. Default: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make an empty home the one of a phrase, asked for or on standard input, and a manifest.
    Restore {
        /// The manifest.
        file: PathBuf,
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
