//! Segment files: `00000000000000000041.seg` holds the entries from number 41 on.
//!
//! A file is the magic, one header frame, then a frame for each entry. A frame is a little-endian `u32` length, the
//! first eight bytes of the content's leaf hash, and the content; so a torn write shows, and the check costs
//! nothing that the tree does not need anyway. Behind the last frame there may be zeros: room for the next ones.

use super::cbor::Writer;
use super::entry::{ENTRY_BYTES, fixed};
use super::tree::{CompactRange, Hash, leaf_hash};
use crate::model::{FlowId, QuickMap, Timestamp};
use minicbor::Decoder;
use uuid::Uuid;

const MAGIC: &[u8; 8] = b"DOORLED1";
/// Bytes before a frame's content.
pub(crate) const FRAME_HEAD: usize = 12;
/// Longest header: 65,536 open flows and then some.
const HEADER_BYTES: usize = 4 << 20;
const SUFFIX: &str = ".seg";

/// The flows that were opened and have no CLOSE yet, each with the number of the record that opened it.
pub(crate) type OpenFlows = QuickMap<FlowId, u64>;

/// The file name of the segment that begins with this entry.
pub(crate) fn name_of(first: u64) -> String {
    format!("{first:020}{SUFFIX}")
}

/// The first entry of the segment with this file name.
pub(crate) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// What a segment says of the log before it, so that the log can be taken up from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// When the segment was begun.
    pub time: Timestamp,
    /// The tree before the segment's first entry.
    pub tree: CompactRange,
    /// The flows that were open then.
    pub open: OpenFlows,
}

impl Header {
    /// Magic and header frame.
    pub fn write(&self) -> Vec<u8> {
        let mut content = Vec::new();
        let mut cbor = Writer(&mut content);
        cbor.array(4);
        cbor.uint(self.tree.size());
        cbor.uint(self.time.0);
        cbor.array(self.tree.peaks().len());
        self.tree.peaks().iter().for_each(|peak| cbor.bytes(peak));
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_by_key(|(_, seq)| **seq);
        cbor.array(open.len() * 2);
        for (flow, seq) in open {
            cbor.bytes(flow.0.as_bytes());
            cbor.uint(*seq);
        }
        let mut bytes = MAGIC.to_vec();
        write_frame(&content, &leaf_hash(&content), &mut bytes);
        bytes
    }

    /// The header at the start of a segment's bytes, with the bytes behind it. `None` where it is torn or changed.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut frames = Frames { rest: bytes.strip_prefix(MAGIC)?, limit: HEADER_BYTES };
        let content = frames.next()?.ok()?.content;
        let header = Self::parse(content)?;
        // One spelling only.
        (header.write() == bytes.get(..bytes.len() - frames.rest.len())?).then_some((header, frames.rest))
    }

    fn parse(content: &[u8]) -> Option<Self> {
        let mut cbor = Decoder::new(content);
        if cbor.array().ok()? != Some(4) {
            return None;
        }
        let (size, time) = (cbor.u64().ok()?, cbor.u64().ok()?);
        let peaks = (0..cbor.array().ok()??).map(|_| fixed(&mut cbor)).collect::<Option<Vec<Hash>>>()?;
        let open = (0..cbor.array().ok()?? / 2)
            .map(|_| Some((FlowId(Uuid::from_bytes(fixed(&mut cbor)?)), cbor.u64().ok()?)))
            .collect::<Option<OpenFlows>>()?;
        let tree = CompactRange::from_parts(size, peaks)?;
        Some(Self { time: Timestamp(time), tree, open })
    }
}

/// How many bytes magic and header take, told from the file's first bytes; at least as many as are needed.
pub(crate) fn header_length(head: &[u8]) -> Option<usize> {
    let (length, _) = head.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= HEADER_BYTES).then_some(MAGIC.len() + FRAME_HEAD + length)
}

/// Writes one frame.
pub(crate) fn write_frame(content: &[u8], leaf: &Hash, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(leaf.first_chunk::<8>().unwrap_or(&[0; 8]));
    out.extend_from_slice(content);
}

/// A frame whose checksum fits.
pub(crate) struct Frame<'a> {
    pub content: &'a [u8],
    pub leaf: Hash,
}

/// What stands where a frame should: a torn or changed one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    /// Bytes from there to the end.
    pub bytes: usize,
}

/// The entries' frames, each checked; ends after the first torn one, and before the room behind the last one.
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
    limit: usize,
}

impl<'a> Frames<'a> {
    /// Reads frames of entries.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, limit: ENTRY_BYTES }
    }

    /// What is left once no frame is: the zeros behind the last one.
    pub fn room(&self) -> usize {
        self.rest.len()
    }

    /// The next frame without its checksum, which a reader that opens the seal does not need.
    pub fn next_unchecked(&mut self) -> Option<&'a [u8]> {
        let (length, _, rest) = split_head(self.rest)?;
        let (content, rest) = rest.split_at_checked(length).filter(|_| length <= self.limit && length > 0)?;
        self.rest = rest;
        Some(content)
    }
}

fn split_head(bytes: &[u8]) -> Option<(usize, &[u8; 8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<8>()?;
    Some((u32::from_le_bytes(*length) as usize, check, rest))
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Torn>;

    fn next(&mut self) -> Option<Self::Item> {
        // A frame's length is never zero.
        if self.rest.iter().all(|byte| *byte == 0) {
            return None;
        }
        let torn = Torn { bytes: self.rest.len() };
        let frame = split_head(self.rest).and_then(|(_, check, _)| {
            let content = self.next_unchecked()?;
            let leaf = leaf_hash(content);
            leaf.starts_with(check).then_some(Frame { content, leaf })
        });
        if frame.is_none() {
            self.rest = &[];
        }
        Some(frame.ok_or(torn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let mut tree = CompactRange::default();
        (0..5).for_each(|leaf| tree.push([leaf; 32]));
        Header {
            time: Timestamp(7),
            tree,
            open: OpenFlows::from_iter([(FlowId::now(), 3), (FlowId::now(), 4)]),
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written_and_no_flipped_bit_passes() {
        let header = header();
        let mut bytes = header.write();
        assert_eq!(header_length(&bytes), Some(bytes.len()));
        assert_eq!(Header::read(&bytes), Some((header, &[][..])));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn frames_end_at_the_first_torn_one() {
        let mut bytes = Vec::new();
        for content in [&b"one"[..], b"two"] {
            write_frame(content, &leaf_hash(content), &mut bytes);
        }
        let read = |bytes: &[u8]| {
            Frames::new(bytes).map(|frame| frame.map(|frame| frame.content.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(read(&bytes), [Ok(b"one".to_vec()), Ok(b"two".to_vec())]);
        for cut in 16..bytes.len() {
            assert_eq!(read(&bytes[..cut])[1..], [Err(Torn { bytes: cut - 15 })]);
        }
        let whole = bytes.len();
        bytes.extend([0; 20]);
        assert_eq!(read(&bytes).len(), 2);
        for at in whole..bytes.len() {
            bytes[at] = 1;
            assert_eq!(read(&bytes)[2..], [Err(Torn { bytes: 20 })], "what is no room is torn");
            bytes[at] = 0;
        }
    }

    #[test]
    fn names_sort_as_numbers() {
        assert!(name_of(9) < name_of(10));
        assert_eq!(first_of(&name_of(41)), Some(41));
        for name in ["41.seg", "checkpoints", "0000000000000000004x.seg", "00000000000000000041.seg.new"] {
            assert_eq!(first_of(name), None);
        }
    }
}
