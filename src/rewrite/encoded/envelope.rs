//! A text in another alphabet, undone, and how to write another one in its place.

use super::alphabet::Alphabet;
use crate::model::{Envelope, Secret, Within};
use crate::rewrite::codec::{Coding, Decoders, Encoder, Limits};
use crate::rewrite::spelling::Spelling;
use crate::rewrite::splice;
use std::borrow::Cow;
use std::ops::Range;

/// Most bytes that a compressed text in base64 unfolds to.
const UNFOLDED: u64 = 1 << 20;

/// An envelope of this room.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) alphabet: Alphabet,
    pub(super) gzip: bool,
    pub(super) plain: Secret<Vec<u8>>,
    /// How its letters stand in what is around it.
    pub(super) written: Spelling,
}

impl Envelope for Sealed {
    fn plain(&self) -> &[u8] {
        self.plain.expose()
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let packed = if self.gzip { pack(plain) } else { Cow::Borrowed(plain) };
        let text = self.alphabet.encode(&packed);
        self.written.respell(&String::from_utf8_lossy(&text))
    }

    fn alphabet(&self) -> &'static str {
        match self.gzip {
            true => "gzip in base64",
            false => self.alphabet.name(),
        }
    }
}

/// Undoes gzip (RFC 1952); `None` for what is none, or unfolds too far.
pub(super) fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = Limits { absolute: UNFOLDED, ..Limits::default() };
    let mut decoders = Decoders::new(&[Coding::Gzip], limits).ok()?;
    let mut plain = Vec::new();
    decoders.push(bytes, &mut plain).ok()?;
    decoders.finish().ok()?;
    Some(plain)
}

fn pack(plain: &[u8]) -> Cow<'_, [u8]> {
    let packed = Encoder::new(Coding::Gzip).and_then(|mut encoder| {
        let mut packed = Vec::new();
        encoder.push(plain, &mut packed)?;
        encoder.finish(&mut packed)?;
        Ok(packed)
    });
    // Without memory for it nothing is sent that could be read.
    Cow::Owned(packed.unwrap_or_default())
}

/// What stands in the place of an outermost envelope once each value in it is replaced by its bytes. All `changes` are
/// in that envelope.
pub fn seal(changes: &[(&Within, &[u8])]) -> Vec<u8> {
    let changes: Vec<_> = changes.iter().map(|(within, bytes)| (&*within.0, *bytes)).collect();
    seal_layers(&changes)
}

fn seal_layers(changes: &[(&[crate::model::Layer], &[u8])]) -> Vec<u8> {
    let Some(envelope) = changes.first().and_then(|(layers, _)| layers.first()).map(|layer| &layer.envelope)
    else {
        return Vec::new();
    };
    let mut edits: Vec<(Range<usize>, Cow<'_, [u8]>)> = Vec::new();
    let mut at = 0;
    while let Some((layers, bytes)) = changes.get(at) {
        let Some((outer, inner)) = layers.split_first() else { break };
        if inner.is_empty() {
            edits.push((outer.span.clone(), Cow::Borrowed(*bytes)));
            at += 1;
            continue;
        }
        // What stands in one envelope further in stands in a row.
        let same = |(layers, _): &&(&[crate::model::Layer], &[u8])| {
            layers.len() > 1 && layers.first().is_some_and(|layer| layer.span == outer.span)
        };
        let group: Vec<_> = changes
            .get(at..)
            .unwrap_or_default()
            .iter()
            .take_while(same)
            .map(|(layers, bytes)| (layers.get(1..).unwrap_or_default(), *bytes))
            .collect();
        edits.push((outer.span.clone(), Cow::Owned(seal_layers(&group))));
        at += group.len();
    }
    let edits: Vec<_> = edits.iter().map(|(span, bytes)| (span.clone(), bytes.as_ref())).collect();
    envelope.seal(&splice(envelope.plain(), &edits))
}
