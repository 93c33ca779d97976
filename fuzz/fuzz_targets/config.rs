//! What an owner writes: a configuration, or an error that says where.
#![no_main]

use doorward::config::Config;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|text: &str| {
    let _ = Config::parse(text, Path::new("doorward.toml"), Path::new("/etc/doorward"));
});
