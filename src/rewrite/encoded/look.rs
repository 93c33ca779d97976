//! Looks into one run: a digest, hex, base64 at any alignment, compressed or not, and what is encoded inside that.

use super::Encoded;
use super::alphabet::{self, Alphabet};
use super::digest::{Recipe, is_base64_digest, is_hex_digest};
use super::envelope::{Sealed, unpack};
use super::run::{Run, SHORTEST, runs_of};
use crate::model::{Envelope, Layer, Secret, Within};
use crate::rewrite::identifier::Identifiers;
use crate::rewrite::scan::{Found, scan};
use crate::rewrite::spelling::{Script, Spelling};
use std::ops::Range;
use std::sync::Arc;

/// Most alphabets inside one another.
pub(super) const DEPTH: usize = 3;
/// Longest run that is read at all four alignments (letters): a longer one is no word with a token behind it.
const ALIGNED: usize = 512;
/// Fewest letters of hex: eight bytes.
pub(super) const SHORTEST_HEX: usize = 16;
/// What base64 of gzip begins with (RFC 1952 section 2.3.1).
pub(super) const GZIP: &[u8] = b"H4sI";

/// What is in a run. Holds real values.
pub(in crate::rewrite) struct Reading {
    alphabet: Alphabet,
    gzip: bool,
    plain: Secret<Vec<u8>>,
    /// In the order of their spans, which count in `plain`; apart.
    finds: Vec<(Range<usize>, Find)>,
}

enum Find {
    Value(Found),
    Digest(usize, Recipe),
    Deeper(Reading),
}

/// A value in a run, with the envelopes around it.
pub(in crate::rewrite) struct Inner {
    pub(in crate::rewrite) identifier: usize,
    pub(in crate::rewrite) within: Within,
    pub(in crate::rewrite) spelling: Spelling,
}

/// What `run` holds; `None` where nothing of the member's.
pub(in crate::rewrite) fn look_into(identifiers: &Identifiers, run: &Run) -> Option<Reading> {
    look(identifiers, &run.letters, run.padding, DEPTH)
}

fn look(identifiers: &Identifiers, letters: &[u8], padding: usize, depth: usize) -> Option<Reading> {
    let depth = depth.checked_sub(1)?;
    let signs = letters.iter().any(|byte| !byte.is_ascii_alphanumeric());
    let readings = [
        whole(identifiers, letters, padding, depth),
        if signs { pieces(identifiers, letters, padding, depth) } else { None },
        aligned(identifiers, letters, padding, depth),
    ];
    // The one that tells most, and of two the simpler: what another one sees in passing is in it too.
    readings.into_iter().flatten().rev().max_by_key(Reading::values)
}

/// All of a run read in one alphabet.
fn whole(identifiers: &Identifiers, letters: &[u8], padding: usize, depth: usize) -> Option<Reading> {
    let digits = padding == 0 && letters.iter().all(u8::is_ascii_hexdigit);
    if digits && let Some((alphabet, bytes)) = alphabet::hex(letters) {
        if is_hex_digest(letters.len())
            && let Some(digest) = digest(identifiers, letters, 0, alphabet, &bytes)
        {
            return Some(digest);
        }
        if letters.len() >= SHORTEST_HEX
            && let Some(reading) = reading(identifiers, alphabet, bytes, depth)
        {
            return Some(reading);
        }
    }
    if is_base64_digest(letters.len())
        && let Some((alphabet, bytes, _)) = alphabet::base64(letters, padding)
        && let Some(digest) = digest(identifiers, letters, padding, alphabet, &bytes)
    {
        return Some(digest);
    }
    let Encoded { script, quads, .. } = &identifiers.compiled.encoded;
    if letters.starts_with(GZIP) || script.may_be_base64(letters, *quads) {
        let (alphabet, bytes, read) = alphabet::base64(letters, padding)?;
        let reading = reading(identifiers, alphabet, bytes, depth)?;
        return Some(part(letters, padding, 0..read, reading));
    }
    None
}

/// A run that begins with something else: `id-`, `v2/`.
fn aligned(identifiers: &Identifiers, letters: &[u8], padding: usize, depth: usize) -> Option<Reading> {
    let Encoded { script, quads, .. } = &identifiers.compiled.encoded;
    if letters.len() > ALIGNED || !script.may_be_base64(letters, *quads) {
        return None;
    }
    let readings = (1..4).filter_map(|phase| {
        let (alphabet, bytes, read) = alphabet::base64(letters.get(phase..)?, padding)?;
        let reading = reading(identifiers, alphabet, bytes, depth)?;
        Some(part(letters, padding, phase..phase + read, reading))
    });
    readings.max_by_key(Reading::values)
}

/// Parts between signs that are letters of base64 too: the segments of a path, and the parts of a name.
fn pieces(identifiers: &Identifiers, letters: &[u8], padding: usize, depth: usize) -> Option<Reading> {
    split(
        letters,
        padding,
        |byte| *byte == b'/',
        |piece, padding| {
            let parts = || {
                split(
                    piece,
                    padding,
                    |byte| !byte.is_ascii_alphanumeric(),
                    |part, padding| whole(identifiers, part, padding, depth),
                )
            };
            whole(identifiers, piece, padding, depth).or_else(parts)
        },
    )
}

/// Reads what stands between signs, each part by `read`.
fn split(
    letters: &[u8],
    padding: usize,
    is_sign: fn(&u8) -> bool,
    read: impl Fn(&[u8], usize) -> Option<Reading>,
) -> Option<Reading> {
    let mut finds = Vec::new();
    let mut from = 0;
    for piece in letters.split(is_sign) {
        let to = from + piece.len();
        let padding = if to == letters.len() { padding } else { 0 };
        if piece.len() >= SHORTEST
            && let Some(reading) = read(piece, padding)
        {
            finds.push((from..to + padding, Find::Deeper(reading)));
        }
        from = to + 1;
    }
    (!finds.is_empty()).then(|| verbatim(letters, padding, finds))
}

/// The reading of some letters of a run as one of the run.
fn part(letters: &[u8], padding: usize, read: Range<usize>, reading: Reading) -> Reading {
    if read == (0..letters.len()) {
        return reading;
    }
    let end = if read.end == letters.len() { read.end + padding } else { read.end };
    verbatim(letters, padding, vec![(read.start..end, Find::Deeper(reading))])
}

fn verbatim(letters: &[u8], padding: usize, finds: Vec<(Range<usize>, Find)>) -> Reading {
    let mut plain = letters.to_vec();
    plain.resize(letters.len() + padding, b'=');
    Reading { alphabet: Alphabet::Verbatim, gzip: false, plain: Secret::new(plain), finds }
}

fn digest(
    identifiers: &Identifiers,
    letters: &[u8],
    padding: usize,
    alphabet: Alphabet,
    bytes: &[u8],
) -> Option<Reading> {
    let (identifier, recipe) = identifiers.digest(bytes)?;
    // Nothing tells whether the writer pads unless it had to.
    let alphabet = match alphabet {
        Alphabet::Base64 { url, .. } => Alphabet::Base64 { url, padded: padding > 0 },
        other => other,
    };
    let find = Find::Digest(identifier, recipe.written(alphabet));
    Some(verbatim(letters, padding, vec![(0..letters.len() + padding, find)]))
}

/// What the bytes of a run hold.
fn reading(identifiers: &Identifiers, alphabet: Alphabet, bytes: Vec<u8>, depth: usize) -> Option<Reading> {
    let (gzip, bytes) = match unpack_if(&bytes) {
        Some(plain) => (true, plain),
        None => (false, bytes),
    };
    let finds = finds(identifiers, &bytes, depth);
    (!finds.is_empty()).then(|| Reading { alphabet, gzip, plain: Secret::new(bytes), finds })
}

fn unpack_if(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.starts_with(&[0x1F, 0x8B]) { unpack(bytes) } else { None }
}

/// What a text holds, plain or encoded once more.
fn finds(identifiers: &Identifiers, text: &[u8], depth: usize) -> Vec<(Range<usize>, Find)> {
    let mut finds = Vec::new();
    if !identifiers.holds_no_value(text) {
        let values = scan(identifiers, text).into_iter();
        finds.extend(values.map(|found| (found.start..found.end, Find::Value(found))));
    }
    if depth > 0 {
        for run in super::glance::stretches(text).flat_map(|stretch| {
            let from = stretch.start;
            let (runs, _) = runs_of(text.get(stretch).unwrap_or_default());
            runs.into_iter().map(move |run| Run { span: from + run.span.start..from + run.span.end, ..run })
        }) {
            if let Some(reading) = look(identifiers, &run.letters, run.padding, depth) {
                finds.push((run.span, Find::Deeper(reading)));
            }
        }
    }
    finds.sort_by_key(|(span, _)| (span.start, span.end));
    let mut end = 0;
    finds.retain(|(span, _)| {
        let apart = span.start >= end;
        end = end.max(if apart { span.end } else { 0 });
        apart
    });
    finds
}

impl Reading {
    /// Whether it is JSON, as what tokens carry is: a bare value with something behind a dot is no token.
    pub(in crate::rewrite) fn is_json(&self) -> bool {
        match self.alphabet {
            Alphabet::Verbatim => {
                self.finds.iter().any(|(_, find)| matches!(find, Find::Deeper(reading) if reading.is_json()))
            }
            _ => script_of(self.plain.expose()) == Script::JsonString,
        }
    }

    /// How many values it holds.
    fn values(&self) -> usize {
        let values = self.finds.iter().map(|(_, find)| match find {
            Find::Deeper(reading) => reading.values(),
            Find::Value(_) | Find::Digest(..) => 1,
        });
        values.sum()
    }

    /// The values in a run whose letters are `letters` in what is around it.
    pub(in crate::rewrite) fn open(
        self,
        identifiers: &Identifiers,
        letters: &[u8],
        script: Script,
    ) -> Vec<Inner> {
        let mut inners = Vec::new();
        self.open_onto(identifiers, letters, script, &[], &mut inners);
        inners
    }

    fn open_onto(
        self,
        identifiers: &Identifiers,
        letters: &[u8],
        script: Script,
        around: &[Layer],
        inners: &mut Vec<Inner>,
    ) {
        let Self { alphabet, gzip, plain, finds } = self;
        let inside = if alphabet == Alphabet::Verbatim { script } else { script_of(plain.expose()) };
        let sealed = Sealed { alphabet, gzip, plain, written: Spelling::of_letters(letters, script) };
        let sealed: Arc<Sealed> = Arc::new(sealed);
        for (span, find) in finds {
            let envelope: Arc<dyn Envelope> = Arc::<Sealed>::clone(&sealed);
            let layer = Layer { envelope, span: span.clone() };
            let layers: Vec<Layer> = around.iter().cloned().chain([layer]).collect();
            let text = sealed.plain().get(span).unwrap_or_default();
            let (identifier, spelling) = match find {
                Find::Deeper(reading) => {
                    reading.open_onto(identifiers, text, inside, &layers, inners);
                    continue;
                }
                Find::Value(found) => {
                    let value = identifiers.get(found.identifier);
                    let value = value.map_or("", |value| value.value.expose().as_str());
                    (found.identifier, Spelling::new(text, value, inside, found.written))
                }
                Find::Digest(identifier, recipe) => (identifier, Spelling::of_digest(text, inside, recipe)),
            };
            inners.push(Inner { identifier, within: Within(layers.into()), spelling });
        }
    }
}

/// What has to be escaped in a text that nobody says the type of.
fn script_of(text: &[u8]) -> Script {
    match text.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"') => Script::JsonString,
        Some(b'<') => Script::Html,
        _ => Script::Text,
    }
}
