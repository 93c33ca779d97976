//! What was found at start.

/// What was found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many records the log had.
    pub entries: u64,
    /// Bytes of a torn write that were cut.
    pub cut_bytes: u64,
    /// Flows that got a CLOSE of unknown outcome.
    pub unfinished: u64,
}
