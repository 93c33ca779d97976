//! Where records lie, gathered into blocks for the index.

use crate::model::{KeyId, Timestamp};
use crate::store::Block;

/// A block ends with the record that makes it this long (bytes): some hundred records, read in a millisecond.
const BLOCK_BYTES: u64 = 256 << 10;

/// One record as it lies in its segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    /// Its number.
    pub seq: u64,
    /// First record of its segment.
    pub segment: u64,
    /// Where its frame begins in the segment's file (bytes).
    pub offset: u64,
    /// How long its frame is (bytes).
    pub bytes: u64,
    /// When it was made.
    pub time: Timestamp,
    /// The key it is sealed with.
    pub key: KeyId,
}

/// Puts records together that follow each other.
#[derive(Default)]
pub(super) struct Blocks {
    current: Option<Block>,
}

impl Blocks {
    /// Takes the next record; gives a block that ended, with this record or before it.
    pub fn add(&mut self, placed: Placed) -> Option<Block> {
        let follows = self.current.as_ref().is_some_and(|block| {
            block.segment == placed.segment
                && block.end() == placed.seq
                && block.offset + block.bytes == placed.offset
        });
        let ended = if follows { None } else { self.current.take() };
        let block = self.current.get_or_insert_with(|| Block {
            first: placed.seq,
            segment: placed.segment,
            offset: placed.offset,
            time: placed.time,
            ..Block::default()
        });
        block.records += 1;
        block.bytes += placed.bytes;
        // A few vendors' records at a time: looking through them costs less than hashing.
        if !block.keys.contains(&placed.key) {
            block.keys.push(placed.key);
        }
        let full = block.bytes >= BLOCK_BYTES;
        ended.or_else(|| if full { self.current.take() } else { None })
    }

    /// The block that has not ended yet.
    pub fn rest(&mut self) -> Option<Block> {
        self.current.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Blocks cover every record once, in order, and never reach over the end of a segment.
        #[test]
        fn blocks_cover_each_record_once(
            records in prop::collection::vec((1u64..100_000, 0u8..4, prop::bool::weighted(0.1)), 1..200),
        ) {
            let (mut blocks, mut ended, mut placed) = (Blocks::default(), Vec::new(), Vec::new());
            let (mut segment, mut offset) = (0, 50);
            for (seq, (bytes, key, rolls)) in (0..).zip(records) {
                if rolls {
                    (segment, offset) = (seq, 50);
                }
                let one =
                    Placed { seq, segment, offset, bytes, time: Timestamp(seq), key: KeyId([key; 16]) };
                offset += bytes;
                placed.push(one);
                ended.extend(blocks.add(one));
            }
            ended.extend(blocks.rest());
            let mut next = placed.iter();
            for block in &ended {
                let mut at = block.offset;
                for seq in block.first..block.end() {
                    let one = next.next().unwrap();
                    prop_assert_eq!((one.seq, one.segment, one.offset), (seq, block.segment, at));
                    prop_assert!(block.keys.contains(&one.key));
                    at += one.bytes;
                }
                prop_assert_eq!(at, block.offset + block.bytes);
            }
            prop_assert!(next.next().is_none());
        }
    }
}
