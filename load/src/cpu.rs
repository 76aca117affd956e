//! CPU load: a thread for each vCPU burns what is missing of the level asked for.
//!
//! The level is a share of the time of all vCPUs, and all that this program does counts: what dirtying, disk and network
//! use is not burnt again. So the pacer counts the CPU time that the process really got, in nanoseconds. Threads are not
//! pinned: where other programs take a vCPU, the scheduler moves them to a free one.
//!
//! (A guest whose hypervisor does not tell stolen time takes all time for its own while its vCPU waits on the host.)

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::load::Load;
use crate::pace::Pacer;

/// Each thread burns and sleeps once in so long.
const PERIOD: Duration = Duration::from_millis(20);

/// Rounds of burning between two looks at the clock: some 10 us on bare metal.
const ROUNDS: u64 = 10_000;

fn read(clock: ClockId) -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
}

/// CPU time of all threads since the start.
pub(crate) fn used() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Uses `length` of this thread's CPU time, or gives up when twice as much time has passed.
fn burn(length: Duration, load: &Load) {
    let (until, latest) = (read(ClockId::ThreadCPUTime) + length, load.now() + length * 2);
    let mut word = 1u64;
    while read(ClockId::ThreadCPUTime) < until && load.now() < latest {
        for _ in 0..ROUNDS {
            word = black_box(word.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1));
        }
    }
}

/// What the threads have in common: how much is missing in all.
#[derive(Debug)]
pub(crate) struct Missing(Mutex<Pacer>);

impl Missing {
    /// Nothing is missing yet.
    pub(crate) fn new(load: &Load) -> Self {
        Self(Mutex::new(Pacer::new(1, load.now())))
    }

    fn with<T>(&self, what: impl FnOnce(&mut Pacer) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Burns one vCPU's part until the program ends.
pub(crate) fn run(missing: &Missing, load: &Load) {
    let mut order = load.order();
    while !order.ending {
        let level = order.asked.cpu.0;
        let rate = level * load.vcpus as f64 * 1e9;
        missing.with(|pacer| pacer.set_rate(load.now(), nanoseconds(used()), rate));
        if level <= 0.0 {
            order = load.wait(&order, None).unwrap_or(order);
            continue;
        }
        order = loop {
            let due = missing.with(|pacer| pacer.due(load.now(), nanoseconds(used())));
            let mine = Duration::from_nanos(due / load.vcpus as u64).min(PERIOD);
            burn(mine, load);
            if let Some(changed) = load.wait(&order, Some(PERIOD.saturating_sub(mine))) {
                break changed;
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burning_uses_cpu_time_and_ends() {
        let load = Load::new();
        let before = read(ClockId::ThreadCPUTime);
        burn(Duration::from_millis(5), &load);
        let burnt = read(ClockId::ThreadCPUTime).saturating_sub(before);
        // On a machine that is busy the wall clock ends it earlier.
        assert!(burnt > Duration::ZERO && burnt < Duration::from_secs(1), "{burnt:?}");
        assert!(load.now() >= Duration::from_millis(5));
    }
}
