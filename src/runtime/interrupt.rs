//! The operator's wish to end a headless run early.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts interrupts (Ctrl-C). Clones count together: one is raised where signals arrive, another is read by the run.
///
/// At the first the run starts nothing more and lets running tasks end; at the second it cancels these too.
#[derive(Debug, Clone, Default)]
pub struct Interrupts(Arc<AtomicU32>);

impl Interrupts {
    /// One more.
    pub fn raise(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}
