//! Doorward, a privacy intermediary: a gateway at a person's own door.
//!
//! The rooms, top floor to bottom; an import only ever points down:
//! `cli, console` → `gateway` → `exchange` → `persona, trackers, terms` → `rewrite, ledger` →
//! `upstream, vault` → `store` → `config, telemetry` → `model`.
//! Start reading at [`exchange::stack`]: the whole path of a request, one layer a line.

pub mod config;
pub mod model;
pub mod telemetry;
