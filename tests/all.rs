//! The whole gateway from outside: one module per promise or capability.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

mod accounts;
mod bad_input;
mod bodies;
mod clock;
mod commands;
mod crash;
mod curl;
mod direct;
mod drain;
mod edits;
mod existing_accounts;
mod expect;
mod eyes;
mod first_connection;
mod first_use;
mod framing;
mod front_door;
mod isolation;
mod leaks;
mod ledger;
mod limits;
mod next_hop;
mod peers;
mod persona;
mod pinning;
mod portals;
mod protocol;
mod proxy_tls;
mod reload;
mod resolver;
mod reverse;
mod socks;
mod ssrf;
mod systemd;
mod terms;
mod tls;
mod trackers;
mod unlinkability;
mod uploads;
mod upstream_trust;
mod waking;
mod websocket;
mod websocket_http2;
