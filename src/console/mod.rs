//! The owner's window: the API that every command speaks, over `control.sock` and, later, with a login over TCP.
//!
//! A command finds a running gateway through the socket; without one it opens the home itself and asks the same
//! [`router`]. So there is one implementation of every command.

mod api;
mod control;
mod probes;
mod speak;
mod tls;

pub use api::{Api, router};
pub use control::{ControlError, serve_control};
pub use probes::{serve_metrics, serve_probes};
pub use speak::{Answer, Call, SpeakError, Speaker, Spoken};
pub use tls::console_url;
