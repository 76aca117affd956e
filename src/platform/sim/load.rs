//! The load of the world: changes as `VMPlaceS` injects them (its `Injector.java`).
//!
//! Changes are Poisson over all VMs: the time between two is exponential with mean `period / VMs`, the VM is drawn
//! uniformly. The number of VMs changes; what is kept is therefore the part of a unit exponential that has still to
//! pass, which passes the faster the more VMs there are.

use rand_chacha::ChaCha8Rng;

use crate::fleet::{Time, VmId};

use super::config::LoadConfig;
use super::random::{Cause, below, draw, exponential, normal, stream, uniform};

/// Changes the VMs' levels of load.
#[derive(Debug)]
pub(super) struct Injector {
    pub(super) config: LoadConfig,
    seed: u64,
    rng: ChaCha8Rng,
    /// VMs whose load changes.
    vms: Vec<VmId>,
    /// What had still to pass at `since`, in units of `period / VMs`.
    due: f64,
    since: Time,
}

impl Injector {
    /// An injector over no VM.
    pub(super) fn new(config: LoadConfig, seed: u64) -> Self {
        let mut rng = stream(seed, Cause::Load);
        let due = exponential(&mut rng);
        Self { config, seed, rng, vms: Vec::new(), due, since: Time::ZERO }
    }

    /// Makes room for so many VMs.
    pub(super) fn reserve(&mut self, count: usize) {
        self.vms.reserve_exact(count);
    }

    fn rate(&self) -> f64 {
        self.vms.len() as f64 / self.config.period.as_secs_f64()
    }

    fn catch_up(&mut self, now: Time) {
        self.due = (self.due - now.since(self.since).as_secs_f64() * self.rate()).max(0.0);
        self.since = now;
    }

    /// When the next change is; none while there is no VM.
    pub(super) fn next_at(&self) -> Option<Time> {
        super::host::after(self.since, self.due, self.rate())
            .filter(|_| !self.vms.is_empty() && !self.config.period.is_zero())
    }

    /// Makes the change that is due now: which VM, and its new level.
    pub(super) fn change(&mut self, now: Time) -> (VmId, u16) {
        self.since = now;
        self.due = exponential(&mut self.rng);
        let vm = self.vms[below(&mut self.rng, self.vms.len())];
        let (u, v) = (uniform(&mut self.rng), uniform(&mut self.rng));
        (vm, self.level(u, v))
    }

    /// Enters a VM; its place and its first level, which depends on the seed and its id alone.
    pub(super) fn enter(&mut self, now: Time, vm: VmId) -> (u32, u16) {
        self.catch_up(now);
        self.vms.push(vm);
        let level = self.level(draw(self.seed, Cause::FirstLoad, vm.0, 0), draw(self.seed, Cause::FirstLoad, vm.0, 1));
        ((self.vms.len() - 1) as u32, level)
    }

    /// Takes the VM at that place out; which one stands there now, if any.
    pub(super) fn leave(&mut self, now: Time, turn: u32) -> Option<VmId> {
        self.catch_up(now);
        self.vms.swap_remove(turn as usize);
        self.vms.get(turn as usize).copied()
    }

    /// The share of its vCPUs that a VM of that level asks for.
    pub(super) fn share(&self, level: u16) -> f64 {
        f64::from(level) / f64::from(self.steps())
    }

    fn steps(&self) -> u32 {
        self.config.steps.clamp(1, u32::from(u16::MAX))
    }

    fn level(&self, u: f64, v: f64) -> u16 {
        let share = (self.config.mean.0 + self.config.deviation.0 * normal(u, v)).clamp(0.0, 1.0);
        (share * f64::from(self.steps())).round() as u16
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fleet::{Rate, Share};

    #[test]
    fn changes_come_as_often_as_asked_and_around_the_mean() {
        let config = LoadConfig {
            mean: Share(0.5),
            deviation: Share(0.1),
            period: Duration::from_secs(10),
            steps: 10,
            dirty_rate: Rate(0.0),
        };
        let mut injector = Injector::new(config, 3);
        for vm in 0..1000 {
            injector.enter(Time::ZERO, VmId(vm));
        }
        let (mut count, mut sum) = (0u32, 0u64);
        while let Some(at) = injector.next_at().filter(|&t| t < Time::from_secs_f64(100.0)) {
            let (_, level) = injector.change(at);
            count += 1;
            sum += u64::from(level);
        }
        // 10 000 expected; the standard deviation of a Poisson count is its root, 100.
        assert!(count.abs_diff(10_000) < 500, "{count}");
        let mean = sum as f64 / f64::from(count);
        assert!((mean - 5.0).abs() < 0.1, "{mean}");
    }
}
