//! Reads the command line and calls one function in `cli`.

fn main() {}
