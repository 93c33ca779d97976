//! What a vendor answers about terms: any lines of any bytes that a field may have.
#![no_main]

use doorward::terms::parse_answer;
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let name = HeaderName::from_static("personal-terms");
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name.clone(), value);
        }
    }
    if let Ok(Some(answer)) = parse_answer(&headers, &name) {
        // What the log is told is one line.
        assert!(!answer.to_string().contains(['\r', '\n']));
    }
});
