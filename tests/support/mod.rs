//! Fluent fixtures: a household with a gateway, fake vendors that record every byte, clients that speak through it.

pub mod ca;
pub mod chat;
pub mod client;
pub mod clock;
pub mod curl;
pub mod disk;
pub mod frames;
pub mod haproxy;
pub mod household;
pub mod http2;
pub mod namespace;
pub mod next_hop;
pub mod nginx;
pub mod patience;
pub mod peer;
pub mod program;
pub mod proxy_http2;
pub mod raw_http2;
pub mod resolver;
pub mod scene;
pub mod script;
pub mod socks;
pub mod vendor;
pub mod views;

pub use ca::TestCa;
pub use disk::TestDisk;
pub use household::Household;
pub use http2::{Answer, Http2Vendor};
pub use patience::{a_while, until};
pub use raw_http2::RawHttp2Vendor;
pub use script::Scripted;
pub use vendor::Vendor;

use std::sync::Once;

/// The crypto provider, once per process.
pub fn crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
}
