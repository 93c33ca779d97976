//! Frames (RFC 6455 section 5.2): only as much as is needed to find the text messages between all others.

/// Longest payload of a control frame (section 5.5).
const CONTROL_BYTES: u64 = 125;

/// A frame that breaks the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub &'static str);

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// More of a message.
    Continuation,
    /// A text message, or its beginning.
    Text,
    /// A binary message, or its beginning.
    Binary,
    /// Close, ping or pong: may stand between the frames of a message.
    Control,
}

/// The head of a client's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whether the message ends with it.
    pub last: bool,
    /// What it is for.
    pub opcode: Opcode,
    /// What its payload is masked with.
    pub mask: [u8; 4],
    /// Bytes of the payload.
    pub payload: u64,
    /// Bytes of the head.
    pub bytes: usize,
}

impl Head {
    /// The head at the start of `bytes`; `None` until all of it is there.
    ///
    /// # Errors
    /// It breaks a rule of the standard, or makes use of an extension, of which none was agreed on.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Broken> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        // "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values."
        if first & 0x70 != 0 {
            return Err(Broken("a frame of an extension that was not agreed on"));
        }
        let (last, opcode) = (first & 0x80 != 0, opcode(first & 0x0f)?);
        // Section 5.1: "a client MUST mask all frames that it sends to the server".
        if second & 0x80 == 0 {
            return Err(Broken("a frame that is not masked"));
        }
        let Some((payload, extended)) = length(second & 0x7f, rest)? else { return Ok(None) };
        // Section 5.5: "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented."
        if opcode == Opcode::Control && (payload > CONTROL_BYTES || !last) {
            return Err(Broken("a control frame that is too long, or one of several"));
        }
        let Some(mask) = rest.get(extended..).and_then(<[u8]>::first_chunk::<4>) else { return Ok(None) };
        Ok(Some(Self { last, opcode, mask: *mask, payload, bytes: 2 + extended + 4 }))
    }
}

fn opcode(bits: u8) -> Result<Opcode, Broken> {
    Ok(match bits {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8..=10 => Opcode::Control,
        _ => return Err(Broken("a frame of an unknown kind")),
    })
}

/// The payload's length and how many bytes say it beside the seven bits. "Note that in all cases, the minimal number of
/// bytes MUST be used to encode the length".
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Broken> {
    let (length, bytes, least) = match short {
        126 => match rest.first_chunk::<2>() {
            Some(two) => (u64::from(u16::from_be_bytes(*two)), 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(eight) => (u64::from_be_bytes(*eight), 8, 1 << 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, 0),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Broken("a frame whose length is written in a wrong way"));
    }
    Ok(Some((length, bytes)))
}

/// Masks, or unmasks, the payload from its start.
pub fn mask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// A text message in one frame of a client's.
pub fn text(mut payload: Vec<u8>, with: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![0x81];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&with);
    mask(&mut payload, with);
    frame.extend_from_slice(&payload);
    frame
}

/// A Close frame with this code and no reason; masked where it goes to a server (section 5.1).
pub fn close(code: u16, with: Option<[u8; 4]>) -> Vec<u8> {
    let mut payload = code.to_be_bytes();
    let Some(with) = with else { return [&[0x88, 2][..], &payload].concat() };
    mask(&mut payload, with);
    [&[0x88, 0x82][..], &with, &payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_masked_hello_of_the_rfc() {
        // RFC 6455 section 5.7.
        let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let head = Head::parse(&bytes).unwrap().unwrap();
        assert_eq!((head.last, head.opcode, head.payload, head.bytes), (true, Opcode::Text, 5, 6));
        let mut payload = bytes[6..].to_vec();
        mask(&mut payload, head.mask);
        assert_eq!(payload, b"Hello");
        assert_eq!(text(payload, head.mask), bytes);
    }

    #[test]
    fn what_breaks_the_rules_is_found_out() {
        for (bytes, why) in [
            (&[0xc1, 0x80, 0, 0, 0, 0][..], "an extension"),
            (&[0x81, 0x05], "not masked"),
            (&[0x83, 0x80, 0, 0, 0, 0], "unknown kind"),
            (&[0x8b, 0x80, 0, 0, 0, 0], "unknown kind"),
            (&[0x09, 0x80, 0, 0, 0, 0], "control frame"),
            (&[0x88, 0xfe, 0, 126, 0, 0, 0, 0], "control frame"),
            (&[0x81, 0xfe, 0, 125, 0, 0, 0, 0], "wrong way"),
            (&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0], "wrong way"),
            (&[0x81, 0xff, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "wrong way"),
        ] {
            let broken = Head::parse(bytes).unwrap_err();
            assert!(broken.0.contains(why), "{bytes:?}: {broken}");
        }
    }

    proptest! {
        #[test]
        fn a_written_message_is_read_back_and_no_beginning_of_it_is(
            length in prop_oneof![0usize..300, 65_000usize..66_000],
            with: [u8; 4],
        ) {
            let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let frame = text(payload.clone(), with);
            let head = Head::parse(&frame).unwrap().unwrap();
            prop_assert_eq!((head.payload, head.last, head.opcode), (length as u64, true, Opcode::Text));
            let mut read = frame[head.bytes..].to_vec();
            mask(&mut read, head.mask);
            prop_assert_eq!(read, payload);
            for cut in 0..head.bytes {
                prop_assert_eq!(Head::parse(&frame[..cut]), Ok(None));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let _ = Head::parse(&bytes);
        }
    }
}
