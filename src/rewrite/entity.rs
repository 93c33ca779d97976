//! The named character references (WHATWG HTML section 13.5) in which an identifier's characters are written.

use unicode_normalization::char::compose;

/// Letters of the longest name that is read.
pub(super) const LONGEST: usize = 8;

/// The character of a name without `&` and `;`.
pub(super) fn named(name: &[u8]) -> Option<char> {
    let name = std::str::from_utf8(name).ok()?;
    punctuation(name).or_else(|| letter(name))
}

fn punctuation(name: &str) -> Option<char> {
    Some(match name {
        "amp" | "AMP" => '&',
        "commat" => '@',
        "period" => '.',
        "lowbar" | "UnderBar" => '_',
        "plus" => '+',
        "percnt" => '%',
        "nbsp" => '\u{A0}',
        "num" => '#',
        "semi" => ';',
        "colon" => ':',
        "comma" => ',',
        "sol" => '/',
        "bsol" => '\\',
        "lpar" => '(',
        "rpar" => ')',
        "equals" => '=',
        "quest" => '?',
        "excl" => '!',
        "lt" | "LT" => '<',
        "gt" | "GT" => '>',
        "quot" | "QUOT" => '"',
        "apos" => '\'',
        "hyphen" | "dash" => '\u{2010}',
        "ndash" => '\u{2013}',
        "Tab" => '\t',
        "NewLine" => '\n',
        _ => return None,
    })
}

/// Letters with a mark: `uuml` is `u` with U+0308.
fn letter(name: &str) -> Option<char> {
    match name {
        "szlig" => return Some('ß'),
        "aelig" => return Some('æ'),
        "AElig" => return Some('Æ'),
        "oelig" => return Some('œ'),
        "OElig" => return Some('Œ'),
        "oslash" => return Some('ø'),
        "Oslash" => return Some('Ø'),
        "eth" => return Some('ð'),
        "ETH" => return Some('Ð'),
        "thorn" => return Some('þ'),
        "THORN" => return Some('Þ'),
        "lstrok" => return Some('ł'),
        "Lstrok" => return Some('Ł'),
        _ => {}
    }
    let mut chars = name.chars();
    let base = chars.next().filter(char::is_ascii_alphabetic)?;
    let mark = match chars.as_str() {
        "grave" => '\u{300}',
        "acute" => '\u{301}',
        "circ" => '\u{302}',
        "tilde" => '\u{303}',
        "macr" => '\u{304}',
        "breve" => '\u{306}',
        "dot" => '\u{307}',
        "uml" => '\u{308}',
        "ring" => '\u{30A}',
        "dblac" => '\u{30B}',
        "caron" => '\u{30C}',
        "cedil" => '\u{327}',
        "ogon" => '\u{328}',
        _ => return None,
    };
    compose(base, mark)
}
