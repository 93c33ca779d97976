//! The messages of SOCKS5 (RFC 1928) and of its user names and passwords (RFC 1929): bytes to messages and back, nothing
//! else.
//!
//! Every reader takes all bytes that have come so far: it gives the message and its length, nothing where more must come,
//! or says what is wrong. No message is longer than [`LONGEST`].

use crate::model::{Host, Secret};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The first byte of everything but the password (RFC 1928 section 3).
pub const VERSION: u8 = 5;
/// The version of the password's own negotiation (RFC 1929 section 2).
const PASSWORD_VERSION: u8 = 1;
/// User name and password of 255 bytes each.
pub const LONGEST: usize = 3 + 2 * 255;

/// "NO AUTHENTICATION REQUIRED" (RFC 1928 section 3).
const NO_AUTHENTICATION: u8 = 0;
/// "USERNAME/PASSWORD".
const PASSWORD: u8 = 2;
/// "NO ACCEPTABLE METHODS".
const NONE_ACCEPTABLE: u8 = 0xff;

/// A message and its length in bytes; `None` where more must come.
pub type Read<T> = Result<Option<(T, usize)>, Malformed>;

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It begins with another version.
    Version,
    /// A reserved byte is in use.
    Reserved,
    /// Its address is of a kind that RFC 1928 does not know.
    AddressType,
    /// Its host is not one.
    Host,
}

impl Malformed {
    /// For the log.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Version => "this is not SOCKS version 5",
            Self::Reserved => "a reserved byte of SOCKS is not zero",
            Self::AddressType => "SOCKS knows no such kind of address",
            Self::Host => "the host of the SOCKS request is not one",
        }
    }
}

/// How a client is ready to say who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Not at all.
    pub without: bool,
    /// With a user name and a password.
    pub password: bool,
}

impl Greeting {
    /// RFC 1928 section 3: VER, NMETHODS, METHODS.
    ///
    /// # Errors
    /// [`Malformed::Version`].
    pub fn read(bytes: &[u8]) -> Read<Self> {
        expect(bytes, VERSION)?;
        let [_, count, rest @ ..] = bytes else { return Ok(None) };
        let Some(methods) = rest.get(..usize::from(*count)) else { return Ok(None) };
        let greeting =
            Self { without: methods.contains(&NO_AUTHENTICATION), password: methods.contains(&PASSWORD) };
        Ok(Some((greeting, 2 + methods.len())))
    }
}

/// A user name and a password, as sent.
#[derive(Debug)]
pub struct Credential {
    /// The user name.
    pub name: Vec<u8>,
    /// The password.
    pub password: Secret<Vec<u8>>,
}

impl Credential {
    /// RFC 1929 section 2: VER, ULEN, UNAME, PLEN, PASSWD.
    ///
    /// # Errors
    /// [`Malformed::Version`].
    pub fn read(bytes: &[u8]) -> Read<Self> {
        expect(bytes, PASSWORD_VERSION)?;
        let Some((name, rest)) = bytes.get(1..).and_then(counted) else { return Ok(None) };
        let Some((password, _)) = counted(rest) else { return Ok(None) };
        let length = 3 + name.len() + password.len();
        Ok(Some((Self { name: name.to_vec(), password: Secret::new(password.to_vec()) }, length)))
    }
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether it is a connection, and not BIND or UDP ASSOCIATE.
    pub is_connect: bool,
    /// Whereto; every spelling of an address is one host, in names too.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Request {
    /// RFC 1928 section 4: VER, CMD, RSV, ATYP, DST.ADDR, DST.PORT.
    ///
    /// # Errors
    /// [`Malformed`], as soon as it is certain.
    pub fn read(bytes: &[u8]) -> Read<Self> {
        expect(bytes, VERSION)?;
        let [_, command, reserved, kind, rest @ ..] = bytes else { return Ok(None) };
        // RFC 1928 section 4: "Fields marked RESERVED (RSV) must be set to X'00'."
        if *reserved != 0 {
            return Err(Malformed::Reserved);
        }
        let (address, length) = match kind {
            1 => (rest.first_chunk().map(|bytes| Ok(Host::Address(Ipv4Addr::from_octets(*bytes).into()))), 4),
            3 => (
                counted(rest).map(|(name, _)| host(name)),
                1 + rest.first().map_or(0, |byte| usize::from(*byte)),
            ),
            4 => {
                (rest.first_chunk().map(|bytes| Ok(Host::Address(Ipv6Addr::from_octets(*bytes).into()))), 16)
            }
            _ => return Err(Malformed::AddressType),
        };
        let Some(port) = rest.get(length..).and_then(<[u8]>::first_chunk) else { return Ok(None) };
        let Some(address) = address else { return Ok(None) };
        let request = Self { is_connect: *command == 1, host: address?, port: u16::from_be_bytes(*port) };
        Ok(Some((request, 4 + length + 2)))
    }
}

fn expect(bytes: &[u8], version: u8) -> Result<(), Malformed> {
    match bytes.first() {
        Some(first) if *first != version => Err(Malformed::Version),
        _ => Ok(()),
    }
}

/// A length of one byte and as many bytes, and what comes after them.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn host(name: &[u8]) -> Result<Host, Malformed> {
    std::str::from_utf8(name).ok().and_then(Host::parse).ok_or(Malformed::Host)
}

/// How the client shall say who it is (RFC 1928 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// It need not.
    Without = NO_AUTHENTICATION,
    /// By user name and password.
    Password = PASSWORD,
    /// It cannot: the connection ends.
    None = NONE_ACCEPTABLE,
}

impl Method {
    /// VER, METHOD.
    pub fn write(self) -> [u8; 2] {
        [VERSION, self as u8]
    }
}

/// VER, STATUS (RFC 1929 section 2): "If the server returns a `failure' (STATUS value other than X'00') status, it MUST
/// close the connection."
pub fn credential_answer(accepted: bool) -> [u8; 2] {
    [PASSWORD_VERSION, u8::from(!accepted)]
}

/// What becomes of a request (RFC 1928 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// The stream behind it is the connection.
    Succeeded = 0,
    /// "general SOCKS server failure".
    Failed = 1,
    /// "connection not allowed by ruleset".
    NotAllowed = 2,
    /// "Network unreachable".
    NetworkUnreachable = 3,
    /// "Host unreachable".
    HostUnreachable = 4,
    /// "Connection refused".
    ConnectionRefused = 5,
    /// "Command not supported".
    CommandNotSupported = 7,
    /// "Address type not supported".
    AddressTypeNotSupported = 8,
}

impl Outcome {
    /// VER, REP, RSV, ATYP, BND.ADDR, BND.PORT. From which address of the house it goes on is nobody's business.
    pub fn write(self) -> [u8; 10] {
        [VERSION, self as u8, 0, 1, 0, 0, 0, 0, 0, 0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn request(kind: u8, address: &[u8], port: u16) -> Vec<u8> {
        [&[5, 1, 0, kind], address, &port.to_be_bytes()].concat()
    }

    fn named(name: &str) -> Vec<u8> {
        request(3, &[&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat(), 443)
    }

    #[test]
    fn every_kind_of_address_is_read() {
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1];
        let cases = [
            (named("Shop.Test."), "shop.test"),
            (named("münchen.test"), "xn--mnchen-3ya.test"),
            (named("0x7f.1"), "127.0.0.1"),
            (named("::1"), "::1"),
            (request(1, &[192, 0, 2, 7], 443), "192.0.2.7"),
            (request(4, &mapped, 443), "::ffff:127.0.0.1"),
        ];
        for (bytes, host) in cases {
            let (request, length) = Request::read(&bytes).unwrap().unwrap();
            assert_eq!((Some(request.host), request.port, length), (Host::parse(host), 443, bytes.len()));
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let cases: [(&[u8], Malformed); 6] = [
            (&[4], Malformed::Version),
            (&[5, 1, 1, 1], Malformed::Reserved),
            (&[5, 1, 0, 2], Malformed::AddressType),
            (&request(3, &[0], 443), Malformed::Host),
            (&request(3, &[2, 0xff, 0xfe], 443), Malformed::Host),
            (&named("a b"), Malformed::Host),
        ];
        for (bytes, wrong) in cases {
            assert_eq!(Request::read(bytes), Err(wrong), "{bytes:?}");
        }
        for command in [0, 2, 3, 255] {
            let mut bytes = named("shop.test");
            bytes[1] = command;
            assert!(!Request::read(&bytes).unwrap().unwrap().0.is_connect);
        }
    }

    #[test]
    fn methods_and_passwords_are_read() {
        let both = Greeting { without: true, password: true };
        assert_eq!(Greeting::read(&[5, 3, 0, 1, 2]), Ok(Some((both, 5))));
        assert_eq!(Greeting::read(&[5, 0]), Ok(Some((Greeting { without: false, password: false }, 2))));
        let (credential, length) = Credential::read(b"\x01\x03ann\x05to:en...").unwrap().unwrap();
        assert_eq!((credential.name.as_slice(), length), (&b"ann"[..], 11));
        assert_eq!(credential.password.expose(), b"to:en");
        assert_eq!(Credential::read(b"\x05").unwrap_err(), Malformed::Version);
        assert!(!format!("{credential:?}").contains("58"), "{credential:?}");
    }

    /// A message is the same however it comes and whatever comes behind it; no part of it is one.
    fn is_read_alike<T: std::fmt::Debug>(
        bytes: &[u8],
        read: impl Fn(&[u8]) -> Read<T>,
    ) -> Result<(), TestCaseError> {
        let Ok(Some((message, length))) = read(bytes) else { return Ok(()) };
        prop_assert!(length <= bytes.len() && length <= LONGEST);
        for end in 0..length {
            prop_assert!(matches!(read(&bytes[..end]), Ok(None)));
        }
        let (alone, same) = read(&bytes[..length]).unwrap().unwrap();
        prop_assert_eq!((format!("{alone:?}"), same), (format!("{message:?}"), length));
        Ok(())
    }

    proptest! {
        #[test]
        fn a_message_has_one_length(tail in vec(any::<u8>(), 0..600), kind in 1u8..5) {
            is_read_alike(&[&[VERSION][..], &tail].concat(), Greeting::read)?;
            is_read_alike(&[&[PASSWORD_VERSION][..], &tail].concat(), Credential::read)?;
            is_read_alike(&[&[VERSION, 1, 0, kind][..], &tail].concat(), Request::read)?;
        }

        #[test]
        fn enough_bytes_are_always_answered(bytes in vec(any::<u8>(), LONGEST..LONGEST + 9)) {
            prop_assert!(!matches!(Greeting::read(&bytes), Ok(None)));
            prop_assert!(!matches!(Credential::read(&bytes), Ok(None)));
            prop_assert!(!matches!(Request::read(&bytes), Ok(None)));
        }
    }
}
