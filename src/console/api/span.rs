//! How long something takes, as people write it.

/// `90s`, `15m`, `3h` or `2d` in milliseconds; `None` for anything else.
pub fn milliseconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    count.checked_mul(seconds)?.checked_mul(1_000)
}
