//! An exported log may come from anybody: whatever it says, verifying it ends with a report.
#![no_main]

use doorward::ledger::{export, verify::Against};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut input = bytes;
    if let Ok(report) = export::verify(&mut input, &Against::default()) {
        // Nobody signed what libFuzzer made up.
        assert!(!report.holds());
    }
});
