//! What can go wrong while engine and platform are driven.

use crate::fleet::Time;
use crate::handle::Refused;

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// Nothing will ever happen, and yet something has not ended.
    #[error("at {at} s nothing more can happen, but {waiting}")]
    Hangs {
        /// When.
        at: Time,
        /// What has not ended and what it waits for.
        waiting: String,
    },
    /// Engine and platform answer each other for ever without time passing.
    #[error("time stands still at {at} s: engine and platform took {rounds} turns without it passing")]
    StandsStill {
        /// When.
        at: Time,
        /// Turns taken at that instant.
        rounds: u32,
    },
    /// The steps were refused.
    #[error("the steps were refused: {0}")]
    Refused(#[from] Refused),
    /// The thread that drives could not be started or did not end by itself.
    #[error("the runtime's thread: {0}")]
    Thread(String),
}
