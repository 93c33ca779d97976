//! What a client says over a WebSocket, with the real values in its text messages replaced.
//!
//! A text message is put together, looked into, and leaves in the frames it came in, or edited in one frame under the same
//! mask. Control frames pass at once, also between the frames of a message; binary messages pass as they come, with a note
//! that nobody looked into them, or end the channel where nothing may pass unread.

use super::frame::{self, Broken, Head, Opcode};
use crate::exchange::error::ExchangeError;
use crate::exchange::relay::{self, CHUNK, Cut, Watch};
use crate::exchange::request_body::MOST_WHOLE;
use crate::exchange::streamed::Decide;
use crate::exchange::substitute::Substitute;
use crate::model::{Part, Place};
use crate::rewrite::codec::{CodecError, Limits};
use crate::rewrite::{Identifiers, StreamEditor, Syntax, read_body};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// Longest text message that is looked into (bytes); a longer one ends the channel.
pub const MESSAGE_BYTES: usize = 1 << 20;

/// Why a longer one does.
pub(super) const TOO_LONG: &str = "a message too long to be looked into";

/// Looks into a client's messages.
pub struct Messages {
    substitute: Substitute,
    /// That a part of a message could not be looked into.
    told: bool,
}

/// Why a channel cannot go on.
#[derive(Debug)]
pub enum Stopped {
    /// A side is gone.
    Cut(Cut),
    /// The client's frames break the rules, or its message is too long to be looked into.
    Client(Broken),
    /// A value must not leave, or could not be replaced.
    Refused(ExchangeError),
}

impl From<Cut> for Stopped {
    fn from(cut: Cut) -> Self {
        Self::Cut(cut)
    }
}

impl From<Broken> for Stopped {
    fn from(broken: Broken) -> Self {
        Self::Client(broken)
    }
}

/// A text message that is not whole yet.
#[derive(Default)]
struct Begun {
    frames: Vec<u8>,
    text: Vec<u8>,
    mask: [u8; 4],
}

/// Where in the client's frames we are.
#[derive(Default)]
struct Reading {
    buffer: Vec<u8>,
    /// Bytes of a binary frame's payload that are still to pass.
    passing: u64,
    /// A binary message has begun and not ended.
    binary: bool,
    /// A binary message has come, and nobody was told yet that it is not looked into.
    unread: bool,
    told: bool,
    text: Option<Begun>,
}

/// What comes next out of the client's bytes.
enum Next {
    /// These bytes leave as they came.
    Pass(Vec<u8>),
    /// This message is whole.
    Message(Begun),
    /// More bytes are needed.
    More,
}

impl Messages {
    /// Looks for what `substitute` knows, which says what becomes of each.
    pub fn new(substitute: Substitute) -> Self {
        Self { substitute, told: false }
    }

    /// Carries the client's frames to the vendor until they end.
    pub(super) async fn carry<R, W>(
        mut self,
        from: &mut R,
        to: &mut W,
        moved: &AtomicU64,
        mut watch: impl Watch,
    ) -> Result<(), Stopped>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let (mut reading, mut chunk) = (Reading::default(), vec![0; CHUNK]);
        loop {
            let next = reading.next()?;
            if reading.unread && !reading.told {
                reading.told = true;
                let place = Place::request(Part::Message);
                self.substitute.unread(place).map_err(Stopped::Refused)?;
            }
            let bytes = match next {
                Next::Pass(bytes) => bytes,
                Next::Message(message) => self.edit(message).await?,
                Next::More => {
                    let read = relay::read(from, &mut chunk, moved).await?;
                    if read == 0 {
                        to.shutdown().await.map_err(|_| Cut::Destination)?;
                        return Ok(());
                    }
                    reading.buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
                    continue;
                }
            };
            watch.departs();
            relay::write(to, &bytes, moved).await?;
            watch.left(&bytes);
        }
    }

    /// The frames of a message, edited where it holds what is looked for.
    async fn edit(&mut self, message: Begun) -> Result<Vec<u8>, Stopped> {
        let Begun { frames, text, mask } = message;
        let substitute = &mut self.substitute;
        let identifiers = Arc::clone(substitute.identifiers());
        // A long one takes too long for a worker.
        let found = if text.len() as u64 <= MOST_WHOLE {
            look_into(identifiers, &text)
        } else {
            let looked = tokio::task::spawn_blocking(move || look_into(identifiers, &text)).await;
            looked.map_err(|_| Stopped::Refused(UNEDITED))?
        };
        let Looked { editor, unread } = found.map_err(|_| Stopped::Refused(UNEDITED))?;
        // One note for a channel: the record names no place inside a message.
        if unread && !std::mem::replace(&mut self.told, true) {
            substitute.unread(Place::request(Part::Message)).map_err(Stopped::Refused)?;
        }
        let Some(mut editor) = editor else { return Ok(frames) };
        let numbers: Vec<usize> = editor.undecided().collect();
        for number in numbers {
            let Some(deciding) = editor.hit(number).map(|hit| substitute.decide(hit)) else { continue };
            editor.decide(number, deciding.await.map_err(Stopped::Refused)?);
        }
        let edited = editor.take_output().map_err(|_| Stopped::Refused(UNEDITED))?;
        if !editor.is_done() || editor.is_torn() {
            return Err(Stopped::Refused(UNEDITED));
        }
        Ok(if editor.is_changed() { frame::text(edited, mask) } else { frames })
    }
}

const UNEDITED: ExchangeError = ExchangeError::Internal("a message could not be edited");

/// What looking into a message came to.
struct Looked {
    /// With what it holds, all of it undecided; `None` where it holds nothing.
    editor: Option<StreamEditor>,
    /// Whether a part of it could not be looked into.
    unread: bool,
}

fn look_into(identifiers: Arc<Identifiers>, text: &[u8]) -> Result<Looked, CodecError> {
    let syntax = syntax_of(text);
    let found = read_body(&identifiers, syntax.clone(), text, usize::MAX, false).unwrap_or_default();
    let unread = !found.unread.is_empty();
    if found.hits.is_empty() {
        return Ok(Looked { editor: None, unread });
    }
    let mut editor = StreamEditor::new(identifiers, syntax, &[], Limits::default())?;
    editor.push(text)?;
    editor.finish()?;
    Ok(Looked { editor: Some(editor), unread })
}

impl Reading {
    fn next(&mut self) -> Result<Next, Stopped> {
        loop {
            if self.passing > 0 {
                let here = usize::try_from(self.passing).unwrap_or(usize::MAX).min(self.buffer.len());
                self.passing -= here as u64;
                return Ok(if here == 0 { Next::More } else { Next::Pass(self.take(here)) });
            }
            let Some(head) = Head::parse(&self.buffer)? else { return Ok(Next::More) };
            match (head.opcode, self.text.is_some(), self.binary) {
                (Opcode::Control, ..) => return Ok(self.whole(&head).map_or(Next::More, Next::Pass)),
                (Opcode::Binary, false, false) | (Opcode::Continuation, false, true) => {
                    (self.binary, self.unread) = (!head.last, true);
                    self.passing = head.payload;
                    return Ok(Next::Pass(self.take(head.bytes)));
                }
                (Opcode::Text, false, false) | (Opcode::Continuation, true, false) => {
                    if let Some(next) = self.gather(&head)? {
                        return Ok(next);
                    }
                }
                // Section 5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another
                // message".
                _ => return Err(Broken("a frame that belongs to no message").into()),
            }
        }
    }

    /// Adds a frame to a text message; gives it once it is whole. `None` where more frames may be here already.
    fn gather(&mut self, head: &Head) -> Result<Option<Next>, Stopped> {
        let before = self.text.as_ref().map_or(0, |begun| begun.text.len());
        if head.payload > (MESSAGE_BYTES - before) as u64 {
            return Err(Broken(TOO_LONG).into());
        }
        let Some(frame) = self.whole(head) else { return Ok(Some(Next::More)) };
        let mut begun = self.text.take().unwrap_or_else(|| Begun { mask: head.mask, ..Begun::default() });
        let mut payload = frame.get(head.bytes..).unwrap_or_default().to_vec();
        frame::mask(&mut payload, head.mask);
        begun.text.extend_from_slice(&payload);
        begun.frames.extend_from_slice(&frame);
        if head.last {
            return Ok(Some(Next::Message(begun)));
        }
        self.text = Some(begun);
        Ok(None)
    }

    /// The whole frame, once it is there.
    fn whole(&mut self, head: &Head) -> Option<Vec<u8>> {
        let length = head.bytes + usize::try_from(head.payload).ok()?;
        (self.buffer.len() >= length).then(|| self.take(length))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.buffer.split_off(length);
        std::mem::replace(&mut self.buffer, rest)
    }
}

/// JSON by its first sign, as most is; a number in front of it, as socket.io has, is JSON as well.
fn syntax_of(text: &[u8]) -> Syntax {
    match text.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"' | b'0'..=b'9') => Syntax::Json,
        _ => Syntax::Text,
    }
}
