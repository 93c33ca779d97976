//! The log as a whole.

mod crash;
mod fixtures;
mod flows;
mod index;
mod life;
mod records;
mod tamper;
