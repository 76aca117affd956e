//! What is asked of one VM at a time, as it would be too much for a table of all.

/// A piece of what a guest wrote to its serial console since it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SerialLog {
    /// Where the piece begins, in bytes from the log's start.
    pub from: u64,
    /// How long the log was, in bytes.
    pub size: u64,
    /// What was written: text and the terminal's control sequences, from there on.
    pub bytes: Vec<u8>,
}
