//! Where one frame ends and the next begins, in bytes that are carried as they come (RFC 6455 section 5.2).

/// The opcode of a Close frame.
const CLOSE: u8 = 8;

/// Follows one direction. Only between two frames can the gateway say something of its own.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// What of the next head is there.
    head: Vec<u8>,
    /// Bytes of the payload that are still to come.
    left: u64,
    /// Bytes are on their way, and may have gone in part.
    torn: bool,
    /// A Close frame has gone: nothing may follow it.
    closed: bool,
}

impl Boundary {
    /// Bytes begin to leave.
    pub(super) fn departs(&mut self) {
        self.torn = true;
    }

    /// These bytes have left.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        self.torn = false;
        loop {
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= here as u64;
            bytes = bytes.get(here..).unwrap_or_default();
            let Some((first, rest)) = bytes.split_first() else { return };
            self.head.push(*first);
            bytes = rest;
            if let Some(payload) = payload(&self.head) {
                self.closed |= self.head.first().is_some_and(|first| first & 0x0f == CLOSE);
                self.left = payload;
                self.head.clear();
            }
        }
    }

    /// Whether a frame of the gateway's own may be said here.
    pub(super) fn is_open(&self) -> bool {
        self.head.is_empty() && self.left == 0 && !self.torn && !self.closed
    }
}

/// The length of the payload behind a whole head; `None` while it is not whole.
fn payload(head: &[u8]) -> Option<u64> {
    let second = head.get(1)?;
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let masked = if second & 0x80 == 0 { 0 } else { 4 };
    if head.len() < 2 + extended + masked {
        return None;
    }
    let length = head.get(2..2 + extended)?;
    Some(match extended {
        0 => u64::from(second & 0x7f),
        _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A frame of this kind and length, masked or not.
    fn frame(opcode: u8, length: usize, masked: bool) -> Vec<u8> {
        let bit = if masked { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(bit | length as u8),
            126..0x1_0000 => {
                frame.push(bit | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            _ => {
                frame.push(bit | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend(std::iter::repeat_n(0x88, if masked { 4 } else { 0 } + length));
        frame
    }

    proptest! {
        #[test]
        fn it_is_open_between_frames_and_nowhere_else(
            lengths in prop::collection::vec(
                (prop_oneof![0usize..130, 65_530usize..65_540], any::<bool>()),
                1..6,
            ),
            chunk in 1usize..5_000,
        ) {
            let frames: Vec<_> = lengths.iter().map(|(length, masked)| frame(2, *length, *masked)).collect();
            let mut ends = vec![0];
            for frame in &frames {
                ends.push(ends[ends.len() - 1] + frame.len());
            }
            let (mut boundary, mut at) = (Boundary::default(), 0);
            for piece in frames.concat().chunks(chunk) {
                boundary.departs();
                prop_assert!(!boundary.is_open());
                boundary.follow(piece);
                at += piece.len();
                prop_assert_eq!(boundary.is_open(), ends.contains(&at), "{}", at);
            }
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut boundary = Boundary::default();
        assert!(boundary.is_open());
        boundary.follow(&frame(9, 0, true));
        assert!(boundary.is_open());
        boundary.follow(&frame(8, 2, true));
        assert!(!boundary.is_open());
    }
}
