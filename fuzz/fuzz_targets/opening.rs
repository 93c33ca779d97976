//! Whatever a stream begins with, in whatever pieces it comes: what it is said to be is the same, and every byte is read
//! again.
//!
//! `fuzz/seeds/opening` holds a ClientHello and a request.
#![no_main]

use arbitrary::Arbitrary;
use doorward::gateway::{Opening, Peeked};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};

/// Longer than a look at bytes that are all there can take.
const PATIENCE: Duration = Duration::from_secs(60);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    piece: u8,
    bytes: &'a [u8],
}

/// What it begins with, and what is read of it afterwards.
async fn look(bytes: &[u8], piece: usize) -> (String, Vec<u8>) {
    let (mut client, server) = duplex(piece);
    let mut peeked = Peeked::new(server);
    let come = async move {
        let _ = client.write_all(bytes).await;
    };
    let read = async move {
        let opening: Opening = peeked.look(PATIENCE).await.expect("an opening");
        let mut again = Vec::new();
        peeked.read_to_end(&mut again).await.expect("bytes");
        (format!("{opening:?}"), again)
    };
    tokio::join!(come, read).1
}

fuzz_target!(|input: Input<'_>| {
    RUNTIME.with(|runtime| {
        let whole = runtime.block_on(look(input.bytes, 1 << 20));
        assert_eq!(whole.1, input.bytes);
        assert_eq!(runtime.block_on(look(input.bytes, usize::from(input.piece) + 1)), whole);
    });
});
