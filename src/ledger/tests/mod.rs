//! The log as a whole.

mod crash;
mod fixtures;
mod life;
mod records;
mod tamper;
