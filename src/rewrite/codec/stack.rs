//! All codings of one body: undone from the last applied to the first, redone the other way round.

use super::decode::SLICE;
use super::{CodecError, Coding, Decoder, Encoder, Limits};

/// Undoes the codings of one body as it arrives.
pub struct Decoders {
    /// In the order in which they undo.
    inner: Vec<Decoder>,
    limits: Limits,
    /// Bytes as they came over the wire.
    read: u64,
}

impl Decoders {
    /// Decoders at the start of a body. `codings` in the order they were applied, as [`Coding::of`] gives them.
    ///
    /// # Errors
    /// More than [`Coding::STACK`] codings, or a codec that cannot be set up.
    pub fn new(codings: &[Coding], limits: Limits) -> Result<Self, CodecError> {
        if codings.len() > Coding::STACK {
            return Err(CodecError::Stacked);
        }
        let inner = codings.iter().rev().map(|&coding| Decoder::new(coding, limits));
        Ok(Self { inner: inner.collect::<Result<_, _>>()?, limits, read: 0 })
    }

    /// Whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Decodes the next bytes onto `out`. What any coding gives is measured against the bytes of the wire: codings on top
    /// of each other unfold no further than one.
    ///
    /// # Errors
    /// Bytes that are not what a coding says, or unfold too far; nothing more can be decoded then.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        for slice in bytes.chunks(SLICE) {
            self.read += u64::try_from(slice.len()).unwrap_or(0);
            let most = self.limits.allowed(self.read);
            match self.inner.as_mut_slice() {
                [] => out.extend_from_slice(slice),
                [only] => only.push_within(most, slice, out)?,
                [outer, inner, ..] => {
                    let mut between = Vec::new();
                    outer.push_within(most, slice, &mut between)?;
                    inner.push_within(most, &between, out)?;
                }
            }
        }
        Ok(())
    }

    /// The body is over.
    ///
    /// # Errors
    /// A body that is cut off.
    pub fn finish(&mut self) -> Result<(), CodecError> {
        self.inner.iter_mut().try_for_each(Decoder::finish)
    }

    /// Encoders that write the way the body was written so far.
    ///
    /// # Errors
    /// A codec that cannot be set up.
    pub fn encoders(&self) -> Result<Encoders, CodecError> {
        let inner = self.inner.iter().rev().map(|decoder| Encoder::new(decoder.coding()));
        Ok(Encoders { inner: inner.collect::<Result<_, _>>()? })
    }
}

/// Redoes the codings of one body as it leaves.
pub struct Encoders {
    /// In the order in which they apply.
    inner: Vec<Encoder>,
}

impl Encoders {
    /// Encodes the next bytes so that the receiver can decode all of them; the `last` ones end the body.
    ///
    /// # Errors
    /// [`CodecError::Encode`].
    pub fn push(&mut self, mut bytes: Vec<u8>, last: bool) -> Result<Vec<u8>, CodecError> {
        for encoder in &mut self.inner {
            let mut encoded = Vec::new();
            encoder.push(&bytes, &mut encoded)?;
            if last {
                encoder.finish(&mut encoded)?;
            } else {
                encoder.flush(&mut encoded)?;
            }
            bytes = encoded;
        }
        Ok(bytes)
    }
}
