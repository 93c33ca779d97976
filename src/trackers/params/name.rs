//! A parameter's name as it is compared.

const LENGTH: usize = 64;

/// A name with its percent-encoding undone, at most its first 64 bytes: no name in the table is longer. Lives on the
/// stack, so that looking costs no allocation.
pub(super) struct Name {
    bytes: [u8; LENGTH],
    length: usize,
    whole: bool,
}

impl Name {
    /// Reads a name as sent.
    pub(super) fn read(text: &str) -> Self {
        let mut name = Self { bytes: [0; LENGTH], length: 0, whole: true };
        for byte in percent_encoding::percent_decode_str(text) {
            let Some(place) = name.bytes.get_mut(name.length) else {
                name.whole = false;
                break;
            };
            *place = byte;
            name.length += 1;
        }
        name
    }

    /// The beginning of the name, decoded.
    pub(super) fn start(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The whole name, `None` where it is longer than any in a table.
    pub(super) fn whole(&self) -> Option<&str> {
        if self.whole { std::str::from_utf8(self.start()).ok() } else { None }
    }

    /// The same in lower case.
    pub(super) fn to_lower(&self) -> Self {
        Self { bytes: self.bytes.map(|byte| byte.to_ascii_lowercase()), ..*self }
    }
}
