//! HTTP/2 by the byte: frames as no library would send them, and what came back.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// What a client says first: the magic, and SETTINGS that change nothing.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Fields of a header block, in their order.
pub type Fields<'a> = Vec<(&'a str, &'a [u8])>;

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block of literal fields (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name.as_bytes(), value] {
            assert!(text.len() < 127);
            out.push(u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text);
        }
    }
    out
}

/// A frame that was read.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The next one, `None` at the end of the connection.
    pub async fn read<T: AsyncRead + Unpin>(from: &mut T) -> Option<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        from.read_exact(&mut payload).await.ok()?;
        let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
        Some(Self { kind: head[3], flags: head[4], stream, payload })
    }

    /// The error code of a RST_STREAM or GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status in a HEADERS frame that is the first of its connection: an entry of the static table, or a literal.
    pub fn status(&self) -> u16 {
        match self.payload[0] {
            entry @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(entry - 0x88)],
            0x48 if self.payload[1] & 0x80 == 0 => {
                std::str::from_utf8(&self.payload[2..5]).unwrap().parse().unwrap()
            }
            0x48 => three_digits(&self.payload[2..2 + usize::from(self.payload[1] & 0x7f)]),
            other => panic!("no status begins with {other:#x}"),
        }
    }
}

/// Digits in the code of RFC 7541 appendix B: 0 to 2 have five bits, the others six.
fn three_digits(coded: &[u8]) -> u16 {
    let bits: Vec<u16> =
        coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1))).collect();
    let number =
        |from: usize, count: usize| bits[from..from + count].iter().fold(0, |all, bit| all << 1 | bit);
    let (mut at, mut out) = (0, 0);
    for _ in 0..3 {
        let short = number(at, 5);
        let (digit, length) = if short < 3 { (short, 5) } else { (number(at, 6) - 0b011001 + 3, 6) };
        (at, out) = (at + length, out * 10 + digit);
    }
    out
}

/// Says the preface and `frames`, acknowledges SETTINGS, and reads until `over` says so or the connection ends.
pub async fn speak<T: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut T,
    frames: &[u8],
    mut over: impl FnMut(&Frame) -> bool,
) -> Vec<Frame> {
    let _ = stream.write_all(PREFACE).await;
    let _ = stream.write_all(frames).await;
    let _ = stream.flush().await;
    let mut read = Vec::new();
    while let Some(frame) = Frame::read(stream).await {
        if frame.kind == SETTINGS && frame.flags & ACK == 0 {
            let _ = stream.write_all(&self::frame(SETTINGS, ACK, 0, &[])).await;
            let _ = stream.flush().await;
        }
        let done = over(&frame);
        read.push(frame);
        if done {
            break;
        }
    }
    read
}
