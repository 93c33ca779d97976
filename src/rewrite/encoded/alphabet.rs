//! The alphabets a value may be written in, and what text looks like in them.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::RequireNone);
const PLAIN_64: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const URL_64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Its own letters: an envelope that only part of a run belongs to.
    Verbatim,
    /// RFC 4648 section 4, or section 5.
    Base64 { url: bool, padded: bool },
    /// RFC 4648 section 8.
    Hex { upper: bool },
}

impl Alphabet {
    /// For the records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Verbatim => "",
            Self::Base64 { url: false, .. } => "base64",
            Self::Base64 { url: true, .. } => "base64url",
            Self::Hex { .. } => "hex",
        }
    }

    /// Writes bytes in it.
    pub(super) fn encode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Verbatim => bytes.to_vec(),
            Self::Base64 { url, padded } => {
                let engine = if url { &URL_64 } else { &PLAIN_64 };
                let mut text = engine.encode(bytes).into_bytes();
                if padded {
                    text.resize(text.len().next_multiple_of(4), b'=');
                }
                text
            }
            Self::Hex { upper } => {
                let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
                let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or(b'0');
                bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
            }
        }
    }
}

/// Whether a byte may be a letter of base64, of either kind; hex is among them.
pub(super) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Reads hex: digits of one case, two a byte.
pub(super) fn hex(letters: &[u8]) -> Option<(Alphabet, Vec<u8>)> {
    let is = |odd: fn(&u8) -> bool| letters.iter().any(odd);
    let upper = is(u8::is_ascii_uppercase);
    if !letters.len().is_multiple_of(2) || (upper && is(u8::is_ascii_lowercase)) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = letters.chunks(2).map(pair).collect();
    Some((Alphabet::Hex { upper }, bytes?))
}

/// Reads base64 whose padding is taken off. Gives how many letters were read: the rest is not a whole byte.
pub(super) fn base64(letters: &[u8], padding: usize) -> Option<(Alphabet, Vec<u8>, usize)> {
    let has = |of: [u8; 2]| letters.iter().any(|byte| of.contains(byte));
    let url = has([b'-', b'_']);
    if url && has([b'+', b'/']) {
        return None;
    }
    let engine = if url { &URL_64 } else { &PLAIN_64 };
    let whole = letters.len() / 4 * 4;
    let open = letters.len() % 4;
    // Without padding nothing tells whether the writer pads, unless it had to.
    let padded = padding > 0 || (open == 0 && !url);
    let alphabet = Alphabet::Base64 { url, padded };
    if open != 1
        && let Ok(bytes) = engine.decode(letters)
    {
        return Some((alphabet, bytes, letters.len()));
    }
    let bytes = engine.decode(letters.get(..whole)?).ok()?;
    Some((Alphabet::Base64 { url, padded: false }, bytes, whole))
}

/// Whether base64 of so many letters can end with `last`: the bits of it that belong to no byte are zero.
pub(super) fn ends_whole(letters: usize, last: u8) -> bool {
    match letters % 4 {
        2 => sextet(last) & 15 == 0,
        3 => sextet(last) & 3 == 0,
        open => open == 0,
    }
}

/// What six bits each letter of base64 stands for; for what is none, a number that no part of a text has.
#[allow(clippy::indexing_slicing, reason = "at compile time")]
const SIX: [u8; 256] = {
    let mut six = [0x4A; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at = 0;
    while at < letters.len() {
        six[letters[at] as usize] = at as u8;
        at += 1;
    }
    six[b'-' as usize] = 62;
    six[b'_' as usize] = 63;
    six
};

fn sextet(letter: u8) -> u8 {
    SIX.get(usize::from(letter)).copied().unwrap_or_default()
}

/// The bytes that a text is of in which a member's values may stand: ASCII that is printed or parts words, and whatever
/// else their spellings have.
pub(super) struct Script {
    holds: [bool; 256],
    /// By what six bits such a byte begins with.
    begins: u64,
}

impl Script {
    /// ASCII and the bytes of these spellings.
    pub(super) fn of<'a>(spellings: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut script = Self { holds: [false; 256], begins: 0 };
        let ascii = (b' '..=b'~').chain([b'\t', b'\n', b'\r']);
        for byte in ascii.chain(spellings.flatten().copied()) {
            if let Some(holds) = script.holds.get_mut(usize::from(byte)) {
                *holds = true;
            }
            script.begins |= 1 << (byte >> 2);
        }
        script
    }

    /// Whether a text may have this byte.
    pub(super) fn holds(&self, byte: u8) -> bool {
        self.holds.get(usize::from(byte)).copied().unwrap_or(false)
    }

    /// Whether four letters of base64 are three bytes of such a text.
    pub(super) fn is_text(&self, a: u8, b: u8, c: u8, d: u8) -> bool {
        let a = sextet(a);
        // Most that is none ends here.
        if a >= 64 || self.begins >> a & 1 == 0 {
            return false;
        }
        let (b, c, d) = (sextet(b), sextet(c), sextet(d));
        (b | c | d) < 64
            && self.holds(a << 2 | b >> 4)
            && self.holds(b << 4 | c >> 2)
            && self.holds(c << 6 | d)
    }

    /// Whether somewhere, at one of the four ways to part the letters into fours, `quads` in a row are text.
    pub(super) fn may_be_base64(&self, letters: &[u8], quads: usize) -> bool {
        (0..4).any(|phase| {
            let mut row = 0;
            letters.get(phase..).unwrap_or_default().chunks_exact(4).any(|quad| {
                let &[a, b, c, d] = quad else { return false };
                row = if self.is_text(a, b, c, d) { row + 1 } else { 0 };
                row >= quads
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_each_alphabet() {
        for (text, padding, want) in [
            (&b"YW5uQGhvbWUuZXhhbXBsZQ"[..], 2, &b"ann@home.example"[..]),
            (b"YW5uQGhvbWUuZXhhbXBsZQ", 0, b"ann@home.example"),
            (b"Pz8_Pz8_", 0, b"??????"),
            (b"Pz8/Pz8/", 0, b"??????"),
        ] {
            let (alphabet, bytes, read) = base64(text, padding).unwrap();
            assert_eq!((bytes.as_slice(), read), (want, text.len()));
            let mut whole = text.to_vec();
            whole.resize(text.len() + padding, b'=');
            assert_eq!(alphabet.encode(&bytes), whole);
        }
        let (alphabet, bytes) = hex(b"616E6E40").unwrap();
        assert_eq!((bytes.as_slice(), alphabet.encode(b"ann@")), (&b"ann@"[..], b"616E6E40".to_vec()));
        assert_eq!(hex(b"616E6e40"), None, "of two cases");
        assert_eq!(hex(b"616"), None);
    }

    #[test]
    fn a_letter_too_many_is_left() {
        let (_, bytes, read) = base64(b"YW5uQGhvb", 0).unwrap();
        assert_eq!((bytes.as_slice(), read), (&b"ann@ho"[..], 8));
    }

    #[test]
    fn text_shows_at_every_alignment() {
        let ascii = Script::of(std::iter::empty());
        for lead in ["", "x", "xy", "xyz"] {
            let text = format!("{lead}{}", URL_64.encode("ann@home.example"));
            assert!(ascii.may_be_base64(text.as_bytes(), 3), "{lead}");
        }
        assert!(!ascii.may_be_base64(b"application/x-www-form-urlencoded", 2));
        assert!(!ascii.may_be_base64(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1));
        let name = "\u{410}\u{43d}\u{43d}\u{430}";
        let text = URL_64.encode(name);
        let cyrillic = Script::of([name.as_bytes()].into_iter());
        assert!(cyrillic.may_be_base64(text.as_bytes(), 2));
    }

    #[test]
    fn four_letters_are_text_where_their_three_bytes_are() {
        let script = Script::of(["\u{fc}\u{a0}".as_bytes()].into_iter());
        let mut state = 1_u32;
        for _ in 0..20_000 {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let bytes = [next(), next(), next()];
            let text = PLAIN_64.encode(bytes);
            let &[a, b, c, d] = text.as_bytes() else { panic!("four letters") };
            let want = bytes.iter().all(|&byte| script.holds(byte));
            assert_eq!(script.is_text(a, b, c, d), want, "{text}");
        }
        assert!(!script.is_text(b'Y', b'W', b'5', b'.') && !script.is_text(b'=', b'W', b'5', b'u'));
    }
}
