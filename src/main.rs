//! Reads the command line and calls one function in `cli`; hands in allocator and cryptography.

use doorward::cli;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Fails only where one is installed already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli::main(std::env::args_os()).into()
}
