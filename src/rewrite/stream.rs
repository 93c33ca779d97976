//! Edits a body as it flows.

use super::codec::{CodecError, Coding, Decoders, Encoders, Limits};
use super::encoded::seal;
use super::{BodyFinder, Hit, Identifiers, Syntax};
use crate::model::{Place, Secret, Within};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// What becomes of a hit.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Its bytes go as they are.
    Keep,
    /// Other bytes stand there.
    Replace {
        /// The hit's `span` or its `token`, in bytes of the decoded body.
        span: Range<usize>,
        /// What stands there afterwards.
        bytes: Secret<Vec<u8>>,
    },
}

struct Waiting {
    hit: Hit,
    decision: Option<Decision>,
}

impl Waiting {
    /// The first byte that its decision may change.
    fn start(&self) -> usize {
        self.hit.token.as_ref().map_or(self.hit.span.start, |token| token.start.min(self.hit.span.start))
    }
}

/// Undoes the content codings, finds, waits for decisions, applies them and codes again.
///
/// The caller may pause between a hit and its decision: [`Self::take_output`] gives nothing from an undecided hit on.
/// It should decide before it pushes more, since undecided bytes stay in memory. A whole body is one push and
/// [`Self::finish`]; where [`Self::is_changed`] says no, its original bytes serve as well.
pub struct StreamEditor {
    decoders: Decoders,
    /// Made with the first output: by then it is known how the body is written.
    encoders: Option<Encoders>,
    finder: BodyFinder,
    /// Decoded bytes that have not left, from this offset on.
    plain: Vec<u8>,
    sent: usize,
    waiting: VecDeque<Waiting>,
    /// The number of the first waiting hit.
    first: usize,
    ended: bool,
    done: bool,
    changed: bool,
    torn: bool,
}

impl StreamEditor {
    /// An editor at the start of a body. `codings` in the order they were applied, as [`Coding::of`] gives them.
    ///
    /// # Errors
    /// More than [`Coding::STACK`] codings, or a codec that cannot be set up.
    pub fn new(
        identifiers: Arc<Identifiers>,
        syntax: Syntax,
        codings: &[Coding],
        limits: Limits,
    ) -> Result<Self, CodecError> {
        Self::with(BodyFinder::new(identifiers, syntax), codings, limits)
    }

    /// The same around a finder that is made already.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(finder: BodyFinder, codings: &[Coding], limits: Limits) -> Result<Self, CodecError> {
        Ok(Self {
            decoders: Decoders::new(codings, limits)?,
            encoders: None,
            finder,
            plain: Vec::new(),
            sent: 0,
            waiting: VecDeque::new(),
            first: 0,
            ended: false,
            done: false,
            changed: false,
            torn: false,
        })
    }

    /// Takes the next encoded bytes. Gives the numbers of the hits found with them; each waits for [`Self::decide`].
    ///
    /// # Errors
    /// A body that cannot be decoded or unfolds too far; the stream is over then.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Range<usize>, CodecError> {
        let from = self.plain.len();
        self.decoders.push(chunk, &mut self.plain)?;
        let hits = self.finder.push(self.plain.get(from..).unwrap_or_default());
        Ok(self.wait(hits))
    }

    /// The body is over. Gives the numbers of the last hits.
    ///
    /// # Errors
    /// A body that is cut off.
    pub fn finish(&mut self) -> Result<Range<usize>, CodecError> {
        self.decoders.finish()?;
        self.ended = true;
        let hits = self.finder.finish();
        Ok(self.wait(hits))
    }

    /// Nothing comes for a while, and the other side may be waiting: lets go what might have become an identifier,
    /// unless it is most of one already. Gives the numbers of hits that only waited for what stands behind them.
    pub fn hurry(&mut self) -> Range<usize> {
        let hits = self.finder.hurry();
        self.wait(hits)
    }

    /// Whether an identifier was found whose beginning had left by [`Self::hurry`]: it cannot be replaced any more, and
    /// the rest of it must not leave.
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The parts of the body that were not looked into because they are no text, since the last call.
    pub fn take_unread(&mut self) -> Vec<Place> {
        self.finder.take_unread()
    }

    /// What is looked for.
    pub fn identifiers(&self) -> &Identifiers {
        self.finder.identifiers()
    }

    /// The hit with this number, until it is decided.
    pub fn hit(&self, number: usize) -> Option<&Hit> {
        let waiting = self.waiting.get(number.checked_sub(self.first)?)?;
        waiting.decision.is_none().then_some(&waiting.hit)
    }

    /// The numbers of hits that wait for a decision.
    pub fn undecided(&self) -> impl Iterator<Item = usize> + '_ {
        (self.first..)
            .zip(&self.waiting)
            .filter(|(_, waiting)| waiting.decision.is_none())
            .map(|(number, _)| number)
    }

    /// Says what becomes of a hit, and of those that go with it. A span that is neither the hit's nor its token's counts
    /// as the hit's.
    pub fn decide(&mut self, number: usize, decision: Decision) {
        let Some(at) = number.checked_sub(self.first) else { return };
        let Some(waiting) = self.waiting.get_mut(at) else { return };
        let decision = match decision {
            Decision::Replace { span, bytes } => {
                let known = span == waiting.hit.span || Some(&span) == waiting.hit.token.as_ref();
                Decision::Replace { span: if known { span } else { waiting.hit.span.clone() }, bytes }
            }
            Decision::Keep => Decision::Keep,
        };
        let gone = match &decision {
            Decision::Replace { span, .. } if waiting.hit.within.is_none() => span.clone(),
            _ => 0..0,
        };
        waiting.decision = Some(decision);
        let inside = |next: &&mut Waiting| next.hit.span.start < gone.end && next.hit.span.end <= gone.end;
        for next in self.waiting.iter_mut().skip(at + 1).take_while(inside) {
            next.decision.get_or_insert(Decision::Keep);
        }
    }

    /// Whether anything that left so far is not as it came.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether a content coding is undone: what is pushed may unfold to much more.
    pub fn is_coded(&self) -> bool {
        !self.decoders.is_empty()
    }

    /// Whether everything has left.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Decoded bytes that wait: for more of a token, or for a decision.
    pub fn held(&self) -> usize {
        self.plain.len()
    }

    /// Encoded bytes that may leave: everything settled up to the first hit that is not decided yet, flushed, so that
    /// the receiver can decode all of it. After [`Self::finish`] and the last decision: the rest.
    ///
    /// # Errors
    /// An encoder that fails.
    pub fn take_output(&mut self) -> Result<Vec<u8>, CodecError> {
        if self.torn {
            return Ok(Vec::new());
        }
        let ready = self.apply();
        let last = self.ended && self.plain.is_empty() && self.waiting.is_empty() && !self.done;
        self.done |= last;
        if self.decoders.is_empty() {
            return Ok(ready);
        }
        // A body without a byte stays one.
        if ready.is_empty() && (!last || self.encoders.is_none()) {
            return Ok(ready);
        }
        let encoders = match &mut self.encoders {
            Some(encoders) => encoders,
            none => none.insert(self.decoders.encoders()?),
        };
        encoders.push(ready, last)
    }

    fn wait(&mut self, hits: Vec<Hit>) -> Range<usize> {
        let from = self.first + self.waiting.len();
        for mut hit in hits {
            if hit.span.start < self.sent {
                self.torn = true;
                continue;
            }
            hit.token = hit.token.filter(|token| token.start >= self.sent);
            self.waiting.push_back(Waiting { hit, decision: None });
        }
        from..self.first + self.waiting.len()
    }

    /// How many of the first hits stand in one text of another alphabet, which is written once for all of them.
    fn together(&self) -> usize {
        let Some(first) = self.waiting.front() else { return 0 };
        self.waiting.iter().take_while(|next| stand_together(&first.hit, &next.hit)).count().max(1)
    }

    /// Applies the decisions to the bytes that may leave, and takes them.
    fn apply(&mut self) -> Vec<u8> {
        let mut limit = if self.ended { self.sent + self.plain.len() } else { self.finder.settled() };
        let mut out = Vec::new();
        let mut taken = self.sent;
        while let Some(next) = self.waiting.front() {
            let whole =
                next.hit.token.as_ref().map_or(next.hit.span.end, |token| token.end.max(next.hit.span.end));
            let undecided = || self.waiting.iter().take(self.together()).any(|one| one.decision.is_none());
            if whole > limit || undecided() {
                limit = limit.min(next.start());
                break;
            }
            let together = self.together();
            let decided: Vec<Waiting> = self.waiting.drain(..together).collect();
            self.first += together;
            let decided = decided.iter().filter_map(|one| Some((&one.hit, one.decision.as_ref()?)));
            if let Some((span, bytes)) = outcome(decided) {
                out.extend_from_slice(slice(&self.plain, self.sent, taken..span.start));
                out.extend_from_slice(bytes.expose());
                self.changed |= slice(&self.plain, self.sent, span.clone()) != bytes.expose().as_slice();
                taken = span.end;
            }
        }
        let end = limit.max(taken);
        out.extend_from_slice(slice(&self.plain, self.sent, taken..end));
        self.plain.drain(..(end - self.sent).min(self.plain.len()));
        self.sent = end;
        out
    }
}

/// The spans that change, in order, with the bytes that stand there afterwards. Hits that stand in one text of another
/// alphabet come in a row, and are written together.
pub fn replacements(decided: &[(Hit, Decision)]) -> Vec<(Range<usize>, Secret<Vec<u8>>)> {
    let mut rest = decided;
    let mut all = Vec::new();
    while let Some((first, _)) = rest.first() {
        let count = rest.iter().take_while(|(next, _)| stand_together(first, next)).count().max(1);
        let (together, behind) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        all.extend(outcome(together.iter().map(|(hit, decision)| (hit, decision))));
        rest = behind;
    }
    all
}

/// Whether two hits stand in one text of another alphabet.
fn stand_together(one: &Hit, next: &Hit) -> bool {
    one.within.is_some() && next.within.is_some() && one.span == next.span
}

/// What stands in the place of a hit, or of all that stand in one text of another alphabet; `None` where they stay.
fn outcome<'d>(
    decided: impl Iterator<Item = (&'d Hit, &'d Decision)>,
) -> Option<(Range<usize>, Secret<Vec<u8>>)> {
    let mut inside: Vec<(&Within, &[u8])> = Vec::new();
    let mut outer = None;
    for (hit, decision) in decided {
        let Decision::Replace { span, bytes } = decision else { continue };
        match &hit.within {
            Some(within) if *span == hit.span => inside.push((within, bytes.expose())),
            // All of it goes.
            _ => return Some((span.clone(), bytes.clone())),
        }
        outer = Some(span.clone());
    }
    outer.map(|span| (span, Secret::new(seal(&inside))))
}

/// Bytes of a span that counts from the start of the body, out of a buffer that begins at `base`.
fn slice(buffer: &[u8], base: usize, span: Range<usize>) -> &[u8] {
    span.start
        .checked_sub(base)
        .zip(span.end.checked_sub(base))
        .and_then(|(from, to)| buffer.get(from..to))
        .unwrap_or_default()
}
