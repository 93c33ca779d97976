//! The messages of HTTP/1.1 and what becomes of each.

use crate::support::vendor::Received;
use Expected::{Broken, Kept, NoAnswer, NotHttp, Read, ReadAndClosed, Refused};

/// Fields beside Host and what the gateway says itself.
type Fields = &'static [(&'static str, &'static str)];

/// What becomes of a message.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// hyper answers with this status alone, closes, and the record says so. Nothing is sent.
    NotHttp(u16),
    /// The same without an answer.
    NoAnswer,
    /// Answered with this status and closed, recorded with this reason. Nothing is sent.
    Refused(u16, &'static str),
    /// Likewise, but the next request on the connection is one.
    Kept(u16, &'static str),
    /// Its body breaks off: 400, closed; the flow that was opened is `cut-by-client`, the vendor has no whole request.
    Broken,
    /// Read one way: the vendor gets one request with these fields and this body, and the next request is one.
    Read(Fields, &'static str),
    /// Likewise, and what follows is not read.
    ReadAndClosed(Fields, &'static str),
}

impl Expected {
    /// The statuses of all answers on the connection.
    pub fn statuses(self) -> Vec<u16> {
        match self {
            NotHttp(status) | Refused(status, _) => vec![status],
            Kept(status, _) => vec![status, 200],
            NoAnswer => Vec::new(),
            Broken => vec![400],
            Read(..) => vec![200, 200],
            ReadAndClosed(..) => vec![200],
        }
    }

    /// How many requests the vendor gets, the one behind it among them.
    pub fn requests(self) -> usize {
        match self {
            NotHttp(_) | NoAnswer | Refused(..) | Broken => 0,
            Kept(..) | ReadAndClosed(..) => 1,
            Read(..) => 2,
        }
    }

    /// Whether the vendor's first request is the one that was meant.
    pub fn is_met_by(self, request: &Received, line: &str) -> bool {
        let (fields, body) = match self {
            Read(fields, body) | ReadAndClosed(fields, body) => (fields, body),
            _ => return request.target() == "/after",
        };
        let mut sent = request.headers();
        sent.retain(|(name, value)| !(name.eq_ignore_ascii_case("sec-gpc") && value == "1"));
        let mut wanted = vec![("Host", "shop.test")];
        wanted.extend(fields);
        let same = sent.len() == wanted.len()
            && sent
                .iter()
                .zip(wanted)
                .all(|(sent, (name, value))| sent.0.eq_ignore_ascii_case(name) && sent.1 == value);
        request.line() == line && same && request.body() == body.as_bytes()
    }
}

/// A message: its name, what stands behind the request line and Host, and what becomes of it.
pub type Case = (&'static str, &'static str, Expected);

/// A head: its name, the whole message, the request line that the vendor gets, and what becomes of it.
pub type Head = (&'static str, &'static [u8], &'static str, Expected);

const CHUNKED: (&str, &str) = ("transfer-encoding", "chunked");

/// Head fields and bodies. Where hyper resolves by itself, the row is `Read`.
#[rustfmt::skip]
pub const MESSAGES: &[Case] = &[
    // RFC 9112 section 6.3: Transfer-Encoding overrides Content-Length; section 6.1: "the server MUST close the connection
    // after responding".
    ("length, then chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", ReadAndClosed(&[CHUNKED], "x")),
    ("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nx\r\n0\r\n\r\n", ReadAndClosed(&[CHUNKED], "x")),
    ("chunks and no length", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n1\r\nx\r\n0\r\n\r\n", ReadAndClosed(&[CHUNKED], "x")),
    ("two equal lengths", "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", Read(&[("Content-Length", "1")], "x")),
    ("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", NotHttp(400)),
    ("a list of lengths", "Content-Length: 1, 1\r\n\r\nx", NotHttp(400)),
    ("length with a plus", "Content-Length: +1\r\n\r\nx", NotHttp(400)),
    ("length with a minus", "Content-Length: -1\r\n\r\nx", NotHttp(400)),
    ("length in hexadecimal", "Content-Length: 0x1\r\n\r\nx", NotHttp(400)),
    ("length with a blank within", "Content-Length: 1 1\r\n\r\nx", NotHttp(400)),
    ("length that is empty", "Content-Length:\r\n\r\n", NotHttp(400)),
    ("length beyond 64 bits", "Content-Length: 18446744073709551617\r\n\r\nx", NotHttp(400)),
    ("length of 64 bits", "Content-Length: 18446744073709551615\r\n\r\nx", NotHttp(431)),
    ("length with zeros before", "Content-Length: 01\r\n\r\nx", Read(&[("Content-Length", "01")], "x")),
    ("another coding", "Transfer-Encoding: gzip\r\n\r\n", NotHttp(400)),
    ("another coding below chunks", "Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Refused(501, "this transfer coding is not carried by this gateway")),
    ("another coding on a line of its own", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Refused(501, "this transfer coding is not carried by this gateway")),
    ("another coding above chunks", "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", NotHttp(400)),
    ("chunks twice", "Transfer-Encoding: chunked, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Refused(400, "chunked stands more than once")),
    ("chunks on two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Refused(400, "chunked stands more than once")),
    ("identity", "Transfer-Encoding: identity\r\n\r\n", NotHttp(400)),
    ("identity below chunks", "Transfer-Encoding: identity, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", Refused(501, "this transfer coding is not carried by this gateway")),
    ("chunks with a parameter", "Transfer-Encoding: chunked;q=1\r\n\r\n1\r\nx\r\n0\r\n\r\n", NotHttp(400)),
    ("chunks in quotes", "Transfer-Encoding: \"chunked\"\r\n\r\n1\r\nx\r\n0\r\n\r\n", NotHttp(400)),
    ("chunks behind a vertical tab", "Transfer-Encoding: \x0bchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", NotHttp(400)),
    ("chunks in capitals, after a comma", "Transfer-Encoding: , CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", Read(&[CHUNKED], "x")),
    ("no coding", "Transfer-Encoding:\r\n\r\n", NotHttp(400)),
    ("a folded line", "X-A: 1\r\n 2\r\n\r\n", NotHttp(400)),
    ("a folded length", "Content-Length:\r\n 1\r\n\r\nx", NotHttp(400)),
    ("a bare LF", "X-A: 1\nX-B: 2\r\nContent-Length: 0\r\n\r\n", Read(&[("X-A", "1"), ("X-B", "2"), ("Content-Length", "0")], "")),
    ("an end of two bare LFs", "X-A: 1\nContent-Length: 0\n\n", Read(&[("X-A", "1"), ("Content-Length", "0")], "")),
    ("a bare CR in a value", "X-A: 1\rX-B: 2\r\n\r\n", NotHttp(400)),
    ("a bare CR before the name", "\rX-A: 1\r\n\r\n", NotHttp(400)),
    ("a blank before the colon", "X-A : 1\r\n\r\n", NotHttp(400)),
    ("a tab before the colon", "Content-Length\t: 1\r\n\r\nx", NotHttp(400)),
    ("a blank before the name", " X-A: 1\r\n\r\n", NotHttp(400)),
    ("a NUL in a value", "X-A: a\0b\r\n\r\n", NotHttp(400)),
    ("a control in a value", "X-A: a\x01b\r\n\r\n", NotHttp(400)),
    ("DEL in a value", "X-A: a\x7fb\r\n\r\n", NotHttp(400)),
    ("a tab in a value", "X-A: a\tb\r\nContent-Length: 0\r\n\r\n", Read(&[("X-A", "a\tb"), ("Content-Length", "0")], "")),
    ("a NUL in a name", "X\0A: 1\r\n\r\n", NotHttp(400)),
    ("a name of signs", "X(A): 1\r\n\r\n", NotHttp(400)),
    ("a name with a slash", "X/A: 1\r\n\r\n", NotHttp(400)),
    ("no name", ": 1\r\n\r\n", NotHttp(400)),
    ("no colon", "X-A\r\n\r\n", NotHttp(400)),
    // Chunks.
    ("a chunk size that is none", "Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size with 0x", "Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size with a sign", "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size with a minus", "Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size behind a blank", "Transfer-Encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size before a blank", "Transfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n", Read(&[CHUNKED], "x")),
    ("a chunk size that is empty", "Transfer-Encoding: chunked\r\n\r\n\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size beyond 64 bits", "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n", Broken),
    ("a chunk size that ends in LF", "Transfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n", Broken),
    ("a chunk longer than its size", "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", Broken),
    ("a chunk that ends in LF", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n", Broken),
    ("a chunk extension", "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", Read(&[CHUNKED], "x")),
    ("a chunk extension with LF", "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\nx\r\n0\r\n\r\n", Broken),
    ("trailers nobody announced", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: 1\r\n\r\n", Read(&[CHUNKED], "x")),
    ("a trailer that is no field", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX A: 1\r\n\r\n", Broken),
    // What Connection names.
    ("Connection names Host", "Connection: host\r\n\r\n", Refused(400, "Connection names a field it may not name")),
    ("Connection names a length", "Connection: content-length\r\nContent-Length: 1\r\n\r\nx", Refused(400, "Connection names a field it may not name")),
    ("Connection names the coding", "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(400, "Connection names a field it may not name")),
    ("Connection names Cookie", "Connection: Cookie\r\nCookie: a=1\r\n\r\n", Refused(400, "Connection names a field it may not name")),
    ("Connection names Authorization", "Connection: authorization\r\nAuthorization: Basic eDp5\r\n\r\n", Refused(400, "Connection names a field it may not name")),
    ("Connection is no text", "Connection: \u{fc}\r\n\r\n", Refused(400, "Connection is not a list of tokens")),
    ("Connection names what the gateway says itself", "Connection: Sec-GPC\r\nSec-GPC: 0\r\nContent-Length: 0\r\n\r\n", Read(&[("Content-Length", "0")], "")),
    ("Connection names fields on several lines", "Connection: X-A\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n", Read(&[("Content-Length", "0")], "")),
    // Other protocols.
    ("an upgrade to h2c", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\nContent-Length: 0\r\n\r\n", Read(&[("Content-Length", "0")], "")),
    ("Host twice", "Host: shop.test\r\n\r\n", Refused(400, "Host stands more than once")),
];

const NO_BODY: Expected = Read(&[], "");

/// Request lines and Hosts inside a tunnel to shop.test.
#[rustfmt::skip]
pub const HEADS: &[Head] = &[
    ("no request line", b"\x00\x01\x02\r\n\r\n", "", NotHttp(400)),
    ("no version", b"GET /x\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("an odd version", b"GET /x HTTP/9.9\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("HTTP/2 in the clear", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "", NoAnswer),
    ("empty lines before", b"\r\n\r\nGET /x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("two blanks", b"GET  /x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a tab", b"GET\t/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a blank in the target", b"GET /a b HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a NUL in the target", b"GET /a\0b HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a target that is no text", b"GET /\xff HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a target in UTF-8", b"GET /\xc3\xbc HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /\u{fc} HTTP/1.1", NO_BODY),
    ("a method that is no token", b"G(T /x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("a method of its own", b"get /x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "get /x HTTP/1.1", NO_BODY),
    ("TRACE", b"TRACE /x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(501, "TRACE is not carried by this gateway")),
    ("CONNECT", b"CONNECT other.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(501, "CONNECT is not carried by this gateway")),
    // What Uri drops of a target does not leave.
    ("a fragment", b"GET /x#a HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("two slashes", b"GET //other.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET //other.test/x HTTP/1.1", NO_BODY),
    ("dots", b"GET /a/../b/%2e%2e/./c HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /a/../b/%2e%2e/./c HTTP/1.1", NO_BODY),
    ("an asterisk", b"GET * HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the target is no path")),
    ("an asterisk for OPTIONS", b"OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n", "OPTIONS * HTTP/1.1", NO_BODY),
    ("an authority", b"GET shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the target is an authority alone")),
    ("an authority with a port", b"GET shop.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the target is an authority alone")),
    ("a query alone", b"GET ?x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", NotHttp(400)),
    ("absolute-form", b"GET https://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("absolute-form with a query alone", b"GET https://shop.test?x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /?x HTTP/1.1", NO_BODY),
    ("absolute-form in cleartext", b"GET http://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Kept(421, "this connection is for another host")),
    ("absolute-form of another", b"GET https://other.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "Host differs from the target")),
    ("absolute-form and Host of another", b"GET https://other.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n", "", Kept(421, "this connection is for another host")),
    ("absolute-form with a user", b"GET https://ann@shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the authority carries user information")),
    ("Host is missing", b"GET /x HTTP/1.1\r\n\r\n", "", Refused(400, "Host is missing")),
    ("Host is empty", b"GET /x HTTP/1.1\r\nHost:\r\n\r\n", "", Refused(400, "the authority is not one")),
    ("Host is not text", b"GET /x HTTP/1.1\r\nHost: sh\xffop.test\r\n\r\n", "", Refused(400, "Host is not a host")),
    ("Host with a user", b"GET /x HTTP/1.1\r\nHost: ann@shop.test\r\n\r\n", "", Refused(400, "the authority carries user information")),
    ("Host with a path", b"GET /x HTTP/1.1\r\nHost: shop.test/x\r\n\r\n", "", Refused(400, "the authority is not one")),
    ("Host with a port that is none", b"GET /x HTTP/1.1\r\nHost: shop.test:x\r\n\r\n", "", Refused(400, "the port is not a number")),
    ("a list of Hosts", b"GET /x HTTP/1.1\r\nHost: shop.test, other.test\r\n\r\n", "", Refused(400, "the authority is not one")),
    ("Host of another", b"GET /x HTTP/1.1\r\nHost: other.test\r\n\r\n", "", Kept(421, "this connection is for another host")),
    ("Host with another port", b"GET /x HTTP/1.1\r\nHost: shop.test:8443\r\n\r\n", "", Kept(421, "this connection is for another host")),
    ("Host in capitals with its port", b"GET /x HTTP/1.1\r\nHost: SHOP.test:443\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("HTTP/1.0", b"GET /x HTTP/1.0\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", ReadAndClosed(&[], "")),
    ("HTTP/1.0 with chunks", b"POST /x HTTP/1.0\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", NotHttp(400)),
    ("a request in the body of a GET", b"GET /x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 19\r\n\r\nGET /in HTTP/1.1\r\n\r", "GET /x HTTP/1.1", Read(&[("Content-Length", "19")], "GET /in HTTP/1.1\r\n\r")),
    ("a body of HEAD", b"HEAD /x HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1\r\n\r\nx", "HEAD /x HTTP/1.1", Read(&[("Content-Length", "1")], "x")),
];

/// The same to the proxy port, which a request reaches in absolute-form.
#[rustfmt::skip]
pub const PROXY_HEADS: &[Head] = &[
    ("another scheme", b"GET ftp://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the target names no http or https address")),
    ("an authority", b"GET shop.test:80 HTTP/1.1\r\nHost: shop.test:80\r\n\r\n", "", Refused(400, "the target is an authority alone")),
    ("Host of another", b"GET http://shop.test/x HTTP/1.1\r\nHost: other.test\r\n\r\n", "", Refused(400, "Host differs from the target")),
    ("Host is empty", b"GET http://shop.test/x HTTP/1.1\r\nHost:\r\n\r\n", "", Refused(400, "the authority is not one")),
    ("Host twice", b"GET http://shop.test/x HTTP/1.1\r\nHost: shop.test\r\nHost: shop.test\r\n\r\n", "", Refused(400, "Host stands more than once")),
    ("no Host", b"GET http://shop.test/x HTTP/1.1\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("a user", b"GET http://ann@shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the authority carries user information")),
    ("a port beyond ports", b"GET http://shop.test:99999/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "the port is not a number")),
    ("a fragment", b"GET http://shop.test/x#a HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("no path", b"GET http://shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET / HTTP/1.1", NO_BODY),
    ("a query alone", b"GET http://shop.test?x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /?x HTTP/1.1", NO_BODY),
    ("capitals and the port", b"GET HTTP://SHOP.test:80/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "GET /x HTTP/1.1", NO_BODY),
    ("TRACE", b"TRACE http://shop.test/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(501, "TRACE is not carried by this gateway")),
    ("CONNECT without a port", b"CONNECT shop.test HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "CONNECT needs host and port")),
    ("CONNECT with a path", b"CONNECT http://shop.test:443/x HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "CONNECT needs host and port")),
    ("CONNECT with a user", b"CONNECT ann@shop.test:443 HTTP/1.1\r\nHost: shop.test\r\n\r\n", "", Refused(400, "CONNECT needs host and port")),
];
