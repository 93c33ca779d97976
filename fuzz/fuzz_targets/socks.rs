//! Whatever a client sends as SOCKS: a message is inside its bytes, has its length already without what comes behind it,
//! and no byte less is one.
//!
//! `fuzz/seeds/socks` holds one message of each kind.
#![no_main]

use doorward::gateway::socks::{Credential, Greeting, LONGEST, Read, Request};
use libfuzzer_sys::fuzz_target;
use std::fmt::Debug;

fn check<T: Debug>(bytes: &[u8], read: impl Fn(&[u8]) -> Read<T>) {
    match read(bytes) {
        Ok(Some((message, length))) => {
            assert!(length <= bytes.len() && length <= LONGEST);
            assert!(matches!(read(&bytes[..length - 1]), Ok(None)));
            let (alone, same) = read(&bytes[..length]).expect("a message").expect("whole");
            assert_eq!((format!("{alone:?}"), same), (format!("{message:?}"), length));
        }
        Ok(None) => assert!(bytes.len() < LONGEST),
        Err(_) => {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes, Greeting::read);
    check(bytes, Credential::read);
    check(bytes, Request::read);
});
