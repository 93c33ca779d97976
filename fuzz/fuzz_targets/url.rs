//! Whatever a target, a field or a cookie holds: finds lie in order inside it, and taking them out leaves whole characters.
#![no_main]

use doorward::model::{Secret, Slot};
use doorward::rewrite::{Hit, Identifier, Identifiers, Strength, find_in_header, find_in_target, splice};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ANN: LazyLock<Identifiers> = LazyLock::new(|| {
    let list = [
        ("email.primary", "ann@home.example"),
        ("name.full", "Ann Real"),
        ("phone.primary", "+4915112345678"),
    ];
    let list = list.map(|(slot, value)| Identifier {
        slot: Slot::parse(slot).expect("a slot"),
        value: Secret::new(value.to_owned()),
        strength: Strength::Strong,
    });
    Identifiers::compile(list.into()).expect("a matcher")
});

fn edited(original: &[u8], hits: &[Hit]) -> Vec<u8> {
    let mut end = 0;
    for hit in hits {
        assert!(hit.span.start >= end && hit.span.start < hit.span.end && hit.span.end <= original.len());
        end = hit.span.end;
    }
    let edits: Vec<_> = hits.iter().map(|hit| (hit.span.clone(), &b"-"[..])).collect();
    splice(original, &edits)
}

fuzz_target!(|data: &[u8]| {
    if let Ok(target) = std::str::from_utf8(data) {
        let after = edited(data, &find_in_target(&ANN, target));
        let after = String::from_utf8(after).expect("whole characters were taken out");
        let _ = find_in_target(&ANN, &after);
    }
    for name in ["referer", "cookie", "set-cookie"] {
        let _ = edited(data, &find_in_header(&ANN, name, 0, data));
    }
});
