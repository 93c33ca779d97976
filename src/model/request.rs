//! What layers may look at: the frozen request head.

use super::{Origin, Party};
use http::{HeaderMap, Method};

/// What the client asks for, in the words of the filter lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestType {
    /// A page the person navigates to.
    Document,
    /// A frame inside a page.
    Subdocument,
    /// A script.
    Script,
    /// A style sheet.
    Stylesheet,
    /// An image.
    Image,
    /// Audio or video.
    Media,
    /// A font.
    Font,
    /// fetch or XMLHttpRequest.
    Xhr,
    /// A beacon.
    Ping,
    /// A WebSocket handshake.
    Websocket,
    /// Not known: apps, command-line clients, browsers without fetch metadata.
    Other,
}

impl RequestType {
    /// The word the filter lists use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Subdocument => "subdocument",
            Self::Script => "script",
            Self::Stylesheet => "stylesheet",
            Self::Image => "image",
            Self::Media => "media",
            Self::Font => "font",
            Self::Xhr => "xmlhttprequest",
            Self::Ping => "ping",
            Self::Websocket => "websocket",
            Self::Other => "other",
        }
    }
}

/// What a signature over the request covers; covered parts stay untouched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedParts {
    /// The scheme that signs (`aws-sigv4`, `http-message-signatures`, `dpop`, `oauth1`); `None` where nothing is signed.
    pub scheme: Option<&'static str>,
    /// The path and query are covered.
    pub target: bool,
    /// The body is covered.
    pub body: bool,
    /// Every header field may be covered.
    pub all_headers: bool,
    /// Lower-case names of covered header fields.
    pub headers: Vec<String>,
}

impl SignedParts {
    /// Whether the field of this lower-case name is covered.
    pub fn covers_header(&self, name: &str) -> bool {
        self.all_headers || self.headers.iter().any(|covered| covered == name)
    }
}

/// The frozen request head with what the context layer worked out.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The method.
    pub method: &'a Method,
    /// Where it goes.
    pub origin: &'a Origin,
    /// Path and query, exactly as sent.
    pub target: &'a str,
    /// The end-to-end header fields.
    pub headers: &'a HeaderMap,
    /// What is asked for.
    pub kind: RequestType,
    /// Whose request it is.
    pub party: Party,
    /// The host of the page it comes from, where the client says so.
    pub source: Option<&'a str>,
    /// What must not be touched.
    pub signed: &'a SignedParts,
}

impl RequestView<'_> {}
