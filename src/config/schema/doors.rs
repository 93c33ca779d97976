//! `[listen]` and `[limits]`.

use crate::config::value::{Interval, ListenAddr, Network, Quota};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Addresses the gateway listens on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// The proxy port.
    pub proxy: ListenAddr,
    /// The owner's window: pages and API.
    pub console: ListenAddr,
    /// Prometheus metrics; off unless named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<ListenAddr>,
    /// Where a router hands over connections of devices without settings (Linux); off unless named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transparent: Option<ListenAddr>,
    /// Networks that need no credential.
    pub trust_network: Vec<Network>,
    /// Names under which the gateway itself is reached, beside its addresses; it has certificates for them.
    pub names: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        let loopback = |port| ListenAddr(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        Self {
            proxy: loopback(8118),
            console: loopback(8119),
            metrics: None,
            transparent: None,
            trust_network: Vec::new(),
            names: Vec::new(),
        }
    }
}

/// Bounds have safe defaults; quotas hold only where written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests of one member; 429 above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_member: Option<Quota>,
    /// Client connections of one member at a time.
    pub connections_per_member: u32,
    /// Client connections of everybody at a time.
    pub connections: u32,
    /// Requests of everybody at work at a time; 503 above it.
    pub requests: u32,
    /// Bytes of a message's head; 431 above it.
    pub head_bytes: u32,
    /// Bytes of a request-target; 414 above it.
    pub uri_bytes: u32,
    /// Streams of one HTTP/2 connection at a time.
    pub streams: u32,
    /// How long a connection may be silent; a tunnel, which nobody looks into, may be for an hour.
    pub idle: Interval,
    /// How long a client may take for a TLS handshake or a request's head.
    pub head: Interval,
    /// How long dialling a vendor may take, TLS handshake included.
    pub connect: Interval,
    /// How long a vendor may take to begin its answer.
    pub first_byte: Interval,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_member: None,
            connections_per_member: 512,
            connections: 4_096,
            requests: 8_192,
            head_bytes: 64 * 1024,
            uri_bytes: 16 * 1024,
            streams: 128,
            idle: Interval::seconds(300),
            head: Interval::seconds(30),
            connect: Interval::seconds(15),
            first_byte: Interval::seconds(300),
        }
    }
}
