//! Deterministic CBOR (RFC 8949 section 4.2.1) into memory: shortest heads, definite lengths, cannot fail.

/// Writes items at the end of a buffer.
pub(crate) struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        let wide = value.to_be_bytes();
        let [.., d, e, f, g] = wide;
        match value {
            0..24 => self.0.push(major | g),
            24..0x100 => self.0.extend_from_slice(&[major | 24, g]),
            0x100..0x1_0000 => self.0.extend_from_slice(&[major | 25, f, g]),
            0x1_0000..0x1_0000_0000 => self.0.extend_from_slice(&[major | 26, d, e, f, g]),
            _ => {
                self.0.push(major | 27);
                self.0.extend_from_slice(&wide);
            }
        }
    }

    pub fn uint(&mut self, value: u64) {
        self.head(0, value);
    }

    pub fn bytes_head(&mut self, length: usize) {
        self.head(2, length as u64);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes_head(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    pub fn array(&mut self, length: usize) {
        self.head(4, length as u64);
    }

    pub fn bool(&mut self, value: bool) {
        self.0.push(if value { 0xf5 } else { 0xf4 });
    }

    pub fn null(&mut self) {
        self.0.push(0xf6);
    }

    /// Text of at most `limit` bytes; longer text is cut at a character and ends with `…`.
    pub fn text(&mut self, text: &str, limit: usize) {
        const MARK: &str = "…";
        if text.len() <= limit {
            self.head(3, text.len() as u64);
            self.0.extend_from_slice(text.as_bytes());
            return;
        }
        let kept = text.get(..text.floor_char_boundary(limit.saturating_sub(MARK.len()))).unwrap_or_default();
        self.head(3, (kept.len() + MARK.len()) as u64);
        self.0.extend_from_slice(kept.as_bytes());
        self.0.extend_from_slice(MARK.as_bytes());
    }

    pub fn opt_text(&mut self, text: Option<&str>, limit: usize) {
        match text {
            Some(text) => self.text(text, limit),
            None => self.null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_minicbor() {
        for value in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut ours = Vec::new();
            Writer(&mut ours).uint(value);
            assert_eq!(ours, minicbor::to_vec(value).unwrap(), "{value}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let mut bytes = Vec::new();
        Writer(&mut bytes).text("äöüäöü", 8);
        assert_eq!(minicbor::decode::<String>(&bytes).unwrap(), "äö…");
    }
}
