//! What a run leaves.
