//! What stands around a match: `joann@home.example` and `ann@home.example.org` are somebody else;
//! `ann@home.example.png` and `user_ann@home.example` are names made of the address. Where it cannot be told, it is a match:
//! somebody else's address changed costs less than one's own let through.

use super::pattern::Boundary;

/// A raw `+`, which may be a space, as it stands in the scanner's memory; an escaped one is a real `+`.
pub(super) const RAW_PLUS: u8 = 0x1E;

/// Bytes that are looked at before a match.
pub(super) const BEFORE: usize = 4;
/// Bytes that are looked at behind it: the longest label of a domain name (RFC 1035 section 2.3.4) with its dot.
pub(super) const BEHIND: usize = 64;

/// Whether what stands before a match lets it be one. `before` holds up to [`BEFORE`] decoded bytes, the nearest last;
/// fewer only at the start of a value.
pub(super) fn left(boundary: Boundary, before: &[u8]) -> bool {
    match boundary {
        Boundary::Number => !before.last().is_some_and(u8::is_ascii_digit),
        Boundary::Word { left, .. } => !left || !last_char(before).is_some_and(is_word),
        Boundary::Address => {
            let Some((&near, further)) = before.split_last() else { return true };
            match near {
                // A dot, dash or quote belongs to an address only behind a letter of it.
                b'.' | b'-' | b'\'' => !last_char(further).is_some_and(is_word),
                // People and programs put prefixes before an address this way.
                b'_' | b'+' => true,
                _ => !last_char(before).is_some_and(is_word),
            }
        }
    }
}

/// Whether what stands behind a match lets it be one; `None` where more has to be seen. `after` holds up to [`BEHIND`]
/// decoded bytes, fewer where no more came yet; with `last` no more will come.
pub(super) fn right(boundary: Boundary, after: &[u8], last: bool) -> Option<bool> {
    let word = |bytes| first_char(bytes, last).map(|char| !char.is_some_and(is_word));
    match (boundary, after.first()) {
        (Boundary::Word { right: false, .. }, _) => Some(true),
        (_, None) => last.then_some(true),
        (Boundary::Number, Some(byte)) => Some(!byte.is_ascii_digit()),
        (Boundary::Word { .. }, Some(_)) => word(after),
        // The dot of a sentence, of a file's name, or of a longer domain.
        (Boundary::Address, Some(b'.' | b'-')) => match word(after.get(1..).unwrap_or_default()) {
            Some(false) => longer_domain(after, last).map(|longer| !longer),
            ends => ends,
        },
        (Boundary::Address, Some(_)) => word(after),
    }
}

/// Whether the labels at the beginning of `after` make a longer domain name of what stands before them: their last one is
/// a top-level domain that exists.
fn longer_domain(after: &[u8], last: bool) -> Option<bool> {
    let mut end = 0;
    loop {
        let rest = after.get(end..).unwrap_or_default();
        match first_char(rest, last || after.len() >= BEHIND) {
            None => return None,
            Some(Some(char)) if is_word(char) || matches!(char, '.' | '-') => end += char.len_utf8(),
            Some(_) => break,
        }
    }
    if end >= BEHIND {
        return Some(false);
    }
    let labels = String::from_utf8_lossy(after.get(..end).unwrap_or_default()).to_lowercase();
    let labels = labels.trim_end_matches(['.', '-']);
    let top = labels.rsplit_once('.').map_or("", |(_, top)| top);
    let known = psl::suffix(top.as_bytes()).is_some_and(|suffix| suffix.is_known());
    Some(known && !FILES.contains(&top))
}

/// Top-level domains that are endings of files far more often.
const FILES: &[&str] = &["zip", "mov"];

/// Letters, digits and the marks that belong to the letter before them.
fn is_word(char: char) -> bool {
    char.is_alphanumeric() || ('\u{300}'..'\u{370}').contains(&char)
}

/// The first character; `Some(None)` where there is none or it is no UTF-8, `None` where more bytes are needed.
fn first_char(bytes: &[u8], last: bool) -> Option<Option<char>> {
    let Some(first) = bytes.first() else { return last.then_some(None) };
    let length = match first {
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => 1,
    };
    match bytes.get(..length) {
        Some(bytes) => Some(std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next())),
        None => last.then_some(None),
    }
}

fn last_char(bytes: &[u8]) -> Option<char> {
    (1..=bytes.len().min(4)).find_map(|length| {
        let tail = bytes.get(bytes.len() - length..)?;
        std::str::from_utf8(tail).ok()?.chars().next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (before, after, want) in [
            ("", "", true),
            ("<", ">", true),
            ("o", "", false),
            ("joe.", "", false),
            (" .", "", true),
            ("é", "", false),
            ("x_", "", true),
            ("x+", "", true),
            ("=", "&", true),
            ("'", "'", true),
            ("o'", "", false),
            ("/", "/", true),
            ("", ".", true),
            ("", ". ", true),
            ("", ".org", false),
            ("", ".co.uk/x", false),
            ("", ".рф", false),
            ("", "-corp.com", false),
            ("", ".png", true),
            ("", ".o", true),
            ("", ".zip", true),
            ("", ".2024.tar", true),
            ("", "_1699", true),
            ("", "_1.org", true),
            ("", "-corp", true),
            ("", "- ", true),
            ("", "s", false),
            ("", "é", false),
            ("“", "”", true),
        ] {
            let holds = left(Boundary::Address, before.as_bytes())
                && right(Boundary::Address, after.as_bytes(), true) == Some(true);
            assert_eq!(holds, want, "{before:?} {after:?}");
        }
    }

    #[test]
    fn waits_for_what_it_needs() {
        let word = Boundary::Word { left: true, right: true };
        assert_eq!(right(Boundary::Address, b"", false), None);
        assert_eq!(right(Boundary::Address, b".", false), None);
        assert_eq!(right(Boundary::Address, b".or", false), None);
        assert_eq!(right(Boundary::Address, b".org,", false), Some(false));
        assert_eq!(right(Boundary::Address, &[b"." as &[u8], &[b'o'; 63]].concat(), false), Some(true));
        assert_eq!(right(Boundary::Address, b" ", false), Some(true));
        assert_eq!(right(word, "é".as_bytes().get(..1).unwrap(), false), None);
        assert_eq!(right(word, "é".as_bytes(), false), Some(false));
        assert_eq!(right(word, "\u{301}".as_bytes(), false), Some(false), "a mark makes another letter");
        assert_eq!(right(Boundary::Number, b"5", false), Some(false));
        assert!(!left(Boundary::Number, b"12"));
        assert!(left(word, "„".as_bytes()));
    }
}
