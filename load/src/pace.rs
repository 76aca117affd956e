//! When to do how much, so that work comes at a rate: a controller without a clock.
//!
//! What should have been done by now and was not is owed. It grows with the time that passed and shrinks with the work
//! that was really done, so that sleeping too long, slow work and a stalled vCPU all correct themselves: the sum of the
//! error is the next step (an integral controller, which leaves no error behind). What is owed is bounded by what the
//! rate makes in [`CATCH_UP`]: after a longer stall the rest is forgiven. So in any span of time `t` at most
//! `rate * (t + CATCH_UP)`, or a quantum more, is done.

use std::time::Duration;

/// How much of a stall is made up for afterwards.
pub(crate) const CATCH_UP: Duration = Duration::from_millis(500);

/// How long a worker sleeps at least: finer wakes the CPU more often than it evens out the rate.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// How long a worker sleeps at most while there is work to come.
const LONGEST: Duration = Duration::from_secs(10);

/// Says how much work is due.
#[derive(Debug, Clone)]
pub(crate) struct Pacer {
    /// Units per second.
    rate: f64,
    /// Work comes in whole multiples of so many units.
    quantum: u64,
    /// Units that should have been done and were not; negative where more was done than asked.
    owed: f64,
    /// When `owed` was true.
    now: Duration,
    /// Units done by then.
    done: u64,
}

impl Pacer {
    /// A pacer that asks for nothing yet. Times are counted from any fixed moment.
    pub(crate) fn new(quantum: u64, now: Duration) -> Self {
        Self { rate: 0.0, quantum, owed: 0.0, now, done: 0 }
    }

    /// Goes on at another rate in units per second, `done` units having been done in all.
    pub(crate) fn set_rate(&mut self, now: Duration, done: u64, rate: f64) {
        self.settle(now, done);
        self.rate = rate;
        self.bound();
    }

    /// Forgives what is owed: it could not be done, and not for want of time.
    pub(crate) fn forgive(&mut self, now: Duration, done: u64) {
        self.settle(now, done);
        self.owed = self.owed.min(0.0);
    }

    /// How much to do now, `done` units having been done in all since the start.
    pub(crate) fn due(&mut self, now: Duration, done: u64) -> u64 {
        self.settle(now, done);
        self.owed.max(0.0) as u64 / self.quantum * self.quantum
    }

    /// How long there is nothing to do after `done` units, at least a [`TICK`] unless work is due already.
    pub(crate) fn rest(&mut self, now: Duration, done: u64) -> Duration {
        let missing = self.quantum as f64 - self.owed_at(now, done);
        if missing <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(missing / self.rate).unwrap_or(LONGEST).clamp(TICK, LONGEST)
    }

    fn owed_at(&mut self, now: Duration, done: u64) -> f64 {
        self.settle(now, done);
        self.owed
    }

    fn settle(&mut self, now: Duration, done: u64) {
        self.owed += self.rate * now.saturating_sub(self.now).as_secs_f64();
        self.owed -= done.saturating_sub(self.done) as f64;
        self.now = self.now.max(now);
        self.done = self.done.max(done);
        self.bound();
    }

    fn bound(&mut self) {
        let most = (self.rate * CATCH_UP.as_secs_f64()).max(self.quantum as f64);
        self.owed = self.owed.clamp(-most, most);
    }
}

#[cfg(test)]
#[path = "pace_tests.rs"]
mod tests;
