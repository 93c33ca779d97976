//! Whatever a client sends as a WebSocket frame: its head is inside its bytes, no byte less is one, and a text message
//! that is written again is read back.
#![no_main]

use doorward::exchange::websocket::frame::{Head, Opcode, mask, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(head)) = Head::parse(bytes) else { return };
    assert!(head.bytes <= bytes.len());
    assert_eq!(Head::parse(&bytes[..head.bytes]), Ok(Some(head)));
    assert_eq!(Head::parse(&bytes[..head.bytes - 1]), Ok(None));
    let Some(payload) = usize::try_from(head.payload).ok().and_then(|length| bytes[head.bytes..].get(..length))
    else {
        return;
    };
    let mut plain = payload.to_vec();
    mask(&mut plain, head.mask);
    if head.opcode == Opcode::Text && head.last {
        assert_eq!(text(plain, head.mask), bytes[..head.bytes + payload.len()]);
    }
});
