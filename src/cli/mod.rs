//! The command line: reads it, asks the API, prints the answer. Nothing is decided here.

mod accounts;
mod args;
mod ask;
mod ca;
mod config;
mod demo;
mod env;
mod exceptions;
mod explain;
mod flows;
mod members;
mod output;
mod personas;
mod questions;
mod recovery;
mod run;
mod service;
mod shell;
mod status;
mod trust;
mod vendors;

pub use args::Cli;
pub use output::Exit;

use args::Command;
use std::ffi::OsString;

/// Runs the command of these words, the program's name first; gives what the process exits with.
pub fn main(words: impl Iterator<Item = OsString>) -> Exit {
    match args::read(words) {
        Ok(cli) => execute(cli),
        Err(exit) => exit,
    }
}

fn execute(cli: Cli) -> Exit {
    let context = match ask::Context::new(&cli) {
        Ok(context) => context,
        Err(failure) => return output::fail(&failure, cli.json),
    };
    let done = match cli.command {
        Command::Run => run::run(&context),
        Command::Member(command) => members::execute(&context, command),
        Command::Persona(command) => personas::execute(&context, command),
        Command::Question(command) => questions::execute(&context, command),
        Command::Allow(command) => exceptions::allow(&context, command),
        Command::Pause(command) => exceptions::pause(&context, command),
        Command::Ca(command) => ca::execute(&context, command),
        Command::Env => env::print_env(&context),
        Command::Status => status::print_status(&context),
        Command::Demo => demo::demo(&context),
        Command::Vendor(command) => vendors::execute(&context, command),
        Command::Ledger(command) => flows::execute(&context, command),
        Command::Explain(command) => explain::execute(&context, command),
        Command::Trust => trust::trust(&context),
        Command::Untrust => trust::untrust(&context),
        Command::Recovery(command) => recovery::execute(&context, command),
        Command::Config(command) => config::execute(&context, command),
        Command::Completions { shell } => shell::completions(shell),
        Command::Man { directory } => shell::man(directory.as_deref()),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(failure) => output::fail(&failure, context.json),
    }
}
