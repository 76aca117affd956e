//! Who writes down what happens.

use std::time::Duration;

use crate::engine::Record;
use crate::fleet::{Fleet, Time};

/// Takes what a run leaves. It keeps its own errors, so that a full disk never stops the engine half-way.
pub trait Recorder: Send {
    /// Something happened.
    fn record(&mut self, _record: &Record) {}

    /// The fleet at a time of sampling, with loads as of `now`.
    fn sample(&mut self, _now: Time, _fleet: &Fleet) {}

    /// A moment of wall time passed; about ten times a second while something runs. For progress and flushing.
    fn moment(&mut self, _now: Time) {}

    /// Whether it can no longer write. The run then starts nothing more.
    fn broken(&self) -> bool {
        false
    }
}

/// Writes nothing down.
impl Recorder for () {}

/// When the loads of a run are recorded: every `interval` from the run's beginning on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    interval: Duration,
    next: Time,
}

impl Sampling {
    /// Every `interval`; none where that is zero.
    pub fn every(interval: Duration) -> Option<Self> {
        (!interval.is_zero()).then(|| Self { interval, next: Time::ZERO + interval })
    }

    /// When it is due next.
    pub const fn next(&self) -> Time {
        self.next
    }

    /// Whether `now` is the time of sampling that passed last.
    pub(super) fn fell_on(&self, now: Time) -> bool {
        now + self.interval == self.next
    }

    /// Moves on to the first time of sampling after `now`.
    pub(super) fn pass(&mut self, now: Time) {
        while self.next <= now {
            self.next += self.interval;
        }
    }
}
