//! All codings of one body: undone from the last applied to the first, redone the other way round.

use super::{CodecError, Coding, Decoder, Encoder, Limits};

/// Undoes the codings of one body as it arrives.
pub struct Decoders {
    /// In the order in which they undo.
    inner: Vec<Decoder>,
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
        Ok(Self { inner: inner.collect::<Result<_, _>>()? })
    }

    /// Whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Decodes the next bytes onto `out`.
    ///
    /// # Errors
    /// Bytes that are not what a coding says, or unfold too far; nothing more can be decoded then.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        match self.inner.as_mut_slice() {
            [] => out.extend_from_slice(bytes),
            [only] => only.push(bytes, out)?,
            [outer, inner, ..] => {
                let mut between = Vec::new();
                outer.push(bytes, &mut between)?;
                inner.push(&between, out)?;
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
