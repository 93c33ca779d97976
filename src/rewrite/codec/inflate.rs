//! gzip (RFC 1952), zlib (RFC 1950) and raw deflate (RFC 1951), taken apart by hand: the end and the checks of each
//! member have to be seen, and output has to stay within its room.

use super::decode::{Failure, Sink};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Longest gzip header: file name and comment included.
const HEADER: usize = 16 << 10;
/// Bytes inflated at a time.
const PIECE: usize = 16 << 10;

/// One deflate stream.
struct Inflate {
    inner: Decompress,
    crc: Crc,
}

impl Inflate {
    fn new(zlib: bool) -> Self {
        Self { inner: Decompress::new(zlib), crc: Crc::new() }
    }

    /// Takes what it can; gives how much of `input` that was and whether the stream is over.
    fn run(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(usize, bool), Failure> {
        let mut piece = [0; PIECE];
        let mut read = 0;
        loop {
            let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
            let rest = input.get(read..).unwrap_or_default();
            let status = self
                .inner
                .decompress(rest, &mut piece, FlushDecompress::None)
                .map_err(|_| Failure::Invalid)?;
            let taken = usize::try_from(self.inner.total_in() - before_in).unwrap_or(0);
            let given = usize::try_from(self.inner.total_out() - before_out).unwrap_or(0);
            let bytes = piece.get(..given).unwrap_or_default();
            self.crc.update(bytes);
            sink.write(bytes)?;
            read += taken;
            match status {
                Status::StreamEnd => return Ok((read, true)),
                _ if taken == 0 && given == 0 => return Ok((read, false)),
                _ if read == input.len() && given < PIECE => return Ok((read, false)),
                _ => {}
            }
        }
    }
}

enum Member {
    Header,
    Body(Box<Inflate>),
    Trailer(Box<Inflate>),
}

/// Members of gzip, one behind the other.
pub(super) struct Gunzip {
    member: Member,
    /// Header or trailer so far.
    waiting: Vec<u8>,
    members: usize,
}

impl Gunzip {
    pub(super) fn new() -> Self {
        Self { member: Member::Header, waiting: Vec::new(), members: 0 }
    }

    pub(super) fn push(&mut self, mut input: &[u8], sink: &mut Sink<'_>) -> Result<(), Failure> {
        while !input.is_empty() {
            let read = match &mut self.member {
                Member::Header => self.header(input)?,
                Member::Body(inflate) => {
                    let (read, over) = inflate.run(input, sink)?;
                    if over && let Member::Body(inflate) = std::mem::replace(&mut self.member, Member::Header)
                    {
                        self.member = Member::Trailer(inflate);
                        self.waiting.clear();
                    } else if read == 0 {
                        return Err(Failure::Invalid);
                    }
                    read
                }
                Member::Trailer(_) => self.trailer(input)?,
            };
            input = input.get(read..).unwrap_or_default();
        }
        Ok(())
    }

    /// Whether it may end here.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.member, Member::Header) && self.waiting.is_empty() && self.members > 0
    }

    fn header(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let before = self.waiting.len();
        self.waiting.extend_from_slice(input.get(..input.len().min(HEADER)).unwrap_or_default());
        let Some(length) = header_length(&self.waiting)? else {
            return if self.waiting.len() > HEADER {
                Err(Failure::Invalid)
            } else {
                Ok(input.len().min(HEADER))
            };
        };
        self.waiting.clear();
        self.member = Member::Body(Box::new(Inflate::new(false)));
        Ok(length - before)
    }

    fn trailer(&mut self, input: &[u8]) -> Result<usize, Failure> {
        let wanted = 8 - self.waiting.len();
        let piece = input.get(..wanted.min(input.len())).unwrap_or_default();
        self.waiting.extend_from_slice(piece);
        let Member::Trailer(inflate) = &self.member else { return Ok(piece.len()) };
        let [a, b, c, d, e, f, g, h] = *self.waiting.as_slice() else { return Ok(piece.len()) };
        let sound = u32::from_le_bytes([a, b, c, d]) == inflate.crc.sum()
            && u32::from_le_bytes([e, f, g, h]) == inflate.crc.amount();
        if !sound {
            return Err(Failure::Invalid);
        }
        self.waiting.clear();
        self.members += 1;
        self.member = Member::Header;
        Ok(piece.len())
    }
}

/// The length of a gzip header (RFC 1952 section 2.3); `None` where it is not all there.
fn header_length(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let magic = [0x1F, 0x8B, 8];
    if bytes.iter().zip(magic).any(|(&byte, want)| byte != want) {
        return Err(Failure::Invalid);
    }
    let Some(&flags) = bytes.get(3) else { return Ok(None) };
    if flags & 0xE0 != 0 {
        return Err(Failure::Invalid);
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let Some(&[low, high]) = bytes.get(at..at + 2) else { return Ok(None) };
        at += 2 + usize::from(u16::from_le_bytes([low, high]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(end) = bytes.get(at..).and_then(|rest| memchr::memchr(0, rest)) else { return Ok(None) };
            at += end + 1;
        }
    }
    at += usize::from(flags & 2);
    Ok((bytes.len() >= at).then_some(at))
}

/// `deflate`, which is zlib, or raw where a sender got it wrong.
pub(super) struct Deflated {
    inflate: Option<Inflate>,
    raw: bool,
    first: Option<u8>,
    over: bool,
}

impl Deflated {
    pub(super) fn new() -> Self {
        Self { inflate: None, raw: false, first: None, over: false }
    }

    pub(super) fn is_raw(&self) -> bool {
        self.raw
    }

    pub(super) fn push(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Failure> {
        if self.inflate.is_some() || input.is_empty() {
            return self.run(input, sink);
        }
        // The first two bytes tell a zlib header from a raw block.
        let (first, rest) = match (self.first, input.split_first()) {
            (Some(first), _) => (first, input),
            (None, Some((&first, rest))) => (first, rest),
            (None, None) => return Ok(()),
        };
        let Some(&second) = rest.first() else {
            self.first = Some(first);
            return Ok(());
        };
        let zlib = first & 0x0F == 8 && (u16::from(first) * 256 + u16::from(second)) % 31 == 0;
        self.raw = !zlib;
        self.inflate = Some(Inflate::new(zlib));
        self.run(&[first], sink)?;
        self.run(rest, sink)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.over
    }

    fn run(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Failure> {
        let Some(inflate) = &mut self.inflate else { return Ok(()) };
        if self.over {
            return if input.is_empty() { Ok(()) } else { Err(Failure::Invalid) };
        }
        let (read, over) = inflate.run(input, sink)?;
        self.over = over;
        if read < input.len() { Err(Failure::Invalid) } else { Ok(()) }
    }
}
