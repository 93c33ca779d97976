//! `completions` and `man`: made from the command line itself.

use super::args::Cli;
use super::output::{Done, Failure, print_raw, say};
use clap::CommandFactory;
use std::path::Path;

/// Completions for a shell, to standard output.
pub fn completions(shell: clap_complete::Shell) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "doorward", &mut text);
    print_raw(&text);
    Ok(())
}

/// The manual page, or one for each command into a folder.
pub fn man(directory: Option<&Path>) -> Done {
    let Some(directory) = directory else {
        let mut text = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(Failure::failed)?;
        print_raw(&text);
        return Ok(());
    };
    std::fs::create_dir_all(directory).map_err(Failure::failed)?;
    clap_mangen::generate_to(Cli::command(), directory).map_err(Failure::failed)?;
    say(&format!("written to {}", directory.display()));
    Ok(())
}
