//! One entry of the log: what stands in the clear, and the sealed rest.
//!
//! An entry is a CBOR array (RFC 8949 section 4.2.1, one spelling only):
//! `[version, seq, time, kind, flow / null, key id, nonce, commitment, sealed]`.
//! All from `time` on is made by the caller; the ledger's thread only puts version and seq in front. The tree
//! commits to these bytes, so to ciphertext: an erased key leaves every hash valid.

use super::cbor::Writer;
use crate::model::record::Event;
use crate::model::{FlowId, KeyId, Timestamp};
use minicbor::Decoder;
use minicbor::data::Type;

/// The version of the entry format.
pub const VERSION: u64 = 1;
/// Longest entry, in bytes; a tlog entry bundle holds at most 65,535.
pub const ENTRY_BYTES: usize = 48 << 10;
/// Bytes of an XChaCha20-Poly1305 nonce.
pub(crate) const NONCE_BYTES: usize = 24;

/// What kind of record an entry is; stands in the clear so that anybody can check that each flow has its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request is about to be sent.
    Open,
    /// A flow that was opened, inspected or not, has ended.
    Close,
    /// More edits of a flow.
    Edits,
    /// A pseudonym was made.
    Issue,
    /// Answered here.
    Blocked,
    /// Bytes are about to go through unread.
    Tunnel,
    /// Turned away.
    Refused,
    /// The log was picked up again, or something is missing.
    Gap,
    /// The configuration changed.
    Config,
    /// Keys were erased.
    Erase,
    /// A checkpoint.
    Checkpoint,
}

impl Kind {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Open, "open"),
        (Self::Close, "close"),
        (Self::Edits, "edits"),
        (Self::Issue, "issue"),
        (Self::Blocked, "blocked"),
        (Self::Tunnel, "tunnel"),
        (Self::Refused, "refused"),
        (Self::Gap, "gap"),
        (Self::Config, "config"),
        (Self::Erase, "erase"),
        (Self::Checkpoint, "checkpoint"),
    ];

    /// The kind of an event.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Open { .. } => Self::Open,
            Event::Close { .. } => Self::Close,
            Event::Edits { .. } => Self::Edits,
            Event::Issue { .. } => Self::Issue,
            Event::Blocked { .. } => Self::Blocked,
            Event::Tunnel { .. } => Self::Tunnel,
            Event::Refused { .. } => Self::Refused,
            Event::Gap { .. } => Self::Gap,
            Event::Config { .. } => Self::Config,
            Event::Erase { .. } => Self::Erase,
            Event::Checkpoint { .. } => Self::Checkpoint,
        }
    }

    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    /// Whether it is the first record of a flow.
    pub fn is_head(self) -> bool {
        self.opens() || self.stands_alone()
    }

    /// Whether it opens a flow, which then has exactly one CLOSE.
    pub fn opens(self) -> bool {
        matches!(self, Self::Open | Self::Tunnel)
    }

    /// Whether it is the only record of a flow of which nothing was sent.
    pub fn stands_alone(self) -> bool {
        matches!(self, Self::Blocked | Self::Refused)
    }

    fn code(self) -> u64 {
        self as u64 + 1
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        let index = usize::try_from(code.checked_sub(1)?).ok()?;
        Self::ALL.get(index).map(|(kind, _)| *kind)
    }
}

/// What stands in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outer {
    /// When.
    pub time: Timestamp,
    /// What kind.
    pub kind: Kind,
    /// The flow, where there is one.
    pub flow: Option<FlowId>,
    /// Names the key that opens it.
    pub key: KeyId,
    pub(crate) nonce: [u8; NONCE_BYTES],
    /// `SHA-256(salt || payload)` with a salt that only the key gives: shows that an opened record is the one that
    /// was written, also to somebody without the key, and says nothing once the key is erased.
    pub commitment: [u8; 32],
}

impl Outer {
    /// Writes the part between seq and the sealed bytes: also the additional data of the seal.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut cbor = Writer(out);
        cbor.uint(self.time.0);
        cbor.uint(self.kind.code());
        match &self.flow {
            Some(flow) => cbor.bytes(flow.0.as_bytes()),
            None => cbor.null(),
        }
        cbor.bytes(&self.key.0);
        cbor.bytes(&self.nonce);
        cbor.bytes(&self.commitment);
    }
}

/// Writes what the ledger's thread puts in front of a tail.
pub(crate) fn write_front(seq: u64, out: &mut Vec<u8>) {
    let mut cbor = Writer(out);
    cbor.array(9);
    cbor.uint(VERSION);
    cbor.uint(seq);
}

/// An entry, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number, dense from 0.
    pub seq: u64,
    /// What stands in the clear.
    pub outer: Outer,
    /// Ciphertext and tag.
    pub sealed: &'a [u8],
}

/// Reads an entry; `None` for bytes that are not exactly one, spelled in the one way.
pub fn parse(bytes: &[u8]) -> Option<Entry<'_>> {
    if bytes.len() > ENTRY_BYTES {
        return None;
    }
    let entry = read(&mut Decoder::new(bytes))?;
    // Writing it again must give the same bytes: whatever reads this log later sees one entry, never two.
    let mut again = Vec::with_capacity(160);
    write_front(entry.seq, &mut again);
    entry.outer.write(&mut again);
    Writer(&mut again).bytes_head(entry.sealed.len());
    let same = bytes.strip_prefix(again.as_slice()) == Some(entry.sealed);
    same.then_some(entry)
}

fn read<'a>(decoder: &mut Decoder<'a>) -> Option<Entry<'a>> {
    if decoder.array().ok()? != Some(9) || decoder.u64().ok()? != VERSION {
        return None;
    }
    let seq = decoder.u64().ok()?;
    let time = Timestamp(decoder.u64().ok()?);
    let kind = Kind::from_code(decoder.u64().ok()?)?;
    let flow = if decoder.datatype().ok()? == Type::Null {
        decoder.null().ok()?;
        None
    } else {
        Some(FlowId(uuid::Uuid::from_bytes(fixed(decoder)?)))
    };
    let outer = Outer {
        time,
        kind,
        flow,
        key: KeyId(fixed(decoder)?),
        nonce: fixed(decoder)?,
        commitment: fixed(decoder)?,
    };
    Some(Entry { seq, outer, sealed: decoder.bytes().ok()? })
}

/// A byte string of exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(decoder: &mut Decoder<'_>) -> Option<[u8; N]> {
    decoder.bytes().ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        write_front(300, &mut bytes);
        let outer = Outer {
            time: Timestamp(1_795_305_600_123),
            kind: Kind::Close,
            flow: Some(FlowId::now()),
            key: KeyId([1; 16]),
            nonce: [2; 24],
            commitment: [3; 32],
        };
        outer.write(&mut bytes);
        Writer(&mut bytes).bytes(b"sealed");
        bytes
    }

    #[test]
    fn reads_what_it_wrote() {
        let bytes = sample();
        let entry = parse(&bytes).unwrap();
        assert_eq!((entry.seq, entry.outer.kind, entry.sealed), (300, Kind::Close, &b"sealed"[..]));
    }

    #[test]
    fn there_is_one_spelling() {
        let bytes = sample();
        let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
        assert_eq!(parse(&longer), None);
        assert_eq!(parse(&bytes[..bytes.len() - 1]), None);
        // The version as a two-byte integer means the same number, but is another spelling.
        let wide: Vec<u8> = [bytes[0], 0x18, 1].into_iter().chain(bytes[2..].iter().copied()).collect();
        assert_eq!(parse(&wide), None);
    }

    #[test]
    fn kinds_and_codes_match() {
        for (kind, word) in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
            assert_eq!(kind.as_str(), word);
        }
        assert_eq!(Kind::from_code(0), None);
        assert_eq!(Kind::from_code(12), None);
    }
}
