//! What a curious vendor makes of bytes: every way of reading them that this house knows, undone independently of it.

use std::collections::BTreeSet;

/// The bytes as text in every reading, up to three escapes deep, lower-case.
pub fn views(bytes: &[u8]) -> BTreeSet<String> {
    let mut all = BTreeSet::from([String::from_utf8_lossy(bytes).to_lowercase()]);
    for _ in 0..3 {
        let deeper: Vec<_> = all.iter().flat_map(|text| readings(text)).collect();
        all.extend(deeper);
    }
    all
}

/// The secrets that can be read out of the bytes. Digits count without what people write between them.
pub fn found<'s>(bytes: &[u8], secrets: &[&'s str]) -> Vec<&'s str> {
    let views: Vec<String> = views(bytes).into_iter().map(|text| text.replace('\u{a0}', " ")).collect();
    let digits: Vec<String> =
        views.iter().map(|text| text.chars().filter(char::is_ascii_digit).collect()).collect();
    let seen = |secret: &str| {
        let lower = secret.to_lowercase();
        let number = lower.len() > 6 && lower.chars().all(|char| char.is_ascii_digit());
        views.iter().any(|text| text.contains(&lower))
            || number && digits.iter().any(|all| all.contains(&lower))
    };
    secrets.iter().copied().filter(|secret| seen(secret)).collect()
}

fn readings(text: &str) -> [String; 4] {
    [percent(text), percent(&text.replace('+', " ")), json(text), html(text)]
}

fn percent(text: &str) -> String {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let pair = behind.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let decoded = pair.filter(|_| byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        out.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&out).to_lowercase()
}

fn json(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let code = behind.strip_prefix('u').and_then(|hex| hex.get(..4));
        match code.and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32) {
            Some(char) => {
                out.push(char);
                rest = &behind[5..];
            }
            None => rest = behind,
        }
    }
    (out + rest).to_lowercase()
}

fn html(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let entity = behind.find(';').map(|end| (&behind[..end], end + 1)).and_then(|(name, length)| {
            let char = match (name, name.strip_prefix('#')) {
                ("commat", _) => Some('@'),
                ("period", _) => Some('.'),
                ("nbsp", _) => Some('\u{a0}'),
                ("plus", _) => Some('+'),
                (_, Some(number)) => match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok().and_then(char::from_u32),
                    None => number.parse().ok().and_then(char::from_u32),
                },
                _ => None,
            };
            char.map(|char| (char, length))
        });
        match entity {
            Some((char, length)) => {
                out.push(char);
                rest = &behind[length..];
            }
            None => {
                out.push('&');
                rest = behind;
            }
        }
    }
    (out + rest).to_lowercase()
}
