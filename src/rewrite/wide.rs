//! Text in UTF-16 (RFC 2781), read as text in UTF-8 and written again as it was.

/// How the two bytes of a unit follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wide {
    /// The larger byte first.
    Big,
    /// The smaller byte first.
    Little,
}

impl Wide {
    /// Of a text that shows it: by the mark of its byte order, which stays part of the text, or by two characters of ASCII.
    /// `None` for others, UTF-32 among them.
    pub fn of(text: &[u8]) -> Option<Self> {
        match text {
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, ..] => None,
            [0xFE, 0xFF, ..] | [0, 1..=0x7F, 0, 1..=0x7F, ..] => Some(Self::Big),
            [0xFF, 0xFE, ..] | [1..=0x7F, 0, 1..=0x7F, 0, ..] => Some(Self::Little),
            _ => None,
        }
    }

    /// The text in UTF-8; `None` where it is none, and could not be written again as it was: half a unit, half a pair.
    pub fn read(self, text: &[u8]) -> Option<Vec<u8>> {
        let (units, []) = text.as_chunks::<2>() else { return None };
        let units = units.iter().map(|&unit| match self {
            Self::Big => u16::from_be_bytes(unit),
            Self::Little => u16::from_le_bytes(unit),
        });
        let chars: Result<String, _> = char::decode_utf16(units).collect();
        chars.ok().map(String::into_bytes)
    }

    /// Text in UTF-8 written this way. What is no UTF-8 becomes U+FFFD.
    pub fn write(self, text: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(text);
        let mut out = Vec::with_capacity(2 * text.len());
        for unit in text.encode_utf16() {
            out.extend_from_slice(&match self {
                Self::Big => unit.to_be_bytes(),
                Self::Little => unit.to_le_bytes(),
            });
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_shows_it_and_what_does_not() {
        for (text, want) in [
            (&b"\xff\xfea\0"[..], Some(Wide::Little)),
            (b"\xfe\xff\0a", Some(Wide::Big)),
            (b"{\0\"\0", Some(Wide::Little)),
            (b"\0{\0\"", Some(Wide::Big)),
            (b"\xff\xfe\0\0a\0\0\0", None),
            (b"\0\0\xfe\xff\0\0\0a", None),
            (b"a\0\0\0", None),
            (b"\0\0\0a", None),
            (b"ann@home", None),
            (b"a\0nn", None),
            (b"", None),
        ] {
            assert_eq!(Wide::of(text), want, "{text:?}");
        }
        for cut in [&b"a\0b"[..], b"\x3d\xd8a\0", b"a\0\x3d\xd8"] {
            assert_eq!(Wide::Little.read(cut), None, "{cut:?}");
        }
    }

    proptest! {
        #[test]
        fn it_is_written_as_it_was(text in "\\PC{0,40}", marked: bool, big: bool) {
            let wide = if big { Wide::Big } else { Wide::Little };
            let text = format!("{}{text}", if marked { "\u{FEFF}" } else { "" });
            let written = wide.write(text.as_bytes());
            prop_assert_eq!(wide.read(&written), Some(text.into_bytes()));
        }

        #[test]
        fn whatever_can_be_read_can_be_written(bytes in proptest::collection::vec(any::<u8>(), 0..64), big: bool) {
            let wide = if big { Wide::Big } else { Wide::Little };
            if let Some(text) = wide.read(&bytes) {
                prop_assert_eq!(wide.write(&text), bytes);
            }
        }
    }
}
