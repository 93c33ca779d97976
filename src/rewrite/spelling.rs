//! How a value is written, so that another value can be written the same way.

use super::encoded::Recipe;
use super::pattern::{Number, PhoneForm, digits};
use super::unescape::{Unit, decode};
use super::weak::{date, position};
use super::written::Written;
use crate::model::Secret;
use std::net::IpAddr;

/// What the value stands in: decides what has to be escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    JsonString,
    JsonBare,
    Form,
    Query,
    Path,
    Cookie,
    Header,
    Html,
    Text,
}

/// The way a hit was written. Holds the real bytes: its `Debug` shows none.
#[derive(Clone, Debug)]
pub struct Spelling {
    script: Script,
    written: Secret<Vec<u8>>,
    /// Written in capitals, though the value is not.
    capitals: bool,
    /// A `+` stands for a space.
    plus_is_space: bool,
    /// The form of what is more than its letters.
    form: Option<Written>,
    /// The separators are layout, not meaning: a UUID, a MAC address.
    layout: bool,
    /// What is written is a digest.
    digest: Option<Recipe>,
}

/// How a character is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `%40`, with `25` in between `nested` times.
    Percent { nested: usize, lower: bool },
    /// `\u0040` behind so many backslashes.
    Json { backslashes: usize, lower: bool },
    /// `&#64;`
    Decimal,
    /// `&#x40;`
    Hexadecimal,
}

/// A character of the hit and the bytes that spell it.
struct Spelt<'a> {
    char: char,
    escaped: bool,
    bytes: &'a [u8],
}

impl Spelling {
    pub(super) fn new(written: &[u8], value: &str, script: Script, form: Option<Written>) -> Self {
        let decoded: Vec<u8> = decode(written).iter().map(|unit| unit.byte).collect();
        let decoded = String::from_utf8_lossy(&decoded);
        let cased = |text: &str, is: fn(char) -> bool| text.chars().any(is);
        let capitals = cased(&decoded, char::is_uppercase)
            && !cased(&decoded, char::is_lowercase)
            && cased(value, char::is_lowercase);
        let bare: Vec<char> = value.chars().filter(|char| !matches!(char, '-' | ':' | '.')).collect();
        let hex = bare.len() >= 12 && bare.iter().all(char::is_ascii_hexdigit);
        let layout = hex && value.parse::<IpAddr>().is_err();
        Self {
            script,
            written: Secret::new(written.to_vec()),
            capitals,
            plus_is_space: !value.contains('+') && !matches!(form, Some(Written::Phone(_))),
            form,
            layout,
            digest: None,
        }
    }

    /// Of whatever stood in a field: nothing is known of its form but how it is escaped.
    pub(super) fn of_any(written: &[u8], script: Script) -> Self {
        let plus_is_space = matches!(script, Script::Form | Script::Query);
        Self { plus_is_space, ..Self::of_letters(written, script) }
    }

    /// Of letters that are nobody's value themselves: base64, hex.
    pub(super) fn of_letters(written: &[u8], script: Script) -> Self {
        Self {
            script,
            written: Secret::new(written.to_vec()),
            capitals: false,
            plus_is_space: false,
            form: None,
            layout: false,
            digest: None,
        }
    }

    /// Of a digest of a value.
    pub(super) fn of_digest(written: &[u8], script: Script, recipe: Recipe) -> Self {
        Self { digest: Some(recipe), ..Self::of_letters(written, script) }
    }

    /// What a value is hashed to where only its digest is written.
    pub fn digest(&self) -> Option<&'static str> {
        self.digest.map(Recipe::name)
    }

    /// `value` written the way the hit was written: percent, JSON or HTML escapes, `+` for space, capitals, a phone's
    /// form and separators. Characters the hit does not show are escaped as its container asks.
    pub fn respell(&self, value: &str) -> Vec<u8> {
        if let Some(recipe) = self.digest {
            return recipe.of(value);
        }
        let units = decode(self.written.expose());
        let spelt = spelt(self.written.expose(), &units);
        let writer = Writer::new(self, &spelt);
        let value = match self.form {
            Some(Written::Phone(form)) => return self.phone(form, value, &spelt, &writer),
            Some(Written::Date(layout)) => &date::write(layout, value).unwrap_or_else(|| value.to_owned()),
            Some(Written::Position(axis)) => {
                &position::write(axis, value).unwrap_or_else(|| value.to_owned())
            }
            None => value,
        };
        let cased = if self.capitals { value.to_uppercase() } else { value.to_owned() };
        let alphanumeric = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        if self.layout
            && let Some(bytes) = lay_out(&alphanumeric(&cased), &spelt, &writer)
        {
            return bytes;
        }
        if self.script == Script::JsonBare && is_number(self.written.expose()) && !is_number(cased.as_bytes())
        {
            return quoted(&writer.write(&cased));
        }
        writer.write(&cased)
    }

    fn phone(&self, form: PhoneForm, value: &str, spelt: &[Spelt<'_>], writer: &Writer<'_>) -> Vec<u8> {
        let international = digits(value);
        // Only the national forms need to know where the country's code ends, which takes ten microseconds.
        let same = match form {
            PhoneForm::International => None,
            PhoneForm::Prefixed => Some(format!("00{international}")),
            _ => Number::parse(value).map(|number| number.written(form)),
        };
        let same = same.as_deref().unwrap_or(&international);
        if let Some(bytes) = lay_out(same, spelt, writer) {
            return bytes;
        }
        // Another length: the layout does not fit, the form does.
        let plus = spelt.first().is_some_and(|first| matches!(first.char, '+' | '('));
        match form {
            PhoneForm::International if !plus => writer.write(&international),
            PhoneForm::Prefixed | PhoneForm::National | PhoneForm::Significant => writer.write(same),
            _ if self.script == Script::JsonBare => writer.write(&international),
            _ => writer.write(&format!("+{international}")),
        }
    }
}

/// New letters and digits in the layout of the old ones; `None` where their number differs.
fn lay_out(new: &str, spelt: &[Spelt<'_>], writer: &Writer<'_>) -> Option<Vec<u8>> {
    let old = spelt.iter().filter(|spelt| spelt.char.is_ascii_alphanumeric()).count();
    if old != new.len() {
        return None;
    }
    let mut next = new.chars();
    let mut out = Vec::new();
    for spelt in spelt {
        if spelt.char.is_ascii_alphanumeric() {
            writer.char(next.next()?, &mut out);
        } else {
            out.extend_from_slice(spelt.bytes);
        }
    }
    Some(out)
}

fn is_number(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let zero = digits.len() > 1 && digits.first() == Some(&b'0');
    !zero && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    [b"\"", bytes, b"\""].concat()
}

/// The characters of a hit with their bytes.
fn spelt<'a>(written: &'a [u8], units: &[Unit]) -> Vec<Spelt<'a>> {
    let bytes: Vec<u8> = units.iter().map(|unit| unit.byte).collect();
    let mut at = 0;
    let mut all = Vec::new();
    for char in String::from_utf8_lossy(&bytes).chars() {
        let last = at + char.len_utf8() - 1;
        let (Some(first), Some(end)) = (units.get(at), units.get(last)) else { break };
        let bytes = written.get(first.start..end.end).unwrap_or_default();
        all.push(Spelt { char, escaped: first.escaped, bytes });
        at = last + 1;
    }
    all
}

/// Writes characters the way a hit does.
struct Writer<'a> {
    script: Script,
    plus_is_space: bool,
    spelt: &'a [Spelt<'a>],
    style: Option<Style>,
    /// Letters and digits are escaped too.
    everything: bool,
}

impl<'a> Writer<'a> {
    fn new(spelling: &Spelling, spelt: &'a [Spelt<'a>]) -> Self {
        let mut plain = spelt.iter().filter(|spelt| spelt.char.is_ascii_alphanumeric()).peekable();
        let everything = plain.peek().is_some() && plain.all(|spelt| spelt.escaped);
        let style = spelt.iter().filter(|spelt| spelt.escaped).find_map(|spelt| style(spelt.bytes));
        Self { script: spelling.script, plus_is_space: spelling.plus_is_space, spelt, style, everything }
    }

    fn write(&self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        text.chars().for_each(|char| self.char(char, &mut out));
        out
    }

    fn char(&self, char: char, out: &mut Vec<u8>) {
        if char.is_ascii_alphanumeric() {
            match self.style.filter(|_| self.everything) {
                Some(style) => escape(char, style, out),
                None => out.push(u8::try_from(char).unwrap_or(b'?')),
            }
            return;
        }
        if let Some(spelt) = self.spelt.iter().find(|spelt| self.means(spelt, char)) {
            out.extend_from_slice(spelt.bytes);
            return;
        }
        match self.style {
            Some(style) if self.everything || !matches!(char, '-' | '.' | '_') => escape(char, style, out),
            _ => contained(char, self.script, out),
        }
    }

    fn means(&self, spelt: &Spelt<'_>, char: char) -> bool {
        spelt.char == char && !(char == '+' && self.plus_is_space)
            || char == ' ' && (spelt.char.is_whitespace() || (spelt.char == '+' && self.plus_is_space))
    }
}

/// Reads how an escape is made; `None` for a mixture.
fn style(bytes: &[u8]) -> Option<Style> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lower = text.bytes().skip(1).any(|byte| matches!(byte, b'a'..=b'f'));
    if let Some(mut rest) = text.strip_prefix('%') {
        let mut nested = 0;
        while let Some(inner) =
            rest.strip_prefix("25").filter(|inner| !inner.is_empty() && !inner.starts_with('%'))
        {
            rest = inner;
            nested += 1;
        }
        let plain =
            rest.split('%').all(|hex| hex.len() == 2 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        return (plain || nested > 0).then_some(Style::Percent { nested, lower });
    }
    if text.starts_with('\\') {
        let backslashes = text.bytes().take_while(|&byte| byte == b'\\').count();
        let hex = text.get(backslashes..)?.strip_prefix('u')?;
        let plain = hex.get(..4)?.bytes().all(|byte| byte.is_ascii_hexdigit());
        let lower = !hex.get(..4)?.bytes().any(|byte| byte.is_ascii_uppercase());
        return plain.then_some(Style::Json { backslashes, lower });
    }
    let inner = text.strip_prefix('&')?;
    if !inner.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b';')) {
        return None;
    }
    Some(if inner.starts_with("#x") || inner.starts_with("#X") { Style::Hexadecimal } else { Style::Decimal })
}

fn escape(char: char, style: Style, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    match style {
        Style::Percent { nested, lower } => {
            for byte in char.encode_utf8(&mut buffer).bytes() {
                out.push(b'%');
                (0..nested).for_each(|_| out.extend_from_slice(b"25"));
                let hex = if lower { format!("{byte:02x}") } else { format!("{byte:02X}") };
                out.extend_from_slice(hex.as_bytes());
            }
        }
        Style::Json { backslashes, lower } => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                out.extend(std::iter::repeat_n(b'\\', backslashes));
                let hex = if lower { format!("u{unit:04x}") } else { format!("u{unit:04X}") };
                out.extend_from_slice(hex.as_bytes());
            }
        }
        Style::Decimal => out.extend_from_slice(format!("&#{};", u32::from(char)).as_bytes()),
        Style::Hexadecimal => out.extend_from_slice(format!("&#x{:x};", u32::from(char)).as_bytes()),
    }
}

/// A character that the hit does not show, as its container asks.
fn contained(char: char, script: Script, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    let raw = char.encode_utf8(&mut buffer).as_bytes();
    let percent = Style::Percent { nested: 0, lower: false };
    match script {
        Script::JsonString | Script::JsonBare => match char {
            '"' | '\\' => out.extend_from_slice(&[b'\\', u8::try_from(char).unwrap_or(b'\\')]),
            _ if char.is_control() => escape(char, Style::Json { backslashes: 1, lower: true }, out),
            _ => out.extend_from_slice(raw),
        },
        Script::Form if char == ' ' => out.push(b'+'),
        Script::Form | Script::Query | Script::Path => match char {
            '-' | '.' | '_' | '~' => out.extend_from_slice(raw),
            _ => escape(char, percent, out),
        },
        // RFC 6265 section 4.1.1: cookie-octet.
        Script::Cookie => match char {
            '\u{21}'
            | '\u{23}'..='\u{24}'
            | '\u{26}'..='\u{2B}'
            | '\u{2D}'..='\u{3A}'
            | '\u{3C}'..='\u{5B}'
            | '\u{5D}'..='\u{7E}' => out.extend_from_slice(raw),
            _ => escape(char, percent, out),
        },
        Script::Html if matches!(char, '&' | '<' | '>' | '"' | '\'') => escape(char, Style::Decimal, out),
        // A field value carries no control characters (RFC 9110 section 5.5).
        Script::Header if char.is_control() => escape(char, percent, out),
        Script::Header | Script::Html | Script::Text => out.extend_from_slice(raw),
    }
}
