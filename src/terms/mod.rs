//! What the person says to a vendor about terms, and what the vendor answers.
//!
//! `Sec-GPC` goes with every request; the terms field only to the first party of a relationship. The field says
//! which agreements are offered and nothing about who offers them. Pure: no clock, no disk, no socket.

mod answer;
mod offer;
pub mod state;

#[cfg(test)]
mod tests;

pub use answer::{Answer, AnswerError, parse_answer};
pub use offer::{MAX_OFFER, Offer, RULES, offer_value, plan_offer};
pub use state::State;
