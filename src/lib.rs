//! Doorward, a privacy intermediary: a gateway at a person's own door.
//!
//! The rooms, top floor to bottom; an import only ever points down:
//! `cli, console` → `gateway` → `exchange` → `persona, trackers, terms` → `rewrite, ledger` →
//! `upstream, vault` → `store` → `config, telemetry` → `model`.
//! Start reading at [`exchange::stack`]: the whole path of a request, one layer a line.

pub mod cli;
pub mod config;
pub mod console;
pub mod exchange;
pub mod gateway;
pub mod ledger;
pub mod model;
pub mod persona;
pub mod rewrite;
pub mod store;
pub mod telemetry;
pub mod terms;
pub mod trackers;
pub mod upstream;
pub mod vault;
