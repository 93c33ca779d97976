//! The whole gateway from outside: one module per promise or capability.

mod support;

mod smoke;
